"""Octets to SIP messages (RFC 3261 §7, §18.3) and the check a new transaction's message must pass (§8.1.1, §16.3).

One decode, one split, one dictionary probe per header line; values are looked into only when somebody asks. Lines
are unfolded only where a fold is. Line ends are CRLF: a lone CR or LF is refused, since two readers might disagree
where a field ends.
"""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import is_token, parse_number
from softswitch.sip.headers.names import SINGLE, SPELLINGS, canonical_name
from softswitch.sip.headers.via import MAGIC_COOKIE
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.uri import SipUri

VERSION = "SIP/2.0"
_USUAL_METHODS = frozenset((
    "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER", "SUBSCRIBE", "NOTIFY",
    "PUBLISH", "MESSAGE",
))  # fmt: skip
_PARSED_LINES: dict[str, tuple[str, str]] = {}
_REMEMBERED_LINES = 8192
_REMEMBERED_LENGTH = 192
_BAD_URI_STARTS = ("", "<", "\t")


class Limits(NamedTuple):
    """What a message may measure: octets of the whole, number of header fields, characters of one unfolded line."""

    message: int = 65536
    fields: int = 128
    line: int = 8192


DEFAULT_LIMITS = Limits()


class MalformedMessage(ProtocolError):
    """Octets that make no acceptable message.

    `message` is what could be made out, for a 400 to be built from, or None. `status` 0 says to drop it silently:
    a response, or nothing that looks like SIP.
    """

    def __init__(
        self,
        text: str,
        *,
        section: str = "RFC 3261 §7",
        status: int = 400,
        position: int | None = None,
        message: Request | Response | None = None,
    ) -> None:
        super().__init__(text, section=section, status=status, position=position)
        self.message = message


