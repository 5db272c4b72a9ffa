"""Lexical ground shared by URIs and header fields (RFC 3261 §25.1): tokens, quoted strings, lists, parameters, hosts.

Everything here runs in time linear in its input and answers bad input with ProtocolError. Text that came off the wire
was decoded as UTF-8 with surrogateescape, so octets that are no UTF-8 survive a round trip.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from softswitch.sip.errors import ProtocolError

Params = tuple[tuple[str, str | None], ...]

_ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_DELETE_TOKEN = {ord(character): None for character in _ALPHANUMERIC + "-.!%*_+`'~"}
# What may stand unquoted as a parameter value: token or host (with IPv6 reference), and what phones write there.
_DELETE_BARE_VALUE = {ord(character): None for character in _ALPHANUMERIC + "-.!%*_+`'~[]:/@$&?#"}
_LARGEST_DIGITS = 12
_CACHED_LENGTH = 80


def is_token(text: str) -> bool:
    """Whether the text is one token."""
    return bool(text) and text.isascii() and not text.translate(_DELETE_TOKEN)


def readable(text: str) -> str:
    """Text off the wire for people, programs and databases: a question mark for each octet that was no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def quote(text: str) -> str:
    """The text as a quoted-string; line breaks become spaces, since no quoted-string may hold one."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    if "\r" in text or "\n" in text:
        text = text.replace("\r", " ").replace("\n", " ")
    return f'"{text}"'


def unquote(text: str) -> str:
    """The content of a quoted-string, or the text itself when it is not quoted."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    pieces = []
    start = 0
    while (slash := text.find("\\", start)) >= 0:
        pieces.append(text[start:slash])
        pieces.append(text[slash + 1 : slash + 2])
        start = slash + 2
    pieces.append(text[start:])
    return "".join(pieces)


def end_of_quoted(text: str, start: int) -> int:
    """Index just past the quoted-string that opens at `start`; ProtocolError when it never closes."""
    position = start + 1
    closing = text.find('"', position)
    while closing >= 0:
        slash = text.find("\\", position, closing)
        if slash < 0:
            return closing + 1
        position = slash + 2
        if position > closing:
            closing = text.find('"', position)
    raise ProtocolError("a quoted string does not end", section="RFC 3261 §25.1", position=start)


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Pieces of the text between separators that stand outside quoted strings; not stripped."""
    quoted = text.find('"')
    if quoted < 0:
        return text.split(separator)
    if "\\" not in text:
        pieces = text.split(separator)
        if not any(piece.count('"') & 1 for piece in pieces):
            return pieces  # every separator stands between whole quoted strings
    pieces = []
    start = position = 0
    cut = text.find(separator)
    while True:
        if quoted >= 0 and (cut < 0 or quoted < cut):
            position = end_of_quoted(text, quoted)
            quoted = text.find('"', position)
            if 0 <= cut < position:
                cut = text.find(separator, position)
            continue
        if cut < 0:
            pieces.append(text[start:])
            return pieces
        pieces.append(text[start:cut])
        start = cut + 1
        cut = text.find(separator, start)


def split_list(value: str) -> list[str]:
    """The elements of a comma-separated header value (RFC 3261 §7.3.1): commas in quotes or <> do not count."""
    if "," not in value:
        return [value.strip(" \t")]
    if '"' in value:
        pieces = _split_quoted_list(value)
    elif "<" in value:
        pieces = _split_bracketed_list(value)
    else:
        pieces = value.split(",")
    return [piece.strip(" \t") for piece in pieces]


def _split_bracketed_list(value: str) -> list[str]:
    pieces: list[str] = []
    held: list[str] = []
    for piece in value.split(","):
        if held:
            held.append(piece)
            if ">" in piece:
                pieces.append(",".join(held))
                held = []
        elif piece.rfind("<") > piece.rfind(">"):
            held.append(piece)
        else:
            pieces.append(piece)
    if held:
        raise ProtocolError("an angle bracket does not close", section="RFC 3261 §20.10")
    return pieces


def _split_quoted_list(value: str) -> list[str]:
    pieces = []
    start = position = 0
    length = len(value)
    while position < length:
        character = value[position]
        if character == '"':
            position = end_of_quoted(value, position)
            continue
        if character == "<":
            closing = value.find(">", position)
            if closing < 0:
                raise ProtocolError("an angle bracket does not close", section="RFC 3261 §20.10", position=position)
            position = closing
        elif character == ",":
            pieces.append(value[start:position])
            start = position + 1
        position += 1
    pieces.append(value[start:])
    return pieces


def parse_params(text: str) -> Params:
    """Header parameters from text that begins with ";": names in lower case, values raw (quotes kept).

    Raises ProtocolError for an empty parameter or what is no `;name[=value]` sequence (RFC 3261 §7.3.1).
    """
    if not text:
        return ()
    if text[0] != ";":
        raise ProtocolError("something other than parameters follows", section="RFC 3261 §7.3.1")
    pieces = text.split(";") if '"' not in text else split_outside_quotes(text, ";")
    del pieces[0]
    spaced = " " in text or "\t" in text
    params: list[tuple[str, str | None]] = []
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if spaced:
            name, value = name.strip(" \t"), value.strip(" \t")
        if not (name.isalnum() and name.isascii()) and not is_token(name):
            raise ProtocolError("a parameter has no proper name", section="RFC 3261 §7.3.1")
        params.append((name.lower(), value if equals else None))
    return tuple(params)


def format_params(params: Params) -> str:
    """Parameters as `;name=value` text; a value that may not stand bare is quoted."""
    text = ""
    for name, value in params:
        text += f";{name}" if value is None else f";{name}={bare_or_quoted(value)}"
    return text


def bare_or_quoted(value: str) -> str:
    """The value as it may stand behind `=`: already quoted or harmless stays, else it is quoted."""
    if not value or (value.isalnum() and value.isascii()):
        return value
    if len(value) >= 2 and value[0] == '"' and value[-1] == '"' and _is_quoted(value):
        return value
    return quote(value) if value.translate(_DELETE_BARE_VALUE) else value


def _is_quoted(value: str) -> bool:
    try:
        return end_of_quoted(value, 0) == len(value)
    except ProtocolError:
        return False


def find_param(params: Params, name: str) -> str | None:
    """Value of the parameter without its quotes: "" when it has none, None when it is absent. `name` in lower case."""
    for key, value in params:
        if key == name:
            if value is None:
                return ""
            return value if not value or value[0] != '"' else unquote(value)
    return None


def has_param(params: Params, name: str) -> bool:
    """Whether the parameter is there, with or without a value. `name` in lower case."""
    return any(key == name for key, _ in params)


def set_param(params: Params, name: str, value: str | None) -> Params:
    """The parameters with this one replaced in its place, or added at the end."""
    name = name.lower()
    if not has_param(params, name):
        return (*params, (name, value))
    replaced = False
    result = []
    for key, old in params:
        if key != name:
            result.append((key, old))
        elif not replaced:
            replaced = True
            result.append((name, value))
    return tuple(result)


def drop_params(params: Params, names: tuple[str, ...]) -> Params:
    """The parameters without those named, in any case of letters."""
    lower = {name.lower() for name in names}
    return tuple(item for item in params if item[0] not in lower)


def parse_number(text: str, largest: int, what: str, section: str) -> int:
    """A decimal number from 0 to `largest`; ProtocolError names `what` otherwise. Never slow on endless digits."""
    if not text.isascii() or not text.isdigit():
        raise ProtocolError(f"{what} is not a number", section=section)
    if len(text) > _LARGEST_DIGITS:
        text = text.lstrip("0") or "0"
        if len(text) > _LARGEST_DIGITS:
            raise ProtocolError(f"{what} is too large", section=section)
    number = int(text)
    if number > largest:
        raise ProtocolError(f"{what} is too large", section=section)
    return number


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Host (IPv6 literals without brackets) and port from `host[:port]` or `[v6][:port]` (RFC 3261 §25.1 hostport)."""
    return _host_port_cached(text) if len(text) <= _CACHED_LENGTH else _host_port(text)


