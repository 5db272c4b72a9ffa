"""What every vocoder does: a frame of 20 ms in, a frame out, some time later."""

from __future__ import annotations

from typing import Protocol

from mediacodecs.codec import Samples

#: All of them have frames of 20 ms at 8 kHz.
FRAME_MS, SAMPLE_RATE, FRAME_SAMPLES = 20, 8000, 160


class VocoderLost(RuntimeError):
    """The chip or library does not answer any more; it is tried again by itself."""


class VocoderBusy(RuntimeError):
    """Every channel is leased, or a channel has more frames waiting than it may."""


class VocoderMissed(RuntimeError):
    """One frame was not answered in time; the next may be."""


class Vocoder(Protocol):
    """One channel: a full-duplex pair of encoder and decoder with memory, leased for one talk spurt or call.

    `bits` is the length of a coded frame (48, 49 or 72), carried in whole octets from the high end.
    """

    name: str
    bits: int

    async def encode(self, samples: Samples) -> bytes:
        """int16[160] into a frame; raises VocoderMissed, VocoderBusy, VocoderLost, ValueError for another length."""
        ...

    async def decode(self, frame: bytes | None) -> Samples:
        """A frame into int16[160]; None stands for a lost one, which is made up, as is one that was missed.

        Raises VocoderBusy, VocoderLost, ValueError for a frame of another length.
        """
        ...

    def close(self) -> None:
        """Give the channel back."""
        ...
