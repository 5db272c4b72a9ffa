"""Short sounds that tell the user of a plain telephone how its request for the floor fares."""

from __future__ import annotations

from enum import Enum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from softswitch.media.playing.tones import sine

_RATE_HZ = 8000
_LEVEL_DBM0 = -20.0
_FADE_S = 0.005


class Cue(Enum):
    """What happened: frequency in Hz, length in seconds, how often."""

    GRANTED = (1000.0, 0.08, 1)
    QUEUED = (600.0, 0.08, 1)
    REFUSED = (400.0, 0.3, 1)
    WARNING = (800.0, 0.06, 2)


@cache
def samples(cue: Cue) -> NDArray[np.int16]:
    """The sound of `cue` at 8 kHz, faded in and out, int16[n]."""
    hz, seconds, times = cue.value
    burst = np.resize(sine(hz, _LEVEL_DBM0), int(seconds * _RATE_HZ)).astype(np.float64)
    fade = np.linspace(0.0, 1.0, int(_FADE_S * _RATE_HZ))
    burst[: len(fade)] *= fade
    burst[-len(fade) :] *= fade[::-1]
    once = np.concatenate([burst, np.zeros(len(burst))]) if times > 1 else burst
    return np.tile(once, times).astype(np.int16)
