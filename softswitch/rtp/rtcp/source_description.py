"""The source description (RFC 3550 §6.5): CNAME and its companions."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

CNAME, NAME, EMAIL, PHONE, LOCATION, TOOL, NOTE, PRIVATE = range(1, 9)

_SSRC = struct.Struct("!I")


class Item(NamedTuple):
    """One item: its type (CNAME … PRIVATE, or one unknown here) and its octets, UTF-8 where it is text."""

    kind: int
    data: bytes

    @property
    def text(self) -> str:
        """The octets as text; what is not UTF-8 is replaced."""
        return self.data.decode("utf-8", "replace")


class Chunk(NamedTuple):
    """The items of one source."""

    ssrc: int
    items: tuple[Item, ...]

    @property
    def cname(self) -> str | None:
        """The canonical name, None when the chunk has none."""
        return next((item.text for item in self.items if item.kind == CNAME), None)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """Descriptions of up to 31 sources."""

    chunks: tuple[Chunk, ...]

    @classmethod
    def with_cname(cls, ssrc: int, cname: str) -> Self:
        """The description every compound packet carries (RFC 3550 §6.1)."""
        return cls((Chunk(ssrc, (Item(CNAME, cname.encode()),)),))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.SOURCE_DESCRIPTION))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body, at = packet.body, 0
        chunks: list[Chunk] = []
        for _ in range(packet.counter):
            chunk, at = _parse_chunk(body, at)
            chunks.append(chunk)
        return cls(tuple(chunks))

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError` for an item longer than 255 octets."""
        body = bytearray()
        for ssrc, items in self.chunks:
            body += header.pack(_SSRC, ssrc)
            for kind, data in items:
                if not 1 <= kind <= 255 or len(data) > 255:
                    raise RtpError(f"a source description item of type {kind} and {len(data)} octets does not fit")
                body += bytes((kind, len(data))) + data
            body += bytes(4 - len(body) % 4)
        return header.join(header.SOURCE_DESCRIPTION, len(self.chunks), bytes(body))


def _parse_chunk(body: bytes, at: int) -> tuple[Chunk, int]:
    if len(body) < at + 4:
        raise RtpError("fewer source description chunks than the count says", len(body))
    ssrc: int = _SSRC.unpack_from(body, at)[0]
    at += 4
    items: list[Item] = []
    while True:
        if at >= len(body):
            raise RtpError("a source description chunk has no end", len(body))
        kind = body[at]
        if kind == 0:
            return Chunk(ssrc, tuple(items)), (at // 4 + 1) * 4
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise RtpError("cut short in a source description item", at)
        end = at + 2 + body[at + 1]
        items.append(Item(kind, body[at + 2 : end]))
        at = end
