"""AMR-WB through libopencore-amrwb and, encoding, libvo-amrwbenc: 6.6 to 23.85 kbit/s, frames of 20 ms at 16 kHz."""

from __future__ import annotations

from functools import partial

from mediacodecs.amr_frames import frame_functions, state_makers
from mediacodecs.amr_library import WIDER
from mediacodecs.library import open_library
from mediacodecs.streams import StreamCodec

__all__ = ["SAMPLE_RATE", "codec", "frame_functions", "new_decoder", "new_encoder"]

SAMPLE_RATE = 16000

for library in WIDER:  # without which there is no such codec here
    open_library(*library)

codec = partial(StreamCodec, "AMR-WB", rtp_clock=SAMPLE_RATE, frame_ms=20)
new_encoder, new_decoder = state_makers(SAMPLE_RATE, wide=True)
