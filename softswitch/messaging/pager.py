"""Pager-mode messages: SIP MESSAGE from one party to every device of another (RFC 3428)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.access import Access, Challenge, Identity
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause
from softswitch.calls.routing import Router
from softswitch.events import EventBus, MessageRelayed
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import RequestReceived
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, Response
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.uri import SipUri, TelUri, escape_user
from softswitch.sip.useragent import UserAgent

#: Fields that go with the text from sender to recipient.
_CARRIED = ("Content-Type", "Content-Disposition", "Content-Language", "Subject", "Date", "In-Reply-To")


class Pager:
    """Relays messages: the sender is told 200 when the first device took it, else the best refusal."""

    def __init__(
        self,
        *,
        agent: UserAgent,
        access: Access,
        router: Router,
        bus: EventBus,
        new_id: Callable[[], str],
        domain: str,
        max_octets: int = 16384,
    ) -> None:
        self._agent = agent
        self._access = access
        self._router = router
        self._bus = bus
        self._new_id = new_id
        self._domain = domain
        self._max_octets = max_octets

    def handle(self, event: RequestReceived, now: float) -> None:
        """One MESSAGE."""
        request = event.request
        try:
            identity = self._access.identify(request, event.source, now)
            uri = request.uri
        except ProtocolError as error:
            self._agent.respond(event.transaction, error.status or 400, now, reason=error.text)
            return
        if isinstance(identity, Challenge):
            fields = [("WWW-Authenticate", value) for value in identity.values]
            self._agent.respond(event.transaction, 401, now, fields=fields)
            return
        if len(request.body) > self._max_octets:
            self._agent.respond(event.transaction, 413, now)
            return
        number = uri.username if isinstance(uri, SipUri) else uri.digits if isinstance(uri, TelUri) else ""
        found = self._router.stages(number, identity.caller)[1]
        targets = [] if isinstance(found, Cause) else [t for stage in found for t in stage.targets if t.request_uri]
        sender = identity.party.number
        if not targets:
            status = found.status if isinstance(found, Cause) else 405
            self._agent.respond(event.transaction, status, now)
            self._bus.publish(MessageRelayed(sender, number, status))
            return
        relay = _Relay(self._agent, event.transaction, len(targets), sender, number, self._bus)
        for target in targets:
            outgoing = self._copy(request, target, identity)
            hop = target.next_hop
            self._agent.send(outgoing, hop, now, owner=relay)

    def _copy(self, request: Request, target: Target, identity: Identity) -> Request:
        sender = NameAddr(
            f"sip:{escape_user(identity.party.number)}@{self._domain}", identity.party.display_name or None
        )
        recipient = NameAddr(f"sip:{escape_user(target.number)}@{self._domain}")
        fields = [
            ("From", str(sender.with_tag(self._new_id()))),
            ("To", str(recipient)),
            ("Call-ID", self._new_id()),
            ("CSeq", "1 MESSAGE"),
            ("Max-Forwards", str(max((request.max_forwards or 70) - 1, 0))),
            *(("Route", route) for route in target.routes),
            *((name, value) for name in _CARRIED if (value := request.get(name)) is not None),
        ]
        return Request("MESSAGE", target.request_uri, fields, request.body)


class _Relay:
    """One message on its way to several devices: answers its sender once."""

    __slots__ = ("_agent", "_best", "_bus", "_done", "_left", "_recipient", "_sender", "_transaction")

    def __init__(
        self, agent: UserAgent, transaction: ServerTransaction, devices: int, sender: str, recipient: str, bus: EventBus
    ) -> None:
        self._agent = agent
        self._transaction = transaction
        self._left = devices
        self._sender = sender
        self._recipient = recipient
        self._bus = bus
        self._best = 0
        self._done = False

    def on_response(self, response: Response, now: float) -> None:
        """A device answered."""
        if response.status >= 200:
            self._finish_one(response.status, now)

    def on_failure(self, status: int, now: float) -> None:
        """A device did not answer."""
        self._finish_one(status, now)

    def _finish_one(self, status: int, now: float) -> None:
        self._left -= 1
        self._best = status if not self._best else min(self._best, status)
        if self._done or (status >= 300 and self._left):
            return
        self._done = True
        self._agent.respond(self._transaction, self._best, now)
        self._bus.publish(MessageRelayed(self._sender, self._recipient, self._best))
