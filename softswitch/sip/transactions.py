"""The SIP transaction layer as one sans-I/O core: octets in, octets and events out (RFC 3261 §17, §18; RFC 6026).

`TransactionUser` is what stands on it. By itself the layer gives events; `UserAgent` builds dialogs and sessions on it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from softswitch.sip.address import Address
from softswitch.sip.client_transaction import ClientHandler, ClientRemnant, ClientTransaction
from softswitch.sip.clients import ClientTransactions, Fields, SentBy
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.events import (
    AckReceived,
    CancelReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    TransactionFailed,
)
from softswitch.sip.locate import Lookups
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import MalformedMessage, parse_message
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.servers import ServerTransactions
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.uri import SipUri


class TransactionUser(Protocol):
    """Who is told what the transaction layer receives."""

    def request_received(self, transaction: ServerTransaction, request: Request, source: Address, now: float) -> None:
        """A new request, to be answered with `respond`. May raise ProtocolError, which answers it."""

    def ack_received(self, request: Request, source: Address, now: float) -> None:
        """An ACK that belongs to no INVITE transaction: that of a 2xx."""

    def cancel_received(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL for an INVITE without final response; the CANCEL has been answered."""

    def forked_success(self, remnant: ClientRemnant, response: Response, source: Address, now: float) -> None:
        """A 2xx from another than the one who answered first: to be acknowledged and ended (RFC 3261 §13.2.2.4)."""


