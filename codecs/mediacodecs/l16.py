"""L16: uncompressed 16-bit samples in network byte order (RFC 3551 §4.5.11)."""

from __future__ import annotations

import numpy as np

from mediacodecs.codec import Payload, Samples


class L16:
    """Linear audio of any rate; the RTP clock is the sample rate."""

    encoding = "L16"
    frame_ms = 1

    def __init__(self, sample_rate: int = 8000, channels: int = 1) -> None:
        self.sample_rate = sample_rate
        self.rtp_clock = sample_rate
        self.channels = channels

    def encode(self, samples: Samples) -> Payload:
        """Encode int16[n] into uint8[2n]."""
        return np.ascontiguousarray(samples, ">i2").view(np.uint8)

    def decode(self, payload: Payload) -> Samples:
        """Decode uint8[2n] into int16[n]; raises ValueError for half a sample or half a frame of channels."""
        if len(payload) % (2 * self.channels):
            raise ValueError(f"{len(payload)} octets are no whole number of {self.channels}-channel L16 samples")
        return np.ascontiguousarray(payload).view(">i2").astype(np.int16)

    def conceal(self, count: int) -> Samples:
        """Silence, int16[count]."""
        return np.zeros(count, np.int16)
