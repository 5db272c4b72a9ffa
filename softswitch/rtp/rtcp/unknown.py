"""RTCP packets of types or formats not known here: kept as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from softswitch.rtp.rtcp import header


@dataclass(frozen=True, slots=True)
class UnknownPacket:
    """`count` is the five-bit field of the head, `body` everything after the head."""

    packet_type: int
    count: int
    body: bytes

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Keep a packet already cut out."""
        return cls(packet.packet_type, packet.counter, packet.body)

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        return header.join(self.packet_type, self.count, self.body)
