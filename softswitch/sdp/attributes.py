"""Typed views of attributes that are read but rarely: feedback, SSRC, header extensions, fingerprints, groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from softswitch.sdp.errors import SdpError

Value = TypeVar("Value")


def parse_each(parse: Callable[[str], Value], texts: Iterable[str]) -> list[Value]:
    """Every text that can be read; the others are left out, as attributes that are not understood are ignored."""
    result: list[Value] = []
    for text in texts:
        try:
            result.append(parse(text))
        except SdpError:
            continue
    return result


def parse_parameters(fmtp: str) -> dict[str, str]:
    """The ``name=value`` pairs of a format's parameters, names in lower case; a bare word has the value ""."""
    result: dict[str, str] = {}
    for part in fmtp.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            result.setdefault(name.strip().lower(), value.strip())
    return result


def _number(text: str, digits: int) -> int:
    if not text.isdigit() or not text.isascii() or len(text) > digits:
        raise SdpError(f"not a number: {text[:40]!r}")
    return int(text)


class RtcpFeedback(NamedTuple):
    """``a=rtcp-fb`` (RFC 4585 §4.2): `payload_type` None means every format."""

    payload_type: int | None
    kind: str
    parameter: str = ""

    @classmethod
    def parse(cls, text: str) -> RtcpFeedback:
        """Read the attribute's value, for instance ``96 nack pli``; raises `SdpError`."""
        parts = text.split(None, 2)
        if len(parts) < 2:
            raise SdpError("rtcp-fb needs a format and a kind")
        return cls(None if parts[0] == "*" else _number(parts[0], 3), parts[1], parts[2] if len(parts) > 2 else "")

    def __str__(self) -> str:
        head = f"{'*' if self.payload_type is None else self.payload_type} {self.kind}"
        return f"{head} {self.parameter}" if self.parameter else head


class Ssrc(NamedTuple):
    """``a=ssrc`` (RFC 5576 §4.1)."""

    ssrc: int
    name: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> Ssrc:
        """Read the attribute's value, for instance ``314159 cname:user@example``; raises `SdpError`."""
        number, _, rest = text.strip().partition(" ")
        ssrc = _number(number, 10)
        if ssrc > 0xFFFFFFFF or not rest:
            raise SdpError("ssrc needs a 32-bit number and an attribute")
        name, colon, value = rest.partition(":")
        return cls(ssrc, name, value if colon else None)

    def __str__(self) -> str:
        return f"{self.ssrc} {self.name}" if self.value is None else f"{self.ssrc} {self.name}:{self.value}"


class ExtensionMap(NamedTuple):
    """``a=extmap`` (RFC 8285 §5)."""

    identifier: int
    uri: str
    direction: str = ""
    parameters: str = ""

    @classmethod
    def parse(cls, text: str) -> ExtensionMap:
        """Read the attribute's value, for instance ``1/sendonly urn:ietf:params:rtp-hdrext:toffset``; `SdpError`."""
        parts = text.split(None, 2)
        if len(parts) < 2:
            raise SdpError("extmap needs an identifier and a URI")
        number, _, direction = parts[0].partition("/")
        return cls(_number(number, 4), parts[1], direction, parts[2] if len(parts) > 2 else "")

    def __str__(self) -> str:
        head = f"{self.identifier}/{self.direction}" if self.direction else str(self.identifier)
        return f"{head} {self.uri} {self.parameters}".rstrip()


class Fingerprint(NamedTuple):
    """``a=fingerprint`` (RFC 8122 §5): hash name in lower case and the digest's octets."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Read the attribute's value, for instance ``sha-256 AB:CD…``; raises `SdpError`."""
        parts = text.split()
        if len(parts) != 2:
            raise SdpError("fingerprint needs a hash name and a digest")
        try:
            digest = bytes.fromhex(parts[1].replace(":", ""))
        except ValueError as error:
            raise SdpError("the digest of a fingerprint is not hexadecimal") from error
        return cls(parts[0].lower(), digest)

    def __str__(self) -> str:
        return f"{self.algorithm} {self.digest.hex(':').upper()}"


class Group(NamedTuple):
    """``a=group`` (RFC 5888 §5): semantics such as BUNDLE or LS, and the mids it joins."""

    semantics: str
    mids: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Group:
        """Read the attribute's value, for instance ``BUNDLE audio video``; raises `SdpError`."""
        parts = text.split()
        if not parts:
            raise SdpError("group needs semantics")
        return cls(parts[0], tuple(parts[1:]))

    def __str__(self) -> str:
        return " ".join((self.semantics, *self.mids))
