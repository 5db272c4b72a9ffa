"""G.722 at 64 kbit/s: two sub-bands of adaptive differential PCM, exact to the bit (ITU-T G.722).

Samples are int16 at 16 kHz, two of them one octet. The RTP clock is 8000 all the same, an error of RFC 1890 that
RFC 3551 §4.5.2 keeps: a 20 ms packet has 320 samples, 160 octets, and moves the timestamp by 160.

At 8 kHz the codec works too: G.722's lower band is such a signal, so one sample is one octet, the upper band is sent
as silence and ignored when received, and neither filter nor resampler is needed. That is what a call between G.722 and
a telephone codec takes: it halves the work and has no delay.

Names in comments (BLOCK4L, UPPOL2 …) are those of the functional blocks of the recommendation. A state is
that of `mediacodecs.states.g722`.
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
from mediacodecs.states.g722 import (
    A1,
    A2,
    BAND,
    CHUNK,
    DECODER_WORDS,
    DET,
    ENCODER_WORDS,
    FILTER,
    HIGH,
    HISTORY,
    LOW,
    NARROW,
    NB,
    P1,
    P2,
    R1,
    SZ,
    B,
    D,
    S,
)


def _table(*values: int) -> Any:
    return np.array(values, np.int64)


# fmt: off
_QMF = _table(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11)  # table 11, every second coefficient
_Q6 = _table(0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121,
             1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919)  # table 14, decision levels
_QM6 = _table(-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
              -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
              -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
              7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
              -432, -136)
_QM4 = _table(0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0)
_QM2 = _table(-7408, -1616, 7408, 1616)
_WL = _table(-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60)  # by the 4-bit code
_WH = _table(798, -214, 798, -214)  # by the 2-bit code
_ILB = _table(2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
              2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008)
# fmt: on
_HIGHEST_LEVEL = 2919
_UPPER_SILENCE = 0xC0  # the code of the upper band that leaves its step, once smallest, at a difference of nothing


def _codes() -> Any:
    """uint8[2, 2920]: the code of a negative and of another difference by its quotient with the step (table 14)."""
    codes = np.zeros((2, _HIGHEST_LEVEL + 1), np.uint8)
    for quotient in range(_HIGHEST_LEVEL + 1):
        interval = int(np.searchsorted(_Q6[1:], quotient, "right")) + 1
        codes[:, quotient] = 64 - interval if interval <= 2 else 34 - interval, 62 - interval
    return codes


_CODES = _codes()


@part
def _saturate(value: int) -> Any:
    return min(max(value, -32768), 32767)


@part
def _scale(band: Any, logarithm: int, shift: int) -> None:
    """SCALEL, SCALEH: the step size for the logarithmic one."""
    band[NB] = logarithm
    down = shift - (logarithm >> 11)
    step = _ILB[(logarithm >> 6) & 31]
    band[DET] = (step << -down if down < 0 else step >> down) << 2


@part
def _predict(band: Any, difference: int) -> None:
    """BLOCK4L, BLOCK4H: adapt a band's predictor to its quantized difference and predict the next sample."""
    reconstructed = _saturate(band[S] + difference)  # RECONS
    partly = _saturate(band[SZ] + difference)  # PARREC
    one_back, two_back = band[P1], band[P2]
    same_1, same_2 = (partly ^ one_back) >= 0, (partly ^ two_back) >= 0
    first = _saturate(band[A1] << 2)  # UPPOL2
    second = min(-first, 32767) if same_1 else first
    second = (second >> 7) + (128 if same_2 else -128) + (band[A2] * 32512 >> 15)
    second = min(max(second, -12288), 12288)
    limit = 15360 - second  # UPPOL1
    first = (192 if same_1 else -192) + (band[A1] * 32640 >> 15)
    first = min(max(first, -limit), limit)
    band[A1], band[A2] = first, second
    band[P1], band[P2] = partly, one_back
    gain = 0 if difference == 0 else 128  # UPZERO, then DELAYA and FILTEZ in the same pass, oldest first
    zero, doubled = 0, _saturate(difference + difference)
    for i in range(5, -1, -1):
        older = band[D + i]
        coefficient = (gain if (older ^ difference) >= 0 else -gain) + (band[B + i] * 32640 >> 15)
        band[B + i] = coefficient
        newer = doubled if i == 0 else band[D + i - 1]
        band[D + i] = newer
        zero += coefficient * newer >> 15
    zero = _saturate(zero)
    reconstructed = _saturate(reconstructed + reconstructed)
    pole = (first * reconstructed >> 15) + (second * band[R1] >> 15)  # FILTEP
    band[R1] = reconstructed
    band[SZ] = zero
    band[S] = _saturate(_saturate(pole) + zero)


@part
def _adapt_low(band: Any, code: int) -> None:
    """Take over the four bits of the low band that the predictor sees (INVQAL, LOGSCL)."""
    difference = band[DET] * _QM4[code] >> 15
    logarithm = (band[NB] * 127 >> 7) + _WL[code]
    _scale(band, min(max(logarithm, 0), 18432), 8)
    _predict(band, difference)


@part
def _adapt_high(band: Any, code: int) -> None:
    """Take over the two bits of the high band (INVQAH, LOGSCH)."""
    difference = band[DET] * _QM2[code] >> 15
    logarithm = (band[NB] * 127 >> 7) + _WH[code]
    _scale(band, min(max(logarithm, 0), 22528), 10)
    _predict(band, difference)


