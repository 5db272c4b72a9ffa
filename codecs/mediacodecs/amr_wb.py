"""AMR-WB through libopencore-amrwb and, encoding, libvo-amrwbenc: 6.6 to 23.85 kbit/s, frames of 20 ms at 16 kHz."""

from __future__ import annotations

from functools import partial

from mediacodecs.amr_frames import frame_functions
from mediacodecs.states.amr import open_libraries
from mediacodecs.streams import StreamCodec

__all__ = ["SAMPLE_RATE", "codec", "frame_functions"]

SAMPLE_RATE = 16000

open_libraries(wide=True)  # without which there is no such codec here

codec = partial(StreamCodec, "AMR-WB", rtp_clock=SAMPLE_RATE, frame_ms=20)