def _host_port(text: str) -> tuple[str, int | None]:
    if text[:1] == "[":
        closing = text.find("]")
        if closing < 0:
            raise ProtocolError("an IPv6 reference does not close", section="RFC 3261 §25.1")
        host = parse_ipv6(text[1:closing])
        rest = text[closing + 1 :].lstrip(" \t")
        if not rest:
            return host, None
        if rest[0] != ":":
            raise ProtocolError("something follows an IPv6 reference", section="RFC 3261 §25.1")
        port_text = rest[1:]
    else:
        host, colon, port_text = text.partition(":")
        host = host.rstrip(" \t")
        if not is_host(host):
            raise ProtocolError("not a host name", section="RFC 3261 §25.1")
        if not colon:
            return host, None
    return host, parse_number(port_text.strip(" \t"), 65535, "a port", "RFC 3261 §25.1")


_host_port_cached = lru_cache(maxsize=2048)(_host_port)


def is_host(text: str) -> bool:
    """Whether the text is made of what host names and IPv4 addresses are made of; underscores are tolerated."""
    return text.isascii() and text.replace(".", "").replace("-", "").replace("_", "").isalnum() and text[0] not in ".-"


def parse_ipv6(text: str) -> str:
    """An IPv6 literal as written; the superfluous third colon that RFC 3261's grammar breeds is mended.

    Source: RFC 5118 §4.10. Raises ProtocolError for what is no address.
    """
    colons = text.find(":::")
    if colons >= 0 and ":" not in text[colons + 3 :]:  # nothing but an IPv4 address may follow the third colon
        text = text.replace(":::", "::", 1) if "." in text else text
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        raise ProtocolError("not an IPv6 address", section="RFC 5118 §4") from None
    if "%" in text:
        raise ProtocolError("an IPv6 zone has no meaning to a peer", section="RFC 5118 §4")
    return text


def format_host(host: str, port: int | None = None) -> str:
    """`host[:port]` with brackets round an IPv6 literal."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"
