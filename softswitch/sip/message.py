"""SIP requests and responses as values: ordered header fields, typed access on demand (RFC 3261 §7, §8.2.6).

A message keeps its header fields as text in the order they came. Typed values are parsed when first asked for and
kept until the field changes. Change fields through the methods only, never in the list itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Self, TypeVar

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.fields import HeaderFields
from softswitch.sip.grammar import parse_number, split_list
from softswitch.sip.headers.cseq import CSeq
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.headers.name_addr import NameAddr
from softswitch.sip.headers.via import Via
from softswitch.sip.reasons import REASONS, reason_phrase
from softswitch.sip.uri import Uri, parse_uri

__all__ = ["REASONS", "Message", "Request", "Response", "reason_phrase"]

_T = TypeVar("_T", Via, NameAddr)
_LARGEST_SECONDS = 2**32 - 1
_COPIED_INTO_RESPONSES = frozenset(("Via", "From", "To", "Call-ID", "CSeq"))
_COPIED_WITH_ROUTES = _COPIED_INTO_RESPONSES | {"Record-Route"}


class Message(HeaderFields):
    """What requests and responses share: header fields, and `body` in octets.

    Typed properties raise ProtocolError when the field is malformed; those whose type has no None also when it is
    missing.
    """

    __slots__ = ("body",)

    body: bytes
    is_request = False

    @property
    def via(self) -> Via:
        """The topmost Via."""
        via: Via | None = self._typed.get("Via")
        if via is None:
            text = self._need("Via")
            via = self._typed["Via"] = Via.parse(split_list(text)[0] if "," in text else text)
        return via

    @property
    def vias(self) -> list[Via]:
        """All Vias, topmost first."""
        return self._list("Via", Via)

    @property
    def from_(self) -> NameAddr:
        """From."""
        address: NameAddr | None = self._typed.get("From")
        if address is None:
            address = self._typed["From"] = NameAddr.parse(self._need("From"))
        return address

    @property
    def to(self) -> NameAddr:
        """To."""
        address: NameAddr | None = self._typed.get("To")
        if address is None:
            address = self._typed["To"] = NameAddr.parse(self._need("To"))
        return address

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        cseq: CSeq | None = self._typed.get("CSeq")
        if cseq is None:
            cseq = self._typed["CSeq"] = CSeq.parse(self._need("CSeq"))
        return cseq

    @property
    def call_id(self) -> str:
        """Call-ID, compared octet by octet."""
        return self._need("Call-ID")

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact; its `wildcard` is set when it is `*`."""
        contact: NameAddr | None = self._typed.get("Contact")
        if contact is None:
            text = self.get("Contact")
            if text:
                text = split_list(text)[0] if "," in text else text
                contact = self._typed["Contact"] = NameAddr.parse(text)
        return contact

    @property
    def contacts(self) -> list[NameAddr]:
        """All Contacts in order."""
        return self._list("Contact", NameAddr)

    @property
    def routes(self) -> list[NameAddr]:
        """The Route set, topmost first."""
        return self._list("Route", NameAddr)

    @property
    def record_routes(self) -> list[NameAddr]:
        """The Record-Route set as written (a client reverses it, RFC 3261 §12.1.2)."""
        return self._list("Record-Route", NameAddr)

    def _list(self, name: str, kind: type[_T]) -> list[_T]:
        found: list[_T] | None = self._typed.get(name + "*")
        if found is None:
            found = []
            for value in self.get_all(name):
                found += [kind.parse(item) for item in split_list(value)] if "," in value else [kind.parse(value)]
            self._typed[name + "*"] = found
        return found

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, 0 to 255."""
        value = self.get("Max-Forwards")
        return None if value is None else parse_number(value, 255, "Max-Forwards", "RFC 3261 §20.22")

    @property
    def expires(self) -> int | None:
        """Expires in seconds; one beyond 2**32-1 counts as that (RFC 3261 §20.19)."""
        value = self.get("Expires")
        if value is None:
            return None
        if len(value) > 10 and value.isascii() and value.isdigit():
            return _LARGEST_SECONDS
        return min(parse_number(value, 10**10, "Expires", "RFC 3261 §20.19"), _LARGEST_SECONDS)

    @property
    def content_type(self) -> MediaType | None:
        """Content-Type."""
        value = self.get("Content-Type")
        return None if value is None else MediaType.parse(value)

    @property
    def require(self) -> list[str]:
        """Option tags of Require."""
        return self.values("Require") if self.has("Require") else []

    @property
    def supported(self) -> list[str]:
        """Option tags of Supported."""
        return self.values("Supported") if self.has("Supported") else []

    @property
    def allow(self) -> list[str]:
        """Methods of Allow."""
        return self.values("Allow") if self.has("Allow") else []

    # -- writing

    @abstractmethod  # without ABCMeta, which would make every isinstance() of a message dearer
    def start_line(self) -> str:
        """The start line without its line break."""

    def serialize(self) -> bytes:
        """The message as octets, Content-Length last and counted anew.

        Raises LocalProtocolError when a field would smuggle in a line break or cannot be written as UTF-8.
        """
        body = self.body
        lines = [f"{name}: {value}" for name, value in self.fields if name != "Content-Length"]
        head = "\r\n".join([self.start_line(), *lines, f"Content-Length: {len(body)}\r\n\r\n"])
        breaks = len(lines) + 3
        if head.count("\n") != breaks or head.count("\r") != breaks:
            raise LocalProtocolError("a header value holds a line break")
        try:
            return head.encode("utf-8", "surrogateescape") + body
        except UnicodeEncodeError:
            raise LocalProtocolError("a header value is no text") from None

    def _copy_into(self, twin: Self) -> Self:
        twin._index = self._index
        twin._typed = dict(self._typed)
        return twin


class Request(Message):
    """A request: method, Request-URI as written, fields, body."""

    __slots__ = ("method", "request_uri")

    is_request = True

    def __init__(
        self, method: str, request_uri: str, fields: Iterable[tuple[str, str]] | None = None, body: bytes = b""
    ) -> None:
        self.method = method
        self.request_uri = request_uri
        self.fields = [] if fields is None else list(fields)
        self.body = body
        self._index = None
        self._typed = {}

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.request_uri}>"

    @property
    def uri(self) -> Uri:
        """The parsed Request-URI; ProtocolError when it is malformed."""
        return parse_uri(self.request_uri)

    def start_line(self) -> str:
        """`METHOD uri SIP/2.0`."""
        return f"{self.method} {self.request_uri} SIP/2.0"

    def copy(self) -> Request:
        """An independent copy."""
        return self._copy_into(Request(self.method, self.request_uri, self.fields, self.body))


class Response(Message):
    """A response: status 100 to 699, reason phrase (the usual one when None is given), fields, body."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str | None = None,
        fields: Iterable[tuple[str, str]] | None = None,
        body: bytes = b"",
    ) -> None:
        self.status = status
        self.reason = reason_phrase(status) if reason is None else reason
        self.fields = [] if fields is None else list(fields)
        self.body = body
        self._index = None
        self._typed = {}

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"

    @classmethod
    def to_request(
        cls,
        request: Request,
        status: int,
        reason: str | None = None,
        to_tag: str | None = None,
        *,
        record_route: bool = False,
    ) -> Response:
        """The response to a request: its Vias, From, To, Call-ID and CSeq (RFC 3261 §8.2.6).

        `to_tag` is added unless To has one; `record_route` copies Record-Route too, as what makes a dialog must.
        """
        wanted = _COPIED_WITH_ROUTES if record_route else _COPIED_INTO_RESPONSES
        fields = [item for item in request.fields if item[0] in wanted]
        if status == 100 and request.has("Timestamp"):
            fields += [item for item in request.fields if item[0] == "Timestamp"]
        response = cls(status, reason)
        response.fields = fields
        if to_tag is not None:
            response._tag_to(to_tag)
        return response

    def _tag_to(self, tag: str) -> None:
        for at, (name, value) in enumerate(self.fields):
            if name == "To":
                try:
                    if NameAddr.parse(value).tag is None:
                        self.fields[at] = ("To", f"{value};tag={tag}")
                except ProtocolError:
                    pass  # a malformed To is echoed as it came
                return

    @property
    def provisional(self) -> bool:
        """Whether the status is 1xx."""
        return self.status < 200

    @property
    def success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def start_line(self) -> str:
        """`SIP/2.0 status reason`."""
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Response:
        """An independent copy."""
        return self._copy_into(Response(self.status, self.reason, self.fields, self.body))
