"""The state of GSM 06.10: libgsm's has no pointers, so an image of a new one serves any stream in any process."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from mediacodecs.codec import CodecUnavailable
from mediacodecs.library import open_library
from mediacodecs.states import concealment

#: Where in a state libgsm's begins, in octets; word 0 is the place of a decoder's concealment.
IMAGE_AT = 8

library = open_library("libgsm.so.1", "libgsm1")


def _new_image() -> NDArray[np.int64]:
    library.gsm_create.restype = ctypes.c_void_p
    made = ctypes.c_void_p(library.gsm_create())
    usable = ctypes.CDLL(None).malloc_usable_size
    usable.restype = ctypes.c_size_t
    octets = ctypes.string_at(made.value or 0, usable(made))
    library.gsm_destroy(made)
    return np.frombuffer(octets[: len(octets) // 8 * 8], np.int64)


_image = _new_image()
_WORDS = 1 + len(_image)


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder; raises CodecUnavailable for anything but 8 kHz mono."""
    if (sample_rate, channels) != (8000, 1):
        raise CodecUnavailable("GSM has 8000 Hz and one channel")
    state = np.zeros(_WORDS, np.int64)
    state[0], state[1:] = _WORDS, _image
    return state


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder with concealment; raises CodecUnavailable for anything but 8 kHz mono."""
    return concealment.behind(new_encoder(encoding, sample_rate, channels, fmtp), sample_rate, channels)
