"""The receiver report (RFC 3550 §6.4.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header
from softswitch.rtp.rtcp.report_block import ReportBlock, parse_blocks

_LAYOUT = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What `ssrc`, which sends nothing itself, received; `extension` holds profile-specific octets."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()
    extension: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.RECEIVER_REPORT))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        if len(packet.body) < 4:
            raise RtpError("cut short in a receiver report", len(packet.body))
        blocks, extension = parse_blocks(packet.body, 4, packet.counter)
        return cls(_LAYOUT.unpack_from(packet.body)[0], blocks, extension)

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        body = header.pack(_LAYOUT, self.ssrc) + b"".join(block.serialize() for block in self.blocks) + self.extension
        return header.join(header.RECEIVER_REPORT, len(self.blocks), body)
