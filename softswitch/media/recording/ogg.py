"""Ogg-Opus files (RFC 3533, RFC 7845), written page by page: each page is whole when it is on disk."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softswitch.media.recording.opus import CLOCK_HZ, PACKET, PRE_SKIP, OpusPackets, OpusTrack, head
from softswitch.media.recording.writers import Block, File

_FIRST, _LAST = 0x02, 0x04
_VENDOR = b"softswitch"
_POLYNOMIAL = 0x04C11DB7
#: Packets in a page: each takes at most six of the 255 places of a page's segment table.
_PACKETS_IN_PAGE = 42


@cache
def _table() -> NDArray[np.uint32]:
    values = []
    for octet in range(256):
        value = octet << 24
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        values.append(value & 0xFFFFFFFF)
    return np.array(values, np.uint32)


def checksum(page: bytes) -> int:
    """The checksum of a page whose own field is zero."""
    from softswitch.media.recording import loops

    return int(loops.ogg_checksum(np.frombuffer(bytearray(page), np.uint8), _table()))


class OggWriter:
    """One Ogg-Opus file."""

    def __init__(self, path: Path, rate_hz: int, channels: int) -> None:
        self._track = OpusTrack(rate_hz, channels)
        self._rate_hz = rate_hz
        self._serial = secrets.randbits(32)
        self._pages = 0
        self._granule = 0
        self._samples = 0
        self._file = File(path)
        identification = head(channels, rate_hz)
        tags = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)
        try:
            self._page(OpusPackets(identification, [len(identification)]), _FIRST)
            self._page(OpusPackets(tags, [len(tags)]), 0)
        except OSError:
            self._file.close()
            raise

    def write(self, blocks: Sequence[Block]) -> None:
        """See Writer."""
        (block,) = blocks
        self._samples += len(block)
        self._put(self._track.encode(block))

    def close(self) -> None:
        """See Writer. The last page says how many samples are meant (RFC 7845 §4.4)."""
        try:
            last = self._track.finish()
            self._granule = PRE_SKIP + self._samples * CLOCK_HZ // self._rate_hz
            self._page(last, _LAST)
        finally:
            self._file.close()

    def _put(self, packets: OpusPackets) -> None:
        at = 0
        for begin in range(0, len(packets.sizes), _PACKETS_IN_PAGE):
            sizes = packets.sizes[begin : begin + _PACKETS_IN_PAGE]
            octets = sum(sizes)
            self._granule += PACKET * len(sizes)
            self._page(OpusPackets(packets.octets[at : at + octets], sizes), 0)
            at += octets

    def _page(self, packets: OpusPackets, flags: int) -> None:
        segments = b"".join(b"\xff" * (size // 255) + bytes([size % 255]) for size in packets.sizes)
        begin = struct.pack("<4sBBqII", b"OggS", 0, flags, self._granule, self._serial, self._pages)
        end = bytes([len(segments)]) + segments + packets.octets
        page = begin + bytes(4) + end
        self._file.append(begin + struct.pack("<I", checksum(page)) + end)
        self._pages += 1
