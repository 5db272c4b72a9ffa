"""Tones as clips: sines of a stated level, and the cadences of call progress (ITU-T E.180, GB/T 3380 for China)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: The level, in dBm0, of a sine that just fills the int16 range: what A-law can carry (G.711 §4).
FULL_SCALE_DBM0 = 3.14
#: µ-law's own scale: the largest sine is 3.17 dBm0 and its peak 32636 of int16.
ULAW_FULL_SCALE_DBM0 = 3.17 + 20 * math.log10(32768 / 32636)

_LONGEST_PERIOD_S = 10


def sine(
    hz: float, level_dbm0: float, rate_hz: int = 8000, *, full_scale_dbm0: float = FULL_SCALE_DBM0
) -> NDArray[np.int16]:
    """A whole number of periods of a sine, int16[n], which a loop continues without a seam.

    Raises ValueError when the frequency cannot be sampled at `rate_hz` or the level does not fit.
    """
    if not 0 < hz < rate_hz / 2:
        raise ValueError(f"{hz} Hz cannot be sampled at {rate_hz} Hz")
    amplitude = _amplitude(level_dbm0, full_scale_dbm0)
    periods = (Fraction(hz) / rate_hz).limit_denominator(_LONGEST_PERIOD_S * rate_hz)
    phase = 2 * np.pi * periods.numerator / periods.denominator * np.arange(periods.denominator)
    samples: NDArray[np.int16] = np.rint(np.clip(amplitude * np.sin(phase), -32768, 32767)).astype(np.int16)
    return samples


def _amplitude(level_dbm0: float, full_scale_dbm0: float) -> float:
    amplitude = 32768 * 10 ** ((level_dbm0 - full_scale_dbm0) / 20)
    if amplitude > 32768.5:
        raise ValueError(f"{level_dbm0} dBm0 is more than the {full_scale_dbm0:.2f} dBm0 that can be carried")
    return float(amplitude)


def level_dbm0(samples: NDArray[np.int16]) -> float:
    """The level of int16[n] in dBm0, on A-law's scale; -inf for silence."""
    power = float(np.mean(np.square(samples.astype(np.float64)))) if len(samples) else 0.0
    return 10 * math.log10(power / (32768**2 / 2)) + FULL_SCALE_DBM0 if power else -math.inf


class Cadence(NamedTuple):
    """A call progress tone: frequency in Hz, level in dBm0, and seconds on and off by turns."""

    hz: float
    level_dbm0: float
    on_off_s: tuple[float, ...]


#: GB/T 3380: 450 Hz at −10 dBm0.
RINGBACK = Cadence(450, -10, (1.0, 4.0))
BUSY = Cadence(450, -10, (0.35, 0.35))
CONGESTION = Cadence(450, -10, (0.7, 0.7))
DIAL = Cadence(450, -10, (1.0,))


def cadence(tone: Cadence, rate_hz: int = 8000) -> NDArray[np.int16]:
    """One round of a call progress tone, int16[n], to be looped; the tone starts and stops at a zero crossing if the
    times are whole periods."""
    amplitude = _amplitude(tone.level_dbm0, FULL_SCALE_DBM0)
    parts = []
    for i, seconds in enumerate(tone.on_off_s):
        count = round(seconds * rate_hz)
        if i % 2:
            parts.append(np.zeros(count))
        else:
            parts.append(amplitude * np.sin(2 * np.pi * tone.hz / rate_hz * np.arange(count)))
    return np.rint(np.concatenate(parts)).astype(np.int16)


#: The rate of `keys`; every other is made of it.
KEYS_RATE_HZ = 8000
_EASE_S = 0.002
_ROWS_HZ, _COLUMNS_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")


def keys(digits: str, duration_ms: int, gap_ms: int, *, level_dbm0: float = -10.0) -> NDArray[np.int16]:
    """The tones of keys (ITU-T Q.23), int16[n] at KEYS_RATE_HZ, each with a pause behind it; either tone of a key has
    `level_dbm0`. Raises ValueError for what is no key."""
    count, pause = (round(ms * KEYS_RATE_HZ / 1000) for ms in (duration_ms, gap_ms))
    times = np.arange(count) / KEYS_RATE_HZ
    ease = np.clip(np.minimum(times, times[::-1]) / _EASE_S, 0, 1)
    scale = _amplitude(level_dbm0, FULL_SCALE_DBM0) * ease
    parts: list[NDArray[np.float64]] = []
    for digit in digits:
        row = next((i for i, keypad in enumerate(_KEYPAD) if digit in keypad), None)
        if row is None or not digit:
            raise ValueError(f"{digit!r} is no key")
        column = _KEYPAD[row].index(digit)
        both = sum(np.sin(2 * np.pi * hz * times) for hz in (_ROWS_HZ[row], _COLUMNS_HZ[column]))
        parts += [scale * both, np.zeros(pause)]
    return np.rint(np.concatenate(parts)).astype(np.int16)
