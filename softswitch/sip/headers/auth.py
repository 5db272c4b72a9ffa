"""Challenges and credentials: WWW-Authenticate, Authorization and their Proxy- twins (RFC 3261 §20.7, §20.44).

Read leniently, since phones differ in what they quote; written as RFC 7616 §3.3 and §3.4 quote it.
"""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import is_token, quote, split_outside_quotes, unquote

# What RFC 7616 writes without quotes; everything else is quoted.
_BARE_IN_CHALLENGE = frozenset(("algorithm", "stale", "charset", "userhash"))
_BARE_IN_CREDENTIALS = frozenset(("algorithm", "qop", "nc", "userhash"))


class Challenge(NamedTuple):
    """A scheme ("Digest") with its parameters: names in lower case, values unquoted."""

    scheme: str
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """One challenge; ProtocolError when it is malformed. A scheme without parameters is allowed."""
        return cls(*_parse(text))

    def __str__(self) -> str:
        return _format(self.scheme, self.params, _BARE_IN_CHALLENGE)

    def param(self, name: str) -> str | None:
        """Value of a parameter, None when it is absent. `name` in lower case."""
        return _find(self.params, name)


class Credentials(NamedTuple):
    """The answer to a challenge: scheme and parameters, names in lower case, values unquoted."""

    scheme: str
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """One credentials value; ProtocolError when it is malformed."""
        return cls(*_parse(text))

    def __str__(self) -> str:
        return _format(self.scheme, self.params, _BARE_IN_CREDENTIALS)

    def param(self, name: str) -> str | None:
        """Value of a parameter, None when it is absent. `name` in lower case."""
        return _find(self.params, name)


def _find(params: tuple[tuple[str, str], ...], name: str) -> str | None:
    for key, value in params:
        if key == name:
            return value
    return None


def _parse(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    scheme, _, rest = text.strip(" \t").replace("\t", " ").partition(" ")
    if not is_token(scheme):
        raise ProtocolError("an authentication scheme is no token", section="RFC 3261 §20.7")
    params: dict[str, str] = {}
    for piece in split_outside_quotes(rest, ","):
        name, equals, value = piece.partition("=")
        name = name.strip(" ").lower()
        if not equals or not value.strip("= "):
            if name and not params and "," not in rest and scheme.lower() != "digest":
                return scheme, (("", piece.strip(" ")),)  # the token68 of other schemes (RFC 7235 §2.1)
            if name and not equals:
                raise ProtocolError("an authentication parameter has no value", section="RFC 3261 §25.1")
            if not name:
                continue  # a stray comma
        if not (name.isalnum() and name.isascii()) and not is_token(name):
            raise ProtocolError("an authentication parameter has no proper name", section="RFC 3261 §25.1")
        if name in params:
            raise ProtocolError("an authentication parameter is repeated", section="RFC 7616 §3.4")
        value = value.strip(" ")
        if value[:1] == '"' and (len(value) < 2 or value[-1] != '"'):
            raise ProtocolError("an authentication parameter is malformed", section="RFC 3261 §25.1")
        params[name] = unquote(value)
        if len(params) > 32:
            raise ProtocolError("too many authentication parameters", section="RFC 7616 §3.4")
    return scheme, tuple(params.items())


def _format(scheme: str, params: tuple[tuple[str, str], ...], bare: frozenset[str]) -> str:
    pieces = []
    for name, value in params:
        if not name:
            pieces.append(value)
        elif name in bare:
            pieces.append(f"{name}={value if is_token(value) else quote(value)}")
        else:
            pieces.append(f"{name}={quote(value)}")
    return f"{scheme} {', '.join(pieces)}" if pieces else scheme
