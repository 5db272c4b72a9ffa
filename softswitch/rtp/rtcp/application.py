"""The application-defined packet (RFC 3550 §6.7): floor control of push-to-talk systems travels in it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

_SSRC = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Application:
    """`subtype` 0–31, `name` four ASCII octets, `data` a multiple of four octets."""

    subtype: int
    ssrc: int
    name: bytes
    data: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.APPLICATION))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body = packet.body
        if len(body) < 8:
            raise RtpError("cut short in an application packet", len(body))
        return cls(packet.counter, _SSRC.unpack_from(body)[0], body[4:8], body[8:])

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        if len(self.name) != 4:
            raise RtpError("the name of an application packet has four octets")
        return header.join(header.APPLICATION, self.subtype, header.pack(_SSRC, self.ssrc) + self.name + self.data)
