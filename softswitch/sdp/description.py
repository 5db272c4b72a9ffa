"""Session descriptions (RFC 8866): parse and serialize, keeping what is not understood.

A description with its lines in the order of §5 comes back octet for octet (numbers of the ``m=`` line written without
leading zeros); lines of unknown letters stay where they were. Tolerated, because real devices do it: LF alone, blank
lines, missing ``s=`` or ``t=``, lines out of order (written back in order), several ``c=``, doubled blanks,
``m=video 0`` cut short. Cost is linear in the octets. Left out: the meaning of ``k=`` (obsolete) and of ``r=``/``z=``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from softswitch.sdp.attributes import Group, parse_each
from softswitch.sdp.errors import SdpError
from softswitch.sdp.fields import DIRECTIONS, Connection, Origin
from softswitch.sdp.media import Attribute, MediaDescription, insert_unknown

__all__ = ["DEFAULT_LIMITS", "Attribute", "MediaDescription", "SdpLimits", "SessionDescription"]


class SdpLimits(NamedTuple):
    """What a description may hold: octets in all, lines in all, media sections, formats in one section."""

    octets: int = 65536
    lines: int = 2048
    media: int = 32
    formats: int = 256


DEFAULT_LIMITS = SdpLimits()


@dataclass(slots=True)
class SessionDescription:
    """A session description; lists may be changed freely.

    `name` None and an empty `timing` mean that the line was missing. `timing` holds the whole ``t=``, ``r=`` and
    ``z=`` lines in order. `newline` is the line end that was read and will be written.
    """

    origin: Origin
    name: str | None = "-"
    media: list[MediaDescription] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    timing: list[str] = field(default_factory=lambda: ["t=0 0"])
    attributes: list[Attribute] = field(default_factory=list)
    bandwidth: list[str] = field(default_factory=list)
    information: str | None = None
    uri: str | None = None
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    key: str | None = None
    unknown: list[tuple[int, str]] = field(default_factory=list)
    newline: str = "\r\n"

    def __post_init__(self) -> None:
        if self.media:
            self.inherit()

    @classmethod
    def parse(cls, data: bytes, limits: SdpLimits = DEFAULT_LIMITS) -> SessionDescription:
        """Read a description; raises `SdpError` with the line at fault."""
        lines, newline = _split(data, limits)
        return _parse_lines(lines, newline, limits)

    def serialize(self) -> bytes:
        """The description's octets; raises `SdpError` if a value holds a line end (it would forge lines)."""
        out = ["v=0", "o=" + " ".join(self.origin)]
        if self.name is not None:
            out.append("s=" + self.name)
        if self.information is not None:
            out.append("i=" + self.information)
        if self.uri is not None:
            out.append("u=" + self.uri)
        if self.emails or self.phones:
            out += ["e=" + email for email in self.emails]
            out += ["p=" + phone for phone in self.phones]
        if self.connections:
            out += ["c=" + " ".join(connection) for connection in self.connections]
        if self.bandwidth:
            out += ["b=" + bandwidth for bandwidth in self.bandwidth]
        out += self.timing
        if self.key is not None:
            out.append("k=" + self.key)
        for name, value in self.attributes:
            out.append(f"a={name}" if value is None else f"a={name}:{value}")
        if self.unknown:
            insert_unknown(out, self.unknown)
        for media in self.media:
            out += media.lines()
        out.append("")
        text = self.newline.join(out)
        if text.count("\n") != len(out) - 1 or text.count("\r") != (len(out) - 1 if self.newline == "\r\n" else 0):
            raise SdpError("a value holds a line end")
        return text.encode("utf-8", "surrogateescape")

    def inherit(self) -> None:
        """Tell every media section what the session level says for all; call it after changing that level."""
        connection = self.connections[0] if self.connections else None
        direction = None
        for name, _ in self.attributes:
            if name in DIRECTIONS:
                direction = name
                break
        for media in self.media:
            media.inherited_connection = connection
            media.inherited_direction = direction

    def copy(self) -> SessionDescription:
        """An independent copy."""
        return SessionDescription(
            self.origin,
            self.name,
            [media.copy() for media in self.media],
            self.connections[:],
            self.timing[:],
            self.attributes[:],
            self.bandwidth[:],
            self.information,
            self.uri,
            self.emails[:],
            self.phones[:],
            self.key,
            self.unknown[:],
            self.newline,
        )

    @property
    def connection(self) -> Connection | None:
        """The session's own ``c=`` line."""
        return self.connections[0] if self.connections else None

    def attribute(self, name: str) -> str | None:
        """The value of the first session attribute `name`; "" for one without a value, None when it is absent."""
        for key, value in self.attributes:
            if key == name:
                return value if value is not None else ""
        return None

    def attribute_values(self, name: str) -> list[str]:
        """The values of every session attribute `name`, in order."""
        return [value or "" for key, value in self.attributes if key == name]

    @property
    def groups(self) -> list[Group]:
        """The ``a=group`` attributes (RFC 5888)."""
        return parse_each(Group.parse, self.attribute_values("group"))

    @property
    def ice_lite(self) -> bool:
        """Whether the writer is an ICE lite agent (RFC 8839 §5.3)."""
        return self.attribute("ice-lite") is not None

    def first(self, kind: str) -> MediaDescription | None:
        """The first live section of a kind such as "audio"."""
        for media in self.media:
            if media.kind == kind and media.port:
                return media
        return None

    @property
    def held(self) -> bool:
        """Whether no live section is being received by the writer (hold, RFC 3264 §8.4)."""
        live = [media for media in self.media if media.port]
        return bool(live) and all(media.held for media in live)

    @property
    def y(self) -> str | None:
        """GB/T 28181: the SSRC line, wherever it stands."""
        return self._unknown_value("y")

    @property
    def f(self) -> str | None:
        """GB/T 28181: the media parameter line, wherever it stands."""
        return self._unknown_value("f")

    def _unknown_value(self, letter: str) -> str | None:
        for _, line in self.unknown:
            if line.startswith(letter + "="):
                return line[2:]
        for media in self.media:
            value = media.unknown_value(letter)
            if value is not None:
                return value
        return None


