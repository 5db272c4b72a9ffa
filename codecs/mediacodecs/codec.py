"""The interface every codec has: frames of int16 samples in, payload octets out, and the other way round."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
Payload: TypeAlias = NDArray[np.uint8]


class CodecUnavailable(LookupError):
    """The codec is unknown, or something it needs is missing on this machine; the text says what."""


class Codec(Protocol):
    """One stream's encoder and decoder; codecs with memory keep it here, so one object serves one direction each way.

    `encoding` is the name in SDP rtpmap, `sample_rate` that of the int16 samples in Hz, `rtp_clock` the rate of RTP
    timestamps in Hz (not always the sample rate: G.722), `frame_ms` the shortest frame in milliseconds and
    `channels` the number of interleaved channels.
    """

    encoding: str
    sample_rate: int
    rtp_clock: int
    channels: int
    frame_ms: int

    def encode(self, samples: Samples) -> Payload:
        """Encode `samples` (int16[n], n a multiple of the frame) into payload octets (uint8[m])."""
        ...

    def decode(self, payload: Payload) -> Samples:
        """Decode payload octets (uint8[m]) into samples (int16[n]); raises ValueError when they are no whole frames."""
        ...

    def conceal(self, count: int) -> Samples:
        """`count` samples (int16[count]) to stand for a lost packet."""
        ...
