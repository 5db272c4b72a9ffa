"""The state of Codec2, whose library keeps its own in memory of its own: see `mediacodecs.handles`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediacodecs.codec import CodecUnavailable
from mediacodecs.framing import CODEC2_MODES, codec2_mode
from mediacodecs.library import open_library
from mediacodecs.states import concealment

#: Words of a state: the place of the concealment, handle and owner (see `handles`), the library's number of the mode,
#: samples and octets of a frame.
PLACE, HANDLE, OWNER, MODE, SAMPLES, OCTETS = range(6)
WORDS = 6
_MODE_NUMBERS = {3200: 0, 2400: 1, 1600: 2, 1400: 3, 1300: 4, 1200: 5}

library = open_library("libcodec2.so.1.0", "libcodec2-1.0")


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder in the mode of `fmtp`; raises CodecUnavailable for anything but 8 kHz mono."""
    if (sample_rate, channels) != (8000, 1):
        raise CodecUnavailable("Codec2 has 8000 Hz and one channel")
    mode = codec2_mode(fmtp)
    ms, octets = CODEC2_MODES[mode]
    return np.array([WORDS, 0, 0, _MODE_NUMBERS[mode], 8 * ms, octets], np.int64)


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder with concealment; raises CodecUnavailable for anything but 8 kHz mono."""
    return concealment.behind(new_encoder(encoding, sample_rate, channels, fmtp), sample_rate, channels)
