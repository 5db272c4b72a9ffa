"""The small values inside session description lines: origin, connection, payload mapping (RFC 8866 §5, §6.6)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from softswitch.sdp.errors import SdpError

DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})

#: Longest accepted decimal number: RFC 8866 asks for 64-bit values, a few devices send more digits.
_MAXIMUM_DIGITS = 30


def address_type(host: str) -> str:
    """The SDP address type of a literal host or name: IP6 when it holds a colon, else IP4."""
    return "IP6" if ":" in host else "IP4"


class Origin(NamedTuple):
    """The ``o=`` line (RFC 8866 §5.2). All six parts stay text, so that they are written as they were read."""

    username: str
    session_id: str
    version: str
    network_type: str
    address_type: str
    address: str

    @classmethod
    def create(cls, host: str, session_id: int | str, version: int = 1, username: str = "-") -> Origin:
        """Our own origin at `host` (a literal address or a name)."""
        return cls(username, str(session_id), str(version), "IN", address_type(host), host)

    @classmethod
    def parse(cls, text: str, line: int = 0) -> Origin:
        """Read the value of an ``o=`` line; a user name with blanks in it is tolerated. Raises `SdpError`."""
        parts = text.split(" ")
        if len(parts) != 6:
            parts = text.rsplit(None, 5)
            if len(parts) != 6:
                raise SdpError(f"o= needs six parts, found {len(parts)}", line)
        version = parts[2]
        if not version.isdigit() or not version.isascii() or len(version) > _MAXIMUM_DIGITS:
            raise SdpError("the session version in o= is not a number", line)
        return cls(*parts)

    @property
    def version_number(self) -> int:
        """The session version as a number."""
        return int(self.version)

    def with_version(self, version: int) -> Origin:
        """The same origin with another session version."""
        return self._replace(version=str(version))

    def with_address(self, host: str) -> Origin:
        """The same session at another host."""
        return self._replace(network_type="IN", address_type=address_type(host), address=host)

    def __str__(self) -> str:
        return " ".join(self)


class Connection(NamedTuple):
    """A ``c=`` line (RFC 8866 §5.7); `address` keeps a multicast ``/ttl/count`` suffix."""

    network_type: str
    address_type: str
    address: str

    @classmethod
    def to(cls, host: str) -> Connection:
        """The connection line that asks for media at `host`."""
        return cls("IN", address_type(host), host)

    @classmethod
    def parse(cls, text: str, line: int = 0) -> Connection:
        """Read the value of a ``c=`` line; raises `SdpError`."""
        parts = text.split(" ")
        if len(parts) != 3 or not parts[2]:
            parts = text.split()
            if len(parts) != 3:
                raise SdpError(f"c= needs three parts, found {len(parts)}", line)
        return cls(*parts)

    @property
    def host(self) -> str:
        """The address without a multicast suffix."""
        return self.address.partition("/")[0]

    @property
    def unspecified(self) -> bool:
        """Whether the address is the "send nothing here" of RFC 3264 §8.4 (0.0.0.0, or :: for IPv6)."""
        return self.address in ("0.0.0.0", "::")

    def __str__(self) -> str:
        return " ".join(self)


class RtpMap(NamedTuple):
    """What a payload type means (RFC 8866 §6.6): encoding name as written, RTP clock in Hz, audio channels."""

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1

    @classmethod
    def parse(cls, text: str) -> RtpMap:
        """Read the value of ``a=rtpmap`` such as ``96 opus/48000/2``; raises `SdpError`."""
        number, _, mapping = text.strip().partition(" ")
        encoding, slash, rest = mapping.strip().partition("/")
        rate, _, channels = rest.partition("/")
        if not slash or not encoding or not _is_small_number(number, 3) or not _is_small_number(rate, 9):
            raise SdpError(f"unreadable rtpmap {text[:80]!r}")
        payload_type = int(number)
        if payload_type > 127 or int(rate) == 0:
            raise SdpError(f"rtpmap out of range {text[:80]!r}")
        return cls(payload_type, encoding, int(rate), int(channels) if _is_small_number(channels, 3) else 1)

    @property
    def key(self) -> tuple[str, int, int]:
        """What two mappings are compared by: lower-case encoding, clock rate, channels."""
        return self.encoding.lower(), self.clock_rate, self.channels or 1

    def __str__(self) -> str:
        suffix = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.encoding}/{self.clock_rate}{suffix}"


_cached_rtpmap = lru_cache(maxsize=1024)(RtpMap.parse)


def parse_rtpmap(text: str) -> RtpMap:
    """`RtpMap.parse` that remembers the few mappings the world uses; long texts are not kept. Raises `SdpError`."""
    return _cached_rtpmap(text) if len(text) <= 40 else RtpMap.parse(text)


def _is_small_number(text: str, digits: int) -> bool:
    return text.isdigit() and text.isascii() and len(text) <= digits


#: Payload types with a fixed meaning (RFC 3551 §6, tables 4 and 5).
STATIC_RTPMAPS: dict[int, RtpMap] = {
    entry[0]: RtpMap(*entry)
    for entry in (
        (0, "PCMU", 8000, 1),
        (3, "GSM", 8000, 1),
        (4, "G723", 8000, 1),
        (5, "DVI4", 8000, 1),
        (6, "DVI4", 16000, 1),
        (7, "LPC", 8000, 1),
        (8, "PCMA", 8000, 1),
        (9, "G722", 8000, 1),
        (10, "L16", 44100, 2),
        (11, "L16", 44100, 1),
        (12, "QCELP", 8000, 1),
        (13, "CN", 8000, 1),
        (14, "MPA", 90000, 1),
        (15, "G728", 8000, 1),
        (16, "DVI4", 11025, 1),
        (17, "DVI4", 22050, 1),
        (18, "G729", 8000, 1),
        (25, "CelB", 90000, 1),
        (26, "JPEG", 90000, 1),
        (28, "nv", 90000, 1),
        (31, "H261", 90000, 1),
        (32, "MPV", 90000, 1),
        (33, "MP2T", 90000, 1),
        (34, "H263", 90000, 1),
    )
}
