"""GSM 06.10 full rate through libgsm (RTP payload RFC 3551 §4.5.8): 160 samples, 33 octets, 13 kbit/s."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import types

from mediacodecs import plc
from mediacodecs.foreign import ForeignFunction
from mediacodecs.memory import samples_at, words_at
from mediacodecs.numbering import MALFORMED, NO_ROOM
from mediacodecs.states.concealment import HEAD_WORDS
from mediacodecs.states.gsm import IMAGE_AT, library
from mediacodecs.streams import StreamCodec

_SAMPLES, _OCTETS = 160, 33

_INT, _WORD = types.int32, types.int64
_encode = ForeignFunction(library, "gsm_encode", _INT, _WORD, _WORD, _WORD)
_decode = ForeignFunction(library, "gsm_decode", _INT, _WORD, _WORD, _WORD)

codec = partial(StreamCodec, "GSM", rtp_clock=8000, frame_ms=20)


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
        if _decode(state + IMAGE_AT, source + i * _OCTETS, target + 2 * i * _SAMPLES) != 0:
            return MALFORMED
    samples = frames * _SAMPLES
    plc.heard(words_at(state + 8 * words_at(state, 1)[0], HEAD_WORDS), samples_at(target, capacity), samples)
    return samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    frames = count // _SAMPLES
    if frames == 0 or count % _SAMPLES != 0:
        return MALFORMED
    if frames * _OCTETS > capacity:
        return NO_ROOM
    for i in range(frames):
        _encode(state + IMAGE_AT, source + 2 * i * _SAMPLES, target + i * _OCTETS)
    return frames * _OCTETS
