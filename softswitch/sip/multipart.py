"""Multipart bodies in SIP (RFC 5621, RFC 2046 §5.1): an SDP beside an ISUP part, a picture beside a text."""

from __future__ import annotations

from dataclasses import dataclass, field

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.headers.names import canonical_name

_SECTION = "RFC 2046 §5.1"
_BOUNDARY_LIMIT = 70


@dataclass(slots=True)
class Part:
    """One body part: its header fields in order, canonical names, and its content, untouched."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """The first value of a field, None when it is absent."""
        wanted = canonical_name(name).lower()
        return next((value for key, value in self.fields if key.lower() == wanted), None)

    @property
    def content_type(self) -> MediaType:
        """The media type; text/plain when none is given (RFC 2046 §5.1). ProtocolError when it is malformed."""
        value = self.get("Content-Type")
        return MediaType("text", "plain") if value is None else MediaType.parse(value)


def parse_multipart(content_type: MediaType, body: bytes, *, part_limit: int = 32, field_limit: int = 32) -> list[Part]:
    """The parts of a multipart body; nothing inside a part is decoded.

    Raises ProtocolError when the boundary is missing or never closes, a part is malformed, or there are more than
    `part_limit` parts or `field_limit` fields in one.
    """
    if content_type.type != "multipart":
        raise ProtocolError("not a multipart body", section=_SECTION, status=415)
    boundary = content_type.param("boundary")
    if not boundary or len(boundary) > _BOUNDARY_LIMIT or not boundary.isascii():
        raise ProtocolError("a multipart body without a usable boundary", section=_SECTION)
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    parts: list[Part] = []
    content: list[bytes] = []
    for piece in pieces[1:]:
        line, found, rest = piece.partition(b"\r\n")
        mark = line.rstrip(b" \t")
        if mark == b"--":
            _close(parts, content, field_limit)
            return parts
        if mark or not found:
            # The delimiter was the beginning of a longer word: it belongs to the content.
            if content:
                content.append(b"\r\n--" + boundary.encode() + piece)
            continue
        _close(parts, content, field_limit)
        if len(parts) >= part_limit:
            raise ProtocolError("too many body parts", section=_SECTION, status=513)
        content.append(rest)
    raise ProtocolError("a multipart body does not end", section=_SECTION)


def _close(parts: list[Part], content: list[bytes], field_limit: int) -> None:
    if content:
        parts.append(_parse_part(b"".join(content), field_limit))
        content.clear()


def _parse_part(content: bytes, field_limit: int) -> Part:
    if content.startswith(b"\r\n"):
        return Part([], content[2:])
    head, found, body = content.partition(b"\r\n\r\n")
    if not found:
        raise ProtocolError("a body part without an empty line after its header", section=_SECTION)
    fields: list[tuple[str, str]] = []
    for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
        if line[:1] in (" ", "\t") and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if not colon or "\r" in line or "\n" in line:
            raise ProtocolError("a body part with a malformed header", section=_SECTION)
        if len(fields) == field_limit:
            raise ProtocolError("too many header fields in a body part", section=_SECTION, status=513)
        fields.append((canonical_name(name), value.strip(" \t")))
    return Part(fields, body)


def serialize_multipart(parts: list[Part], boundary: str) -> bytes:
    """The body for `Content-Type: multipart/…;boundary=<boundary>`.

    Raises LocalProtocolError when the boundary is unusable or occurs in a part.
    """
    if not boundary or len(boundary) > _BOUNDARY_LIMIT or not boundary.isascii() or not boundary.isprintable():
        raise LocalProtocolError("an unusable boundary")
    delimiter = b"--" + boundary.encode()
    pieces = []
    for part in parts:
        if b"\r\n" + delimiter in b"\r\n" + part.body:
            raise LocalProtocolError("the boundary occurs in a part")
        head = "".join(f"{name}: {value}\r\n" for name, value in part.fields)
        if head.count("\n") != len(part.fields) or head.count("\r") != len(part.fields):
            raise LocalProtocolError("a header value holds a line break")
        pieces.append(delimiter + b"\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n" + part.body + b"\r\n")
    return b"".join(pieces) + delimiter + b"--\r\n"
