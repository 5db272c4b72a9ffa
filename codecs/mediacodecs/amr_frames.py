"""What AMR and AMR-WB have in common: packets of frames of 20 ms that go through a library one by one (RFC 4867).

Compiled parts for `amr` and `amr_wb`, which bring what the two libraries do not have in common as small parts of their
own: `opened(words)` the library's state, `decode(handle, storage, target)` one frame, `encode(handle, words, mode,
speech, storage)` one frame, `close(words)`. Their states begin with the words named in `amr_payload`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediacodecs import amr_payload, handles
from mediacodecs.amr_payload import HANDLE, NO_DATA, OWNER, WORDS
from mediacodecs.codec import CodecUnavailable
from mediacodecs.frames import MALFORMED, NO_ROOM, part
from mediacodecs.memory import octets_at, words_at

#: Makes a stream's state: encoding, sample rate, channels, fmtp.
MakeState = Callable[[str, int, int, str], NDArray[np.int64]]


def state_makers(rate: int, modes: int) -> tuple[MakeState, MakeState]:
    """What makes the state of an encoder for a receiver's `fmtp`, and of a decoder for what comes in our own packing.

    Both raise CodecUnavailable for another rate or several channels.
    """

    def make(encodes: bool) -> MakeState:
        def state(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
            if (sample_rate, channels) != (rate, 1):
                raise CodecUnavailable(f"{encoding} has {rate} Hz and one channel here")
            return amr_payload.new_state(modes, fmtp, encodes=encodes)

        return state

    return make(True), make(False)


@part
def own_handle(words: Any) -> Any:
    """The library's state that this process has made, 0 for none: another process's means nothing here."""
    return words[HANDLE] if words[OWNER] == handles.identity() else 0


@part
def keep_handle(words: Any, handle: Any) -> Any:
    """Note the library's state that was just made, 0 when there was no memory."""
    words[HANDLE] = handle
    words[OWNER] = handles.identity()
    if handle != 0:
        handles.count_opened()
    return words[HANDLE]


@part
def decode_packet(
    opened: Any, decode: Any, bits: Any, samples: int, state: int, source: int, count: int, target: int, capacity: int
) -> Any:
    """Decode a payload's frames of so many `samples`, whose types have so many `bits`; see `frames.decode_frame`."""
    words, payload, storage = words_at(state, WORDS), octets_at(source, count), amr_payload.storage_of(state)
    frames = amr_payload.count_frames(words, payload, count, bits)
    handle = opened(words)
    if frames <= 0 or handle == 0:
        return MALFORMED
    if frames * samples > capacity:
        return NO_ROOM
    position = amr_payload.first_speech_bit(words, frames)
    for i in range(frames):
        position = amr_payload.take_frame(words, payload, i, position, bits, storage)
        decode(handle, storage, target + 2 * i * samples)
    return frames * samples


@part
def encode_packet(
    opened: Any, encode: Any, bits: Any, samples: int, state: int, source: int, count: int, target: int, capacity: int
) -> Any:
    """Encode whole frames of so many `samples` into one payload; see `frames.encode_frame`."""
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    frames, handle = count // samples, opened(words)
    if frames == 0 or count % samples != 0 or handle == 0:
        return MALFORMED
    if amr_payload.most_octets(frames) > capacity:
        return NO_ROOM
    out = octets_at(target, capacity)
    amr_payload.begin_payload(out, amr_payload.most_octets(frames))
    position, silent = amr_payload.first_speech_bit(words, frames), True
    for i in range(frames):
        encode(handle, words, amr_payload.next_mode(words), state, source + 2 * i * samples, storage)
        silent = silent and np.int64(storage[0]) >> 3 & 15 == NO_DATA
        position = amr_payload.put_frame(words, storage, frames, i, position, bits, out)
    return 0 if silent else (position + 7) // 8


@part
def conceal(opened: Any, decode: Any, samples: int, state: int, count: int, target: int, capacity: int) -> Any:
    """Let the decoder make up `count` samples; see `frames.conceal_frame`."""
    words, storage = words_at(state, WORDS), amr_payload.storage_of(state)
    handle = opened(words)
    if handle == 0 or count % samples != 0:
        return MALFORMED
    if count > capacity:
        return NO_ROOM
    for i in range(count // samples):
        storage[0] = NO_DATA << 3 | 4
        decode(handle, storage, target + 2 * i * samples)
    return count


@part
def release(close: Any, state: int) -> Any:
    """Give back what the library has allocated in this process; see `frames.release_stream`."""
    words = words_at(state, WORDS)
    if own_handle(words) != 0:
        close(words)
        handles.count_closed()
    words[HANDLE] = 0
    return 0
