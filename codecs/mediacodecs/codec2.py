"""Codec2 through libcodec2: open digital voice of 1.2 to 3.2 kbit/s for radio links, 8 kHz; modes see `framing`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediacodecs import handles, plc
from mediacodecs.codec import CodecUnavailable
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import MALFORMED, NO_ROOM, part
from mediacodecs.framing import CODEC2_MODES, codec2_mode
from mediacodecs.library import open_library
from mediacodecs.memory import samples_at, words_at
from mediacodecs.streams import StreamCodec

#: Words of a state: the place of the concealment, handle and owner (see `handles`), the library's number of the mode,
#: samples and octets of a frame.
_PLACE, _HANDLE, _OWNER, _MODE, _SAMPLES, _OCTETS = range(6)
_WORDS = 6
_MODE_NUMBERS = {3200: 0, 2400: 1, 1600: 2, 1400: 3, 1300: 4, 1200: 5}

_library = open_library("libcodec2.so.1.0", "libcodec2-1.0")
_INT, _WORD = types.int32, types.int64
_open = ForeignFunction(_library, "codec2_create", _WORD, _INT)
_close = ForeignFunction(_library, "codec2_destroy", _INT, _WORD)
_encode = ForeignFunction(_library, "codec2_encode", _INT, _WORD, _WORD, _WORD)
_decode = ForeignFunction(_library, "codec2_decode", _INT, _WORD, _WORD, _WORD)

codec = partial(StreamCodec, "CODEC2", rtp_clock=8000, frame_ms=20)


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder in the mode of `fmtp`; raises CodecUnavailable for anything but 8 kHz mono."""
    if (sample_rate, channels) != (8000, 1):
        raise CodecUnavailable("Codec2 has 8000 Hz and one channel")
    mode = codec2_mode(fmtp)
    ms, octets = CODEC2_MODES[mode]
    return np.array([_WORDS, 0, 0, _MODE_NUMBERS[mode], 8 * ms, octets], np.int64)


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder with concealment; raises CodecUnavailable for anything but 8 kHz mono."""
    return plc.behind(new_encoder(encoding, sample_rate, channels, fmtp), sample_rate, channels)


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover and release, for `frames.load`."""
    return _decode_at, _encode_at, plc.conceal_at, plc.recover_at, _release_at


@part
def _opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    if words[_HANDLE] == 0 or words[_OWNER] != handles.identity():
        words[_HANDLE] = _open(np.int32(words[_MODE]))
        words[_OWNER] = handles.identity()
        if words[_HANDLE] != 0:
            handles.count_opened()
    return words[_HANDLE]


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, _WORDS)
    frames, samples, handle = count // words[_OCTETS], words[_SAMPLES], _opened(words)
    if frames == 0 or count % words[_OCTETS] != 0 or handle == 0:
        return MALFORMED
    if frames * samples > capacity:
        return NO_ROOM
    for i in range(frames):
        _decode(handle, target + 2 * i * samples, source + i * words[_OCTETS])
    concealment = words_at(state + 8 * words[_PLACE], plc.HEAD_WORDS)
    plc.heard(concealment, samples_at(target, capacity), frames * samples)
    return frames * samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, _WORDS)
    samples, handle = words[_SAMPLES], _opened(words)
    frames = count // samples
    if frames == 0 or count % samples != 0 or handle == 0:
        return MALFORMED
    if frames * words[_OCTETS] > capacity:
        return NO_ROOM
    for i in range(frames):
        _encode(handle, target + i * words[_OCTETS], source + 2 * i * samples)
    return frames * words[_OCTETS]


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, _WORDS)
    if words[_HANDLE] != 0 and words[_OWNER] == handles.identity():
        _close(words[_HANDLE])
        handles.count_closed()
    words[_HANDLE] = 0
    return 0
