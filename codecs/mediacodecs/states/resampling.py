"""The state of a stream that goes from one sample rate to another (`mediacodecs.resample`), with its filter.

The filter is a sinc under a Kaiser window, symmetrical, so that all frequencies are delayed alike. Its pass band
reaches 3400 Hz where the lower rate is 8 kHz, 7000 Hz at 16 and 11 000 Hz at 24; as far above half the lower rate as
the pass band ends below it, images and aliases are 70 dB down or more.

A state is int64[n]: words, then as int16 the coefficients phase by phase and the input that later output still
depends on.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATES = (8000, 16000, 24000, 48000)
# By the lower of the two rates: the end of the pass band in Hz, and the length of the filter in seconds.
_BANDS = {8000: (3400, 0.0039), 16000: (7000, 0.0026), 24000: (11000, 0.0026)}

UP, DOWN, TAPS, PHASE, NEXT, SHIFT = range(6)
HEAD_WORDS = 6
CHUNK = 240  # input samples taken at a time


def new_resampler(source_rate: int, target_rate: int) -> NDArray[np.int64]:
    """The state of a stream that goes from one rate to another (Hz); raises ValueError for rates it does not know."""
    if source_rate not in SAMPLE_RATES or target_rate not in SAMPLE_RATES or source_rate == target_rate:
        raise ValueError(f"cannot resample from {source_rate} to {target_rate} Hz")
    common = math.gcd(source_rate, target_rate)
    up, down = target_rate // common, source_rate // common
    exact = _coefficients(source_rate, target_rate, up)
    shift = 14 - math.floor(math.log2(float(exact.max())))
    coefficients = np.minimum(np.rint(exact * 2.0**shift), 32767).astype(np.int16)
    taps = coefficients.shape[1]
    words = (coefficients.size + taps - 1 + CHUNK + 3) // 4
    state = np.zeros(HEAD_WORDS + words, np.int64)
    state[UP], state[DOWN], state[TAPS], state[SHIFT] = up, down, taps, shift
    state[HEAD_WORDS:].view(np.int16)[: coefficients.size] = coefficients.reshape(-1)
    return state


def delay_samples(state: NDArray[np.int64]) -> float:
    """By how many samples of the input the output lags behind it."""
    return float(state[UP] * state[TAPS] - 1) / 2 / float(state[UP])


def _coefficients(source_rate: int, target_rate: int, up: int) -> NDArray[np.float64]:
    """float64[up, taps]: every phase's filter, oldest sample first."""
    lower = min(source_rate, target_rate)
    pass_end, length_s = _BANDS[lower]
    taps = int(length_s * source_rate)
    rate = up * source_rate
    time = np.arange(up * taps) - (up * taps - 1) / 2
    transition = 2 * math.pi * (lower - 2 * pass_end) / rate
    attenuation = 8 + 2.285 * transition * (up * taps - 1)
    prototype = np.sinc(time * lower / rate) * np.kaiser(up * taps, 0.1102 * (attenuation - 8.7))
    phases = prototype.reshape(taps, up).T[:, ::-1]
    exact: NDArray[np.float64] = phases / phases.sum(axis=1, keepdims=True)
    return exact
