"""DTMF out of sound, within the limits of ITU-T Q.24 (its AT&T column) and of the Bellcore talk-off tests.

Each 5 ms the last 20 ms, under a Hann window, go through the eight Goertzel filters (written as the products they
amount to, which are exact in integers and quick). A hit is a pair of tones, loud enough, alike enough (twist), well
above the other six frequencies and with most of the energy. How the phases turn from hit to hit tells each frequency
to a Hertz or so, which no filter of 20 ms could: 1.5 % off is accepted, 3.5 % off refused, the line lies at 2.5 %.
Six hits in a row are a digit, so 23 ms are too short and 40 ms long enough; six misses end it, so breaks of 10 ms
are bridged and those of 40 ms part two digits.

Samples are int16 at 8 kHz. A state is int64[WORDS]: numbers, then as int16 the last window.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.dtmf import EVENT, HIGH_HZ, LOW_HZ, PEAK_0_DBM0
from mediacodecs.frames import part
from mediacodecs.memory import samples_at

_WINDOW, _HOP = 160, 40
# Samples waiting, the digit being heard (plus one), hops it is missing; the candidate (plus one), its hits and how many
# of the last were on frequency; then the eight filters' real and imaginary parts, of the last hop and of this one.
_WAITING, _DIGIT, _MISSES, _CANDIDATE, _HITS, _STEADY, _LAST, _NOW = 0, 1, 2, 3, 4, 5, 6, 22
_HEAD_WORDS = _NOW + 16
WORDS = _HEAD_WORDS + (_WINDOW + 3) // 4

#: In the list of what was found, the end of a digit is its number plus this.
END = 256
NOTHING = -1

_HITS_NEEDED, _MISSES_NEEDED, _STEADY_NEEDED = 6, 6, 2
_HITS_SUSPECTED = 3
_LEAST_DBM0 = -33.0
_MOST_HIGH_TWIST, _MOST_LOW_TWIST = 10**0.6, 10**1.0  # high group louder by 6 dB, low group louder by 10 dB
_DOMINANCE = 10**0.6
_LEAST_SHARE = 0.68
_MOST_DEVIATION = 0.025

_hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(_WINDOW) + 0.5) / _WINDOW)
_HZ = np.concatenate((LOW_HZ, HIGH_HZ))
_turns = 2 * np.pi * _HZ[:, None] * np.arange(_WINDOW) / 8000
_COSINE = np.rint(32767 * _hann * np.cos(_turns)).astype(np.int16)
_MINUS_SINE = np.rint(-32767 * _hann * np.sin(_turns)).astype(np.int16)
_HANN = np.rint(32767 * _hann).astype(np.int16)
# How far a tone turns from hop to hop, and the tangent of how far it may be off that.
# Which share of the window's energy a tone has whose filter says |X|²; and |X|² of the quietest tone.
_ROTATION = 2 * np.pi * _HZ * _HOP / 8000
_BACK_COSINE, _BACK_SINE = np.cos(_ROTATION), np.sin(_ROTATION)
_MOST_TANGENT = np.tan(_MOST_DEVIATION * _ROTATION)
_SHARE = 2 * float((_hann**2).sum()) / float(_hann.sum()) ** 2
_LEAST_POWER = (PEAK_0_DBM0 * 10 ** (_LEAST_DBM0 / 20) * 32767 * float(_hann.sum()) / 2) ** 2


@part
def detect(state: Any, pcm: Any, count: int, found: Any) -> Any:
    """Listen to `pcm[:count]` (int16, 8 kHz); digits that begin (0 … 15) or end (END + 0 … 15) go into `found` (int64).

    Returns how many; a frame of 20 ms has two at most, and what has no room is left out.
    """
    line = samples_at(state.ctypes.data + 8 * _HEAD_WORDS, _WINDOW)
    number = 0
    for i in range(count):
        line[_WINDOW - _HOP + state[_WAITING]] = pcm[i]
        state[_WAITING] += 1
        if state[_WAITING] == _HOP:
            state[_WAITING] = 0
            number = _follow(state, _look(state, line), found, number)
            for k in range(_WINDOW - _HOP):
                line[k] = line[k + _HOP]
    return number


@part
def suspects(state: Any) -> Any:
    """Whether a digit is being heard, or is likely to turn out to be one: what a listener may want to keep quiet."""
    return state[_DIGIT] != 0 or state[_HITS] >= _HITS_SUSPECTED


@part
def _follow(state: Any, digit: int, found: Any, number: int) -> Any:
    """Let the hits of a digit add up, and the misses of the one being heard; returns how many are found by now."""
    if digit == NOTHING or digit + 1 != state[_CANDIDATE]:
        state[_CANDIDATE] = digit + 1
        state[_HITS] = 0
    if digit != NOTHING:
        state[_HITS] += 1
    heard = state[_DIGIT]
    if heard != 0:
        state[_MISSES] = 0 if digit + 1 == heard else state[_MISSES] + 1
    begins = state[_HITS] >= _HITS_NEEDED and state[_STEADY] >= _STEADY_NEEDED and digit + 1 != heard
    if heard != 0 and (begins or state[_MISSES] >= _MISSES_NEEDED):
        state[_DIGIT] = 0
        number = _tell(found, number, END + heard - 1)
    if begins:
        state[_DIGIT] = digit + 1
        state[_MISSES] = 0
        number = _tell(found, number, digit)
    return number


@part
def _tell(found: Any, number: int, what: int) -> Any:
    if number == len(found):
        return number
    found[number] = what
    return number + 1


@part
def _look(state: Any, line: Any) -> Any:
    """The digit that this window looks like, or NOTHING; `_STEADY` counts the hops its frequencies were right."""
    energy = np.int64(0)
    for i in range(_WINDOW):
        weighted = np.int64(line[i]) * np.int64(_HANN[i]) >> 10
        energy += weighted * weighted
    for k in range(8):
        real, imaginary = np.int64(0), np.int64(0)
        for i in range(_WINDOW):
            real += np.int64(line[i]) * np.int64(_COSINE[k, i])
            imaginary += np.int64(line[i]) * np.int64(_MINUS_SINE[k, i])
        state[_LAST + 2 * k], state[_LAST + 2 * k + 1] = state[_NOW + 2 * k], state[_NOW + 2 * k + 1]
        state[_NOW + 2 * k], state[_NOW + 2 * k + 1] = real, imaginary
    row, column = _loudest(state, 0), _loudest(state, 4)
    low, high = _power(state, row), _power(state, column)
    alike = high <= low * _MOST_HIGH_TWIST and low <= high * _MOST_LOW_TWIST
    loud = min(low, high) >= _LEAST_POWER
    pure = (low + high) * _SHARE >= _LEAST_SHARE * 1048576.0 * np.float64(energy)
    if not (alike and loud and pure and _alone(state, 0, row) and _alone(state, 4, column)):
        state[_STEADY] = 0
        return NOTHING
    state[_STEADY] = state[_STEADY] + 1 if _on_frequency(state, row) and _on_frequency(state, column) else 0
    return EVENT[row, column - 4]


@part
def _power(state: Any, number: int) -> Any:
    real, imaginary = np.float64(state[_NOW + 2 * number]), np.float64(state[_NOW + 2 * number + 1])
    return real * real + imaginary * imaginary


@part
def _loudest(state: Any, first: int) -> Any:
    best = first
    for k in range(first + 1, first + 4):
        if _power(state, k) > _power(state, best):
            best = k
    return best


@part
def _alone(state: Any, first: int, number: int) -> Any:
    """Whether a filter says clearly more than the other three of its group."""
    least = _power(state, number) / _DOMINANCE
    louder = 0
    for k in range(first, first + 4):
        louder += 1 if _power(state, k) > least else 0
    return louder == 1


@part
def _on_frequency(state: Any, number: int) -> Any:
    """Whether the tone has turned since the last hop as its frequency should, to 2.5 %."""
    real, imaginary = np.float64(state[_NOW + 2 * number]), np.float64(state[_NOW + 2 * number + 1])
    last_real, last_imaginary = np.float64(state[_LAST + 2 * number]), np.float64(state[_LAST + 2 * number + 1])
    turned, sideways = real * last_real + imaginary * last_imaginary, imaginary * last_real - real * last_imaginary
    ahead = turned * _BACK_COSINE[number] + sideways * _BACK_SINE[number]
    aside = sideways * _BACK_COSINE[number] - turned * _BACK_SINE[number]
    return ahead > 0 and abs(aside) <= ahead * _MOST_TANGENT[number]
