"""Comfort noise, RTP payload type 13 (RFC 3389): describing a background, and making one like it.

A payload is the level in −dBov and up to NOISE_ORDER reflection coefficients of an all-pole model of the spectrum, an
octet each: k = 258 (N − 127) / 32768, with k₁ = −r₁/r₀. Works at any sample rate, on both sides the same. A generator's
state is that of `mediacodecs.states.detectors`; the describer's, of the same length, is scratch memory only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mediacodecs.frames import part
from mediacodecs.numbering import NO_ROOM
from mediacodecs.states.detectors import BACKWARD, NOISE_ORDER, NOW, SEED, WANTED, K

# Describer: the two rows of the Schur recursion.
_P, _Q = 1, 1 + NOISE_ORDER + 1

_FRACTION = 256  # the filter's signals have eight more bits than samples
_UNIFORM_RMS = 32768 / math.sqrt(3)
_QUANTUM = 258
#: The root mean square, of 32768, for a level of 0 … −127 dBov.
_RMS = np.array([32768 * 10 ** (-level / 20) for level in range(128)])


@part
def describe(state: Any, pcm: Any, count: int, order: int, out: Any) -> Any:
    """Describe the background noise `pcm[:count]` (int16, 10 ms or more) in `out` (uint8); returns the octets.

    `order` (0 … NOISE_ORDER) coefficients are sent; `state` (int64[NOISE_WORDS]) need not be kept.
    """
    if order + 1 > len(out) or order > NOISE_ORDER:
        return NO_ROOM
    energy = np.int64(1)
    for i in range(count):
        energy += np.int64(pcm[i]) * np.int64(pcm[i])
    mean = np.float64(energy) / np.float64(count)
    level = np.int64(math.floor(-10 * math.log10(mean / 1073741824.0) + 0.5))
    out[0] = min(max(level, 0), 127)
    shift = 0
    while energy >> shift >= 1 << 30:
        shift += 1
    for lag in range(order + 1):
        total = np.int64(0)
        for i in range(lag, count):
            total += np.int64(pcm[i]) * np.int64(pcm[i - lag])
        state[_P + lag] = (total >> shift) + (energy >> shift + 10 if lag == 0 else 0)  # −30 dB of white noise
        state[_Q + lag] = state[_P + lag]
    for n in range(order):
        k = _reflect(state, order, n)
        code = (2 * k + _QUANTUM) // (2 * _QUANTUM) + 127
        out[1 + n] = min(max(code, 0), 254)
    return order + 1


@part
def _reflect(state: Any, order: int, n: int) -> Any:
    """One step of the Schur (Le Roux-Gueguen) recursion: the next reflection coefficient, times 32768."""
    first, rest = state[_P + 1], state[_P]
    if rest <= 0 or abs(first) >= rest:
        return 0
    k = -(first << 15) // rest
    state[_P] = rest + (first * k >> 15)
    for m in range(1, order - n):
        ahead, behind = state[_P + m + 1], state[_Q + m]
        state[_P + m] = ahead + (behind * k >> 15)
        state[_Q + m] = behind + (ahead * k >> 15)
    return k


@part
def update(state: Any, payload: Any, size: int) -> None:
    """Take over a description, `payload[:size]` (uint8); without an octet it changes nothing."""
    if size < 1:
        return
    remaining = 1.0
    for n in range(NOISE_ORDER):
        k = np.int64(0)
        if n + 1 < size and payload[n + 1] != 255:
            k = (np.int64(payload[n + 1]) - 127) * _QUANTUM
        state[K + n] = k
        remaining *= 1.0 - np.float64(k) * np.float64(k) / 1073741824.0
    rms = _RMS[payload[0] & 127]
    state[WANTED] = np.int64(rms * math.sqrt(remaining) / _UNIFORM_RMS * 65536.0)


@part
def generate(state: Any, pcm: Any, count: int) -> None:
    """Fill `pcm[:count]` (int16) with noise of the last description; the level changes smoothly, within 10 ms."""
    seed, now, wanted = state[SEED], state[NOW], state[WANTED]
    for i in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        step = (wanted - now) >> 5
        now = wanted if step == 0 or step == -1 else now + step
        forward = ((seed >> 15) - 32768) * now * _FRACTION >> 16
        for n in range(NOISE_ORDER - 1, -1, -1):
            k, backward = state[K + n], state[BACKWARD + n]
            forward -= k * backward >> 15
            state[BACKWARD + n + 1] = backward + (k * forward >> 15)
        state[BACKWARD] = forward
        pcm[i] = min(max(forward // _FRACTION, -32768), 32767)
    state[SEED], state[NOW] = seed, now
