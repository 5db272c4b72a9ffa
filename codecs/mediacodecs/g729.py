"""G.729 with annexes A and B through libbcg729 (RTP payload RFC 3551 §4.5.6): 80 samples, 10 octets, 8 kbit/s.

The library is under GPL-3.0, so it is loaded only where the operator has allowed that (`library.allow_gpl`).

With annex B, which a receiver has unless its `a=fmtp` says `annexb=no` (RFC 4856 §2.1.9), silence is described by a
frame of two octets and then not sent. Such a frame can only be the last of a packet. What an encoder's packet leaves
out at its beginning is told by `frames.LEAD`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediacodecs import handles
from mediacodecs.codec import CodecUnavailable
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import LEAD, MALFORMED, NO_ROOM, part
from mediacodecs.framing import parameters
from mediacodecs.library import open_library
from mediacodecs.memory import octets_at, words_at
from mediacodecs.streams import StreamCodec

#: Words of a state: handle and owner (see `handles`), whether it is an encoder, whether that may fall silent, or what a
#: decoder has decoded last was a description of silence; where the library puts the size of a frame, and its octets.
_HANDLE, _OWNER, _ENCODES, _QUIET, _LENGTH, _FRAME = range(6)
_WORDS = 8
_SAMPLES, _OCTETS, _SILENCE_OCTETS = 80, 10, 2

_library = open_library("libbcg729.so.0", "libbcg729-0", gpl=True)
_INT, _WORD = types.int32, types.int64
_open_encoder = ForeignFunction(_library, "initBcg729EncoderChannel", _WORD, _INT)
_open_decoder = ForeignFunction(_library, "initBcg729DecoderChannel", _WORD)
_close_encoder = ForeignFunction(_library, "closeBcg729EncoderChannel", _INT, _WORD)
_close_decoder = ForeignFunction(_library, "closeBcg729DecoderChannel", _INT, _WORD)
_encode = ForeignFunction(_library, "bcg729Encoder", _INT, _WORD, _WORD, _WORD, _WORD)
_decode = ForeignFunction(_library, "bcg729Decoder", _INT, _WORD, _WORD, _INT, _INT, _INT, _INT, _WORD)

codec = partial(StreamCodec, "G729", rtp_clock=8000, frame_ms=10)


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder for a receiver's `fmtp`; raises CodecUnavailable for anything but 8 kHz mono."""
    _check(sample_rate, channels)
    state = np.zeros(_WORDS, np.int64)
    state[_ENCODES], state[_QUIET] = True, parameters(fmtp).get("annexb", "yes").lower() != "no"
    return state


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder, which conceals by itself; raises CodecUnavailable for anything but 8 kHz mono."""
    _check(sample_rate, channels)
    return np.zeros(_WORDS, np.int64)


def _check(sample_rate: int, channels: int) -> None:
    if (sample_rate, channels) != (8000, 1):
        raise CodecUnavailable("G.729 has 8000 Hz and one channel")


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover, release, follow and rests, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at, _release_at, _follow_at, _rests_at


@part
def _opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    if words[_HANDLE] == 0 or words[_OWNER] != handles.identity():
        words[_HANDLE] = _open_encoder(np.int32(words[_QUIET])) if words[_ENCODES] != 0 else _open_decoder()
        words[_OWNER] = handles.identity()
        if words[_HANDLE] != 0:
            handles.count_opened()
    return words[_HANDLE]


@part
def _decode_frame(handle: int, source: int, octets: int, lost: int, silence: int, target: int) -> None:
    _decode(handle, source, np.int32(octets), np.int32(lost), np.int32(silence), np.int32(0), target)


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, _WORDS)
    frames, silences = count // _OCTETS, count % _OCTETS // _SILENCE_OCTETS
    if count <= 0 or count % _OCTETS not in (0, _SILENCE_OCTETS) or _opened(words) == 0:
        return MALFORMED
    if (frames + silences) * _SAMPLES > capacity:
        return NO_ROOM
    for i in range(frames):
        _decode_frame(words[_HANDLE], source + i * _OCTETS, _OCTETS, 0, 0, target + 2 * i * _SAMPLES)
    if silences != 0:
        at = target + 2 * frames * _SAMPLES
        _decode_frame(words[_HANDLE], source + frames * _OCTETS, _SILENCE_OCTETS, 0, 1, at)
    words[_QUIET] = silences
    return (frames + silences) * _SAMPLES


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    """Of frames that are sent and others that are not, the last row of those that are makes the packet."""
    words = words_at(state, _WORDS)
    frames = count // _SAMPLES
    if frames == 0 or count % _SAMPLES != 0 or _opened(words) == 0:
        return MALFORMED
    if frames * _OCTETS > capacity:
        return NO_ROOM
    frame, out = octets_at(state + 8 * _FRAME, _OCTETS), octets_at(target, capacity)
    octets, begin, described, ended = 0, 0, False, False
    for i in range(frames):
        words[_LENGTH] = 0
        _encode(words[_HANDLE], source + 2 * i * _SAMPLES, state + 8 * _FRAME, state + 8 * _LENGTH)
        size = words[_LENGTH]
        if size == _OCTETS and ended:
            octets = 0
        elif size == _SILENCE_OCTETS and described:
            octets -= _SILENCE_OCTETS
        if octets == 0 and size > 0:
            begin = i
        for k in range(size):
            out[octets + k] = frame[k]
        octets += size
        described = size == _SILENCE_OCTETS or (described and size == 0)
        ended = size != _OCTETS
    return octets + LEAD * _SAMPLES * begin if octets > 0 else 0


@part
def _conceal(state: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, _WORDS)
    if count % _SAMPLES != 0 or _opened(words) == 0:
        return MALFORMED
    if count > capacity:
        return NO_ROOM
    for i in range(count // _SAMPLES):
        _decode_frame(words[_HANDLE], 0, 0, 1, 0, target + 2 * i * _SAMPLES)
    return count


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return _conceal(state, count, target, capacity)


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return _conceal(state, capacity, target, capacity)


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, _WORDS)
    if words[_HANDLE] != 0 and words[_OWNER] == handles.identity():
        if words[_ENCODES] != 0:
            _close_encoder(words[_HANDLE])
        else:
            _close_decoder(words[_HANDLE])
        handles.count_closed()
    words[_HANDLE] = 0
    return 0


def _follow_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return 0


def _rests_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return words_at(state, _WORDS)[_QUIET]
