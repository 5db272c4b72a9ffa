"""The state of what stands in for lost frames (`mediacodecs.plc`): int64[words(rate, channels)].

HEAD_WORDS numbers and then, as int16, the past, whose newest samples are put over its oldest, and a copy of it made in
order at the moment of the loss. Times are counted in samples of all channels, so that interleaved ones stay in step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The words before the samples; where a state is an array of this length, the samples lie behind it.
HEAD_WORDS = 10
CHANNELS, MS, PAST, MISSING, LAG, POSITION, PERIODS, FOLLOWING, STEP, OLDEST = range(HEAD_WORDS)

LONGEST_MS = 15
MOST_PERIODS = 3


def words(sample_rate: int, channels: int) -> int:
    """The length of a state in int64."""
    return HEAD_WORDS + 2 * ((_past_samples(sample_rate, channels) + 3) // 4)


def reset(state: Any, sample_rate: int, channels: int) -> None:
    """Make zeroed words (int64[words]) the state of a stream of so many samples a second (Hz) and channels."""
    state[CHANNELS] = channels
    state[MS] = sample_rate // 1000 * channels
    state[PAST] = _past_samples(sample_rate, channels)


def behind(state: NDArray[np.int64], sample_rate: int, channels: int) -> NDArray[np.int64]:
    """A codec's own state, whose word 0 gets the place of the concealment, with that behind it."""
    before = len(state)
    whole = np.zeros(before + words(sample_rate, channels), np.int64)
    whole[:before] = state
    whole[0] = before
    reset(whole[before:], sample_rate, channels)
    return whole


def _past_samples(sample_rate: int, channels: int) -> int:
    longest = sample_rate // 1000 * channels * LONGEST_MS
    return MOST_PERIODS * longest + longest // 4
