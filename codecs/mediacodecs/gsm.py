"""GSM 06.10 full rate through libgsm (RTP payload RFC 3551 §4.5.8): 160 samples, 33 octets, 13 kbit/s.

libgsm's state has no pointers, so an image of a new one serves as the state of any stream in any process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediacodecs import plc
from mediacodecs.codec import CodecUnavailable
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import MALFORMED, NO_ROOM
from mediacodecs.library import open_library
from mediacodecs.memory import samples_at, words_at
from mediacodecs.streams import StreamCodec

_SAMPLES, _OCTETS = 160, 33
_IMAGE_AT = 8

_library = open_library("libgsm.so.1", "libgsm1")
_INT, _WORD = types.int32, types.int64
_encode = ForeignFunction(_library, "gsm_encode", _INT, _WORD, _WORD, _WORD)
_decode = ForeignFunction(_library, "gsm_decode", _INT, _WORD, _WORD, _WORD)

codec = partial(StreamCodec, "GSM", rtp_clock=8000, frame_ms=20)


def _new_image() -> NDArray[np.int64]:
    _library.gsm_create.restype = ctypes.c_void_p
    made = ctypes.c_void_p(_library.gsm_create())
    usable = ctypes.CDLL(None).malloc_usable_size
    usable.restype = ctypes.c_size_t
    octets = ctypes.string_at(made.value or 0, usable(made))
    _library.gsm_destroy(made)
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
    return plc.behind(new_encoder(encoding, sample_rate, channels, fmtp), sample_rate, channels)


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal and recover, for `frames.load`."""
    return _decode_at, _encode_at, plc.conceal_at, plc.recover_at


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    frames = count // _OCTETS
    if frames == 0 or count % _OCTETS != 0:
        return MALFORMED
    if frames * _SAMPLES > capacity:
        return NO_ROOM
    for i in range(frames):  # a frame without the signature 1101 is refused by libgsm
        if _decode(state + _IMAGE_AT, source + i * _OCTETS, target + 2 * i * _SAMPLES) != 0:
            return MALFORMED
    samples = frames * _SAMPLES
    plc.heard(words_at(state + 8 * words_at(state, 1)[0], plc.HEAD_WORDS), samples_at(target, capacity), samples)
    return samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    frames = count // _SAMPLES
    if frames == 0 or count % _SAMPLES != 0:
        return MALFORMED
    if frames * _OCTETS > capacity:
        return NO_ROOM
    for i in range(frames):
        _encode(state + _IMAGE_AT, source + 2 * i * _SAMPLES, target + i * _OCTETS)
    return frames * _OCTETS
