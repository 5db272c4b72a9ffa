"""Matroska files (RFC 9559) of Opus and pictures: every write is one whole cluster, the segment's size stays unknown.

What pictures there will be is not known when a file begins: an empty element keeps the place of their track entries,
and one is written there when the first key picture of a source has told what it is.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from softswitch.media.recording.coded import Coded
from softswitch.media.recording.opus import CLOCK_HZ, PRE_SKIP, OpusPackets, OpusTrack, head
from softswitch.media.recording.writers import Block, File

EBML, SEGMENT, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
TIMESTAMP, SIMPLE_BLOCK, DURATION = 0xE7, 0xA3, 0x4489
TRACK_ENTRY, TRACK_NUMBER, TRACK_NAME, CODEC_ID, CODEC_PRIVATE = 0xAE, 0xD7, 0x536E, 0x86, 0x63A2
VOID = 0xEC
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_VIDEO_TRACK, _AUDIO_TRACK = 1, 2
#: Kept for the track entries of pictures, an id and eight octets of size included.
_PICTURE_ROOM, _VOID_HEAD = 4096, 9
_MOST_TRACKS = 126  # whose number takes one octet
_PACKET_MS = 20
_KEYFRAME = 0x80
_SEEK_PRE_ROLL_NS = 80_000_000  # RFC 7845 §4.6


def element(identifier: int, content: bytes) -> bytes:
    """One EBML element: its id, the size in eight octets, the content (RFC 8794 §4–§6)."""
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + struct.pack(">Q", len(content) | 1 << 56) + content


def _number(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big"))


def _text(identifier: int, value: str) -> bytes:
    return element(identifier, value.encode())


def _audio_track(number: int, name: str, rate_hz: int, channels: int) -> bytes:
    audio = element(0xB5, struct.pack(">d", CLOCK_HZ)) + _number(0x9F, channels)
    return _track(
        number,
        name,
        _AUDIO_TRACK,
        "A_OPUS",
        _number(0x56AA, PRE_SKIP * 1_000_000_000 // CLOCK_HZ),
        _number(0x56BB, _SEEK_PRE_ROLL_NS),
        element(CODEC_PRIVATE, head(channels, rate_hz)),
        element(0xE1, audio),
    )


def _picture_track(number: int, name: str, coded: Coded) -> bytes:
    size = element(0xE0, _number(0xB0, coded.width) + _number(0xBA, coded.height))
    private = element(CODEC_PRIVATE, coded.private) if coded.private else b""
    return _track(number, name, _VIDEO_TRACK, coded.codec_id, private, size)


def _track(number: int, name: str, kind: int, codec_id: str, *more: bytes) -> bytes:
    content = [
        _number(TRACK_NUMBER, number),
        _number(0x73C5, secrets.randbits(56) | 1),
        _number(0x83, kind),
        _number(0x9C, 0),  # no lacing
        _text(TRACK_NAME, name),
        _text(CODEC_ID, codec_id),
        *more,
    ]
    return element(TRACK_ENTRY, b"".join(content))


def _block(track: int, at_ms: int, payload: bytes, *, key: bool = True) -> bytes:
    """A SimpleBlock (RFC 9559 §10.2); its time counts from that of its cluster."""
    return element(SIMPLE_BLOCK, bytes([0x80 | track]) + struct.pack(">hB", at_ms, _KEYFRAME * key) + payload)


class MatroskaWriter:
    """One Matroska file; a track of sound for each (name, channels), and with `pictures` those that are shown."""

    def __init__(self, path: Path, rate_hz: int, tracks: Sequence[tuple[str, int]], *, pictures: bool = False) -> None:
        self._coders = [OpusTrack(rate_hz, channels) for _, channels in tracks]
        self._packets = 0  # of each track, so far
        self._samples, self._rate_hz = 0, rate_hz
        self._picture_tracks: dict[tuple[str, str], int] = {}  # by name and codec
        self._pictures: list[tuple[int, bytes, bool, int]] = []  # track, data, key, milliseconds
        begin = _beginning()
        self._duration_at = len(begin) - 8
        entries = b"".join(_audio_track(i, name, rate_hz, channels) for i, (name, channels) in enumerate(tracks, 1))
        self._room = element(VOID, bytes(_PICTURE_ROOM - _VOID_HEAD)) if pictures else b""
        begin += element(TRACKS, entries + self._room)
        self._room_at, self._room_octets = len(begin) - len(self._room), len(self._room)
        self._file = File(path)
        try:
            self._file.append(begin)
        except OSError:
            self._file.close()
            raise

    def show(self, name: str, pictures: Iterable[tuple[int, Coded]]) -> int:
        """Keep pictures, each with its time in milliseconds, for the next write; returns how many found no track.

        Raises OSError.
        """
        refused = 0
        for at_ms, coded in pictures:
            track = self._picture_tracks.get((name, coded.codec_id)) or self._add_track(name, coded)
            if track:
                self._pictures.append((track, coded.data, coded.key, at_ms))
            else:
                refused += 1
        return refused

    def write(self, blocks: Sequence[Block]) -> None:
        """See Writer."""
        self._samples += len(blocks[0])
        self._cluster([coder.encode(block) for coder, block in zip(self._coders, blocks, strict=True)])

    def close(self) -> None:
        """See Writer."""
        try:
            self._cluster([coder.finish() for coder in self._coders])
            self._file.change(self._duration_at, struct.pack(">d", self._samples * 1000 / self._rate_hz))
        finally:
            self._file.close()

    def _add_track(self, name: str, coded: Coded) -> int:
        """The number of a new track of pictures, 0 when it cannot be described: no key picture, or no room."""
        number = len(self._coders) + len(self._picture_tracks) + 1
        entry = _picture_track(number, name, coded)
        rest = self._room_octets - len(entry)
        if not coded.key or rest < _VOID_HEAD or number > _MOST_TRACKS:
            return 0
        self._file.change(self._room_at, entry + element(VOID, bytes(rest - _VOID_HEAD)))
        self._room_at, self._room_octets = self._room_at + len(entry), rest
        self._picture_tracks[name, coded.codec_id] = number
        return number

    def _cluster(self, tracks: Sequence[OpusPackets]) -> None:
        """Write the packets of all tracks in the order of their times (which are milliseconds, RFC 9559 §10)."""
        count = len(tracks[0].sizes)
        if not count:
            return
        begin_ms = self._packets * _PACKET_MS
        blocks = [*_sound_blocks(tracks), *self._picture_blocks(begin_ms)]
        blocks.sort(key=lambda block: block[0])
        content = b"".join(block for _, block in blocks)
        self._file.append(element(CLUSTER, _number(TIMESTAMP, begin_ms) + content))
        self._packets += count
        self._pictures.clear()

    def _picture_blocks(self, begin_ms: int) -> Iterator[tuple[int, bytes]]:
        """Those of one track stay in the order in which they are decoded."""
        latest: dict[int, int] = {}
        for track, data, key, at_ms in self._pictures:
            at = min(max(at_ms - begin_ms, -0x8000), 0x7FFF)
            latest[track] = max(latest.get(track, at), at)
            yield latest[track], _block(track, at, data, key=key)


def _beginning() -> bytes:
    """The file's head up to the duration, which is its end."""
    ebml = [_number(0x4286, 1), _number(0x42F7, 1), _number(0x42F2, 4), _number(0x42F3, 8)]
    ebml += [_text(0x4282, "matroska"), _number(0x4287, 4), _number(0x4285, 2)]
    about = [_number(0x2AD7B1, 1_000_000), _text(0x4D80, "softswitch"), _text(0x5741, "softswitch")]
    duration = element(DURATION, struct.pack(">d", 0.0))
    begin = element(EBML, b"".join(ebml)) + SEGMENT.to_bytes(4, "big") + UNKNOWN_SIZE
    return begin + element(INFO, b"".join(about) + duration)


def _sound_blocks(tracks: Sequence[OpusPackets]) -> Iterator[tuple[int, bytes]]:
    for i, packets in enumerate(tracks, 1):
        at = 0
        for k, size in enumerate(packets.sizes):
            yield k * _PACKET_MS, _block(i, k * _PACKET_MS, packets.octets[at : at + size])
            at += size
