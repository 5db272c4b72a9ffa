"""Dialogs: what two user agents keep of each other between requests (RFC 3261 §12).

A dialog builds requests and knows where they go; who sends them and why is the session's business.
"""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.sip.address import Address
from softswitch.sip.bodies import tag_of
from softswitch.sip.errors import ProtocolError
from softswitch.sip.flow import behind_nat, keeps_flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.locate import numeric_address
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.uri import SipUri

Fields = Sequence[tuple[str, str]]


class Dialog:
    """One dialog, early or confirmed: identifiers, remote target, route set, sequence numbers.

    `local` and `remote` are the values of From and To in requests of ours. `flow` is set when every request goes
    along the flow of the first one, whatever the remote target says: a peer behind a NAT, or one that opened the
    stream (RFC 5626 §4.3). `source` is where the peer's first message came from or ours went. `negotiated` tells
    whether the first offer has its answer, `response_number` is the RSeq of the latest reliable provisional (0: none).
    """

    __slots__ = (
        "_head",
        "_hop",
        "_route_fields",
        "_uri",
        "call_id",
        "flow",
        "local",
        "local_cseq",
        "local_tag",
        "negotiated",
        "remote",
        "remote_cseq",
        "remote_tag",
        "response_number",
        "route_set",
        "source",
        "target",
    )

    def __init__(
        self,
        call_id: str,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str,
        target: str,
        route_set: tuple[str, ...],
        source: Address,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.target = target
        self.route_set = route_set
        self.source = source
        self.local_cseq = 0
        self.remote_cseq = -1
        self.flow: Address | None = None
        self.negotiated = False
        self.response_number = 0
        self._hop: Address | SipUri | None = None
        self._uri = ""
        self._route_fields: list[tuple[str, str]] = []
        self._head = ""

    @classmethod
    def from_request(cls, request: Request, source: Address, local_tag: str) -> Dialog:
        """The dialog that a request to us begins (§12.1.1); ProtocolError when it has no usable Contact."""
        contact = request.contact
        if contact is None or contact.wildcard:
            raise ProtocolError("Contact is missing", section="RFC 3261 §8.1.1.8")
        index = request.index()
        routed = "Record-Route" in index
        dialog = cls(
            index["Call-ID"],
            f"{index['To']};tag={local_tag}",
            local_tag,
            index["From"],
            tag_of(index["From"]) or "",
            contact.uri_text,
            tuple([str(route) for route in request.record_routes]) if routed else (),
            source,
        )
        dialog.remote_cseq = request.cseq.number
        uri = contact.uri
        if not routed and isinstance(uri, SipUri) and (source.transport != "udp" or uri.host != source.host):
            hops = len(request.vias)
            via = request.via
            if keeps_flow(uri, via, hops, source, behind_nat(uri, via, hops, source)):
                dialog.flow = source
        return dialog

    @classmethod
    def from_response(cls, response: Response, destination: Address, local_tag: str | None = None) -> Dialog:
        """The dialog that a response to our request begins (§12.1.2); the request went to `destination`."""
        contact = response.contact
        target = response.to.uri_text if contact is None or contact.wildcard else contact.uri_text
        index = response.index()
        routed = "Record-Route" in index
        dialog = cls(
            index["Call-ID"],
            index["From"],
            local_tag or response.from_.tag or "",
            index["To"],
            tag_of(index["To"]) or "",
            target,
            tuple([str(route) for route in reversed(response.record_routes)]) if routed else (),
            destination,
        )
        dialog.local_cseq = response.cseq.number
        if not routed and (destination.connection or destination.transport in ("ws", "wss")):
            dialog.flow = destination
        return dialog

    def refresh_target(self, message: Message) -> None:
        """Take over the Contact of a target refresh request or of a 2xx to one (§12.2.1.2, §12.2.2)."""
        contact = message.contact
        if contact is not None and not contact.wildcard and contact.uri_text != self.target:
            self.target = contact.uri_text
            self._hop = None

    def renew_route(self, response: Response) -> None:
        """Take route set and target from the 2xx that confirms an early dialog (§13.2.2.4)."""
        self.route_set = tuple([str(route) for route in reversed(response.record_routes)])
        self._hop = None
        self.refresh_target(response)

    def keep_flow(self) -> None:
        """Send everything where the first message came from or went to."""
        self.flow = self.source
        self._hop = None

    def hop(self) -> Address | SipUri:
        """Where requests go first: the flow, else the topmost route, else the remote target (§12.2.1.1)."""
        if self._hop is None:
            self._aim()
        assert self._hop is not None
        return self._hop

    def alternatives(self) -> tuple[Address, ...]:
        """Where else a request may go when its flow is lost."""
        if self.flow is None or self.route_set:
            return ()
        address = _numeric(self.target, self.source)
        return () if address is None or address == self.flow else (address,)

    def request(self, method: str, number: int, fields: Fields = (), body: bytes = b"") -> Request:
        """A request inside the dialog with this sequence number; Via is left empty for the transaction layer."""
        if self._hop is None:
            self._aim()
        return Request(
            method,
            self._uri,
            [
                ("Via", ""),
                *self._route_fields,
                ("From", self.local),
                ("To", self.remote),
                ("Call-ID", self.call_id),
                ("CSeq", f"{number} {method}"),
                *fields,
            ],
            body,
        )

    def octets(self, method: str, number: int, lines: str, body: bytes, via: str) -> bytes:
        """A request inside the dialog as octets, for an ACK, which nobody looks into afterwards.

        `lines` are further header lines, each with its line break.
        """
        if self._hop is None:
            self._aim()
        return (
            f"{method} {self._uri} SIP/2.0\r\nVia: {via}\r\n{self._head}CSeq: {number} {method}\r\n{lines}"
            f"Content-Length: {len(body)}\r\n\r\n".encode("utf-8", "surrogateescape")
            + body
        )

    def _aim(self) -> None:
        """Find Request-URI, Route and next hop; a first route without `lr` is a strict router (§12.2.1.1)."""
        routes = self.route_set
        first = self.target
        self._uri = self.target
        if routes:
            route = NameAddr.parse(routes[0])
            first = route.uri_text
            uri = _sip_uri(first)
            if uri is not None and not uri.has_param("lr"):
                self._uri = str(uri.replace(headers=()).without_params("method"))
                routes = (*routes[1:], f"<{self.target}>")
        self._route_fields = [("Route", route) for route in routes]
        lines = "".join([f"Route: {route}\r\n" for route in routes])
        self._head = f"{lines}From: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\n"
        self._hop = self.flow or _numeric(first, self.source) or _sip_uri(first) or self.source


def _sip_uri(text: str) -> SipUri | None:
    try:
        return SipUri.parse(text)
    except ProtocolError:
        return None


def _numeric(text: str, source: Address) -> Address | None:
    uri = _sip_uri(text)
    return None if uri is None else numeric_address(uri, source.listener, source.transport)
