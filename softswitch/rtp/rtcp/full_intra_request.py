"""The full intra request (PSFB FIR, RFC 5104 §4.3.1): a key frame for a new viewer."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

FORMAT = 4

_SSRCS = struct.Struct("!II")
_ENTRY = struct.Struct("!IB3x")


class Request(NamedTuple):
    """One source asked; `sequence_number` (0–255) grows with each new request and stays when it is repeated."""

    ssrc: int
    sequence_number: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """`sender_ssrc` asks every source in `requests`."""

    sender_ssrc: int
    requests: tuple[Request, ...]
    media_ssrc: int = 0

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.PAYLOAD_FEEDBACK))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body = packet.body
        if packet.counter != FORMAT or len(body) < 8 or len(body) % 8:
            raise RtpError("not a full intra request", len(body))
        sender, media = _SSRCS.unpack_from(body)
        return cls(sender, tuple(Request(*entry) for entry in _ENTRY.iter_unpack(body[8:])), media)

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        body = header.pack(_SSRCS, self.sender_ssrc, self.media_ssrc)
        body += b"".join(header.pack(_ENTRY, *request) for request in self.requests)
        return header.join(header.PAYLOAD_FEEDBACK, FORMAT, body)
