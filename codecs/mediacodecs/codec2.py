"""Codec2 through libcodec2: open digital voice of 1.2 to 3.2 kbit/s for radio links, 8 kHz; modes see `framing`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types

from mediacodecs import handles, plc
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import part
from mediacodecs.memory import samples_at, words_at
from mediacodecs.numbering import MALFORMED, NO_ROOM
from mediacodecs.states.codec2 import HANDLE, MODE, OCTETS, OWNER, PLACE, SAMPLES, WORDS, library
from mediacodecs.states.concealment import HEAD_WORDS
from mediacodecs.streams import StreamCodec

_INT, _WORD = types.int32, types.int64
_open = ForeignFunction(library, "codec2_create", _WORD, _INT)
_close = ForeignFunction(library, "codec2_destroy", _INT, _WORD)
_encode = ForeignFunction(library, "codec2_encode", _INT, _WORD, _WORD, _WORD)
_decode = ForeignFunction(library, "codec2_decode", _INT, _WORD, _WORD, _WORD)

codec = partial(StreamCodec, "CODEC2", rtp_clock=8000, frame_ms=20)


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover and release, for `frames.load`."""
    return _decode_at, _encode_at, plc.conceal_at, plc.recover_at, _release_at


@part
def _opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    if words[HANDLE] == 0 or words[OWNER] != handles.identity():
        words[HANDLE] = _open(np.int32(words[MODE]))
        words[OWNER] = handles.identity()
        if words[HANDLE] != 0:
            handles.count_opened()
    return words[HANDLE]


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, WORDS)
    frames, samples, handle = count // words[OCTETS], words[SAMPLES], _opened(words)
    if frames == 0 or count % words[OCTETS] != 0 or handle == 0:
        return MALFORMED
    if frames * samples > capacity:
        return NO_ROOM
    for i in range(frames):
        _decode(handle, target + 2 * i * samples, source + i * words[OCTETS])
    concealment = words_at(state + 8 * words[PLACE], HEAD_WORDS)
    plc.heard(concealment, samples_at(target, capacity), frames * samples)
    return frames * samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, WORDS)
    samples, handle = words[SAMPLES], _opened(words)
    frames = count // samples
    if frames == 0 or count % samples != 0 or handle == 0:
        return MALFORMED
    if frames * words[OCTETS] > capacity:
        return NO_ROOM
    for i in range(frames):
        _encode(handle, target + i * words[OCTETS], source + 2 * i * samples)
    return frames * words[OCTETS]


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, WORDS)
    if words[HANDLE] != 0 and words[OWNER] == handles.identity():
        _close(words[HANDLE])
        handles.count_closed()
    words[HANDLE] = 0
    return 0
