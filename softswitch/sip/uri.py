"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), and opaque ones of any other scheme.

Values are immutable and keep escapes and spelling as written, so an untouched URI is written back as it came.
Headers in a URI (`?Route=…`) are kept, never acted upon here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import Params, drop_params, find_param, format_host, parse_host_port, set_param

_CACHED_LENGTH = 256
_SECTION = "RFC 3261 §19.1"
# Parameters that must match when either URI carries them (RFC 3261 §19.1.4).
_DECISIVE_PARAMS = ("user", "ttl", "method", "maddr", "transport")
_USER_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,;?/")


def unescape(text: str) -> str:
    """The text with %HH escapes resolved; %00 and octets that are no UTF-8 survive (surrogateescape)."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def escape_user(text: str) -> str:
    """A plain user name as it may stand in the user part of a URI (RFC 3261 §25.1 user)."""
    octets = text.encode("utf-8", "surrogateescape")
    return "".join(chr(octet) if octet in _USER_SAFE else f"%{octet:02X}" for octet in octets)


class SipUri(NamedTuple):
    """A sip: or sips: URI; `user`, `password` and parameters as written (escaped), `host` without IPv6 brackets."""

    user: str | None
    host: str
    port: int | None = None
    scheme: str = "sip"
    password: str | None = None
    params: Params = ()
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """A SipUri from text; ProtocolError for any other scheme or a malformed one (RFC 3261 §19.1.1)."""
        uri = parse_uri(text)
        if not isinstance(uri, SipUri):
            raise ProtocolError("not a SIP URI", section=_SECTION, status=416)
        return uri

    def __str__(self) -> str:
        text = f"{self.scheme}:"
        if self.user is not None:
            text += self.user if self.password is None else f"{self.user}:{self.password}"
            text += "@"
        text += format_host(self.host, self.port)
        for name, value in self.params:
            text += f";{name}" if value is None else f";{name}={value}"
        if self.headers:
            text += "?" + "&".join(f"{name}={value}" for name, value in self.headers)
        return text

    @property
    def username(self) -> str:
        """The user part with escapes resolved; "" when there is none."""
        return "" if self.user is None else unescape(self.user)

    @property
    def secure(self) -> bool:
        """Whether this is a sips: URI."""
        return self.scheme == "sips"

    @property
    def transport(self) -> str:
        """The transport parameter in lower case, or ""."""
        return (find_param(self.params, "transport") or "").lower()

    def param(self, name: str) -> str | None:
        """Value of a parameter: "" when it stands without one, None when it is absent."""
        return find_param(self.params, name.lower())

    def has_param(self, name: str) -> bool:
        """Whether the parameter is there, with or without a value."""
        return find_param(self.params, name.lower()) is not None

    def with_param(self, name: str, value: str | None = None) -> SipUri:
        """This URI with one parameter set."""
        return self._replace(params=set_param(self.params, name, value))

    def without_params(self, *names: str) -> SipUri:
        """This URI without the parameters named, or without any when none is named."""
        return self._replace(params=drop_params(self.params, names) if names else ())

    def replace(self, **changes: Any) -> SipUri:
        """This URI with some components changed."""
        return self._replace(**changes)

    def address_of_record(self) -> str:
        """`user@host`: user unescaped, host in lower case, no port and no parameters (RFC 3261 §10.3)."""
        host = self.host.lower()
        return host if self.user is None else f"{unescape(self.user)}@{host}"

    def equivalent(self, other: SipUri) -> bool:
        """Whether both URIs mean the same by the comparison rules of RFC 3261 §19.1.4."""
        if (
            self.scheme != other.scheme
            or self.port != other.port
            or self.host.lower() != other.host.lower()
            or (self.user is None) != (other.user is None)
            or self.username != other.username
            or unescape(self.password or "") != unescape(other.password or "")
        ):
            return False
        mine, theirs = _folded(self.params), _folded(other.params)
        if any(mine.get(name) != theirs.get(name) for name in _DECISIVE_PARAMS):
            return False
        if any(name in theirs and theirs[name] != value for name, value in mine.items()):
            return False
        return _folded_headers(self.headers) == _folded_headers(other.headers)


class TelUri(NamedTuple):
    """A tel: URI (RFC 3966): the subscriber number as written, and its parameters."""

    number: str
    params: Params = ()

    def __str__(self) -> str:
        text = f"tel:{self.number}"
        for name, value in self.params:
            text += f";{name}" if value is None else f";{name}={value}"
        return text

    @property
    def scheme(self) -> str:
        """Always "tel"."""
        return "tel"

    @property
    def digits(self) -> str:
        """The number without visual separators; a leading + stays (RFC 3966 §3)."""
        return self.number.translate(_VISUAL_SEPARATORS)

    def param(self, name: str) -> str | None:
        """Value of a parameter: "" when it stands without one, None when it is absent."""
        return find_param(self.params, name.lower())


class OpaqueUri(NamedTuple):
    """A URI of a scheme this switch does not look into (RFC 4475 §3.3.4): scheme in lower case, the rest as written."""

    scheme: str
    text: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.text}"


Uri = SipUri | TelUri | OpaqueUri

_VISUAL_SEPARATORS = {ord(character): None for character in "-.()"}
_TEL_CHARACTERS = frozenset("0123456789ABCDEFabcdef*#+-.()")


def parse_uri(text: str) -> Uri:
    """The URI the text holds; ProtocolError when it is none or a malformed sip:, sips: or tel: one."""
    return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)


def _parse(text: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not rest.isprintable() or " " in rest or "<" in rest or ">" in rest or '"' in rest:
        raise ProtocolError("not a URI", section=_SECTION)
    if scheme == "sip" or scheme == "sips":
        return _parse_sip(scheme, rest)
    if scheme == "tel":
        return _parse_tel(rest)
    plain = scheme.replace("+", "").replace("-", "").replace(".", "")
    if not plain.isalnum() or not plain.isascii() or not scheme[0].isalpha() or not rest:
        raise ProtocolError("not a URI", section=_SECTION)
    return OpaqueUri(scheme, rest)


_parse_cached = lru_cache(maxsize=4096)(_parse)


def _parse_sip(scheme: str, rest: str) -> SipUri:
    user = password = None
    at = rest.find("@")
    if at >= 0:
        user, colon, secret = rest[:at].partition(":")
        if colon:
            password = secret
        if not user:
            raise ProtocolError("a SIP URI with an empty user", section=_SECTION)
        rest = rest[at + 1 :]
    headers: tuple[tuple[str, str], ...] = ()
    mark = rest.find("?")
    if mark >= 0:
        headers = _parse_headers(rest[mark + 1 :])
        rest = rest[:mark]
    host_port, semicolon, params_text = rest.partition(";")
    host, port = parse_host_port(host_port)
    return SipUri(user, host, port, scheme, password, _parse_uri_params(params_text) if semicolon else (), headers)


def _parse_uri_params(text: str) -> Params:
    params: list[tuple[str, str | None]] = []
    for piece in text.split(";"):
        if not piece:
            continue  # a stray semicolon carries no meaning
        name, equals, value = piece.partition("=")
        if not name or "@" in piece:
            raise ProtocolError("a URI parameter is malformed", section=_SECTION)
        params.append((name.lower() if "%" not in name else name, value if equals else None))
    return tuple(params)


def _parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    headers = []
    for piece in text.split("&"):
        name, equals, value = piece.partition("=")
        if not name or not equals:
            raise ProtocolError("a URI header is malformed", section=_SECTION)
        headers.append((name, value))
    return tuple(headers)


def _parse_tel(rest: str) -> TelUri:
    number, semicolon, params_text = rest.partition(";")
    if not _TEL_CHARACTERS.issuperset(number) or not number.translate(_VISUAL_SEPARATORS).lstrip("+"):
        raise ProtocolError("not a telephone number", section="RFC 3966 §3")
    if "+" in number[1:]:
        raise ProtocolError("not a telephone number", section="RFC 3966 §3")
    return TelUri(number, _parse_uri_params(params_text) if semicolon else ())


def _folded(params: Params) -> dict[str, str]:
    return {unescape(name).lower(): unescape(value or "").lower() for name, value in params}


def _folded_headers(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted((unescape(name).lower(), unescape(value)) for name, value in headers)
