"""The server side of the transaction layer: matches requests, absorbs copies, answers CANCEL, repeats final responses.

RFC 3261 §17.2 by the tables of `server_transaction`, §17.2.3 matching (with RFC 2543 peers), §18.2 and RFC 3581
response routing, §8.2.2.2 merged requests, §9.2 CANCEL. A maddr in a Via is not followed: it would let anybody aim our
responses at a third party.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from softswitch.sip.address import Address
from softswitch.sip.bodies import tag_of
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.flowindex import FlowIndex, same_flow
from softswitch.sip.headers import MAGIC_COOKIE, Via, split_list
from softswitch.sip.locate import DEFAULT_PORTS
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import validate
from softswitch.sip.server_transaction import (
    INVITE_SERVER,
    ServerAction,
    ServerInput,
    ServerRemnant,
    ServerState,
    ServerTransaction,
    server_step,
)

if TYPE_CHECKING:
    from softswitch.sip.settings import UserAgentSettings
    from softswitch.sip.timerwheel import TimerWheel
    from softswitch.sip.transactions import TransactionUser

# Requests inside a dialog of which no more is read than what identifies them.
_READ_LITTLE = frozenset(("BYE", "INFO", "PRACK"))

# Members of an Enum are slow to reach: those of the way every message goes have names of their own.
_TRYING = ServerState.TRYING
_COMPLETED = ServerState.COMPLETED
_CONFIRMED = ServerState.CONFIRMED
_SEND_PROVISIONAL = ServerInput.SEND_PROVISIONAL
_SEND_SUCCESS = ServerInput.SEND_SUCCESS
_SEND_FAILURE = ServerInput.SEND_FAILURE
_NOTHING = ServerAction.NOTHING


class ServerTransactions:
    """Every server transaction and what is left of those that were answered, by branch, sent-by and method."""

    def __init__(
        self,
        *,
        out: list[tuple[bytes, Address]],
        wheel: TimerWheel,
        new_id: Callable[[], str],
        settings: UserAgentSettings,
        user: TransactionUser,
        counters: dict[str, int],
    ) -> None:
        self.entries: dict[str, ServerTransaction | ServerRemnant] = {}
        self.merged: dict[str, str] = {}
        self.flows = FlowIndex()
        self._out = out
        self._wheel = wheel
        self._new_id = new_id
        self._settings = settings
        self._user = user
        self._counters = counters
        self._salt = new_id()
        self._t1 = settings.timers.t1
        self._t2 = settings.timers.t2
        self._timeout = settings.timers.transaction_timeout
        self._first_repetition = wheel.lane(self._t1, self._repeat_first)
        self._confirmed = wheel.lane(settings.timers.t4, self._forget_confirmed)
        self._lingering = wheel.lane(self._timeout, self._linger_over)

    # -- receiving

    def receive(self, request: Request, source: Address, now: float) -> None:
        """A request from the network; ProtocolError when it is malformed (`refuse` then answers it)."""
        method = request.method
        text = request.index().get("Via")
        if text is None:
            raise ProtocolError("Via is missing", section="RFC 3261 §8.1.1.7")
        base = _quick_base(text) or self._base(request)
        key = base + ("INVITE" if method == "ACK" else method)
        entry = self.entries.get(key)
        if entry is not None:
            happened = ServerInput.ACK if method == "ACK" else ServerInput.RETRANSMITTED
            self._receive_again(entry, key, happened, request, source, now)
        elif method == "ACK":
            self._user.ack_received(request, source, now)
        else:
            try:
                _check(request)
            finally:
                _stamp(request, text, source)
            self._receive_new(key, base, request, source, text, now)

    @staticmethod
    def _base(request: Request) -> str:
        """What all requests of one transaction share but the method (RFC 3261 §17.2.3)."""
        via = request.via
        branch = via.branch
        if branch.startswith(MAGIC_COOKIE):
            return f"{via.host}:{via.port};{branch} "
        # A peer of RFC 2543 days: the values that do not differ between an INVITE, its CANCEL and its ACK.
        return (
            f"{request.request_uri} {request.call_id} {request.cseq.number} {request.from_.tag} "
            f"{branch} {via.host}:{via.port} "
        )

    def _receive_new(self, key: str, base: str, request: Request, source: Address, via: str, now: float) -> None:
        index = request.index()
        dialog_tag = tag_of(index["To"])
        method = request.method
        if len(self.entries) >= self._settings.max_transactions * (1 if dialog_tag is None else 2):
            self._counters["requests_refused_overload"] += 1
            refusal = self.refusal(request, 503)
            refusal.add("Retry-After", str(self._settings.retry_after))
            self.send_stateless(refusal, request, source)
            return
        merge_key = ""
        if dialog_tag is None and method != "CANCEL":
            merge_key = f"{index['Call-ID']} {index['CSeq']} {tag_of(index['From'])}"
            if merge_key in self.merged:
                self._counters["requests_merged"] += 1
                self.send_stateless(self.refusal(request, 482), request, source)
                return
            self.merged[merge_key] = key
        route = self._response_route(source, via)
        transaction = ServerTransaction(key, request, source, route, self._new_id(), dialog_tag, merge_key)
        self.entries[key] = transaction
        if source.transport != "udp":
            self.flows.add(source, key)
        if method == "CANCEL":
            self._receive_cancel(transaction, base, now)
            return
        if transaction.table is INVITE_SERVER:
            self.respond(transaction, 100, transaction.response(100), now)
        try:
            self._user.request_received(transaction, request, source, now)
        except ProtocolError as error:
            self._counters["messages_malformed"] += 1
            if not transaction.finished:
                status = error.status or 400
                self.respond(transaction, status, transaction.response(status, _phrase(error)), now)
        if transaction.state is _TRYING:
            self._lingering.add(key, now)  # nobody waits for an answer longer than timer F

    @staticmethod
    def _response_route(source: Address, text: str) -> tuple[Address, Address | None]:
        """Where responses go, and where when that connection is gone (RFC 3261 §18.2.2, RFC 3581 §4)."""
        transport, host, port, listener, _ = source
        if transport == "udp" and f" {host}:{port};" in text:
            return source, None  # the usual case: sent-by is where it came from
        via = Via.parse(split_list(text)[0])
        sent_by = via.port or DEFAULT_PORTS.get(transport, 5060)
        if transport != "udp":
            return source, Address(transport, host, sent_by, listener)
        if sent_by == port or via.has_param("rport"):
            return source, None
        return Address("udp", host, sent_by, listener), None

    def _receive_again(
        self,
        entry: ServerTransaction | ServerRemnant,
        key: str,
        happened: ServerInput,
        request: Request,
        source: Address,
        now: float,
    ) -> None:
        before = entry.state
        entry.state, action = server_step(entry.table, before, happened)
        self._counters["requests_again"] += 1
        if action is ServerAction.REPEAT:
            self._out.append((entry.data, entry.destination))
        elif action is ServerAction.PASS_ACK:
            self._user.ack_received(request, source, now)
        elif entry.state is not before and isinstance(entry, ServerRemnant):
            self._confirm(entry, key, now)

    def _confirm(self, remnant: ServerRemnant, key: str, now: float) -> None:
        """The ACK of a failure came: nothing is repeated any more; timer I."""
        if remnant.timer is not None:
            remnant.timer.cancel()
            remnant.timer = None
        if remnant.destination.transport != "udp":
            self._remove(key, remnant)
        else:
            remnant.data = b""
            self._confirmed.add(key, now)

    def _receive_cancel(self, transaction: ServerTransaction, base: str, now: float) -> None:
        invite = self.entries.get(base + "INVITE")
        status = 481
        if invite is not None:
            status = 200
            if isinstance(invite, ServerTransaction):
                transaction.to_tag = invite.to_tag
        self.respond(transaction, status, transaction.response(status), now)
        if isinstance(invite, ServerTransaction) and not invite.finished:
            self._user.cancel_received(invite, transaction.request, now)

    # -- sending

    def respond(self, transaction: ServerTransaction, status: int, data: bytes, now: float) -> bool:
        """Send the octets of a response with this status; False when it comes too late and is discarded."""
        happened = _SEND_PROVISIONAL if status < 200 else _SEND_SUCCESS if status < 300 else _SEND_FAILURE
        transaction.state, action = server_step(transaction.table, transaction.state, happened)
        if action is _NOTHING:
            return False
        transaction.data = data
        self._out.append((data, transaction.destination))
        if status >= 200 and self.entries.get(transaction.key) is transaction:
            self._leave(transaction, now)
        return True

    def repeat_success(self, transaction: ServerTransaction) -> None:
        """Send the 2xx of an Accepted INVITE once more, as its session must until the ACK (RFC 3261 §13.3.1.4)."""
        remnant = self.entries.get(transaction.key)
        destination = transaction.destination if remnant is None else remnant.destination
        self._counters["responses_retransmitted"] += 1
        self._out.append((transaction.data, destination))

    def _leave(self, transaction: ServerTransaction, now: float) -> None:
        """Put in the place of a transaction what its final response leaves to do."""
        key = transaction.key
        reliable = transaction.destination.transport != "udp"
        if transaction.state is _COMPLETED and transaction.table is not INVITE_SERVER and reliable:
            self._remove(key, transaction)  # timer J is 0
            return
        remnant = self.entries[key] = ServerRemnant(transaction)
        self._lingering.add(key, now)
        remnant.deadline = now + self._timeout
        if transaction.state is _COMPLETED and transaction.table is INVITE_SERVER and not reliable:
            remnant.interval = self._t1
            self._first_repetition.add(key, now)

    def refuse_and_forget(self, transaction: ServerTransaction, data: bytes) -> None:
        """Send the octets of a final failure that is as easily made again, and keep nothing of a request but an INVITE.

        A copy of the request is then a new one; its answer must have the same To tag (RFC 3261 §8.2.7).
        """
        transaction.state, action = server_step(transaction.table, transaction.state, _SEND_FAILURE)
        if action is not _NOTHING:
            self._out.append((data, transaction.destination))
            self._remove(transaction.key, transaction)

    def stateless_tag(self, request: Request) -> str:
        """The To tag of responses that leave nothing behind: the same request gets the same one (RFC 3261 §8.2.7)."""
        identity = f"{self._salt}{request.get('Call-ID')}{request.get('From')}{request.get('Via')}"
        return f"{crc32(identity.encode('utf-8', 'surrogateescape')):08x}"

    def refusal(self, request: Request, status: int, reason: str | None = None) -> Response:
        """A response made without a transaction."""
        return Response.to_request(request, status, reason, self.stateless_tag(request))

    def send_stateless(self, response: Response, request: Request, source: Address) -> None:
        """Send a response without keeping anything; a response that cannot be written is not sent."""
        try:
            destination = self._response_route(source, request.get("Via") or "")[0]
        except ProtocolError:
            destination = source
        try:
            data = response.serialize()
        except LocalProtocolError:
            self._counters["messages_dropped"] += 1
            return
        self._out.append((data, destination))

    # -- timers and failures

    def _repeat_first(self, key: str, now: float) -> None:
        entry = self.entries.get(key)
        if isinstance(entry, ServerRemnant):
            self._repeat(key, entry, now)

    def _repeat(self, key: str, remnant: ServerRemnant, now: float) -> None:
        """Timer G (RFC 3261 §17.2.1)."""
        remnant.timer = None
        if remnant.state is not _COMPLETED:
            return
        remnant.state, _ = server_step(remnant.table, remnant.state, ServerInput.RETRANSMIT)
        self._counters["responses_retransmitted"] += 1
        self._out.append((remnant.data, remnant.destination))
        remnant.interval = min(remnant.interval * 2, self._t2)
        remnant.timer = self._wheel.schedule(now + remnant.interval, partial(self._repeat, key, remnant))

    def _forget_confirmed(self, key: str, now: float) -> None:
        """Timer I."""
        entry = self.entries.get(key)
        if isinstance(entry, ServerRemnant) and entry.state is _CONFIRMED:
            server_step(entry.table, entry.state, ServerInput.LINGERED)
            self._remove(key, entry)

    def _linger_over(self, key: str, now: float) -> None:
        """Timers H, J and L, and the end of a request that nobody answered in time (RFC 4320 §4.2)."""
        entry = self.entries.get(key)
        if isinstance(entry, ServerRemnant):
            if now < entry.deadline or entry.state is _CONFIRMED:
                return
            unconfirmed = entry.table is INVITE_SERVER and entry.state is _COMPLETED
            happened = ServerInput.TIMEOUT if unconfirmed else ServerInput.LINGERED
            entry.state, _ = server_step(entry.table, entry.state, happened)
            if entry.timer is not None:
                entry.timer.cancel()
            if unconfirmed:
                self._counters["acks_missing"] += 1
            self._remove(key, entry)
        elif entry is not None and entry.table is not INVITE_SERVER:
            self._counters["requests_unanswered"] += 1
            self._remove(key, entry)

    def _remove(self, key: str, entry: ServerTransaction | ServerRemnant) -> None:
        del self.entries[key]
        if entry.merge_key:
            self.merged.pop(entry.merge_key, None)
        if entry.destination.transport != "udp":
            self.flows.discard(entry.destination, key)

    def transport_failed(self, address: Address, now: float) -> None:
        """A connection is gone: responses that wait for their ACK or a copy go to the sent-by (RFC 3261 §18.2.2)."""
        for key in self.flows.keys(address):
            entry = self.entries.get(key)
            if entry is None or not same_flow(entry.destination, address):
                continue
            entry.state, action = server_step(entry.table, entry.state, ServerInput.TRANSPORT_ERROR)
            if action is not ServerAction.REROUTE or entry.fallback is None:
                continue
            self.flows.discard(entry.destination, key)
            entry.destination = entry.fallback
            entry.fallback = None
            self.flows.add(entry.destination, key)
            if entry.data and len(entry.data) > 0:
                self._out.append((entry.data, entry.destination))


def _quick_base(text: str) -> str:
    """The same as `_base` for a Via of the usual shape, without taking it apart; "" for any other."""
    branch = text.find(";branch=z9hG4bK")
    if branch < 0 or "," in text or '"' in text or not text.startswith("SIP/2.0/"):
        return ""
    semicolon = text.find(";")
    sent_by = text[text.find(" ") + 1 : semicolon]
    end = text.find(";", branch + 8)
    if " " in sent_by or "]" in sent_by or ":" not in sent_by:
        return ""
    return f"{sent_by};{text[branch + 8 :] if end < 0 else text[branch + 8 : end]} "


def _check(request: Request) -> None:
    """The check that opens a transaction: in full, or of what identifies it where nothing else will be used."""
    index = request.index()
    if (
        request.method not in _READ_LITTLE
        or len(index) != len(request.fields)
        or "," in index["Via"]
        or tag_of(index.get("To", "")) is None
    ):
        validate(request)
        return
    _ = tag_of(index.get("From", "")), request.call_id
    if request.cseq.method != request.method:
        raise ProtocolError("CSeq names another method", section="RFC 3261 §8.1.1.5")


def _stamp(request: Request, text: str, source: Address) -> None:
    """Note in the topmost Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4)."""
    at = text.find(";rport")
    if at < 0 and f" {source.host}:{source.port};" in text:
        return
    plain = "," not in text and '"' not in text and "received" not in text
    if plain and at >= 0 and text[at + 6 : at + 7] in ("", ";"):
        # The usual case, without taking the Via apart and putting it together again.
        request.replace_first("Via", f"{text[:at]};rport={source.port}{text[at + 6 :]};received={source.host}")
        return
    via = Via.parse(split_list(text)[0])
    stamped = via.stamped(source.host, source.port)
    if stamped is not via:
        request.replace_first("Via", str(stamped))


def _phrase(error: ProtocolError) -> str | None:
    """The reason phrase that tells a peer what was wrong: plain ASCII of our own making, or the usual one."""
    plain = error.status == 400 and error.text.isascii() and error.text.isprintable() and len(error.text) < 120
    return f"Bad Request: {error.text}" if plain else None
