"""The answering tone of fax machines and modems: 2100 Hz, CED of ITU-T T.30 §3.1.2, ANS and ANSam of V.25 and V.8.

Each 20 ms the share of the energy that lies at 2100 Hz is looked at. ANSam's phase reversals, each 450 ms, and its
modulation by 15 Hz spoil one look at most, so a miss takes two hits away and 20 hits, 0.4 s, are the tone: speech and
music never hold it that long. Samples are int16 at 8 kHz. A state is int64[WORDS], zeroes to begin with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.dtmf import PEAK_0_DBM0
from mediacodecs.frames import part

WORDS = 8
# Samples of this look, its products with cosine and sine, its energy; hits so far.
_COUNT, _REAL, _IMAGINARY, _ENERGY, _HITS = range(5)

_LOOK, _PERIOD = 160, 80  # 2100 Hz has 21 periods in 80 samples
_HITS_NEEDED = 20
#: Off by the 15 Hz that T.30 allows a tone still has three quarters of its energy here.
_LEAST_SHARE = 0.6
_LEAST_DBM0 = -43.0
_turns = 2 * np.pi * 21 * np.arange(_PERIOD) / _PERIOD
_COSINE = np.rint(4096 * np.cos(_turns)).astype(np.int64)
_SINE = np.rint(4096 * np.sin(_turns)).astype(np.int64)
_LEAST_ENERGY = _LOOK * (PEAK_0_DBM0 * 10 ** (_LEAST_DBM0 / 20)) ** 2 / 2


@part
def is_fax(state: Any, pcm: Any, count: int) -> Any:
    """Listen to `pcm[:count]` (int16, 8 kHz); true once the tone has been heard for 0.4 s, and while it goes on."""
    for i in range(count):
        sample, at = np.int64(pcm[i]), state[_COUNT] % _PERIOD
        state[_REAL] += sample * _COSINE[at]
        state[_IMAGINARY] += sample * _SINE[at]
        state[_ENERGY] += sample * sample
        state[_COUNT] += 1
        if state[_COUNT] == _LOOK:
            _judge(state)
    return state[_HITS] >= _HITS_NEEDED


@part
def _judge(state: Any) -> None:
    real, imaginary = np.float64(state[_REAL]) / 4096.0, np.float64(state[_IMAGINARY]) / 4096.0
    energy = np.float64(state[_ENERGY])
    share = 2.0 * (real * real + imaginary * imaginary) / (_LOOK * max(energy, 1.0))
    if energy >= _LEAST_ENERGY and share >= _LEAST_SHARE:
        state[_HITS] = min(state[_HITS] + 1, _HITS_NEEDED)
    else:
        state[_HITS] = max(state[_HITS] - 2, 0)
    state[_COUNT], state[_REAL], state[_IMAGINARY], state[_ENERGY] = 0, 0, 0, 0
