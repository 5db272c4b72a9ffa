"""The states of what listens for speech (`mediacodecs.activity`) and of what makes noise (`mediacodecs.comfort_noise`).

Both are zeroed words, int64[n], with a number or two in them.
"""

from __future__ import annotations

from typing import Any

#: Voice activity: samples a millisecond, frames heard; mean squares of the noise times 16, its crossings a 1024 samples
#: times 16; how long speech lasts already and how long it is still taken to last, in samples; mean square of the last
#: frame.
ACTIVITY_WORDS = 8
MS, FRAMES, NOISE, CROSSINGS, LASTING, HANGOVER, LEVEL = range(7)

#: The most reflection coefficients of comfort noise that are sent and understood; more that a peer sends are left out.
NOISE_ORDER = 10
NOISE_WORDS = 3 + 2 * (NOISE_ORDER + 1)
#: The noise's generator: random number, amplitude now and wanted (excitation times 2^16), coefficients, backward
#: signals.
SEED, NOW, WANTED, K, BACKWARD = 0, 1, 2, 3, 3 + NOISE_ORDER + 1


def reset_activity(state: Any, sample_rate: int) -> None:
    """Make zeroed words (int64[ACTIVITY_WORDS]) the state of a stream of so many samples a second (Hz)."""
    state[MS] = sample_rate // 1000


def reset_noise(state: Any, seed: int) -> None:
    """Make zeroed words (int64[NOISE_WORDS]) the state of a generator that is silent until it is told of a noise."""
    state[SEED] = seed & 0x7FFFFFFF or 1