# --- reading ---------------------------------------------------------------------------------------------------------


def _split(data: bytes, limits: SdpLimits) -> tuple[list[str], str]:
    if len(data) > limits.octets:
        raise SdpError(f"{len(data)} octets, more than {limits.octets}")
    text = data.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    newline = "\r\n"
    ends = len(lines) - 1
    if text.count("\n") != ends or text.count("\r") != ends:
        raw = text.split("\n")
        newline = "\r\n" if raw[0].endswith("\r") else "\n"
        lines = [line[:-1] if line.endswith("\r") else line for line in raw]
        for number, line in enumerate(lines, 1):
            if "\r" in line:
                raise SdpError("carriage return inside a line", number)
    if len(lines) > limits.lines + 1:
        raise SdpError(f"more than {limits.lines} lines")
    if "\0" in text:
        number = next(index for index, line in enumerate(lines, 1) if "\0" in line)
        raise SdpError("NUL octet", number)
    return lines, newline


def _parse_lines(lines: list[str], newline: str, limits: SdpLimits) -> SessionDescription:
    if lines[0].rstrip() != "v=0":
        raise SdpError("a description begins with v=0", 1)
    session = SessionDescription(_NO_ORIGIN, None, timing=[], newline=newline)
    attributes = session.attributes
    media: MediaDescription | None = None
    start = 1  # the line number at which the present section starts, moved on by blank lines
    for number, line in enumerate(lines, 1):
        letter = line[:2]
        if letter == "a=":
            name, colon, value = line[2:].partition(":")
            attributes.append((name, value if colon else None))
        elif letter == "m=":
            if len(session.media) >= limits.media:
                raise SdpError(f"more than {limits.media} media sections", number)
            section = session if media is None else media
            if section.unknown:
                _mark_end(section.unknown, number - start)
            media = _parse_media_line(line[2:], number, limits)
            session.media.append(media)
            attributes = media.attributes
            start = number
        elif len(letter) == 2 and letter[1] == "=":
            known = _session_line(session, line, number) if media is None else _media_line(media, line, number)
            if not known:
                (session if media is None else media).unknown.append((number - start, line))
        elif not line.strip():
            start += 1
        else:
            raise SdpError("a line is a letter, '=' and a value", number)
    _mark_end((session if media is None else media).unknown, len(lines) + 1 - start)
    if session.origin is _NO_ORIGIN:
        raise SdpError("no o= line")
    if session.media:
        session.inherit()
    return session