class TransactionLayer:
    """All transactions of one node; the clock is an argument, `timers` may be shared with others."""

    def __init__(
        self,
        *,
        timers: TimerWheel,
        new_id: Callable[[], str],
        sent_by: SentBy,
        settings: UserAgentSettings | None = None,
        user: TransactionUser | None = None,
    ) -> None:
        self.settings = settings or UserAgentSettings()
        self.timers = timers
        self.events: deque[Event] = deque()
        self.counters: Counter[str] = Counter()
        self._out: list[tuple[bytes, Address]] = []
        self._user: TransactionUser = user or _EventUser(self.events)
        self._lookups = Lookups(timers, self.settings.max_lookups, self.settings.lookup_timeout)
        self.clients = ClientTransactions(
            out=self._out,
            wheel=timers,
            lookups=self._lookups,
            new_id=new_id,
            sent_by=sent_by,
            settings=self.settings,
            user=self._user,
            counters=self.counters,
        )
        self.servers = ServerTransactions(
            out=self._out,
            wheel=timers,
            new_id=new_id,
            settings=self.settings,
            user=self._user,
            counters=self.counters,
        )

    # -- the network's side

    def receive_data(self, data: bytes, source: Address, now: float) -> None:
        """One datagram or one framed message. Never raises, whatever it holds."""
        try:
            message = parse_message(data, self.settings.limits)
        except MalformedMessage as error:
            self._refuse(error, error.message, source)
            return
        try:
            if isinstance(message, Request):
                self.servers.receive(message, source, now)
            else:
                self.clients.receive(message, source, now)
        except ProtocolError as error:
            self._refuse(error, message, source)

    def _refuse(self, error: ProtocolError, message: Request | Response | None, source: Address) -> None:
        """Answer a malformed request; an ACK, a response or noise is dropped (RFC 3261 §8.1.3.3, §8.2)."""
        self.counters["messages_malformed"] += 1
        if (
            error.status < 300
            or not isinstance(message, Request)
            or message.method == "ACK"
            or message.get("Via") is None
        ):
            self.counters["messages_dropped"] += 1
            return
        self.servers.send_stateless(self.servers.refusal(message, error.status), message, source)

    def transport_failed(self, address: Address, now: float) -> None:
        """A connection was lost or refused, or a datagram could not be sent: whoever needs `address` goes elsewhere."""
        self.clients.transport_failed(address, now)
        self.servers.transport_failed(address, now)

    def data_to_send(self) -> list[tuple[bytes, Address]]:
        """Everything to be sent now, in order; taken once."""
        out = self._out
        if not out:
            return []
        sending = out[:]
        out.clear()
        return sending

    # -- the clock

    def handle_timer(self, now: float) -> None:
        """Run what is due."""
        self.timers.advance(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called next, on the clock of `now`; None when nothing waits."""
        return self.timers.next_at()

    # -- the resolver

    def next_lookup(self) -> SipUri | None:
        """The next URI whose addresses are wanted, to be answered with `lookup_done` (RFC 3263)."""
        return self._lookups.next_question()

    def lookup_done(self, uri: SipUri, addresses: Sequence[Address], now: float) -> None:
        """The addresses of `uri` in order of preference; none when it leads nowhere."""
        self._lookups.done(uri, addresses, now)

    # -- the user's side

    def next_event(self) -> Event | None:
        """The next event, or None when all have been taken."""
        return self.events.popleft() if self.events else None

    def send_request(
        self,
        request: Request,
        next_hop: Address | SipUri,
        now: float,
        owner: object = None,
        handler: ClientHandler | None = None,
        alternatives: Sequence[Address] = (),
    ) -> ClientTransaction:
        """Send a request, which gets our Via; `handler` is told of responses and failure, else events are.

        A stream transport, several addresses (those of a name, then `alternatives`) and a size beyond one datagram are
        dealt with here.
        """
        if request.method in ("ACK", "CANCEL"):
            raise LocalProtocolError(f"{request.method} is no transaction of its own making")
        transaction = ClientTransaction(request, next_hop, handler or self.tell, owner)
        transaction.targets = alternatives
        self.clients.start(transaction, now)
        return transaction

    def tell(self, transaction: ClientTransaction, response: Response | None, now: float) -> None:
        """Make an event of a response, or of a failure when there is none."""
        if response is None:
            self.events.append(TransactionFailed(transaction, transaction.failure, transaction.reason))
        else:
            self.events.append(ResponseReceived(transaction, response))

    def send_ack(
        self,
        request: Request,
        next_hop: Address | SipUri,
        now: float,
        invite: ClientTransaction | None = None,
        tag: str | None = None,
    ) -> None:
        """Send the ACK of a 2xx; it is repeated for copies of that 2xx when `invite` and the peer's tag are given."""
        build = partial(self.clients.sign, request)
        self.clients.send_ack(build, next_hop, now, invite.remnant if invite else None, tag)

    def cancel(self, transaction: ClientTransaction, now: float, fields: Fields = ()) -> None:
        """Give up an INVITE that has no final response (RFC 3261 §9.1); others are left alone."""
        if transaction.method == "INVITE":
            self.clients.cancel(transaction, now, fields)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Answer a request; To gets our tag where it has none. After a final response further ones are discarded."""
        if response.status > 100 and response.to.tag is None:
            response.set("To", f"{response.get('To')};tag={transaction.to_tag}")
        self.servers.respond(transaction, response.status, response.serialize(), now)

    def gauges(self) -> dict[str, int]:
        """How much there is of what is bounded, for metrics."""
        return {
            "client_transactions": len(self.clients.entries),
            "server_transactions": len(self.servers.entries),
            "lookups": len(self._lookups),
        }


class _EventUser:
    """The user of a layer that stands alone: everything becomes an event."""

    def __init__(self, events: deque[Event]) -> None:
        self._events = events

    def request_received(self, transaction: ServerTransaction, request: Request, source: Address, now: float) -> None:
        self._events.append(RequestReceived(transaction, request, source))

    def ack_received(self, request: Request, source: Address, now: float) -> None:
        self._events.append(AckReceived(request, source))

    def cancel_received(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        self._events.append(CancelReceived(transaction, request))

    def forked_success(self, remnant: ClientRemnant, response: Response, source: Address, now: float) -> None:
        """Left to the owner's own means: a bare layer knows no dialogs."""
