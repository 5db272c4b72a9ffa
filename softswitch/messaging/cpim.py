"""CPIM, the common format of instant messages: headers of the message itself around a MIME body (RFC 3862)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers.media_type import MediaType

CONTENT_TYPE: Final = "message/cpim"
IMDN_NAMESPACE: Final = "urn:ietf:params:imdn"
_SECTION = "RFC 3862 §2"
_MOST_HEADERS = 64
_LONGEST_LINE = 4096
_NAME = re.compile(r"[!#$%&'*+\-^_`|~0-9A-Za-z]+(\.[!#$%&'*+\-^_`|~0-9A-Za-z]+)?\Z")
_NAMESPACE = re.compile(r"(?:([A-Za-z0-9_\-]+)[ \t]+)?<([^<>\s]+)>\Z")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "r": "\r"}

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CpimMessage:
    """`headers` as (name, value) in order, names with their prefix as written; `content_fields` are those of MIME."""

    headers: Fields = ()
    content_fields: Fields = ()
    body: bytes = b""
    #: prefix to namespace, "" being the default.
    namespaces: dict[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> MediaType:
        """The type of the body; text/plain when none is given. ProtocolError when it is malformed."""
        for name, value in self.content_fields:
            if name.lower() == "content-type":
                return MediaType.parse(value)
        return MediaType("text", "plain")

    def get(self, name: str, namespace: str = "") -> str | None:
        """The first value of a header of CPIM itself, or of another namespace (RFC 3862 §3.4)."""
        for key, value in self.headers:
            prefix, dot, local = key.partition(".")
            if not dot:
                prefix, local = "", key
            if local.lower() == name.lower() and (self.namespaces.get(prefix, "") == namespace or prefix == namespace):
                return value
        return None

    def imdn(self, name: str) -> str | None:
        """A header of the notifications' namespace, such as Message-ID (RFC 5438 §6.3)."""
        return self.get(name, IMDN_NAMESPACE)

    def serialize(self) -> bytes:
        """The message as octets; raises ProtocolError for values that would break a line."""
        head = [f"{name}: {_escape(value)}" for name, value in self.headers]
        content = [f"{name}: {value}" for name, value in self.content_fields]
        if any("\r" in line or "\n" in line for line in (*head, *content)):
            raise ProtocolError("a CPIM header holds a line break", section=_SECTION)
        text = "\r\n".join([*head, "", *content, "", ""])
        return text.encode("utf-8", "surrogateescape") + self.body


def parse_cpim(data: bytes) -> CpimMessage:
    """A CPIM message; the body is left as it is. Raises ProtocolError."""
    head, content, body = _split(data)
    headers = tuple((name, _unescape(value)) for name, value in _lines(head))
    namespaces = {"": ""}
    for name, value in headers:
        if name.lower() == "ns":
            found = _NAMESPACE.match(value)
            if found is None:
                raise ProtocolError("a malformed namespace in a CPIM message", section="RFC 3862 §4.1")
            namespaces[found[1] or ""] = found[2]
    return CpimMessage(headers, tuple(_lines(content)), body, namespaces)


def _split(data: bytes) -> tuple[str, str, bytes]:
    """Headers, MIME headers, body. Lone line feeds end lines too: some senders write them (RFC 3862 §2 wants CRLF)."""
    newline = b"\r\n" if b"\r\n" in data[:_LONGEST_LINE] else b"\n"
    head, found, rest = data.partition(newline * 2)
    if not found:
        raise ProtocolError("a CPIM message without an empty line after its headers", section=_SECTION)
    if rest.startswith(newline):
        content, body = b"", rest[len(newline) :]
    else:
        content, found, body = rest.partition(newline * 2)
        if not found:
            raise ProtocolError("a CPIM message without an empty line before its content", section=_SECTION)
    try:
        return head.decode().replace("\r\n", "\n"), content.decode().replace("\r\n", "\n"), body
    except UnicodeDecodeError as error:
        raise ProtocolError("a CPIM header that is not UTF-8", section="RFC 3862 §3.1") from error


def _lines(text: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for line in text.split("\n"):
        if not line:
            continue
        if len(line) > _LONGEST_LINE or len(fields) >= _MOST_HEADERS:
            raise ProtocolError("a CPIM message with too many or too long headers", section=_SECTION)
        if line[0] in " \t" and fields:  # MIME headers may be folded
            name, value = fields[-1]
            fields[-1] = name, f"{value} {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        if not colon or not _NAME.match(name):
            raise ProtocolError("a malformed CPIM header", section="RFC 3862 §3.1")
        fields.append((name, value.strip()))
    return fields


def _unescape(value: str) -> str:
    """Undo the escapes of RFC 3862 §3.1."""
    if "\\" not in value:
        return value

    def plain(match: re.Match[str]) -> str:
        text = match[1]
        if len(text) == 5:
            code = int(text[1:], 16)
            return "�" if 0xD800 <= code < 0xE000 else chr(code)
        return _ESCAPED.get(text, text)

    return _ESCAPE.sub(plain, value)


def _escape(value: str) -> str:
    text = value.replace("\\", "\\\\")
    return "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04X}" for c in text)