@part
def _quantize_low(difference: int, step: int) -> Any:
    """QUANTL: the six-bit code.

    The magnitude lies above a decision level when level * step < (magnitude + 1) * 4096, so one quotient, exact in
    float64 at these sizes, finds the interval in a table instead of a search with its unforeseeable branches.
    """
    magnitude = ~difference if difference < 0 else difference
    quotient = np.int64(np.float64((magnitude + 1 << 12) - 1) / np.float64(step))
    return _CODES[0 if difference < 0 else 1, min(quotient, _HIGHEST_LEVEL)]


@part
def _bands(state: Any) -> Any:
    return state[LOW : LOW + BAND], state[HIGH : HIGH + BAND]


@part
def _encode_narrow(band: Any, pcm: Any, count: int, out: Any) -> int:
    for i in range(count):
        code = np.int64(_quantize_low(_saturate((np.int64(pcm[i]) >> 1) - band[S]), band[DET]))
        _adapt_low(band, code >> 2)
        out[i] = _UPPER_SILENCE | code
    return count


@part
def _decode_narrow(band: Any, payload: Any, size: int, pcm: Any) -> int:
    for i in range(size):
        code = np.int64(payload[i]) & 63
        low = band[S] + (band[DET] * _QM6[code] >> 15)
        _adapt_low(band, code >> 2)
        pcm[i] = min(max(low, -16384), 16383) << 1
    return size


@part
def encode(state: Any, pcm: Any, count: int, out: Any) -> Any:
    """Encode `pcm[:count]` (int16) into `out` (uint8); returns the octets.

    They are half as many as samples at 16 kHz, of which `count` is even, and as many at 8 kHz. `state` is
    int64[ENCODER_WORDS].
    """
    low_band, high_band = _bands(state)
    if state[NARROW] != 0:
        return _encode_narrow(low_band, pcm, count, out)
    line = samples_at(state.ctypes.data + 8 * FILTER, HISTORY + 2 * CHUNK)
    pairs = count // 2
    done = 0
    while done < pairs:
        chunk = min(CHUNK, pairs - done)
        for i in range(2 * chunk):
            line[HISTORY + i] = pcm[2 * done + i]
        for i in range(chunk):
            odd, even = np.int64(0), np.int64(0)
            for k in range(12):
                odd += np.int64(line[2 * i + 2 * k]) * _QMF[k]
                even += np.int64(line[2 * i + 2 * k + 1]) * _QMF[11 - k]
            low, high = (even + odd) >> 14, (even - odd) >> 14
            code = np.int64(_quantize_low(_saturate(low - low_band[S]), low_band[DET]))
            _adapt_low(low_band, code >> 2)
            rest = _saturate(high - high_band[S])
            inner = (~rest if rest < 0 else rest) < 564 * high_band[DET] >> 12  # QUANTH
            upper = (1 if inner else 0) if rest < 0 else (3 if inner else 2)
            _adapt_high(high_band, upper)
            out[done + i] = upper << 6 | code
        for i in range(HISTORY):
            line[i] = line[i + 2 * chunk]
        done += chunk
    return pairs


@part
def decode(state: Any, payload: Any, size: int, pcm: Any) -> Any:
    """Decode `payload[:size]` (uint8) into `pcm` (int16[2 size] at 16 kHz, int16[size] at 8 kHz); returns the samples.

    `state` is int64[DECODER_WORDS].
    """
    low_band, high_band = _bands(state)
    if state[NARROW] != 0:
        return _decode_narrow(low_band, payload, size, pcm)
    line = samples_at(state.ctypes.data + 8 * FILTER, HISTORY + 2 * CHUNK)
    done = 0
    while done < size:
        chunk = min(CHUNK, size - done)
        for i in range(chunk):
            octet = np.int64(payload[done + i])
            low = low_band[S] + (low_band[DET] * _QM6[octet & 63] >> 15)
            low = min(max(low, -16384), 16383)
            _adapt_low(low_band, (octet & 63) >> 2)
            high = high_band[S] + (high_band[DET] * _QM2[octet >> 6] >> 15)
            high = min(max(high, -16384), 16383)
            _adapt_high(high_band, octet >> 6)
            line[HISTORY + 2 * i] = low + high
            line[HISTORY + 2 * i + 1] = low - high
            odd, even = np.int64(0), np.int64(0)
            for k in range(12):
                even += np.int64(line[2 * i + 2 * k]) * _QMF[k]
                odd += np.int64(line[2 * i + 2 * k + 1]) * _QMF[11 - k]
            pcm[2 * (done + i)] = _saturate(odd >> 11)
            pcm[2 * (done + i) + 1] = _saturate(even >> 11)
        for i in range(HISTORY):
            line[i] = line[i + 2 * chunk]
        done += chunk
    return 2 * size


def frame_functions(codec: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal and recover, for `frames.load`."""
    return _decode_at, _encode_at, plc.conceal_at, plc.recover_at


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count <= 0:
        return MALFORMED
    words, pcm = words_at(state, DECODER_WORDS), samples_at(target, capacity)
    samples = count if words[NARROW] != 0 else 2 * count
    if samples > capacity:
        return NO_ROOM
    decode(words, octets_at(source, count), count, pcm)
    plc.heard(words_at(state + 8 * DECODER_WORDS, HEAD_WORDS), pcm, samples)
    return samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, ENCODER_WORDS)
    octets = count if words[NARROW] != 0 else count // 2
    if count % 2:
        return MALFORMED
    if octets > capacity:
        return NO_ROOM
    return encode(words, samples_at(source, count), count, octets_at(target, capacity))
