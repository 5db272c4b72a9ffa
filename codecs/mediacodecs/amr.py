"""AMR through libopencore-amrnb: 4.75 to 12.2 kbit/s, frames of 20 ms at 8 kHz."""

from __future__ import annotations

from functools import partial

from mediacodecs.amr_frames import frame_functions, state_makers
from mediacodecs.amr_library import NARROW
from mediacodecs.library import open_library
from mediacodecs.streams import StreamCodec

__all__ = ["SAMPLE_RATE", "codec", "frame_functions", "new_decoder", "new_encoder"]

SAMPLE_RATE = 8000

for library in NARROW:  # without which there is no such codec here
    open_library(*library)

codec = partial(StreamCodec, "AMR", rtp_clock=SAMPLE_RATE, frame_ms=20)
new_encoder, new_decoder = state_makers(SAMPLE_RATE, wide=False)
