"""G.711: A-law and µ-law, exact to the bit (ITU-T G.711, in the form of the ITU-T G.191 reference: 13 and 14 bits).

Samples are int16 at 8 kHz. G.711's own scale is smaller: A-law takes the 13 upper bits of a sample and µ-law the 14
upper bits, negative values by one's complement, which is what makes the two halves of the scale mirror each other.

Each law is a few tables; compiled code reads the same ones (`pcm`, the engine's kernels).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediacodecs.codec import Payload, Samples

_ALAW_TOGGLE = 0x55  # even bits inverted on the line, G.711 §3.2
_ULAW_BIAS = 33  # G.711 table 2a: the decision values are 31, 95, … = 2^n·… − 33 on the 14-bit scale


def _bit_length(magnitudes: NDArray[np.int64]) -> Any:
    return np.frexp(magnitudes)[1].astype(np.int64)


def _alaw_codes(samples: NDArray[np.int64]) -> Any:
    magnitude = np.where(samples < 0, ~samples, samples) >> 4  # 0 … 2047
    segment = np.maximum(_bit_length(magnitude) - 4, 1)  # 1 … 7, the first two segments share a step
    code = np.where(magnitude > 15, segment << 4 | magnitude >> (segment - 1) & 15, magnitude)
    return (code | np.where(samples < 0, 0, 0x80)) ^ _ALAW_TOGGLE


def _ulaw_codes(samples: NDArray[np.int64]) -> Any:
    magnitude = np.minimum((np.where(samples < 0, ~samples, samples) >> 2) + _ULAW_BIAS, 8191)  # 33 … 8191
    segment = _bit_length(magnitude) - 6  # 0 … 7
    code = segment << 4 | magnitude >> (segment + 1) & 15
    return ~(code | np.where(samples < 0, 0x80, 0)) & 0xFF


def _alaw_samples(codes: NDArray[np.int64]) -> Any:
    codes = codes ^ _ALAW_TOGGLE
    segment, step = codes >> 4 & 7, codes & 15
    doubled = (step << 1 | 33) << np.maximum(segment - 1, 0)  # 12-bit, middle of the interval
    magnitude = np.where(segment == 0, step << 1 | 1, doubled)
    return np.where(codes & 0x80, magnitude, -magnitude) << 3


def _ulaw_samples(codes: NDArray[np.int64]) -> Any:
    codes = ~codes
    segment, step = codes >> 4 & 7, codes & 15
    magnitude = ((step << 1 | 33) << segment) - _ULAW_BIAS
    return np.where(codes & 0x80, -magnitude, magnitude) << 2


def _nearest(samples: NDArray[np.int64], decoded: NDArray[np.int64]) -> Any:
    """For each code of one law the code of the other whose sample is nearest, of the same sign bit; of two the quieter.

    Decoding and encoding again would do worse where an interval of one law ends at a value of the other: 8064, in the
    middle of an A-law interval, is the lower end of a µ-law interval whose middle is 8316, but 7932 is nearer.
    """
    codes = np.arange(256)
    distance = abs(decoded - samples[:, np.newaxis]) << 16 | abs(decoded)
    distance[(codes ^ codes[:, np.newaxis]) & 0x80 != 0] = np.iinfo(np.int64).max
    return distance.argmin(axis=1)


def _table(values: NDArray[np.int64], kind: type[Any]) -> NDArray[Any]:
    table = values.astype(kind)
    table.flags.writeable = False
    return table


_ALAW, _ULAW = _alaw_samples(np.arange(256)), _ulaw_samples(np.arange(256))
#: int16[256]: the sample of every code octet.
ALAW_DECODE: Samples = _table(_ALAW, np.int16)
ULAW_DECODE: Samples = _table(_ULAW, np.int16)
#: uint8[4096] and uint8[16384]: the code of a sample, indexed by ``(sample >> 4) + 2048`` and ``(sample >> 2) + 8192``.
ALAW_ENCODE: Payload = _table(_alaw_codes(np.arange(-2048, 2048) << 4), np.uint8)
ULAW_ENCODE: Payload = _table(_ulaw_codes(np.arange(-8192, 8192) << 2), np.uint8)
#: uint8[256]: from one law's code straight to the other's.
ALAW_TO_ULAW: Payload = _table(_nearest(_ALAW, _ULAW), np.uint8)
ULAW_TO_ALAW: Payload = _table(_nearest(_ULAW, _ALAW), np.uint8)

#: The level of the largest sine A-law and µ-law can carry, in dBm0, and its peak in int16 (G.711 §4).
ALAW_OVERLOAD_DBM0, ALAW_OVERLOAD_PEAK = 3.14, 32768.0
ULAW_OVERLOAD_DBM0, ULAW_OVERLOAD_PEAK = 3.17, 32636.0


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
        payload: Payload = ALAW_ENCODE[(samples >> 4) + 2048]
        return payload

    def decode(self, payload: Payload) -> Samples:
        """Decode uint8[n] into int16[n] at 8 kHz."""
        return ALAW_DECODE[payload]


class ULaw(_G711):
    """PCMU, RTP payload type 0 (RFC 3551 §4.5.14)."""

    encoding = "PCMU"

    def encode(self, samples: Samples) -> Payload:
        """Encode int16[n] at 8 kHz into uint8[n]."""
        payload: Payload = ULAW_ENCODE[(samples >> 2) + 8192]
        return payload

    def decode(self, payload: Payload) -> Samples:
        """Decode uint8[n] into int16[n] at 8 kHz."""
        return ULAW_DECODE[payload]
