"""AMR through libopencore-amrnb: 4.75 to 12.2 kbit/s, frames of 20 ms at 8 kHz."""

from __future__ import annotations

from functools import partial

from mediacodecs.amr_frames import frame_functions
from mediacodecs.states.amr import open_libraries
from mediacodecs.streams import StreamCodec

__all__ = ["SAMPLE_RATE", "codec", "frame_functions"]

SAMPLE_RATE = 8000

open_libraries(wide=False)  # without which there is no such codec here

codec = partial(StreamCodec, "AMR", rtp_clock=SAMPLE_RATE, frame_ms=20)
