"""G.726 at 16, 24, 32 and 40 kbit/s: adaptive differential PCM, exact to the bit (ITU-T G.726, linear interface).

Samples are int16 at 8 kHz, of which the recommendation takes the 14 upper bits. Codes of 2–5 bits are packed into
octets from the low end (`G726-32` and its kin, RFC 3551 §4.5.4) or from the high end (`AAL2-G726-32`, ITU-T I.366.2);
phones that mix the two up are heard as noise, hence both. A packet has a whole number of octets: eight samples, or
four at 16 kbit/s, or two at 32 kbit/s, are the least.

Names in comments (FMULT, LIMC …) are those of the sub-blocks of the recommendation. Signals the predictor multiplies
with are kept in its floating-point format: sign, exponent << 6, mantissa of six bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mediacodecs import plc
from mediacodecs.frames import part
from mediacodecs.memory import octets_at, samples_at, words_at
from mediacodecs.numbering import MALFORMED, NO_ROOM
from mediacodecs.states.concealment import HEAD_WORDS
from mediacodecs.states.g726 import (
    A1,
    A2,
    AP,
    BITS,
    DECODER_WORDS,
    DML,
    DMS,
    DQ,
    ENCODER_WORDS,
    HIGH_FIRST,
    PK1,
    PK2,
    SR1,
    SR2,
    TD,
    YL,
    YU,
    B,
)

_NEGATIVE = 0x400  # the sign in the floating-point format


def _rows(*rows: tuple[int, ...]) -> Any:
    """int64[4, 16]: one row for 2, 3, 4 and 5 bits a code, filled up to the sixteen magnitudes 5 bits have."""
    table = np.zeros((4, 16), np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


# Tables 7–10 of the recommendation: decision levels, then by magnitude of the code the quantizer's output, the
# multiplier of the step (times 32), and the weight in the averages (times 512).
# fmt: off
_DECISIONS = _rows((261,), (8, 218, 331), (-124, 80, 178, 246, 300, 349, 400),
                   (-122, -16, 68, 139, 198, 250, 298, 339, 378, 413, 445, 475, 502, 528, 553))
_OUTPUT = _rows((116, 365), (-2048, 135, 273, 373), (-2048, 4, 135, 213, 273, 323, 373, 425),
                (-2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566))
_STEP = _rows((-704, 14048), (-128, 960, 4384, 18624), (-384, 576, 1312, 2048, 3584, 6336, 11360, 35904),
              (448, 448, 768, 1248, 1280, 1312, 1856, 3200, 4512, 5728, 7008, 8960, 11456, 14080, 16928, 22272))
_WEIGHT = _rows((0, 0xE00), (0, 0x200, 0x400, 0xE00), (0, 0, 0, 0x200, 0x200, 0x200, 0x600, 0xE00),
                (0, 0, 0, 0, 0, 0x200, 0x200, 0x200, 0x200, 0x200, 0x400, 0x600, 0x800, 0xA00, 0xC00, 0xC00))
# fmt: on
_LENGTH = np.array([value.bit_length() for value in range(256)], np.int64)


@part
def _length(value: int) -> Any:
    """How many bits a magnitude below 65536 has."""
    return _LENGTH[value] if value < 256 else 8 + _LENGTH[value >> 8]


@part
def _to_float(value: int) -> Any:
    """FLOATA, FLOATB: a signed number in the floating-point format; negative ones have 0x400 taken off."""
    magnitude = min(-value if value < 0 else value, 32767)
    exponent = _length(magnitude)
    number = 32 if magnitude == 0 else (exponent << 6) + (magnitude << 6 >> exponent)
    return number - _NEGATIVE if value < 0 else number


@part
def _multiply(coefficient: int, number: int) -> Any:
    """FMULT: a coefficient times a number in the floating-point format."""
    magnitude = coefficient if coefficient > 0 else -coefficient & 0x1FFF
    exponent = _length(magnitude) - 6
    mantissa = magnitude >> exponent if exponent >= 0 else magnitude << -exponent
    mantissa = mantissa if magnitude != 0 else 32
    exponent += ((number >> 6) & 15) - 13
    mantissa = (mantissa * (number & 63) + 0x30) >> 4
    product = mantissa << exponent & 0x7FFF if exponent >= 0 else mantissa >> -exponent
    return -product if (coefficient ^ number) < 0 else product


@part
def _wrap(value: int) -> Any:
    """Sums are those of 16-bit numbers, which a wild signal can overflow; both ends must do it alike."""
    return ((value + 32768) & 65535) - 32768


@part
def _zero_part(state: Any) -> Any:
    """ACCUM: the six zeros' part of the estimate, with one bit more than the signal."""
    total = np.int64(0)
    for i in range(6):
        total += _multiply(state[B + i] >> 2, state[DQ + i])
    return _wrap(total)


