"""DTMF as sound: the tones of telephone-events (RFC 4733 §3.2, ITU-T Q.23) at any sample rate, without clicks.

Events are numbered as on the line: 0 … 9, 10 for *, 11 for #, 12 … 15 for A … D. A state is int64[WORDS].
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mediacodecs.frames import part

WORDS = 8
# Of either tone: the step of the phase a sample (2^32 is a turn) and the phase; peak of one tone, loudness now and
# wanted (of _FULL), and how much louder or softer it may become a sample.
_STEP_LOW, _STEP_HIGH, _PHASE_LOW, _PHASE_HIGH, _PEAK, _NOW, _WANTED, _EASE = range(8)

#: Hz, of the rows and the columns of the keypad.
LOW_HZ = np.array([697, 770, 852, 941], np.int64)
HIGH_HZ = np.array([1209, 1336, 1477, 1633], np.int64)
#: int64[16]: row and column of every event, and int64[4, 4]: the event of every row and column.
ROW = np.array([3, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 0, 1, 2, 3], np.int64)
COLUMN = np.array([1, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2, 3, 3, 3, 3], np.int64)
EVENT = np.array([[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]], np.int64)

#: The peak of a sine of 0 dBm0 where A-law overloads at 3.14 dBm0 (G.711 §4), and of each of two that make 0 dBm0.
PEAK_0_DBM0 = 32768 * 10 ** (-3.14 / 20)
_PEAKS = np.array([PEAK_0_DBM0 / math.sqrt(2) * 10 ** (-level / 20) for level in range(64)]).astype(np.int64)
_SINE = np.array([round(32767 * math.sin(2 * math.pi * i / 1024)) for i in range(1025)], np.int64)
_FULL = 1 << 12
_EASES_PER_S = 500  # 2 ms from silence to full


@part
def start_tone(state: Any, event: int, level: int, sample_rate: int) -> Any:
    """Let the tones of an event begin, both together at −`level` dBm0 (0 … 63); false for an event without tones."""
    if event < 0 or event > 15:
        return False
    state[_STEP_LOW] = (LOW_HZ[ROW[event]] << 32) // sample_rate
    state[_STEP_HIGH] = (HIGH_HZ[COLUMN[event]] << 32) // sample_rate
    state[_PEAK] = _PEAKS[level & 63]
    state[_WANTED] = _FULL
    state[_EASE] = _FULL * _EASES_PER_S // sample_rate
    if state[_NOW] == 0:
        state[_PHASE_LOW], state[_PHASE_HIGH] = 0, 0
    return True


@part
def stop_tone(state: Any) -> None:
    """Let the tones end, softly."""
    state[_WANTED] = 0


@part
def tone(state: Any, pcm: Any, count: int) -> Any:
    """Fill `pcm[:count]` (int16) with the tones, or with silence; returns whether there was any sound."""
    sounding = state[_NOW] != 0 or state[_WANTED] != 0
    for i in range(count):
        if state[_NOW] < state[_WANTED]:
            state[_NOW] = min(state[_NOW] + state[_EASE], state[_WANTED])
        else:
            state[_NOW] = max(state[_NOW] - state[_EASE], state[_WANTED])
        both = _sine(state[_PHASE_LOW]) + _sine(state[_PHASE_HIGH])
        pcm[i] = (both * state[_PEAK] >> 15) * state[_NOW] // _FULL
        state[_PHASE_LOW] = (state[_PHASE_LOW] + state[_STEP_LOW]) & 0xFFFFFFFF
        state[_PHASE_HIGH] = (state[_PHASE_HIGH] + state[_STEP_HIGH]) & 0xFFFFFFFF
    return sounding


@part
def _sine(phase: int) -> Any:
    index, rest = phase >> 22, phase & 0x3FFFFF
    return _SINE[index] + ((_SINE[index + 1] - _SINE[index]) * rest >> 22)
