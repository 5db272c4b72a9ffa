"""Clips brought to another sample rate before they are played (live streams are not resampled here)."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

_HALF_WIDTH = 32  # zero crossings of the windowed sine on each side
_KAISER_BETA = 9.0


def resample(samples: NDArray[np.int16], from_hz: int, to_hz: int) -> NDArray[np.int16]:
    """int16[n] at `from_hz` as int16[n·to/from] at `to_hz`: band-limited interpolation with a Kaiser window."""
    if from_hz == to_hz:
        return samples
    divisor = gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
    count = -(-len(samples) * up // down)
    cutoff = min(1.0, up / down)
    reach = int(np.ceil(_HALF_WIDTH / cutoff))
    padded = np.concatenate([np.zeros(reach), samples, np.zeros(reach + 1)])
    output = np.empty(count)
    taps = np.arange(-reach + 1, reach + 1)
    for phase in range(min(up, count)):  # all outputs of one phase share one filter
        places = np.arange(phase, count, up)
        offset = (phase * down % up) / up
        distance = taps - offset
        window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (distance / reach) ** 2, 0, 1))) / np.i0(_KAISER_BETA)
        kernel = cutoff * np.sinc(cutoff * distance) * window
        begins = places * down // up
        output[places] = np.lib.stride_tricks.sliding_window_view(padded, len(taps))[begins + 1] @ kernel
    return np.rint(np.clip(output, -32768, 32767)).astype(np.int16)
