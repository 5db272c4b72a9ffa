"""Sample rates into each other: a polyphase FIR filter in compiled code, with a delay below 2 ms.

Between 8, 16, 24 and 48 kHz. The filter is part of the state, see `mediacodecs.states.resampling`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.frames import part
from mediacodecs.memory import samples_at
from mediacodecs.numbering import NO_ROOM
from mediacodecs.states.resampling import CHUNK, DOWN, HEAD_WORDS, NEXT, PHASE, SHIFT, TAPS, UP


@part
def resample(state: Any, pcm: Any, count: int, out: Any) -> int:
    """Take `pcm[:count]` (int16), put what is due into `out` (int16); returns the samples, or NO_ROOM.

    A multiple of the denominator of the ratio (48 to 8 kHz: 6) gives exactly its share, always.
    """
    up, down, taps, shift = state[UP], state[DOWN], state[TAPS], state[SHIFT]
    base = state.ctypes.data + 8 * HEAD_WORDS
    coefficients = samples_at(base, up * taps)
    line = samples_at(base + 2 * up * taps, taps - 1 + CHUNK)
    phase, following = state[PHASE], state[NEXT]
    if ((count - following) * up - phase + down - 1) // down > len(out):
        return NO_ROOM
    taken, made = 0, 0
    while taken < count:
        chunk = min(CHUNK, count - taken)
        for i in range(chunk):
            line[taps - 1 + i] = pcm[taken + i]
        while following < chunk:
            own = coefficients[phase * taps : (phase + 1) * taps]
            out[made] = _filtered(own, line[following : following + taps], shift)
            made += 1
            phase += down
            while phase >= up:
                phase -= up
                following += 1
        following -= chunk
        for i in range(taps - 1):
            line[i] = line[i + chunk]
        taken += chunk
    state[PHASE], state[NEXT] = phase, following
    return made


@part
def _filtered(coefficients: Any, samples: Any, shift: int) -> Any:
    total = np.int64(1) << shift - 1
    for i in range(len(coefficients)):
        total += np.int64(coefficients[i]) * np.int64(samples[i])
    return min(max(total >> shift, -32768), 32767)