@part
def _step_size(state: Any) -> Any:
    """MIX: between the slow and the fast step by the speed control."""
    if state[AP] >= 256:
        return state[YU]
    slow = state[YL] >> 6
    apart, mixing = state[YU] - slow, state[AP] >> 2
    if apart > 0:
        return slow + (apart * mixing >> 6)
    return slow + ((apart * mixing + 0x3F) >> 6)


@part
def _quantize(difference: int, step: int, bits: int) -> Any:
    """LOG, SUBTB, QUAN: the code of a difference."""
    magnitude = -difference if difference < 0 else difference
    exponent = _length(magnitude >> 1)
    logarithm = (exponent << 7) + ((magnitude << 7 >> exponent) & 0x7F) - (step >> 2)
    levels = (1 << bits - 1) - 1
    low, high = 0, levels
    while low < high:
        middle = (low + high) >> 1
        if logarithm < _DECISIONS[bits - 2, middle]:
            high = middle
        else:
            low = middle + 1
    if difference < 0:
        return 2 * levels + 1 - low
    return 2 * levels + 1 if low == 0 and bits != 2 else low


@part
def _reconstruct(output: int, step: int) -> Any:
    """ADDA, ANTILOG: the magnitude of the quantized difference."""
    logarithm = output + (step >> 2)
    if logarithm < 0:
        return 0
    return (128 + (logarithm & 127)) << 7 >> 14 - (logarithm >> 7 & 15)


@part
def _adapt_step(state: Any, step: int, wanted: int, weight: int, second: int, jump: bool) -> None:
    """FILTD … FILTC, SUBTC, FILTA: both steps, the averages and the speed control."""
    fast = min(max(step + ((wanted - step) >> 5), 544), 5120)
    state[YU] = fast
    state[YL] += fast + (-state[YL] >> 6)
    state[TD] = 1 if second < -11776 and not jump else 0
    state[DMS] += (weight - state[DMS]) >> 5
    state[DML] += ((weight << 2) - state[DML]) >> 7
    apart = (state[DMS] << 2) - state[DML]
    if jump:
        state[AP] = 256
    elif step < 1536 or state[TD] == 1 or (-apart if apart < 0 else apart) >= state[DML] >> 3:
        state[AP] += (0x200 - state[AP]) >> 4
    else:
        state[AP] += -state[AP] >> 4


@part
def _adapt_poles(state: Any, partly: int) -> None:
    """UPA2, LIMC, UPA1, LIMD."""
    negative = 1 if partly < 0 else 0
    changed = negative != state[PK1]
    second = state[A2] - (state[A2] >> 7)
    if partly != 0:
        first = state[A1] if changed else -state[A1]
        if first < -8191:
            second -= 0x100
        elif first > 8191:
            second += 0xFF
        else:
            second += first >> 5
        second += -0x80 if negative != state[PK2] else 0x80
        second = min(max(second, -12288), 12288)
    first = state[A1] - (state[A1] >> 8)
    if partly != 0:
        first += -192 if changed else 192
    limit = 15360 - second
    state[A1], state[A2] = min(max(first, -limit), limit), second


@part
def _adapt(state: Any, code: int, magnitude: int, negative: bool, step: int, signal: int, partly: int) -> None:
    """Adapt everything to a quantized difference of `magnitude`."""
    bits = state[BITS]
    row = code if code < 1 << bits - 1 else (1 << bits) - 1 - code
    whole = state[YL] >> 15  # TRANS: a tone's sudden change resets the predictor
    threshold = 31 << 10 if whole > 9 else (32 + (state[YL] >> 10 & 31)) << whole
    jump = state[TD] == 1 and magnitude > (threshold + (threshold >> 1)) >> 1
    if jump:
        state[A1], state[A2] = 0, 0
        for i in range(6):
            state[B + i] = 0
    else:
        _adapt_poles(state, partly)
        leak = 9 if bits == 5 else 8
        for i in range(6):  # UPB, XOR
            coefficient = state[B + i] - (state[B + i] >> leak)
            if magnitude != 0:
                coefficient += 128 if (state[DQ + i] < 0) == negative else -128
            state[B + i] = coefficient
    for i in range(5, 0, -1):
        state[DQ + i] = state[DQ + i - 1]
    number = _to_float(magnitude)
    state[DQ] = number - _NEGATIVE if negative else number
    state[SR2] = state[SR1]
    state[SR1] = _to_float(signal)
    state[PK2] = state[PK1]
    state[PK1] = 1 if partly < 0 else 0
    _adapt_step(state, step, _STEP[bits - 2, row], _WEIGHT[bits - 2, row], state[A2], jump)


