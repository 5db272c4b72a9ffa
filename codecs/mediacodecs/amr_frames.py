"""Packets of AMR and AMR-WB: frames of 20 ms that go through a library one by one (RFC 4867), from compiled code.

A lost frame is made up by the decoder itself. Modes follow the receiver's `mode-set` and the requests (CMR) in its
packets; the highest allowed is the first. `amr` and `amr_wb` say what the two do not have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mediacodecs import amr_library, amr_payload
from mediacodecs.amr_payload import NARROW_BITS, NARROW_SILENCE, NO_DATA, WIDE_BITS, WIDE_SILENCE
from mediacodecs.frames import part
from mediacodecs.memory import octets_at, words_at
from mediacodecs.numbering import MALFORMED, NO_ROOM
from mediacodecs.states.amr import WIDE, WORDS

NARROW_SAMPLES, WIDE_SAMPLES = 160, 320


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal, recover, release, follow and rests, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at, _release_at, _follow_at, _rests_at


@part
def _bits(words: Any) -> Any:
    return WIDE_BITS if words[WIDE] != 0 else NARROW_BITS


@part
def _frame_samples(words: Any) -> int:
    return WIDE_SAMPLES if words[WIDE] != 0 else NARROW_SAMPLES


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words, payload, storage = words_at(state, WORDS), octets_at(source, count), amr_payload.storage_of(state)
    bits, samples = _bits(words), _frame_samples(words)
    frames = amr_payload.count_frames(words, payload, count, bits)
    if frames <= 0 or amr_library.opened(words) == 0:
        return MALFORMED
    if frames * samples > capacity:
        return NO_ROOM
    position = amr_payload.first_speech_bit(words, frames)
    for i in range(frames):
        position = amr_payload.take_frame(words, payload, i, position, bits, storage)
        amr_library.decode_frame(words, storage, target + 2 * i * samples)
    return frames * samples


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    samples = _frame_samples(words)
    frames = count // samples
    if frames == 0 or count % samples != 0 or amr_library.opened(words) == 0:
        return MALFORMED
    if amr_payload.most_octets(frames) > capacity:
        return NO_ROOM
    out = octets_at(target, capacity)
    amr_payload.begin_payload(out, amr_payload.most_octets(frames))
    position, silent = amr_payload.first_speech_bit(words, frames), True
    for i in range(frames):
        mode = amr_payload.next_mode(words)
        amr_library.encode_frame(words, mode, state, source + 2 * i * samples, samples, storage)
        silent = silent and np.int64(storage[0]) >> 3 & 15 == NO_DATA
        position = amr_payload.put_frame(words, storage, frames, i, position, _bits(words), out)
    return 0 if silent else (position + 7) // 8


@part
def _conceal(state: int, count: int, target: int, capacity: int) -> Any:
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    samples = _frame_samples(words)
    if amr_library.opened(words) == 0 or count % samples != 0:
        return MALFORMED
    if count > capacity:
        return NO_ROOM
    for i in range(count // samples):
        storage[0] = NO_DATA << 3 | 4
        amr_library.decode_frame(words, storage, target + 2 * i * samples)
    return count


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return _conceal(state, count, target, capacity)


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return _conceal(state, capacity, target, capacity)


def _release_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    amr_library.close(words_at(state, WORDS))
    return 0


def _follow_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    return amr_payload.follow(words_at(state, WORDS), words_at(source, WORDS))


def _rests_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    """Whether the frame decoded last was a description of silence (SID)."""
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    silence = WIDE_SILENCE if words[WIDE] != 0 else NARROW_SILENCE
    return 1 if np.int64(storage[0]) >> 3 & 15 == silence else 0
