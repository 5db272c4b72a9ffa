"""Via (RFC 3261 §20.42) with rport (RFC 3581)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import (
    Params,
    find_param,
    format_host,
    format_params,
    is_token,
    parse_host_port,
    parse_params,
    set_param,
)

MAGIC_COOKIE = "z9hG4bK"
_SECTION = "RFC 3261 §20.42"
_CACHED_LENGTH = 256
_new = tuple.__new__  # a NamedTuple's own constructor costs three times as much


class Via(NamedTuple):
    """One hop: transport in upper case ("UDP"), the sent-by host without IPv6 brackets, its port, parameters."""

    transport: str
    host: str
    port: int | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Via:
        """One Via value; ProtocolError when it is malformed."""
        return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {format_host(self.host, self.port)}{format_params(self.params)}"

    @property
    def branch(self) -> str:
        """The branch parameter, or "" (RFC 2543 peers send none)."""
        for name, value in self.params:
            if name == "branch":
                return value or ""
        return ""

    @property
    def received(self) -> str | None:
        """The received parameter without IPv6 brackets, which peers write both ways (RFC 5118 §4.5)."""
        value = find_param(self.params, "received")
        if value and value[0] == "[" and value[-1] == "]":
            return value[1:-1]
        return value

    @property
    def rport(self) -> int | None:
        """The port the request came from, when a server filled it in (RFC 3581 §4)."""
        value = find_param(self.params, "rport")
        if not value or not value.isascii() or not value.isdigit() or len(value) > 5:
            return None
        return int(value)

    def param(self, name: str) -> str | None:
        """Value of a parameter: "" when it stands without one, None when it is absent."""
        return find_param(self.params, name.lower())

    def has_param(self, name: str) -> bool:
        """Whether the parameter is there, with or without a value."""
        return find_param(self.params, name.lower()) is not None

    def with_param(self, name: str, value: str | None = None) -> Via:
        """This Via with one parameter set."""
        return self._replace(params=set_param(self.params, name, value))

    def stamped(self, host: str, port: int) -> Via:
        """This Via as a server notes it on reception from host and port (RFC 3261 §18.2.1, RFC 3581 §4).

        `received` is added when the sent-by host differs or rport was asked for; rport is filled in when asked for.
        """
        wants_port = has_rport = False
        for name, value in self.params:
            if name == "rport":
                has_rport = True
                wants_port = not value
        if self.host == host and not has_rport:
            return self
        params = set_param(self.params, "received", host)
        if wants_port:
            params = set_param(params, "rport", str(port))
        return Via(self.transport, self.host, self.port, params)


def _parse(text: str) -> Via:
    if text[:8] == "SIP/2.0/":
        transport, space, rest = text[8:].partition(" ")
        if not transport.isalpha() and not is_token(transport):
            transport, space, rest = _loose_protocol(text)
    else:
        transport, space, rest = _loose_protocol(text)
    if not space:
        raise ProtocolError("a Via has no sent-by", section=_SECTION)
    semicolon = rest.find(";")
    if semicolon < 0:
        host, port = parse_host_port(rest.strip(" \t"))
        return _new(Via, (transport.upper(), host, port, ()))
    host, port = parse_host_port(rest[:semicolon].strip(" \t"))
    return _new(Via, (transport.upper(), host, port, parse_params(rest[semicolon:])))


_parse_cached = lru_cache(maxsize=4096)(_parse)


def _loose_protocol(text: str) -> tuple[str, str, str]:
    """Transport, a separator and the rest, where white space surrounds the slashes (RFC 4475 §3.1.1.1)."""
    pieces = text.split("/", 2)
    if len(pieces) < 3 or pieces[0].strip(" \t").upper() != "SIP" or pieces[1].strip(" \t") != "2.0":
        raise ProtocolError("a Via of an unknown protocol", section=_SECTION)
    rest = pieces[2].replace("\t", " ").lstrip(" ")
    transport, space, rest = rest.partition(" ")
    if not is_token(transport):
        raise ProtocolError("a Via has no transport", section=_SECTION)
    return transport, space, rest
