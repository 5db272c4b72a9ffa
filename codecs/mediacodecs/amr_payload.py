"""RTP payloads of AMR and AMR-WB (RFC 4867 §4.3 bandwidth-efficient, §4.4 octet-aligned), without CRC and interleaving.

Frames go to and from the libraries in the storage format (§5.3): one octet with type and quality, then the speech bits
from the high end. Compiled parts for `amr` and `amr_wb`, on the states of
`mediacodecs.states.amr`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.frames import part
from mediacodecs.memory import octets_at, samples_at
from mediacodecs.numbering import MALFORMED
from mediacodecs.states.amr import (
    ALIGNED,
    ALLOWED,
    MODE,
    NEIGHBOUR,
    NO_REQUEST,
    PERIOD,
    SINCE,
    SPEECH,
    STORAGE,
    STORAGE_OCTETS,
    WISH,
)

#: The frame type without speech.
NO_DATA = 15
#: The frame types that describe a silence (3GPP TS 26.101, TS 26.201).
NARROW_SILENCE, WIDE_SILENCE = 8, 9
_MOST_FRAMES = 12

#: Bits of each frame type, −1 what there is not (3GPP TS 26.101, TS 26.201).
NARROW_BITS = np.array([95, 103, 118, 134, 148, 159, 204, 244, 39, -1, -1, -1, -1, -1, -1, 0], np.int64)
WIDE_BITS = np.array([132, 177, 253, 285, 317, 365, 397, 461, 477, 40, -1, -1, -1, -1, 0, 0], np.int64)


@part
def follow(encoder: Any, decoder: Any) -> int:
    """Note in an encoder's words the mode that the peer of the decoder's asked for (RFC 4867 §4.3.1)."""
    encoder[WISH] = decoder[WISH]
    return 0


@part
def _allowed_below(words: Any, mode: int) -> Any:
    """The highest mode allowed that is not above `mode`, or the lowest allowed."""
    for lower in range(mode, -1, -1):
        if words[ALLOWED] >> lower & 1:
            return lower
    for higher in range(mode, 16):
        if words[ALLOWED] >> higher & 1:
            return higher
    return mode


@part
def next_mode(words: Any) -> Any:
    """The mode of the frame to be encoded now, moving to the one asked for as the receiver lets us."""
    words[SINCE] += 1
    mode = words[MODE]
    if words[WISH] == NO_REQUEST or words[SINCE] < words[PERIOD]:
        return mode
    wanted = _allowed_below(words, words[WISH])
    if wanted == mode:
        return mode
    if words[NEIGHBOUR] != 0:
        step = 1 if wanted > mode else -1
        wanted = mode + step
        while words[ALLOWED] >> wanted & 1 == 0:
            wanted += step
    words[SINCE], words[MODE] = 0, wanted
    return wanted


@part
def _bits(payload: Any, position: int, count: int) -> Any:
    """`count` bits, 8 at most, from bit `position` on."""
    value = np.int64(payload[position >> 3]) << 8
    if (position & 7) + count > 8:
        value |= np.int64(payload[(position >> 3) + 1])
    return (value >> (16 - (position & 7) - count)) & ((1 << count) - 1)


@part
def _put_bits(payload: Any, position: int, count: int, value: int) -> None:
    """Set `count` bits, 8 at most, from bit `position` on; they must be zero."""
    shifted = value << (16 - (position & 7) - count)
    payload[position >> 3] |= np.uint8(shifted >> 8)
    if (position & 7) + count > 8:
        payload[(position >> 3) + 1] |= np.uint8(shifted & 0xFF)


@part
def count_frames(words: Any, payload: Any, size: int, sizes: Any) -> Any:
    """How many frames a payload has, MALFORMED when it is none; notes the mode it asks for."""
    aligned = words[ALIGNED] != 0
    first, step = (8, 8) if aligned else (4, 6)
    if size < 2:
        return MALFORMED
    bits, frames, position, more = 0, 0, first, 1
    while more != 0:
        if position + step > 8 * size or frames == _MOST_FRAMES:
            return MALFORMED
        more = _bits(payload, position, 1)
        length = sizes[_bits(payload, position + 1, 4)]
        if length < 0:
            return MALFORMED
        bits += (length + 7) // 8 * 8 if aligned else length
        frames += 1
        position += step
    if position + bits > 8 * size:
        return MALFORMED
    asked = _bits(payload, 0, 4)
    words[WISH] = asked if sizes[asked] >= sizes[0] else NO_REQUEST  # SID and what is reserved is no mode
    return frames


@part
def take_frame(words: Any, payload: Any, number: int, position: int, sizes: Any, storage: Any) -> Any:
    """Put frame `number`, whose speech begins at bit `position`, into `storage`; returns where the next one begins.

    A frame that the sender says is damaged is as good as none.
    """
    aligned = words[ALIGNED] != 0
    entry = 8 + 8 * number if aligned else 4 + 6 * number
    kind = _bits(payload, entry + 1, 4)
    length = sizes[kind]
    storage[0] = (kind if _bits(payload, entry + 5, 1) else NO_DATA) << 3 | 4
    octets = (length + 7) // 8
    for i in range(octets):
        count = min(length - 8 * i, 8)
        storage[1 + i] = _bits(payload, position + 8 * i, count) << (8 - count)
    return position + (8 * octets if aligned else length)


@part
def first_speech_bit(words: Any, frames: int) -> Any:
    """Where the speech of the first frame begins in a payload of so many."""
    return 8 + 8 * frames if words[ALIGNED] != 0 else 4 + 6 * frames


@part
def begin_payload(out: Any, octets: int) -> None:
    """Clear `out[:octets]` and ask the peer for no mode: all of them are welcome."""
    for i in range(octets):
        out[i] = 0
    _put_bits(out, 0, 4, NO_REQUEST)


@part
def put_frame(words: Any, storage: Any, frames: int, number: int, position: int, sizes: Any, out: Any) -> Any:
    """Add the frame in `storage` as number `number` of `frames`; returns the bit behind its speech."""
    aligned = words[ALIGNED] != 0
    kind = (np.int64(storage[0]) >> 3) & 15
    length = max(sizes[kind], 0)
    entry = (1 if number + 1 < frames else 0) << 5 | kind << 1 | 1
    _put_bits(out, 8 + 8 * number if aligned else 4 + 6 * number, 6, entry)
    octets = (length + 7) // 8
    for i in range(octets):
        count = min(length - 8 * i, 8)
        _put_bits(out, position + 8 * i, count, np.int64(storage[1 + i]) >> (8 - count))
    return position + (8 * octets if aligned else length)


@part
def most_octets(frames: int) -> Any:
    """More than a payload of so many frames can have."""
    return 2 + 62 * frames


@part
def storage_of(state: int) -> Any:
    """The place of one frame in a state."""
    return octets_at(state + 8 * STORAGE, STORAGE_OCTETS)


@part
def copy_speech(state: int, source: int, count: int) -> Any:
    """Copy int16[count] at `source` into a state, for an encoder that works in its input; returns where it is."""
    here, there = samples_at(state + 8 * SPEECH, count), samples_at(source, count)
    for i in range(count):
        here[i] = there[i]
    return state + 8 * SPEECH
