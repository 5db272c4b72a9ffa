"""G.729 with annexes A and B through libbcg729 (RTP payload RFC 3551 §4.5.6): 80 samples, 10 octets, 8 kbit/s.

With annex B, which a receiver has unless its `a=fmtp` says `annexb=no` (RFC 4856 §2.1.9), silence is described by a
frame of two octets and then not sent. Such a frame can only be the last of a packet. What an encoder's packet leaves
out at its beginning is told by `numbering.LEAD`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types

from mediacodecs import handles
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import part
from mediacodecs.memory import octets_at, words_at
from mediacodecs.numbering import LEAD, MALFORMED, NO_ROOM
from mediacodecs.states.g729 import ENCODES, FRAME, HANDLE, LENGTH, OWNER, QUIET, WORDS, library
from mediacodecs.streams import StreamCodec

_SAMPLES, _OCTETS, _SILENCE_OCTETS = 80, 10, 2

_INT, _WORD = types.int32, types.int64
_open_encoder = ForeignFunction(library, "initBcg729EncoderChannel", _WORD, _INT)
_open_decoder = ForeignFunction(library, "initBcg729DecoderChannel", _WORD)
_close_encoder = ForeignFunction(library, "closeBcg729EncoderChannel", _INT, _WORD)
_close_decoder = ForeignFunction(library, "closeBcg729DecoderChannel", _INT, _WORD)
_encode = ForeignFunction(library, "bcg729Encoder", _INT, _WORD, _WORD, _WORD, _WORD)
_decode = ForeignFunction(library, "bcg729Decoder", _INT, _WORD, _WORD, _INT, _INT, _INT, _INT, _WORD)

codec = partial(StreamCodec, "G729", rtp_clock=8000, frame_ms=10)


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover, release, follow and rests, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at, _release_at, _follow_at, _rests_at


@part
def _opened(words: Any) -> Any:
    """The library's own state, made when there is none in this process; 0 when there is no memory."""
    if words[HANDLE] == 0 or words[OWNER] != handles.identity():
        words[HANDLE] = _open_encoder(np.int32(words[QUIET])) if words[ENCODES] != 0 else _open_decoder()
        words[OWNER] = handles.identity()
        if words[HANDLE] != 0:
            handles.count_opened()
    return words[HANDLE]


@part
def _decode_frame(handle: int, source: int, octets: int, lost: int, silence: int, target: int) -> None:
    _decode(handle, source, np.int32(octets), np.int32(lost), np.int32(silence), np.int32(0), target)


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words = words_at(state, WORDS)
    frames, silences = count // _OCTETS, count % _OCTETS // _SILENCE_OCTETS
    if count <= 0 or count % _OCTETS not in (0, _SILENCE_OCTETS) or _opened(words) == 0:
        return MALFORMED
    if (frames + silences) * _SAMPLES > capacity:
        return NO_ROOM
    for i in range(frames):
        _decode_frame(words[HANDLE], source + i * _OCTETS, _OCTETS, 0, 0, target + 2 * i * _SAMPLES)
    if silences != 0:
        at = target + 2 * frames * _SAMPLES
        _decode_frame(words[HANDLE], source + frames * _OCTETS, _SILENCE_OCTETS, 0, 1, at)
    words[QUIET] = silences
    return (frames + silences) * _SAMPLES


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    """Of frames that are sent and others that are not, the last row of those that are makes the packet."""
    words = words_at(state, WORDS)
    frames = count // _SAMPLES
    if frames == 0 or count % _SAMPLES != 0 or _opened(words) == 0:
        return MALFORMED
    if frames * _OCTETS > capacity:
        return NO_ROOM
    frame, out = octets_at(state + 8 * FRAME, _OCTETS), octets_at(target, capacity)
    octets, begin, described, ended = 0, 0, False, False
    for i in range(frames):
        words[LENGTH] = 0
        _encode(words[HANDLE], source + 2 * i * _SAMPLES, state + 8 * FRAME, state + 8 * LENGTH)
        size = words[LENGTH]
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
    words = words_at(state, WORDS)
    if count % _SAMPLES != 0 or _opened(words) == 0:
        return MALFORMED
    if count > capacity:
        return NO_ROOM
    for i in range(count // _SAMPLES):
        _decode_frame(words[HANDLE], 0, 0, 1, 0, target + 2 * i * _SAMPLES)
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
    return 0


def _rests_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return words_at(state, WORDS)[QUIET]
