"""The goodbye packet (RFC 3550 §6.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Sources that leave, and why (at most 255 octets of UTF-8, "" = no reason given)."""

    ssrcs: tuple[int, ...]
    reason: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.GOODBYE))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body, end = packet.body, 4 * packet.counter
        if len(body) < end:
            raise RtpError("fewer sources than the count says", len(body))
        reason = b""
        if len(body) > end:
            reason = body[end + 1 : end + 1 + body[end]]
            if len(reason) < body[end]:
                raise RtpError("cut short in the reason of a goodbye", len(body))
        return cls(struct.unpack_from(f"!{packet.counter}I", body), reason.decode("utf-8", "replace"))

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        body = header.pack(struct.Struct(f"!{len(self.ssrcs)}I"), *self.ssrcs)
        if self.reason:
            octets = self.reason.encode()
            if len(octets) > 255:
                raise RtpError("the reason of a goodbye is longer than 255 octets")
            text = bytes((len(octets),)) + octets
            body += text + bytes(-len(text) % 4)
        return header.join(header.GOODBYE, len(self.ssrcs), body)
