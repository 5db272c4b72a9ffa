"""Standing in for lost frames of a waveform codec: the last pitch period goes on, softer and softer.

After ITU-T G.711 Appendix I, without its delay of 3.75 ms: the pitch is found by correlation among periods of 5–15 ms;
one period is repeated, after 10 ms two and then three, so that no buzz arises; from then on the level falls by a fifth
every 10 ms, to silence after 60 ms; when frames come again the two signals are cross-faded. In place of the delayed
overlap at the beginning the step between the last sample and the repeated period is levelled out over a quarter of it.

The state is that of `mediacodecs.states.concealment`; times are counted in samples of all channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.frames import part
from mediacodecs.memory import samples_at, words_at
from mediacodecs.numbering import NO_ROOM
from mediacodecs.states.concealment import (
    CHANNELS,
    FOLLOWING,
    HEAD_WORDS,
    LAG,
    LONGEST_MS,
    MISSING,
    MOST_PERIODS,
    MS,
    OLDEST,
    PAST,
    PERIODS,
    POSITION,
    STEP,
)

_SHORTEST_MS, _COMPARED_MS = 5, 15
_FULL_MS, _SILENT_MS = 10, 60


@part
def _past(state: Any) -> Any:
    return samples_at(state.ctypes.data + 8 * HEAD_WORDS, state[PAST])


@part
def _frozen(state: Any) -> Any:
    return samples_at(state.ctypes.data + 8 * HEAD_WORDS + 8 * ((state[PAST] + 3) // 4), state[PAST])


@part
def _match(past: Any, lag: int, begin: int, step: int) -> Any:
    """How well the signal since `begin` goes together with itself `lag` samples before: 0 … 1."""
    product, energy, own = np.int64(0), np.int64(1), np.int64(1)
    for i in range(begin, len(past), step):
        now, before = np.int64(past[i]), np.int64(past[i - lag])
        product += now * before
        energy += before * before
        own += now * now
    if product <= 0:
        return 0.0
    return np.float64(product) * np.float64(product) / (np.float64(energy) * np.float64(own))


@part
def _find_lag(state: Any, past: Any) -> Any:
    """The pitch period in samples: a coarse search as if at 4 kHz, then a fine one around its winner."""
    channels, ms = state[CHANNELS], state[MS]
    coarse = max(ms // channels // 4, 1) * channels
    begin = len(past) - _COMPARED_MS * ms
    best, best_match = LONGEST_MS * ms, 0.0
    for lag in range(_SHORTEST_MS * ms, LONGEST_MS * ms + 1, coarse):
        match = _match(past, lag, begin, coarse)
        if match > best_match:
            best, best_match = lag, match
    middle, best_match = best, 0.0
    fine = max(ms // channels // 8, 1) * channels
    for lag in range(max(middle - coarse, _SHORTEST_MS * ms), min(middle + coarse, LONGEST_MS * ms) + 1, channels):
        match = _match(past, lag, begin, fine)
        if match > best_match:
            best, best_match = lag, match
    return best


@part
def _copy(source: Any, target: Any, count: int) -> None:
    for i in range(count):
        target[i] = source[i]


@part
def _begin(state: Any) -> None:
    past, frozen, oldest = _past(state), _frozen(state), state[OLDEST]
    _copy(past[oldest:], frozen, len(past) - oldest)
    _copy(past, frozen[len(past) - oldest :], oldest)
    lag = _find_lag(state, frozen)
    state[LAG] = lag
    state[POSITION] = 0
    state[PERIODS] = 1
    state[FOLLOWING] = 1
    last = len(frozen) - state[CHANNELS]
    state[STEP] = np.int64(frozen[last]) - np.int64(frozen[last - lag]) if state[CHANNELS] == 1 else 0


@part
def _go_on(state: Any, frozen: Any) -> Any:
    """The next substituted sample before attenuation; the end of the repeated part leads over into its beginning."""
    lag, position, end = state[LAG], state[POSITION], len(frozen)
    fade = lag // 4
    length = state[PERIODS] * lag
    if position == 0:
        more = state[MISSING] >= _FULL_MS * state[MS]
        state[FOLLOWING] = min(state[PERIODS] + 1, MOST_PERIODS) if more else state[PERIODS]
    sample = np.int64(frozen[end - length + position])
    into = position - (length - fade)
    if into >= 0:
        begin = end - state[FOLLOWING] * lag - fade
        sample = (sample * (fade - into) + np.int64(frozen[begin + into]) * into) // fade
    if state[MISSING] < fade:
        sample += state[STEP] * (fade - state[MISSING]) // fade
    position += 1
    if position == length:
        position = 0
        state[PERIODS] = state[FOLLOWING]
    state[POSITION] = position
    return sample


@part
def _substituted(state: Any, frozen: Any) -> Any:
    """The next substituted sample."""
    missing, full = state[MISSING], _FULL_MS * state[MS]
    silent = _SILENT_MS * state[MS]
    sample = np.int64(0)
    if missing < silent:
        sample = _go_on(state, frozen)
        if missing > full:
            sample = sample * (silent - missing) // (silent - full)
    state[MISSING] = missing + 1
    return min(max(sample, -32768), 32767)


@part
def _remember(state: Any, pcm: Any, count: int) -> None:
    past, oldest = _past(state), state[OLDEST]
    kept = min(count, len(past))
    newest = pcm[count - kept :]
    ahead = min(kept, len(past) - oldest)
    _copy(newest, past[oldest:], ahead)
    _copy(newest[ahead:], past, kept - ahead)
    state[OLDEST] = (oldest + kept) % len(past)


@part
def substitute(state: Any, pcm: Any, count: int) -> int:
    """Fill `pcm[:count]` (int16) in place of what was lost; returns `count`."""
    if state[MISSING] == 0:
        _begin(state)
    frozen = _frozen(state)
    for i in range(count):
        pcm[i] = _substituted(state, frozen)
    _remember(state, pcm, count)
    return count


@part
def heard(state: Any, pcm: Any, count: int) -> None:
    """Tell what was decoded: `pcm[:count]` (int16); after a loss its beginning is blended with the substitute."""
    missing = state[MISSING]
    if missing > 0:
        ms, frozen = state[MS], _frozen(state)
        fade = min(count, state[LAG] // 4 + min(4 * (missing // (10 * ms)) * ms, 6 * ms))
        for i in range(fade):
            pcm[i] = (_substituted(state, frozen) * (fade - i) + np.int64(pcm[i]) * i) // fade
        state[MISSING] = 0
    _remember(state, pcm, count)


def conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    """The frame function CONCEAL of every decoder whose word 0 says at which word its concealment begins."""
    if count > capacity:
        return NO_ROOM
    place = words_at(state, 1)[0]
    return substitute(words_at(state + 8 * place, HEAD_WORDS), samples_at(target, capacity), count)


def recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    """The frame function RECOVER of such a decoder: nothing is found in the payload that follows."""
    place = words_at(state, 1)[0]
    return substitute(words_at(state + 8 * place, HEAD_WORDS), samples_at(target, capacity), capacity)