def parse_message(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Request | Response:
    """The message in one datagram or one frame of a stream; octets beyond Content-Length are ignored (§18.3).

    Raises MalformedMessage, and nothing else, for any other content.
    """
    try:
        return _parse(data, limits)
    except ProtocolError as error:
        raise _with_best_effort(error, data, limits) from None


def _parse(data: bytes, limits: Limits) -> Request | Response:
    start = 0
    if data[:1] in b"\r\n":
        start = len(data) - len(data.lstrip(b"\r\n"))  # RFC 3261 §7.5
    end = data.find(b"\r\n\r\n", start)
    if end < 0 or len(data) > limits.message:
        raise _refuse_frame(data[start:], limits)
    text = data[start:end].decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks:
        raise ProtocolError("a lone CR or LF in the header", section="RFC 3261 §7")
    if breaks > limits.fields or len(text) > limits.line:
        lines = _check_size([lines[0], *_unfold(lines[1:])], limits)
    words = lines[0].split(" ")
    message: Request | Response
    if len(words) == 3 and words[2] == VERSION and words[0] in _USUAL_METHODS and words[1][:1] not in _BAD_URI_STARTS:
        message = Request(words[0], words[1])
    else:
        message = _parse_start_line(lines[0])
    del lines[0]
    parsed = _PARSED_LINES.get
    try:
        message.fields = [parsed(line) or _parse_line(line) for line in lines]
    except _FoldedLine:
        message.fields = [_parse_line(line) for line in _unfold(lines)]
    length = message.get("Content-Length")
    message.body = data[end + 4 :] if length is None else _cut_body(message, length, data, end + 4)
    return message


def _check_size(lines: list[str], limits: Limits) -> list[str]:
    if len(lines) > limits.fields + 1:
        raise ProtocolError("too many header fields", section="RFC 3261 §21.5.7", status=513)
    if max(map(len, lines)) > limits.line:
        raise ProtocolError("a header line is too long", section="RFC 3261 §21.5.7", status=513)
    return lines


class _FoldedLine(Exception):
    """A line continues the one before it."""


def _parse_line(line: str) -> tuple[str, str]:
    """Canonical name and value of one header line; remembers short ones, since a call repeats most of its lines."""
    if line[:1] == " " or line[:1] == "\t":
        raise _FoldedLine
    name, colon, value = line.partition(":")
    if not colon:
        raise ProtocolError("a header line without a colon", section="RFC 3261 §7.3.1")
    field = (SPELLINGS.get(name) or canonical_name(name), value.strip(" \t"))
    if len(line) <= _REMEMBERED_LENGTH:
        if len(_PARSED_LINES) >= _REMEMBERED_LINES:
            _PARSED_LINES.clear()
        _PARSED_LINES[line] = field
    return field


def _unfold(lines: list[str]) -> list[str]:
    """Lines with each continuation joined to its line by one space (RFC 3261 §7.3.1)."""
    unfolded: list[list[str]] = []
    for line in lines:
        if line[:1] != " " and line[:1] != "\t":
            unfolded.append([line])
        elif unfolded:
            unfolded[-1].append(line.strip(" \t"))
        else:
            raise ProtocolError("white space before the first line", section="RFC 3261 §7.3.1")
    return [parts[0] if len(parts) == 1 else " ".join(parts) for parts in unfolded]


def _parse_start_line(line: str) -> Request | Response:
    if line.startswith("SIP/2.0 "):
        return _parse_status_line(line)
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if version != VERSION or not uri or " " in uri or "\t" in uri:
        # RFC 4475 §3.1.2.9, §3.1.2.10: more white space than due is mended, not passed on.
        uri, _, version = rest.strip(" \t").rpartition(" ")
        uri = uri.strip(" \t")
        if version.upper() != VERSION:
            if version[:4].upper() == "SIP/":
                raise ProtocolError("another version of SIP", section="RFC 3261 §21.5.6", status=505)
            raise ProtocolError("not a SIP message", section="RFC 3261 §7.1", status=0)
        if not uri or " " in uri or "\t" in uri:
            raise ProtocolError("white space in the Request-URI", section="RFC 3261 §7.1")
    if uri[:1] in _BAD_URI_STARTS:
        raise ProtocolError("the Request-URI is empty or stands in <>", section="RFC 3261 §7.1")
    if not is_token(method):
        raise ProtocolError("the method is no token", section="RFC 3261 §7.1")
    return Request(method, uri)


def _parse_status_line(line: str) -> Response:
    code = line[8:11]
    if (
        len(code) != 3
        or not (code.isascii() and code.isdigit())
        or line[11:12] not in (" ", "")
        or code[0] not in "123456"
    ):
        raise ProtocolError("not a status code", section="RFC 3261 §7.2", status=0)
    return Response(int(code), line[12:].rstrip(" \t"))


def _cut_body(message: Message, text: str, data: bytes, start: int) -> bytes:
    if len(message.fields) != len(message.index()) and len(message.get_all("Content-Length")) > 1:
        raise ProtocolError("more than one Content-Length", section="RFC 4475 §3.3.9")
    length = parse_number(text, 10**9, "Content-Length", "RFC 3261 §20.14")
    if length > len(data) - start:
        raise ProtocolError("the body is shorter than Content-Length says", section="RFC 3261 §18.3")
    return data[start : start + length]


def _refuse_frame(data: bytes, limits: Limits) -> ProtocolError:
    if len(data) > limits.message:
        return ProtocolError("the message is too large", section="RFC 3261 §21.5.7", status=513)
    if not data:
        return ProtocolError("an empty message", section="RFC 3261 §7", status=0)
    return ProtocolError("the header does not end", section="RFC 3261 §7")


def _with_best_effort(error: ProtocolError, data: bytes, limits: Limits) -> MalformedMessage:
    """The error with as much of the message as could be made out; a bad response is never answered."""
    head = data[: limits.message].lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    lines = head.decode("utf-8", "surrogateescape").split("\r\n", limits.fields + 1)[: limits.fields + 1]
    status = error.status
    message: Request | Response | None = None
    if lines[0][:8].upper() == "SIP/2.0 ":
        status = 0
    elif status:
        words = lines[0].split(None, 1)
        # Without SIP in its start line it is noise and deserves no answer.
        if len(words) == 2 and is_token(words[0]) and " SIP/" in lines[0].upper():
            message = Request(words[0], words[1].rpartition(" ")[0].strip())
            _collect_fields(lines, message, limits)
        else:
            status = 0
    return MalformedMessage(error.text, section=error.section, status=status, position=error.position, message=message)


def _collect_fields(lines: list[str], message: Request, limits: Limits) -> None:
    for line in lines[1:]:
        if len(line) > limits.line or "\n" in line or "\r" in line:
            continue
        if line[:1] in (" ", "\t"):
            if message.fields:
                name, value = message.fields[-1]
                if len(value) + len(line) <= limits.line:
                    message.fields[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        try:
            if colon:
                message.fields.append((canonical_name(name), value.strip(" \t")))
        except ProtocolError:
            continue


def validate(message: Request | Response) -> None:
    """The check that opens a transaction: what must be there is there once and well formed (RFC 3261 §8.1.1, §16.3).

    Raises ProtocolError with the status a request deserves, and status 0 for a response, which is dropped (§8.1.3.3
    drops one with more than one Via too).
    """
    try:
        _validate_common(message)
        if isinstance(message, Request):
            _validate_request(message)
        elif len(message.vias) > 1:
            raise ProtocolError("a response that another should have had", section="RFC 3261 §8.1.3.3")
    except ProtocolError as error:
        if not message.is_request:
            error.status = 0
        raise


def _validate_common(message: Message) -> None:
    if message.via.branch == MAGIC_COOKIE:
        raise ProtocolError("a branch of nothing but the magic cookie", section="RFC 4475 §3.2.1")
    if not message.call_id:
        raise ProtocolError("Call-ID is empty", section="RFC 3261 §20.8")
    if len(message.fields) != len(message.index()):
        _check_repetitions(message)
    _ = message.vias, message.from_.uri, message.to.uri, message.cseq, message.contacts, message.content_type


def _check_repetitions(message: Message) -> None:
    seen = set()
    for name, _ in message.fields:
        if name in SINGLE:
            if name in seen:
                raise ProtocolError(f"more than one {name}", section="RFC 4475 §3.3.8")
            seen.add(name)


def _validate_request(request: Request) -> None:
    uri = request.uri
    if isinstance(uri, SipUri) and uri.headers:
        raise ProtocolError("the Request-URI carries headers", section="RFC 3261 §19.1.1")
    if request.cseq.method != request.method:
        raise ProtocolError("CSeq names another method", section="RFC 3261 §8.1.1.5")
    _ = request.max_forwards, request.expires
    for addresses in (request.contacts, request.routes, request.record_routes):
        for address in addresses:
            if not address.wildcard:
                _ = address.uri
