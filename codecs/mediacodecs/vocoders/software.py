"""Codec2 at 2400 bit/s as a vocoder: free, 48 bits in 20 ms, the very shape of the licensed ones."""

from __future__ import annotations

import asyncio

import numpy as np

from mediacodecs import registry
from mediacodecs.codec import Samples
from mediacodecs.vocoders.interface import FRAME_SAMPLES


class Codec2Vocoder:
    """A channel that needs no chip; raises CodecUnavailable without libcodec2. Coding runs on a worker thread."""

    name = "codec2-2400"
    bits = 48

    def __init__(self) -> None:
        self._codec = registry.create("CODEC2")
        self._turn = asyncio.Lock()

    async def encode(self, samples: Samples) -> bytes:
        """`Vocoder.encode`."""
        if len(samples) != FRAME_SAMPLES:
            raise ValueError(f"a frame has {FRAME_SAMPLES} samples, not {len(samples)}")
        async with self._turn:
            return (await asyncio.to_thread(self._codec.encode, samples)).tobytes()

    async def decode(self, frame: bytes | None) -> Samples:
        """`Vocoder.decode`."""
        async with self._turn:
            if frame is None:
                return self._codec.conceal(FRAME_SAMPLES)
            return await asyncio.to_thread(self._codec.decode, np.frombuffer(frame, np.uint8))

    def close(self) -> None:
        """Nothing is kept outside."""
