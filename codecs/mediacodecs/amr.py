"""AMR through libopencore-amrnb (RTP payload RFC 4867), from compiled code.

4.75 to 12.2 kbit/s, frames of 20 ms at 8 kHz. A lost frame is made up by the decoder itself. Modes follow the
receiver's `mode-set` and the requests (CMR) in its packets; the highest allowed is the first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types

from mediacodecs import amr_frames
from mediacodecs.amr_payload import DTX, ENCODES, HANDLE, NARROW_BITS, WORDS, copy_speech, follow
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import part
from mediacodecs.library import open_library
from mediacodecs.memory import words_at
from mediacodecs.streams import StreamCodec

SAMPLE_RATE = 8000
_SAMPLES, _MODES = 160, 8
_INT, _WORD = types.int32, types.int64
_library = open_library("libopencore-amrnb.so.0", "libopencore-amrnb0")
_open_decoder = ForeignFunction(_library, "Decoder_Interface_init", _WORD)
_open_encoder = ForeignFunction(_library, "Encoder_Interface_init", _WORD, _INT)
_decode = ForeignFunction(_library, "Decoder_Interface_Decode", _INT, _WORD, _WORD, _WORD, _INT)
_encode = ForeignFunction(_library, "Encoder_Interface_Encode", _INT, _WORD, _INT, _WORD, _WORD, _INT)
_close_decoder = ForeignFunction(_library, "Decoder_Interface_exit", _INT, _WORD)
_close_encoder = ForeignFunction(_library, "Encoder_Interface_exit", _INT, _WORD)

codec = partial(StreamCodec, "AMR", rtp_clock=SAMPLE_RATE, frame_ms=20)
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
    return amr_frames.keep_handle(
        words, _open_encoder(np.int32(words[DTX])) if words[ENCODES] != 0 else _open_decoder()
    )


@part
def _decode_frame(handle: Any, storage: Any, target: int) -> None:
    _decode(handle, storage.ctypes.data, target, np.int32(0))


@part
def _encode_frame(handle: Any, words: Any, mode: int, state: int, source: int, storage: Any) -> None:
    """The library spoils the samples it encodes, so it is given a copy."""
    speech = copy_speech(state, source, _SAMPLES)
    _encode(handle, np.int32(mode), speech, storage.ctypes.data, np.int32(0))


@part
def _close(words: Any) -> None:
    if words[ENCODES] != 0:
        _close_encoder(words[HANDLE])
    else:
        _close_decoder(words[HANDLE])


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.decode_packet(
        _opened, _decode_frame, NARROW_BITS, _SAMPLES, state, source, count, target, capacity
    )


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.encode_packet(
        _opened, _encode_frame, NARROW_BITS, _SAMPLES, state, source, count, target, capacity
    )


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.conceal(_opened, _decode_frame, _SAMPLES, state, count, target, capacity)


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.conceal(_opened, _decode_frame, _SAMPLES, state, capacity, target, capacity)


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_frames.release(_close, state)


def _follow_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return follow(words_at(state, WORDS), words_at(source, WORDS))
