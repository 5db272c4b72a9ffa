"""Music for parties on hold: a soft broken chord, made here so that nobody's rights are in it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_RATE_HZ = 8000
_NOTE_S = 0.5
#: A C major chord and its relatives, one note after the other, in Hz.
_MELODY_HZ = (
    261.6,
    329.6,
    392.0,
    523.3,
    220.0,
    261.6,
    329.6,
    440.0,
    174.6,
    220.0,
    261.6,
    349.2,
    196.0,
    246.9,
    293.7,
    392.0,
)
_PEAK = 3000.0


@cache
def hold_music() -> NDArray[np.int16]:
    """Eight seconds, int16[64000] at 8 kHz, that can be looped."""
    count = round(_NOTE_S * _RATE_HZ)
    moment = np.arange(count) / _RATE_HZ
    envelope = np.minimum(1.0, moment / 0.02) * np.exp(-3.0 * moment) * np.minimum(1.0, (_NOTE_S - moment) / 0.02)
    notes = [np.sin(2 * np.pi * hz * moment) + 0.3 * np.sin(4 * np.pi * hz * moment) for hz in _MELODY_HZ]
    return np.concatenate([np.rint(_PEAK * envelope * note) for note in notes]).astype(np.int16)
