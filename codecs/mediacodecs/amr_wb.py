"""AMR-WB through libopencore-amrwb and, encoding, libvo-amrwbenc (RTP payload RFC 4867), from compiled code.

6.6 to 23.85 kbit/s, frames of 20 ms at 16 kHz. A lost frame is made up by the decoder itself. Modes follow the
receiver's `mode-set` and the requests (CMR) in its packets; the highest allowed is the first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types

from mediacodecs import amr_frames
from mediacodecs.amr_payload import DTX, ENCODES, HANDLE, WIDE_BITS, WORDS, follow
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import part
from mediacodecs.library import open_library
from mediacodecs.memory import words_at
from mediacodecs.streams import StreamCodec

SAMPLE_RATE = 16000
_SAMPLES, _MODES = 320, 9
_INT, _WORD = types.int32, types.int64
_decoders = open_library("libopencore-amrwb.so.0", "libopencore-amrwb0")
_encoders = open_library("libvo-amrwbenc.so.0", "libvo-amrwbenc0")
_open_decoder = ForeignFunction(_decoders, "D_IF_init", _WORD)
_open_encoder = ForeignFunction(_encoders, "E_IF_init", _WORD)
_decode = ForeignFunction(_decoders, "D_IF_decode", _INT, _WORD, _WORD, _WORD, _INT)
_encode = ForeignFunction(_encoders, "E_IF_encode", _INT, _WORD, _INT, _WORD, _WORD, _INT)
_close_decoder = ForeignFunction(_decoders, "D_IF_exit", _INT, _WORD)
_close_encoder = ForeignFunction(_encoders, "E_IF_exit", _INT, _WORD)

codec = partial(StreamCodec, "AMR-WB", rtp_clock=SAMPLE_RATE, frame_ms=20)
new_encoder, new_decoder = amr_frames.state_makers(SAMPLE_RATE, _MODES)


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover, release and follow, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at, _release_at, _follow_at


@part
def _opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    handle = amr_frames.own_handle(words)
    if handle != 0:
        return handle
    return amr_frames.keep_handle(words, _open_encoder() if words[ENCODES] != 0 else _open_decoder())


@part
def _decode_frame(handle: Any, storage: Any, target: int) -> None:
    _decode(handle, storage.ctypes.data, target, np.int32(0))


@part
def _encode_frame(handle: Any, words: Any, mode: int, state: int, source: int, storage: Any) -> None:
    """The library takes discontinuous transmission with each frame."""
    _encode(handle, np.int32(mode), source, storage.ctypes.data, np.int32(words[DTX]))


@part
def _close(words: Any) -> None:
    if words[ENCODES] != 0:
        _close_encoder(words[HANDLE])
    else:
        _close_decoder(words[HANDLE])


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.decode_packet(_opened, _decode_frame, WIDE_BITS, _SAMPLES, state, source, count, target, capacity)


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.encode_packet(_opened, _encode_frame, WIDE_BITS, _SAMPLES, state, source, count, target, capacity)


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.conceal(_opened, _decode_frame, _SAMPLES, state, count, target, capacity)


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.conceal(_opened, _decode_frame, _SAMPLES, state, capacity, target, capacity)


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.release(_close, state)


def _follow_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return follow(words_at(state, WORDS), words_at(source, WORDS))
