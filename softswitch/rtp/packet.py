"""The RTP packet (RFC 3550 §5.1): fixed header, contributing sources, header extension, payload, padding."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.extensions import Extension, parse_extensions, serialize_extensions

VERSION = 2

_FIXED = struct.Struct("!BBHII")
_EXTENSION_HEAD = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet.

    `timestamp` counts ticks of the payload's clock. `extension_profile` is the 16-bit word before the header extension
    (0xBEDE one-byte, 0x1000 two-byte form of RFC 8285; None: no extension) and `extension` its octets, a multiple of
    four. `padding` is the number of padding octets, which include the count at the end.
    """

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension_profile: int | None = None
    extension: bytes = b""
    padding: int = 0

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a packet; raises `RtpError`."""
        if len(data) < 12:
            raise RtpError(f"an RTP packet has at least 12 octets, this has {len(data)}", len(data))
        first, second, sequence_number, timestamp, ssrc = _FIXED.unpack_from(data)
        if first >> 6 != VERSION:
            raise RtpError(f"RTP version {first >> 6}")
        count = first & 0x0F
        start = 12 + 4 * count
        if len(data) < start:
            raise RtpError("cut short in the contributing sources", len(data))
        csrcs = struct.unpack_from(f"!{count}I", data, 12) if count else ()
        profile, extension = None, b""
        if first & 0x10:
            if len(data) < start + 4:
                raise RtpError("cut short in the header extension", len(data))
            profile, words = _EXTENSION_HEAD.unpack_from(data, start)
            start += 4
            extension = bytes(data[start : start + 4 * words])
            if len(extension) < 4 * words:
                raise RtpError("cut short in the header extension", len(data))
            start += 4 * words
        padding = 0
        if first & 0x20:
            padding = data[-1]
            if not 0 < padding <= len(data) - start:
                raise RtpError(f"{padding} octets of padding in {len(data) - start}", len(data) - 1)
        payload = bytes(data[start : len(data) - padding])
        marker = second >= 0x80
        return cls(second & 0x7F, sequence_number, timestamp, ssrc, payload, marker, csrcs, profile, extension, padding)

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError` for a field out of range."""
        if len(self.csrcs) > 15 or len(self.extension) % 4 or not 0 <= self.padding <= 255:
            raise RtpError("at most 15 contributing sources, an extension of whole words, padding up to 255")
        first = VERSION << 6 | len(self.csrcs) | (0x10 if self.extension_profile is not None else 0)
        if self.padding:
            first |= 0x20
        try:
            head = _FIXED.pack(
                first,
                (0x80 if self.marker else 0) | _payload_type(self.payload_type),
                self.sequence_number,
                self.timestamp,
                self.ssrc,
            )
            sources = struct.pack(f"!{len(self.csrcs)}I", *self.csrcs)
            extension = b""
            if self.extension_profile is not None:
                extension = _EXTENSION_HEAD.pack(self.extension_profile, len(self.extension) // 4) + self.extension
        except struct.error as error:
            raise RtpError(f"a field is out of range: {error}") from error
        tail = bytes(self.padding - 1) + bytes((self.padding,)) if self.padding else b""
        return head + sources + extension + self.payload + tail

    @property
    def extensions(self) -> list[Extension]:
        """The elements of an RFC 8285 header extension; empty for none or another profile. Raises `RtpError`."""
        return parse_extensions(self.extension_profile, self.extension)

    def with_extensions(self, extensions: list[Extension]) -> RtpPacket:
        """The same packet with these header extension elements (one-byte form where they fit it)."""
        profile, octets = serialize_extensions(extensions) if extensions else (None, b"")
        return RtpPacket(
            self.payload_type,
            self.sequence_number,
            self.timestamp,
            self.ssrc,
            self.payload,
            self.marker,
            self.csrcs,
            profile,
            octets,
            self.padding,
        )


def _payload_type(number: int) -> int:
    if not 0 <= number <= 127:
        raise RtpError(f"payload type {number} is not between 0 and 127")
    return number


def is_rtcp(data: bytes) -> bool:
    """Whether octets from a shared port are RTCP and not RTP (RFC 5761 §4): packet types 192 to 223."""
    return len(data) >= 2 and data[0] >> 6 == VERSION and 192 <= data[1] <= 223
