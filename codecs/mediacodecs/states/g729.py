"""The state of G.729, whose library keeps its own in memory of its own: see `mediacodecs.handles`.

The library is under GPL-3.0, so it is loaded only where the operator has allowed that (`library.allow_gpl`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediacodecs.codec import CodecUnavailable
from mediacodecs.framing import parameters
from mediacodecs.library import open_library

#: Words of a state: handle and owner (see `handles`), whether it is an encoder, whether that may fall silent, or what a
#: decoder has decoded last was a description of silence; where the library puts the size of a frame, and its octets.
HANDLE, OWNER, ENCODES, QUIET, LENGTH, FRAME = range(6)
WORDS = 8

library = open_library("libbcg729.so.0", "libbcg729-0", gpl=True)


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder for a receiver's `fmtp`; raises CodecUnavailable for anything but 8 kHz mono."""
    state = new_decoder(encoding, sample_rate, channels, fmtp)
    state[ENCODES], state[QUIET] = True, parameters(fmtp).get("annexb", "yes").lower() != "no"
    return state


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder, which conceals by itself; raises CodecUnavailable for anything but 8 kHz mono."""
    if (sample_rate, channels) != (8000, 1):
        raise CodecUnavailable("G.729 has 8000 Hz and one channel")
    return np.zeros(WORDS, np.int64)
