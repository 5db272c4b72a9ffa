"""The generic negative acknowledgement (RTPFB NACK, RFC 4585 §6.2.1): packets that did not arrive."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

FORMAT = 1

_SSRCS = struct.Struct("!II")
_ENTRY = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class NegativeAcknowledgement:
    """`lost` are the RTP sequence numbers missing from `media_ssrc`, in the order of the packet."""

    sender_ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.TRANSPORT_FEEDBACK))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body = packet.body
        if packet.counter != FORMAT or len(body) < 8:
            raise RtpError("not a generic negative acknowledgement", len(body))
        lost: list[int] = []
        for at in range(8, len(body) - 3, 4):
            first, mask = _ENTRY.unpack_from(body, at)
            lost.append(first)
            lost.extend((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)
        sender, media = _SSRCS.unpack_from(body)
        return cls(sender, media, tuple(lost))

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        entries = b"".join(header.pack(_ENTRY, first, mask) for first, mask in _entries(self.lost))
        body = header.pack(_SSRCS, self.sender_ssrc, self.media_ssrc) + entries
        return header.join(header.TRANSPORT_FEEDBACK, FORMAT, body)


def _entries(lost: Iterable[int]) -> list[tuple[int, int]]:
    """Sequence numbers joined to (first, mask of the sixteen after it)."""
    result: list[tuple[int, int]] = []
    for number in lost:
        if result:
            first, mask = result[-1]
            distance = (number - first) & 0xFFFF
            if 1 <= distance <= 16:
                result[-1] = first, mask | 1 << (distance - 1)
                continue
        result.append((number, 0))
    return result
