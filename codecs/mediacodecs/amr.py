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
from numpy.typing import NDArray

from mediacodecs import amr_payload, handles
from mediacodecs.amr_payload import DTX, ENCODES, HANDLE, NARROW_BITS, NO_DATA, OWNER, WORDS
from mediacodecs.codec import CodecUnavailable
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import MALFORMED, NO_ROOM, part
from mediacodecs.library import open_library
from mediacodecs.memory import octets_at, words_at
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


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder for a receiver's `fmtp`; raises CodecUnavailable for another rate or several channels."""
    return _new_state(sample_rate, channels, fmtp, encodes=True)


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder of what comes in our `fmtp`'s packing; raises CodecUnavailable as above."""
    return _new_state(sample_rate, channels, fmtp, encodes=False)


def _new_state(sample_rate: int, channels: int, fmtp: str, *, encodes: bool) -> NDArray[np.int64]:
    if (sample_rate, channels) != (SAMPLE_RATE, 1):
        raise CodecUnavailable(f"AMR has {SAMPLE_RATE} Hz and one channel here")
    return amr_payload.new_state(_MODES, fmtp, encodes=encodes)


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover, release and follow, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at, _release_at, _follow_at


@part
def _opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    if words[HANDLE] == 0 or words[OWNER] != handles.identity():
        words[HANDLE] = _open_encoder(np.int32(words[DTX])) if words[ENCODES] != 0 else _open_decoder()
        words[OWNER] = handles.identity()
        if words[HANDLE] != 0:
            handles.count_opened()
    return words[HANDLE]


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words, payload, storage = words_at(state, WORDS), octets_at(source, count), amr_payload.storage_of(state)
    frames = amr_payload.count_frames(words, payload, count, NARROW_BITS)
    handle = _opened(words)
    if frames <= 0 or handle == 0:
        return MALFORMED
    if frames * _SAMPLES > capacity:
        return NO_ROOM
    position = amr_payload.first_speech_bit(words, frames)
    for i in range(frames):
        position = amr_payload.take_frame(words, payload, i, position, NARROW_BITS, storage)
        _decode(handle, storage.ctypes.data, target + 2 * i * _SAMPLES, np.int32(0))
    return frames * _SAMPLES


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    frames, handle = count // _SAMPLES, _opened(words)
    if frames == 0 or count % _SAMPLES != 0 or handle == 0:
        return MALFORMED
    if amr_payload.most_octets(frames) > capacity:
        return NO_ROOM
    out = octets_at(target, capacity)
    amr_payload.begin_payload(out, amr_payload.most_octets(frames))
    position, silent = amr_payload.first_speech_bit(words, frames), True
    for i in range(frames):
        mode = np.int32(amr_payload.next_mode(words))
        speech = amr_payload.copy_speech(state, source + 2 * i * _SAMPLES, _SAMPLES)
        _encode(handle, mode, speech, storage.ctypes.data, np.int32(0))
        silent = silent and np.int64(storage[0]) >> 3 & 15 == NO_DATA
        position = amr_payload.put_frame(words, storage, frames, i, position, NARROW_BITS, out)
    return 0 if silent else (position + 7) // 8


@part
def _conceal(state: int, count: int, target: int, capacity: int) -> Any:
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    handle = _opened(words)
    if handle == 0 or count % _SAMPLES != 0:
        return MALFORMED
    if count > capacity:
        return NO_ROOM
    for i in range(count // _SAMPLES):
        storage[0] = NO_DATA << 3 | 4
        _decode(handle, storage.ctypes.data, target + 2 * i * _SAMPLES, np.int32(0))
    return count


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return _conceal(state, count, target, capacity)


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return _conceal(state, capacity, target, capacity)


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, WORDS)
    if words[HANDLE] != 0 and words[OWNER] == handles.identity():
        if words[ENCODES] != 0:
            _close_encoder(words[HANDLE])
        else:
            _close_decoder(words[HANDLE])
        handles.count_closed()
    words[HANDLE] = 0
    return 0


def _follow_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_payload.follow(words_at(state, WORDS), words_at(source, WORDS))
