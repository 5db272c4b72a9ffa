"""The client side of the transaction layer: sends requests, matches responses, retransmits, fails over.

RFC 3261 §17.1 by the tables of `client_transaction`, §18.1.1 (large requests by TCP), RFC 3263 §4.3 (next address).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from softswitch.sip.address import Address
from softswitch.sip.bodies import tag_of
from softswitch.sip.client_transaction import (
    INVITE_CLIENT,
    SWALLOWING,
    ClientAction,
    ClientInput,
    ClientRemnant,
    ClientState,
    ClientTransaction,
    client_step,
)
from softswitch.sip.errors import ProtocolError
from softswitch.sip.flowindex import FlowIndex, same_flow
from softswitch.sip.headers import MAGIC_COOKIE
from softswitch.sip.locate import Located, Lookups, numeric_address
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import validate
from softswitch.sip.uri import SipUri

if TYPE_CHECKING:
    from softswitch.sip.settings import UserAgentSettings
    from softswitch.sip.timerwheel import TimerWheel
    from softswitch.sip.transactions import TransactionUser

# (listener, transport) -> host and port for Via; LookupError when there is no such listener.
SentBy = Callable[[str, str], tuple[str, int]]
Fields = Sequence[tuple[str, str]]
AckBuilder = Callable[[str], bytes]

# Members of an Enum are slow to reach: those of the way every message goes have names of their own.
_LOCATING = ClientState.LOCATING
_CALLING = ClientState.CALLING
_TRYING = ClientState.TRYING
_PROCEEDING = ClientState.PROCEEDING
_ACCEPTED = ClientState.ACCEPTED
_COMPLETED = ClientState.COMPLETED
_TERMINATED = ClientState.TERMINATED
_PROVISIONAL = ClientInput.PROVISIONAL
_SUCCESS = ClientInput.SUCCESS
_FAILURE = ClientInput.FAILURE
_ACKNOWLEDGE_AND_PASS = ClientAction.ACKNOWLEDGE_AND_PASS


class ClientTransactions:
    """Every client transaction and what is left of those that ended, by branch."""

    def __init__(
        self,
        *,
        out: list[tuple[bytes, Address]],
        wheel: TimerWheel,
        lookups: Lookups,
        new_id: Callable[[], str],
        sent_by: SentBy,
        settings: UserAgentSettings,
        user: TransactionUser,
        counters: dict[str, int],
    ) -> None:
        self.entries: dict[str, ClientTransaction | ClientRemnant] = {}
        self.flows = FlowIndex()
        self._out = out
        self._wheel = wheel
        self._lookups = lookups
        self._new_id = new_id
        self._sent_by = sent_by
        self._settings = settings
        self._user = user
        self._counters = counters
        self._t1 = settings.timers.t1
        self._t2 = settings.timers.t2
        self._timeout = settings.timers.transaction_timeout
        self._vias: dict[tuple[str, str], str] = {}
        self._first_retransmission = wheel.lane(self._t1, self._retransmit_first)
        self._timeouts = wheel.lane(self._timeout, self._time_out)
        self._lingering_short = wheel.lane(settings.timers.t4, self._forget)
        self._lingering_failures = wheel.lane(settings.timers.timer_d, self._forget)
        self._lingering_successes = wheel.lane(self._timeout, self._forget)

    # -- sending

    def start(self, transaction: ClientTransaction, now: float) -> None:
        """Send the transaction's request to its next hop, after looking that up where it is a name."""
        hop = transaction.next_hop
        if isinstance(hop, Address):
            self._launch(transaction, hop, now)
        else:
            self.locate(hop, partial(self._located, transaction), now)

    def locate(self, next_hop: Address | SipUri, located: Located, now: float) -> None:
        """Tell `located` the addresses of a next hop: at once unless it is a name."""
        if isinstance(next_hop, Address):
            located((next_hop,), now)
            return
        address = numeric_address(next_hop)
        if address is not None:
            located((address,), now)
        else:
            self._lookups.ask(next_hop, located, now)

    def via(self, address: Address) -> str:
        """Our Via for a request to this address, up to the value of its branch; LookupError without such a listener."""
        place = (address.listener, address.transport)
        via = self._vias.get(place)
        if via is None:
            host, port = self._sent_by(*place)
            if ":" in host:
                host = f"[{host}]"
            via = f"SIP/2.0/{address.transport.upper()} {host}:{port};rport;branch={MAGIC_COOKIE}"
            self._vias[place] = via
        return via

    def forget_addresses(self) -> None:
        """Ask `sent_by` anew from now on, after the listeners have changed."""
        self._vias.clear()

    def _located(self, transaction: ClientTransaction, addresses: Sequence[Address], now: float) -> None:
        if transaction.state is not _LOCATING:
            return
        if addresses:
            transaction.targets = (*addresses[1:], *transaction.targets)
            self._launch(transaction, addresses[0], now)
        else:
            self._fail_soon(transaction, 503, "Address Not Found", now)

    def _launch(self, transaction: ClientTransaction, address: Address, now: float, by_udp: bool = False) -> None:
        """Send to one address in a transaction of its own (RFC 3263 §4.3: with a branch of its own)."""
        branch = self._new_id()
        request = transaction.request
        try:
            data = self.sign(request, self.via(address) + branch)
            limit = self._settings.datagram_limit
            if limit and len(data) > limit and address.transport == "udp" and not by_udp:
                try:
                    stream = Address("tcp", address.host, address.port)
                    data = self.sign(request, self.via(stream) + branch)
                    transaction.oversize = address
                    address = stream
                except LookupError:
                    pass  # without a TCP listener the datagram has to do
        except LookupError:
            self._launch_next(transaction, now, 503, "No Such Listener")
            return
        self._enter(transaction, MAGIC_COOKIE + branch, data, address, now)

    @staticmethod
    def sign(request: Request, via: str) -> bytes:
        """The octets of a request with this as its topmost Via."""
        fields = request.fields
        if fields and fields[0][0] == "Via":
            request.replace_first("Via", via)
        else:
            request.prepend("Via", via)
        return request.serialize()

    def _enter(self, transaction: ClientTransaction, key: str, data: bytes, address: Address, now: float) -> None:
        transaction.key = key
        transaction.data = data
        transaction.destination = address
        invite = transaction.table is INVITE_CLIENT
        transaction.state = _CALLING if invite else _TRYING
        self.entries[key] = transaction
        self._out.append((data, address))
        transaction.deadline = now + self._timeout
        if address.transport == "udp":
            transaction.interval = self._t1
            transaction.due = now + self._t1
            self._first_retransmission.add(key, now)
        else:
            self.flows.add(address, key)
            self._timeouts.add(key, now)

    def send_ack(
        self, build: AckBuilder, next_hop: Address | SipUri, now: float, remnant: ClientRemnant | None, tag: str | None
    ) -> None:
        """Send the ACK of a 2xx in a transaction of its own, and keep it for copies of that 2xx (§13.2.2.4).

        `build` makes its octets from the value of our Via.
        """
        if isinstance(next_hop, Address):
            self._send_ack(build, remnant, tag, (next_hop,), now)
        else:
            self.locate(next_hop, partial(self._send_ack, build, remnant, tag), now)

    def _send_ack(
        self,
        build: AckBuilder,
        remnant: ClientRemnant | None,
        tag: str | None,
        addresses: Sequence[Address],
        now: float,
    ) -> None:
        for address in addresses:
            try:
                data = build(self.via(address) + self._new_id())
            except LookupError:
                continue
            self._out.append((data, address))
            if remnant is not None:
                remnant.keep_ack(tag, data, address)
            return
        self._counters["acks_undeliverable"] += 1

    # -- CANCEL

    def cancel(self, transaction: ClientTransaction, now: float, fields: Fields = ()) -> None:
        """Ask for the end of an INVITE without a final response; waits for a provisional one first (RFC 3261 §9.1).

        The transaction ends with the final response, with 408 when none comes, and without a lookup's result with 487.
        """
        if transaction.finished or transaction.cancel_fields is not None:
            return
        transaction.cancel_fields = tuple(fields)
        if transaction.state is _PROCEEDING:
            self._send_cancel(transaction, now)
        elif transaction.state is _LOCATING:
            self._fail_soon(transaction, 487, "Request Terminated", now)

    def abandon(self, transaction: ClientTransaction, now: float) -> None:
        """Wait no longer than 64 × T1 for the final response of an INVITE whose dialog has ended meanwhile."""
        if transaction.finished or transaction.cancel_fields is not None:
            return
        transaction.abandoned = True
        transaction.cancel_fields = ()
        transaction.deadline = now + self._timeout
        self._timeouts.add(transaction.key, now)

    def _send_cancel(self, transaction: ClientTransaction, now: float) -> None:
        invite = transaction.request
        assert transaction.destination is not None
        fields = [("Via", invite.fields[0][1])]
        fields += [item for item in invite.fields if item[0] in _COPIED_INTO_CANCEL]
        fields += [("CSeq", f"{invite.cseq.number} CANCEL"), ("Max-Forwards", str(self._settings.max_forwards))]
        fields += transaction.cancel_fields or ()
        request = Request("CANCEL", invite.request_uri, fields)
        cancel = ClientTransaction(request, transaction.destination, _ignore)
        self._enter(cancel, transaction.key + _CANCEL_SUFFIX, request.serialize(), transaction.destination, now)
        transaction.deadline = now + self._timeout
        self._timeouts.add(transaction.key, now)

    # -- receiving

    def receive(self, response: Response, source: Address, now: float) -> None:
        """A response from the network; ProtocolError when it is malformed (it is then dropped)."""
        index = response.index()
        cseq = index.get("CSeq", "")
        suffix = _CANCEL_SUFFIX if cseq.endswith("CANCEL") else ""
        entry = self.entries.get(_branch(index.get("Via", "")) + suffix)
        if entry is None:
            entry = self.entries.get(response.via.branch + suffix)
            if entry is None:
                self._counters["responses_stray"] += 1
                return
        status = response.status
        happened = _PROVISIONAL if status < 200 else _SUCCESS if status < 300 else _FAILURE
        if type(entry) is ClientTransaction:
            if not cseq.endswith(entry.method):
                self._counters["responses_stray"] += 1
                return
            _check(response)
            self._receive(entry, happened, response, now)
        else:
            assert isinstance(entry, ClientRemnant)
            self._receive_again(entry, happened, response, source, now)

    def _receive(self, transaction: ClientTransaction, happened: ClientInput, response: Response, now: float) -> None:
        state, action = client_step(transaction.table, transaction.state, happened)
        before = transaction.state
        transaction.state = state
        if happened is _PROVISIONAL:
            if before is not state:
                if transaction.table is INVITE_CLIENT:
                    self._stop_timer(transaction)
                    if transaction.cancel_fields is not None and not transaction.abandoned:
                        self._send_cancel(transaction, now)
                else:
                    transaction.interval = self._t2
        else:
            self._stop_timer(transaction)
            self._leave(transaction, response, action, now)
            if response.status == 503 and transaction.targets and transaction.cancel_fields is None:
                self._launch_next(transaction, now, 503, response.reason)
                return
        transaction.handler(transaction, response, now)

    def _leave(self, transaction: ClientTransaction, response: Response, action: ClientAction, now: float) -> None:
        """Put in the place of a transaction what its final response leaves to do."""
        key = transaction.key
        destination = transaction.destination
        assert destination is not None
        reliable = destination.transport != "udp"
        if reliable:
            self.flows.discard(destination, key)
        if transaction.state is _ACCEPTED:
            remnant = ClientRemnant(INVITE_CLIENT, _ACCEPTED)
            remnant.tag = tag_of(response.index()["To"])
            transaction.remnant = self.entries[key] = remnant
            self._lingering_successes.add(key, now)
        elif action is _ACKNOWLEDGE_AND_PASS:
            ack = self._failure_ack(transaction.request, response)
            self._out.append((ack, destination))
            if reliable:
                del self.entries[key]
            else:
                remnant = ClientRemnant(INVITE_CLIENT, _COMPLETED)
                remnant.ack = ack
                remnant.destination = destination
                self.entries[key] = remnant
                self._lingering_failures.add(key, now)
        elif reliable:
            del self.entries[key]
        else:
            self.entries[key] = SWALLOWING
            self._lingering_short.add(key, now)

    def _failure_ack(self, invite: Request, response: Response) -> bytes:
        """The ACK that belongs to the INVITE's own transaction (RFC 3261 §17.1.1.3)."""
        routes = "".join([f"Route: {value}\r\n" for name, value in invite.fields if name == "Route"])
        get = invite.get
        return (
            f"ACK {invite.request_uri} SIP/2.0\r\nVia: {get('Via')}\r\nMax-Forwards: {self._settings.max_forwards}\r\n"
            f"{routes}From: {get('From')}\r\nTo: {response.get('To')}\r\nCall-ID: {get('Call-ID')}\r\n"
            f"CSeq: {invite.cseq.number} ACK\r\nContent-Length: 0\r\n\r\n"
        ).encode("utf-8", "surrogateescape")

    def _receive_again(
        self, remnant: ClientRemnant, happened: ClientInput, response: Response, source: Address, now: float
    ) -> None:
        remnant.state, action = client_step(remnant.table, remnant.state, happened)
        self._counters["responses_again"] += 1
        if action is ClientAction.ACKNOWLEDGE:
            if remnant.ack is not None and remnant.destination is not None:
                self._out.append((remnant.ack, remnant.destination))
        elif action is ClientAction.ACKNOWLEDGE_SUCCESS:
            tag = tag_of(response.index().get("To", ""))
            if tag == remnant.tag:
                if remnant.ack is not None and remnant.destination is not None:
                    self._out.append((remnant.ack, remnant.destination))
            elif remnant.forks is not None and tag in remnant.forks:
                fork = remnant.forks[tag]
                if fork is not None:
                    self._out.append(fork)
            elif remnant.forks is None or len(remnant.forks) < self._settings.max_early_dialogs:
                if remnant.forks is None:
                    remnant.forks = {}
                remnant.forks[tag] = None
                validate(response)
                self._user.forked_success(remnant, response, source, now)

    # -- timers and failures

    def _stop_timer(self, transaction: ClientTransaction) -> None:
        if transaction.timer is not None:
            transaction.timer.cancel()
            transaction.timer = None

    def _retransmit_first(self, key: str, now: float) -> None:
        entry = self.entries.get(key)
        if type(entry) is ClientTransaction:
            self._retransmit(entry, now)

    def _retransmit(self, transaction: ClientTransaction, now: float) -> None:
        """Timers A and E, and at their end B and F (RFC 3261 §17.1.1.2, §17.1.2.2)."""
        transaction.timer = None
        invite = transaction.table is INVITE_CLIENT
        if transaction.finished or (invite and transaction.state is _PROCEEDING):
            return
        if transaction.due >= transaction.deadline:
            self._give_up(transaction, ClientInput.TIMEOUT, now, 408, "Request Timeout")
            return
        transaction.state, _ = client_step(transaction.table, transaction.state, ClientInput.RETRANSMIT)
        assert transaction.destination is not None
        self._out.append((transaction.data, transaction.destination))
        self._counters["requests_retransmitted"] += 1
        doubled = transaction.interval * 2
        transaction.interval = doubled if invite else min(doubled, self._t2)
        transaction.due = min(transaction.due + transaction.interval, transaction.deadline)
        transaction.timer = self._wheel.schedule(transaction.due, partial(self._retransmit, transaction))

    def _time_out(self, key: str, now: float) -> None:
        """Timers B and F of a stream, and the end of the wait for an INVITE's response to CANCEL."""
        entry = self.entries.get(key)
        if type(entry) is not ClientTransaction or now < entry.deadline:
            return
        ringing = entry.table is INVITE_CLIENT and entry.state is _PROCEEDING
        if not ringing or entry.cancel_fields is not None:
            self._give_up(entry, ClientInput.TIMEOUT, now, 408, "Request Timeout")

    def _give_up(
        self, transaction: ClientTransaction, happened: ClientInput, now: float, status: int, reason: str
    ) -> None:
        was = transaction.state
        transaction.state, action = client_step(transaction.table, was, happened)
        if action is not ClientAction.FAIL:
            return
        self._stop_timer(transaction)
        self.entries.pop(transaction.key, None)
        if transaction.destination is not None and transaction.destination.transport != "udp":
            self.flows.discard(transaction.destination, transaction.key)
        oversize = transaction.oversize
        transaction.oversize = None
        if oversize is not None and was is not _PROCEEDING and transaction.cancel_fields is None:
            # The peer takes no TCP: the datagram it shall be, however large (RFC 3261 §18.1.1).
            self._launch(transaction, oversize, now, by_udp=True)
        elif was is _PROCEEDING or transaction.cancel_fields is not None:
            self._fail(transaction, status, reason, now)
        else:
            self._launch_next(transaction, now, status, reason)

    def _launch_next(self, transaction: ClientTransaction, now: float, status: int, reason: str) -> None:
        """Try the next address of the same next hop, or fail for good (RFC 3263 §4.3)."""
        if transaction.targets:
            address, *rest = transaction.targets
            transaction.targets = rest
            transaction.oversize = None
            self._launch(transaction, address, now)
        else:
            self._fail_soon(transaction, status, reason, now)

    def _fail_soon(self, transaction: ClientTransaction, status: int, reason: str, now: float) -> None:
        """Fail from the wheel, never before the caller of `start` holds the transaction."""
        transaction.state = _TERMINATED
        self._wheel.schedule(now, partial(self._fail, transaction, status, reason))

    def _fail(self, transaction: ClientTransaction, status: int, reason: str, now: float) -> None:
        transaction.state = _TERMINATED
        transaction.failure = status
        transaction.reason = reason
        self._counters["requests_failed"] += 1
        transaction.handler(transaction, None, now)

    def transport_failed(self, address: Address, now: float) -> None:
        """Nothing can be sent to this address: what still sends requests there goes elsewhere or fails."""
        keys = self.flows.keys(address) if address.transport != "udp" else list(self.entries)
        for key in keys:
            entry = self.entries.get(key)
            if (
                type(entry) is ClientTransaction
                and not entry.finished
                and entry.destination is not None
                and same_flow(entry.destination, address)
            ):
                self._give_up(entry, ClientInput.TRANSPORT_ERROR, now, 503, "Transport Error")

    def _forget(self, key: str, now: float) -> None:
        entry = self.entries.get(key)
        if isinstance(entry, ClientRemnant):
            client_step(entry.table, entry.state, ClientInput.LINGERED)
            del self.entries[key]


_CANCEL_SUFFIX = " CANCEL"
_COPIED_INTO_CANCEL = frozenset(("Route", "From", "To", "Call-ID"))


def _branch(via: str) -> str:
    """What stands behind `;branch=` in a Via, without taking it apart."""
    at = via.find(";branch=") + 8
    end = via.find(";", at)
    return via[at:] if end < 0 else via[at:end]


def _check(response: Response) -> None:
    """Look at what will be used of a response before anything changes state; ProtocolError drops it (§8.1.3.3)."""
    index = response.index()
    if len(index) != len(response.fields) or "," in index["Via"]:
        validate(response)
    if "Call-ID" not in index or "From" not in index:
        raise ProtocolError("a response without Call-ID or From", section="RFC 3261 §8.2.6.2", status=0)
    status = response.status
    if status > 100:
        _ = tag_of(index.get("To", ""))
    if status < 300:
        _ = response.cseq
        if "Contact" in index:
            _ = response.contact
        if "Record-Route" in index:
            _ = response.record_routes


def _ignore(transaction: ClientTransaction, response: Response | None, now: float) -> None:
    """A CANCEL's own answer tells nothing: what counts is the INVITE's (RFC 3261 §9.1)."""
