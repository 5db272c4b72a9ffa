"""The libraries of AMR and AMR-WB from compiled code: one function for each thing they do, for the kind a state is of.

Without one of these libraries its functions still compile, and `amr` or `amr_wb` cannot be imported.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import types

from mediacodecs import handles
from mediacodecs.amr_payload import copy_speech
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import part
from mediacodecs.library import open_library
from mediacodecs.states.amr import (
    DTX,
    ENCODES,
    HANDLE,
    NARROW_LIBRARIES,
    OWNER,
    WIDE,
    WIDE_LIBRARIES,
)


def _library(name: str, package: str) -> ctypes.CDLL | None:
    try:
        return open_library(name, package)
    except OSError:
        return None


_INT, _WORD = types.int32, types.int64
_narrow, _wide_decoders, _wide_encoders = (_library(*each) for each in NARROW_LIBRARIES + WIDE_LIBRARIES)
_open_narrow_decoder = ForeignFunction(_narrow, "Decoder_Interface_init", _WORD)
_open_narrow_encoder = ForeignFunction(_narrow, "Encoder_Interface_init", _WORD, _INT)
_decode_narrow = ForeignFunction(_narrow, "Decoder_Interface_Decode", _INT, _WORD, _WORD, _WORD, _INT)
_encode_narrow = ForeignFunction(_narrow, "Encoder_Interface_Encode", _INT, _WORD, _INT, _WORD, _WORD, _INT)
_close_narrow_decoder = ForeignFunction(_narrow, "Decoder_Interface_exit", _INT, _WORD)
_close_narrow_encoder = ForeignFunction(_narrow, "Encoder_Interface_exit", _INT, _WORD)
_open_wide_decoder = ForeignFunction(_wide_decoders, "D_IF_init", _WORD)
_open_wide_encoder = ForeignFunction(_wide_encoders, "E_IF_init", _WORD)
_decode_wide = ForeignFunction(_wide_decoders, "D_IF_decode", _INT, _WORD, _WORD, _WORD, _INT)
_encode_wide = ForeignFunction(_wide_encoders, "E_IF_encode", _INT, _WORD, _INT, _WORD, _WORD, _INT)
_close_wide_decoder = ForeignFunction(_wide_decoders, "D_IF_exit", _INT, _WORD)
_close_wide_encoder = ForeignFunction(_wide_encoders, "E_IF_exit", _INT, _WORD)


@part
def _open(words: Any) -> Any:
    if words[WIDE] != 0:
        return _open_wide_encoder() if words[ENCODES] != 0 else _open_wide_decoder()
    return _open_narrow_encoder(np.int32(words[DTX])) if words[ENCODES] != 0 else _open_narrow_decoder()


@part
def opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    if words[HANDLE] == 0 or words[OWNER] != handles.identity():
        words[HANDLE] = _open(words)
        words[OWNER] = handles.identity()
        if words[HANDLE] != 0:
            handles.count_opened()
    return words[HANDLE]


@part
def decode_frame(words: Any, storage: Any, target: int) -> None:
    """Decode the frame in `storage` to the address `target`."""
    if words[WIDE] != 0:
        _decode_wide(words[HANDLE], storage.ctypes.data, target, np.int32(0))
    else:
        _decode_narrow(words[HANDLE], storage.ctypes.data, target, np.int32(0))


@part
def encode_frame(words: Any, mode: int, state: int, source: int, samples: int, storage: Any) -> None:
    """Encode a frame from the address `source` into `storage`."""
    if words[WIDE] != 0:  # whose library takes discontinuous transmission with each frame
        _encode_wide(words[HANDLE], np.int32(mode), source, storage.ctypes.data, np.int32(words[DTX]))
    else:  # whose library spoils the samples it encodes
        speech = copy_speech(state, source, samples)
        _encode_narrow(words[HANDLE], np.int32(mode), speech, storage.ctypes.data, np.int32(0))


@part
def close(words: Any) -> None:
    """Give back what the library has allocated in this process."""
    if words[HANDLE] != 0 and words[OWNER] == handles.identity():
        if words[WIDE] != 0 and words[ENCODES] != 0:
            _close_wide_encoder(words[HANDLE])
        elif words[WIDE] != 0:
            _close_wide_decoder(words[HANDLE])
        elif words[ENCODES] != 0:
            _close_narrow_encoder(words[HANDLE])
        else:
            _close_narrow_decoder(words[HANDLE])
        handles.count_closed()
    words[HANDLE] = 0
