"""The receiver's estimated maximum bit rate (PSFB REMB, draft-alvestrand-rmcat-remb-03 §2.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

FORMAT = 15

_LAYOUT = struct.Struct("!II4sI")
_NAME = b"REMB"


@dataclass(frozen=True, slots=True)
class BandwidthEstimate:
    """`bit_rate` in bit/s for the sources `ssrcs` together; on the wire it has 18 significant bits."""

    sender_ssrc: int
    bit_rate: int
    ssrcs: tuple[int, ...] = ()
    media_ssrc: int = 0

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.PAYLOAD_FEEDBACK))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body = packet.body
        if packet.counter != FORMAT or len(body) < _LAYOUT.size or body[8:12] != _NAME:
            raise RtpError("not a bandwidth estimate", len(body))
        sender, media, _, word = _LAYOUT.unpack_from(body)
        count = word >> 24
        if len(body) != _LAYOUT.size + 4 * count:
            raise RtpError("the sources of a bandwidth estimate do not fit its length", len(body))
        rate = (word & 0x3FFFF) << (word >> 18 & 0x3F)
        return cls(sender, rate, struct.unpack_from(f"!{count}I", body, _LAYOUT.size), media)

    def serialize(self) -> bytes:
        """The packet's octets, the bit rate rounded down to what fits; raises `RtpError`."""
        exponent = max(0, self.bit_rate.bit_length() - 18)
        if self.bit_rate < 0 or exponent > 63 or len(self.ssrcs) > 255:
            raise RtpError("a bandwidth estimate that cannot be written")
        word = len(self.ssrcs) << 24 | exponent << 18 | self.bit_rate >> exponent
        try:
            body = _LAYOUT.pack(self.sender_ssrc, self.media_ssrc, _NAME, word)
        except struct.error as error:
            raise RtpError(f"a field is out of range: {error}") from error
        body += header.pack(struct.Struct(f"!{len(self.ssrcs)}I"), *self.ssrcs)
        return header.join(header.PAYLOAD_FEEDBACK, FORMAT, body)
