"""Reading the Opus tracks of a Matroska file (RFC 9559), also one that was cut off while it was written."""

from __future__ import annotations

from collections.abc import Iterator

from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.matroska import (
    CLUSTER,
    CODEC_ID,
    CODEC_PRIVATE,
    SEGMENT,
    SIMPLE_BLOCK,
    TRACK_ENTRY,
    TRACK_NUMBER,
    TRACKS,
)
from softswitch.media.recording.opus import PACKET
from softswitch.media.recording.reader import Reader, opus_reader

_WITHOUT_LACING = 0x06


def read_matroska(data: bytes) -> Reader:
    """The tracks of a file as channels side by side; raises SoundError."""
    heads: dict[int, bytes] = {}
    packets: dict[int, list[bytes]] = {}
    for identifier, begin, end in _walk(data, 0, len(data), frozenset({SEGMENT, CLUSTER, TRACKS})):
        if identifier == TRACK_ENTRY:
            number, head = _track(data, begin, end)
            if head:
                heads[number] = head
                packets[number] = []
        elif identifier == SIMPLE_BLOCK and end - begin > 4:
            number, size = _size(data, begin)
            if number in packets and not data[begin + size + 2] & _WITHOUT_LACING:
                packets[number].append(data[begin + size + 3 : end])
    if not heads:
        raise SoundError("a Matroska file without an Opus track")
    tracks = list(packets.values())
    length = min(len(track) for track in tracks)
    return opus_reader(tracks, next(iter(heads.values())), length * PACKET)


def _track(data: bytes, begin: int, end: int) -> tuple[int, bytes]:
    """Number and identification header of a track; none when it is not Opus."""
    number, codec, head = 0, b"", b""
    for identifier, at, until in _walk(data, begin, end, frozenset()):
        if identifier == TRACK_NUMBER:
            number = int.from_bytes(data[at:until], "big")
        elif identifier == CODEC_ID:
            codec = data[at:until]
        elif identifier == CODEC_PRIVATE:
            head = data[at:until]
    return number, head if codec == b"A_OPUS" and len(head) >= 19 else b""


def _walk(data: bytes, begin: int, end: int, inside: frozenset[int]) -> Iterator[tuple[int, int, int]]:
    """Elements one after the other as (id, begin, end); those of `inside` are entered and not given out."""
    at = begin
    while at < end:
        octets = 9 - data[at].bit_length()
        if octets > 4 or at + octets >= end:
            return
        identifier = int.from_bytes(data[at : at + octets], "big")
        at += octets
        size, octets = _size(data, at)
        at += octets
        if identifier in inside:
            continue
        if size < 0 or at + size > end:
            return  # cut off
        yield identifier, at, at + size
        at += size


def _size(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length (RFC 8794 §4) and the octets it takes; -1 when it is unknown or cut off."""
    first = data[at] if at < len(data) else 0
    octets = 9 - first.bit_length()
    if first == 0 or at + octets > len(data):
        return -1, 8
    value = int.from_bytes(data[at : at + octets], "big") & ((1 << 7 * octets) - 1)
    return (-1 if value == (1 << 7 * octets) - 1 else value), octets
