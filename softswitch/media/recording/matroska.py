"""Matroska files (RFC 9559) with Opus tracks: every write is one whole cluster, the segment's size stays unknown.

A track is anything that comes as packets with times; those made here are sound, others may stand beside them.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from pathlib import Path

from softswitch.media.recording.opus import CLOCK_HZ, PRE_SKIP, OpusPackets, OpusTrack, head
from softswitch.media.recording.writers import Block, File

EBML, SEGMENT, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
TIMESTAMP, SIMPLE_BLOCK, DURATION = 0xE7, 0xA3, 0x4489
TRACK_ENTRY, TRACK_NUMBER, TRACK_NAME, CODEC_ID, CODEC_PRIVATE = 0xAE, 0xD7, 0x536E, 0x86, 0x63A2
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_AUDIO_TRACK = 2
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
    content = [
        _number(TRACK_NUMBER, number),
        _number(0x73C5, secrets.randbits(56) | 1),
        _number(0x83, _AUDIO_TRACK),
        _number(0x9C, 0),  # no lacing
        _text(TRACK_NAME, name),
        _text(CODEC_ID, "A_OPUS"),
        _number(0x56AA, PRE_SKIP * 1_000_000_000 // CLOCK_HZ),
        _number(0x56BB, _SEEK_PRE_ROLL_NS),
        element(CODEC_PRIVATE, head(channels, rate_hz)),
        element(0xE1, audio),
    ]
    return element(TRACK_ENTRY, b"".join(content))


class MatroskaWriter:
    """One Matroska file; a track for each (name, channels)."""

    def __init__(self, path: Path, rate_hz: int, tracks: Sequence[tuple[str, int]]) -> None:
        self._coders = [OpusTrack(rate_hz, channels) for _, channels in tracks]
        self._packets = 0  # of each track, so far
        self._samples, self._rate_hz = 0, rate_hz
        ebml = [_number(0x4286, 1), _number(0x42F7, 1), _number(0x42F2, 4), _number(0x42F3, 8)]
        ebml += [_text(0x4282, "matroska"), _number(0x4287, 4), _number(0x4285, 2)]
        about = [_number(0x2AD7B1, 1_000_000), _text(0x4D80, "softswitch"), _text(0x5741, "softswitch")]
        duration = element(DURATION, struct.pack(">d", 0.0))
        entries = [_audio_track(i, name, rate_hz, channels) for i, (name, channels) in enumerate(tracks, 1)]
        begin = element(EBML, b"".join(ebml)) + SEGMENT.to_bytes(4, "big") + UNKNOWN_SIZE
        begin += element(INFO, b"".join(about) + duration)
        self._duration_at = len(begin) - 8
        self._file = File(path)
        try:
            self._file.append(begin + element(TRACKS, b"".join(entries)))
        except OSError:
            self._file.close()
            raise

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

    def _cluster(self, tracks: Sequence[OpusPackets]) -> None:
        """Write the packets of all tracks in the order of their times (which are milliseconds, RFC 9559 §10)."""
        count = len(tracks[0].sizes)
        if not count:
            return
        content = [_number(TIMESTAMP, self._packets * _PACKET_MS)]
        at = [0] * len(tracks)
        for k in range(count):
            for i, packets in enumerate(tracks):
                packet = packets.octets[at[i] : at[i] + packets.sizes[k]]
                at[i] += packets.sizes[k]
                block = bytes([0x80 | (i + 1)]) + struct.pack(">hB", k * _PACKET_MS, _KEYFRAME) + packet
                content.append(element(SIMPLE_BLOCK, block))
        self._file.append(element(CLUSTER, b"".join(content)))
        self._packets += count