_NO_ORIGIN = Origin("-", "0", "0", "IN", "IP4", "0.0.0.0")


def _mark_end(unknown: list[tuple[int, str]], length: int) -> None:
    """Turn the positions of kept lines at the end of a section of `length` lines into -1."""
    index = len(unknown) - 1
    while index >= 0 and unknown[index][0] == length - 1:
        unknown[index] = (-1, unknown[index][1])
        index -= 1
        length -= 1


def _session_line(session: SessionDescription, line: str, number: int) -> bool:
    """Store a session level line; False if the letter is not known here."""
    letter, value = line[0], line[2:]
    if letter == "c":
        session.connections.append(Connection.parse(value, number))
    elif letter == "t" or letter == "r" or letter == "z":
        session.timing.append(line)
    elif letter == "o" and session.origin is _NO_ORIGIN:
        session.origin = Origin.parse(value, number)
    elif letter == "s" and session.name is None:
        session.name = value
    elif letter == "b":
        session.bandwidth.append(value)
    elif letter == "i" and session.information is None:
        session.information = value
    elif letter == "u" and session.uri is None:
        session.uri = value
    elif letter == "e":
        session.emails.append(value)
    elif letter == "p":
        session.phones.append(value)
    elif letter == "k" and session.key is None:
        session.key = value
    elif letter in "osiuk":
        session.unknown.append((-1, line))  # a second one: kept, but where it cannot be taken for the first
    else:
        return letter == "v" and number == 1
    return True


def _media_line(media: MediaDescription, line: str, number: int) -> bool:
    """Store a line of a media section; False if the letter is not known here."""
    letter, value = line[0], line[2:]
    if letter == "c":
        media.connections.append(Connection.parse(value, number))
    elif letter == "b":
        media.bandwidth.append(value)
    elif letter == "i" and media.information is None:
        media.information = value
    elif letter == "k" and media.key is None:
        media.key = value
    elif letter in "ik":
        media.unknown.append((-1, line))
    else:
        return False
    return True


def _parse_media_line(value: str, number: int, limits: SdpLimits) -> MediaDescription:
    parts: Sequence[str] = value.split(" ")
    if "" in parts:
        parts = value.split()
    if len(parts) < 3 and not (len(parts) == 2 and parts[1] == "0"):
        raise SdpError("m= needs a kind, a port, a protocol and formats", number)
    if len(parts) - 3 > limits.formats:
        raise SdpError(f"more than {limits.formats} formats", number)
    port_text, slash, count_text = parts[1].partition("/")
    port = _port_number(port_text, number)
    count = _port_number(count_text, number) if slash else 1
    if count == 0:
        raise SdpError("the port count of m= is zero", number)
    protocol = parts[2] if len(parts) > 2 else ""
    return MediaDescription(parts[0], port, protocol, list(parts[3:]), count)


def _port_number(text: str, number: int) -> int:
    if text.isdigit() and text.isascii() and len(text) <= 5:
        port = int(text)
        if port <= 65535:
            return port
    raise SdpError(f"{text[:20]!r} is no port number", number)
