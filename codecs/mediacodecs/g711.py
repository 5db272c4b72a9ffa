"""G.711: A-law and µ-law, exact to the bit (ITU-T G.711, in the form of the ITU-T G.191 reference: 13 and 14 bits).

Samples are int16 at 8 kHz. G.711's own scale is smaller: A-law takes the 13 upper bits of a sample and µ-law the 14
upper bits, negative values by one's complement, which is what makes the two halves of the scale mirror each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediacodecs.codec import Payload, Samples
from mediacodecs.compiled import Compiler

_Kind = TypeVar("_Kind", np.uint8, np.int16)
_compiler = Compiler("mediacodecs", (Path(__file__).parent,))

_ALAW_TOGGLE = 0x55  # even bits inverted on the line, G.711 §3.2
_ULAW_BIAS = 33  # G.711 table 2a: the decision values are 31, 95, … = 2^n·… − 33 on the 14-bit scale


def _alaw_code(sample: int) -> int:
    magnitude = (~sample if sample < 0 else sample) >> 4  # 0 … 2047
    segment = max(magnitude.bit_length() - 4, 1)  # 1 … 7, the first two segments share a step
    code = (segment << 4 | magnitude >> (segment - 1) & 15) if magnitude > 15 else magnitude
    return (code | (0 if sample < 0 else 0x80)) ^ _ALAW_TOGGLE


def _ulaw_code(sample: int) -> int:
    magnitude = min(((~sample if sample < 0 else sample) >> 2) + _ULAW_BIAS, 8191)  # 33 … 8191
    segment = magnitude.bit_length() - 6  # 0 … 7
    code = segment << 4 | magnitude >> (segment + 1) & 15
    return ~(code | (0x80 if sample < 0 else 0)) & 0xFF


def _alaw_sample(code: int) -> int:
    code ^= _ALAW_TOGGLE
    segment, step = code >> 4 & 7, code & 15
    magnitude = (step << 1 | 1) if segment == 0 else (step << 1 | 33) << (segment - 1)  # 12-bit, middle of the interval
    return (magnitude if code & 0x80 else -magnitude) << 3


def _ulaw_sample(code: int) -> int:
    code = ~code
    segment, step = code >> 4 & 7, code & 15
    magnitude = ((step << 1 | 33) << segment) - _ULAW_BIAS
    return (-magnitude if code & 0x80 else magnitude) << 2


def _nearest(sample: int, sign: int, decoded: list[int]) -> int:
    """The code whose sample is nearest among those of the same sign bit; of two the quieter.

    Decoding and encoding again would do worse where an interval of one law ends at a value of the other: 8064, in the
    middle of an A-law interval, is the lower end of a µ-law interval whose middle is 8316, but 7932 is nearer.
    """
    return min(range(sign, sign + 0x80), key=lambda code: (abs(decoded[code] - sample), abs(decoded[code])))


def _table(values: list[int], kind: type[_Kind]) -> NDArray[_Kind]:
    table: NDArray[_Kind] = np.array(values, kind)
    table.flags.writeable = False
    return table


_ALAW = [_alaw_sample(code) for code in range(256)]
_ULAW = [_ulaw_sample(code) for code in range(256)]
#: int16[256]: the sample of every code octet.
ALAW_DECODE = _table(_ALAW, np.int16)
ULAW_DECODE = _table(_ULAW, np.int16)
#: uint8[4096] and uint8[16384]: the code of a sample, indexed by ``(sample >> 4) + 2048`` and ``(sample >> 2) + 8192``.
ALAW_ENCODE = _table([_alaw_code(step << 4) for step in range(-2048, 2048)], np.uint8)
ULAW_ENCODE = _table([_ulaw_code(step << 2) for step in range(-8192, 8192)], np.uint8)
#: uint8[256]: from one law's code straight to the other's.
ALAW_TO_ULAW = _table([_nearest(_ALAW[code], code & 0x80, _ULAW) for code in range(256)], np.uint8)
ULAW_TO_ALAW = _table([_nearest(_ULAW[code], code & 0x80, _ALAW) for code in range(256)], np.uint8)

#: The level of the largest sine A-law and µ-law can carry, in dBm0, and its peak in int16 (G.711 §4).
ALAW_OVERLOAD_DBM0, ALAW_OVERLOAD_PEAK = 3.14, 32768.0
ULAW_OVERLOAD_DBM0, ULAW_OVERLOAD_PEAK = 3.17, 32636.0

_SAMPLES = types.Array(types.int16, 1, "C", readonly=True)
_OCTETS = types.Array(types.uint8, 1, "C", readonly=True)


@_compiler.entry(types.void(_SAMPLES, types.uint8[::1]))
def encode_alaw(samples: Samples, payload: Payload) -> None:
    """Encode int16[n] into A-law octets uint8[n]."""
    for i in range(len(samples)):
        payload[i] = ALAW_ENCODE[(samples[i] >> 4) + 2048]


@_compiler.entry(types.void(_SAMPLES, types.uint8[::1]))
def encode_ulaw(samples: Samples, payload: Payload) -> None:
    """Encode int16[n] into µ-law octets uint8[n]."""
    for i in range(len(samples)):
        payload[i] = ULAW_ENCODE[(samples[i] >> 2) + 8192]


@_compiler.entry(types.void(_OCTETS, types.int16[::1]))
def decode_alaw(payload: Payload, samples: Samples) -> None:
    """Decode A-law octets uint8[n] into int16[n]."""
    for i in range(len(payload)):
        samples[i] = ALAW_DECODE[payload[i]]


@_compiler.entry(types.void(_OCTETS, types.int16[::1]))
def decode_ulaw(payload: Payload, samples: Samples) -> None:
    """Decode µ-law octets uint8[n] into int16[n]."""
    for i in range(len(payload)):
        samples[i] = ULAW_DECODE[payload[i]]


class _G711:
    """What the two laws share: no memory, one octet a sample, any frame length."""

    encoding = ""
    sample_rate = 8000
    rtp_clock = 8000
    frame_ms = 1

    def __init__(self, sample_rate: int = 8000, channels: int = 1) -> None:
        if sample_rate != self.sample_rate:
            raise ValueError(f"G.711 has 8000 samples a second, not {sample_rate}")
        self.channels = channels

    def conceal(self, count: int) -> Samples:
        """Silence, int16[count]."""
        return np.zeros(count, np.int16)


class ALaw(_G711):
    """PCMA, RTP payload type 8 (RFC 3551 §4.5.14)."""

    encoding = "PCMA"

    def encode(self, samples: Samples) -> Payload:
        """Encode int16[n] at 8 kHz into uint8[n]."""
        payload = np.empty(len(samples), np.uint8)
        encode_alaw(np.ascontiguousarray(samples), payload)
        return payload

    def decode(self, payload: Payload) -> Samples:
        """Decode uint8[n] into int16[n] at 8 kHz."""
        samples = np.empty(len(payload), np.int16)
        decode_alaw(np.ascontiguousarray(payload), samples)
        return samples


class ULaw(_G711):
    """PCMU, RTP payload type 0 (RFC 3551 §4.5.14)."""

    encoding = "PCMU"

    def encode(self, samples: Samples) -> Payload:
        """Encode int16[n] at 8 kHz into uint8[n]."""
        payload = np.empty(len(samples), np.uint8)
        encode_ulaw(np.ascontiguousarray(samples), payload)
        return payload

    def decode(self, payload: Payload) -> Samples:
        """Decode uint8[n] into int16[n] at 8 kHz."""
        samples = np.empty(len(payload), np.int16)
        decode_ulaw(np.ascontiguousarray(payload), samples)
        return samples