@part
def _take(state: Any, code: int, zero: int, estimate: int, step: int) -> Any:
    """What encoder and decoder both do with a code; returns the reconstructed signal (of 14 bits, or more)."""
    bits = state[BITS]
    negative = code >= 1 << bits - 1
    row = (1 << bits) - 1 - code if negative else code
    magnitude = _reconstruct(_OUTPUT[bits - 2, row], step)
    signal = _wrap(estimate - magnitude if negative else estimate + magnitude)
    _adapt(state, code, magnitude, negative, step, signal, _wrap(signal + (zero >> 1) - estimate))
    return signal


@part
def _estimate(state: Any, zero: int) -> Any:
    pole = _multiply(state[A2] >> 2, state[SR2]) + _multiply(state[A1] >> 2, state[SR1])
    return _wrap(zero + pole) >> 1


@part
def encode(state: Any, pcm: Any, count: int, out: Any) -> int:
    """Encode `pcm[:count]` (int16, 8 kHz, whole octets) into `out` (uint8[count * bits / 8]); returns the octets.

    `state` is int64[ENCODER_WORDS].
    """
    bits, high_first = state[BITS], state[HIGH_FIRST] != 0
    held, held_bits, octets = np.int64(0), np.int64(0), 0
    for i in range(count):
        step, zero = _step_size(state), _zero_part(state)
        estimate = _estimate(state, zero)
        code = _quantize((np.int64(pcm[i]) >> 2) - estimate, step, bits)
        _take(state, code, zero, estimate, step)
        held = held << bits | code if high_first else held | code << held_bits
        held_bits += bits
        if held_bits >= 8:
            held_bits -= 8
            out[octets] = (held >> held_bits if high_first else held) & 0xFF
            held = held & ((1 << held_bits) - 1) if high_first else held >> 8
            octets += 1
    return octets


@part
def decode(state: Any, payload: Any, size: int, pcm: Any) -> Any:
    """Decode `payload[:size]` (uint8) into `pcm` (int16[8 size / bits], 8 kHz); returns the samples.

    `state` is int64[DECODER_WORDS]; bits left over at the end are ignored.
    """
    bits, high_first = state[BITS], state[HIGH_FIRST] != 0
    held, held_bits, at = np.int64(0), np.int64(0), 0
    samples = 8 * size // bits
    for i in range(samples):
        if held_bits < bits:
            octet = np.int64(payload[at])
            held = (held << 8 | octet) & 0xFFFF if high_first else held | octet << held_bits
            held_bits += 8
            at += 1
        held_bits -= bits
        code = (held >> held_bits if high_first else held) & ((1 << bits) - 1)
        held = held if high_first else held >> bits
        step, zero = _step_size(state), _zero_part(state)
        signal = _take(state, code, zero, _estimate(state, zero), step)
        pcm[i] = min(max(signal << 2, -32768), 32767)
    return samples


def frame_functions(codec: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal and recover, for `frames.load`."""
    return _decode_at, _encode_at, plc.conceal_at, plc.recover_at


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, DECODER_WORDS)
    samples = 8 * count // words[BITS]
    if samples <= 0:
        return MALFORMED
    if samples > capacity:
        return NO_ROOM
    pcm = samples_at(target, capacity)
    decode(words, octets_at(source, count), count, pcm)
    plc.heard(words_at(state + 8 * DECODER_WORDS, HEAD_WORDS), pcm, samples)
    return samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, ENCODER_WORDS)
    if count * words[BITS] % 8:
        return MALFORMED
    if count * words[BITS] // 8 > capacity:
        return NO_ROOM
    return encode(words, samples_at(source, count), count, octets_at(target, capacity))
