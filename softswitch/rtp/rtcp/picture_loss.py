"""The picture loss indication (PSFB PLI, RFC 4585 §6.3.1): send a key frame, the picture is broken."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

FORMAT = 1

_LAYOUT = struct.Struct("!II")


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """`sender_ssrc` asks the source `media_ssrc`."""

    sender_ssrc: int
    media_ssrc: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.PAYLOAD_FEEDBACK))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        if packet.counter != FORMAT or len(packet.body) != 8:
            raise RtpError("not a picture loss indication", len(packet.body))
        return cls(*_LAYOUT.unpack(packet.body))

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        return header.join(header.PAYLOAD_FEEDBACK, FORMAT, header.pack(_LAYOUT, self.sender_ssrc, self.media_ssrc))
