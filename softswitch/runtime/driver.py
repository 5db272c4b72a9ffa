"""The one place that feeds a sans-IO core and drains it.

Every mutation, whether a datagram, a timer, a finished look-up or a wish of the API, goes through `SipDriver`: one
mutation, then events, sends and look-ups drained until nothing is left, then exactly one loop timer re-armed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from softswitch.runtime.guard import Guard
from softswitch.runtime.logs import FloodLog
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.trace import Direction, TracedMessage, TraceHub
from softswitch.sip.address import Address

if TYPE_CHECKING:
    from softswitch.sip.uri import SipUri

logger = logging.getLogger(__name__)

TIMER_GRANULARITY = 0.001
LATE_CALLS = 10_000

EventT = TypeVar("EventT")
EventT_co = TypeVar("EventT_co", covariant=True)
ResultT = TypeVar("ResultT")


class SipCore(Protocol[EventT_co]):
    """What a SIP protocol core offers: the Endpoint interface and name look-ups."""

    def receive_data(self, data: bytes, source: Address, now: float) -> None:
        """Take one message."""

    def handle_timer(self, now: float) -> None:
        """Run what is due."""

    def next_timer(self) -> float | None:
        """When `handle_timer` must be called next."""

    def data_to_send(self) -> list[tuple[bytes, Address]]:
        """What is to be sent, taken out."""

    def next_event(self) -> EventT_co | None:
        """The oldest event, taken out."""

    def next_lookup(self) -> SipUri | None:
        """The oldest name to resolve, taken out."""

    def lookup_done(self, uri: SipUri, addresses: list[Address], now: float) -> None:
        """Take the addresses of a name, best first, empty when there are none."""

    def transport_failed(self, address: Address, now: float) -> None:
        """Take notice that nothing can be sent to `address`."""


class Lookup(Protocol):
    """What resolves names: at once when it can, else by waiting."""

    def known(self, uri: SipUri, now: float) -> list[Address] | None:
        """The answer without waiting: a literal address or a cached one; None when it must be asked for."""

    def resolve(self, uri: SipUri) -> Awaitable[list[Address]]:
        """The addresses by RFC 3263, best first; empty when there are none. Never raises for bad answers."""


class SipDriver(Generic[EventT]):
    """Drives `core` on the running loop and hands its events to `handle_event(event, now)`.

    An exception in a handler is logged with its traceback and counted, and ends neither the loop nor the message.
    `begins` and `ends` are called around each mutation with its drain. With the core's `counters`, a rise of
    `messages_malformed` is logged, once a second for each source.
    """

    def __init__(
        self,
        core: SipCore[EventT],
        handle_event: Callable[[EventT, float], None],
        clock: Callable[[], float] | None = None,
        *,
        network: SipNetwork,
        tasks: TaskOwner,
        resolver: Lookup | None = None,
        guard: Guard | None = None,
        trace: TraceHub | None = None,
        wall: Callable[[], float] = time.time,
        counters: Counter[str] | None = None,
        begins: Callable[[], None] | None = None,
        ends: Callable[[], None] | None = None,
    ) -> None:
        self.core = core
        self.messages_in = 0
        self.messages_out = 0
        self.octets_in = 0
        self.octets_out = 0
        self.handler_failures = 0
        self.guarded = 0
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._wall = wall
        self._handle_event = handle_event
        self._network = network
        self._send = network.send
        self._tasks = tasks
        self._resolver = resolver
        self._guard = guard
        self._trace = trace or TraceHub()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._busy = False
        self._begins = begins or _do_nothing
        self._ends = ends or _do_nothing
        self._failed_addresses: list[Address] = []
        self._late: deque[Callable[[float], None]] = deque()
        self._stopped = False
        self._counters = counters
        self._malformed = 0
        self._flood = FloodLog(logger, self._clock)
        network.receiver = self.receive_data
        network.on_failure = self._note_failure

    # --- mutations -------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, source: Address) -> None:
        """Feed one message from the network, unless the guard refuses it."""
        now = self._clock()
        guard = self._guard
        if guard is not None and not guard.allow_message(data, source.host, now):
            self.guarded += 1
            return
        self.messages_in += 1
        self.octets_in += len(data)
        if self._trace.active:
            self._publish("in", data, source)
        if self._busy:
            self._defer(lambda at: self.core.receive_data(data, source, at))
            return
        self._begin()
        try:
            self.core.receive_data(data, source, now)
        except Exception:
            self._log_failure("receiving a message")
        self._drain(now)
        counters = self._counters
        if counters is not None and counters["messages_malformed"] != self._malformed:
            self._malformed = counters["messages_malformed"]
            self._flood.warn(source.host, f"malformed message over {source.transport}, {len(data)} octets")

    def post(self, work: Callable[[float], None]) -> None:
        """Run `work(now)` as one mutation: at once, or after the present one when called from within a handler."""
        if self._busy:
            self._defer(work)
            return
        self._begin()
        now = self._clock()
        try:
            work(now)
        except Exception:
            self._log_failure("a posted change")
        self._drain(now)

    def call(self, work: Callable[[float], ResultT]) -> ResultT:
        """Run `work(now)` as one mutation and answer its result; what it raises reaches the caller after the drain."""
        now = self._clock()
        if self._busy:
            return work(now)
        self._begin()
        try:
            return work(now)
        finally:
            self._drain(now)

    def post_threadsafe(self, work: Callable[[float], None]) -> None:
        """`post` from another thread (the storage writer, for instance)."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.post, work)

    def stop(self) -> None:
        """Disarm the timer and take no more messages."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- draining --------------------------------------------------------------------------------------------------

    def _drain(self, now: float) -> None:
        core = self.core
        try:
            while True:
                self._drain_events(now)
                for data, address in core.data_to_send():
                    self.messages_out += 1
                    self.octets_out += len(data)
                    if self._trace.active:
                        self._publish("out", data, address)
                    self._send(data, address)
                more = self._drain_lookups(now)
                if self._failed_addresses:
                    failed, self._failed_addresses = self._failed_addresses, []
                    for address in failed:
                        self._attempt(core.transport_failed, address, now)
                    more = True
                elif self._late:
                    self._attempt(self._late.popleft(), now)
                    more = True
                if not more:
                    break
        except Exception:
            self._log_failure("draining the core")
        finally:
            self._busy = False
            self._ends()
        at = core.next_timer()
        if at is not None and (self._timer is None or at < self._armed_for) and not self._stopped:
            self._arm(at)

    def _drain_events(self, now: float) -> None:
        next_event = self.core.next_event
        event = next_event()
        while event is not None:
            try:
                self._handle_event(event, now)
            except Exception:
                self._log_failure(f"handling {type(event).__name__}")
            event = next_event()

    def _drain_lookups(self, now: float) -> bool:
        """Start what must be asked for; True when an answer was known at once and so changed the core."""
        changed = False
        uri = self.core.next_lookup()
        while uri is not None:
            resolver = self._resolver
            known = [] if resolver is None else resolver.known(uri, now)
            if known is None and resolver is not None and self._tasks.start(self._look_up(resolver, uri), "resolve"):
                uri = self.core.next_lookup()
                continue
            self._attempt(self.core.lookup_done, uri, known or [], now)
            changed = True
            uri = self.core.next_lookup()
        return changed

    async def _look_up(self, resolver: Lookup, uri: SipUri) -> None:
        addresses: list[Address] = []
        try:
            addresses = await resolver.resolve(uri)
        finally:
            self.post(lambda now: self.core.lookup_done(uri, addresses, now))

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = at
        # The loop's clock counts whole milliseconds: a little late once is cheaper than early and again.
        delay = max(0.0, at - self._clock()) + TIMER_GRANULARITY
        self._timer = self._loop.call_at(self._loop.time() + delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self._begin()
        now = self._clock()
        try:
            self.core.handle_timer(now)
        except Exception:
            self._log_failure("running timers")
        self._drain(now)

    def _begin(self) -> None:
        self._busy = True
        self._begins()

    # --- helpers ---------------------------------------------------------------------------------------------------

    def _note_failure(self, address: Address) -> None:
        self._failed_addresses.append(address)
        if not self._busy:
            self.post(_nothing)

    def _defer(self, work: Callable[[float], None]) -> None:
        if len(self._late) >= LATE_CALLS:
            logger.error("more than %d changes wait for one handler; the newest was dropped", LATE_CALLS)
            return
        self._late.append(work)

    def _attempt(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except Exception:
            self._log_failure("a change")

    def _publish(self, direction: Direction, data: bytes, remote: Address) -> None:
        connection = self._network.connection(remote.connection) if remote.connection else None
        local = (
            connection.local
            if connection
            else self._network.local_address(remote.transport, remote.listener, ":" in remote.host)
        )
        self._trace.publish(TracedMessage(self._wall(), direction, remote, local or ("", 0), data))

    def _log_failure(self, doing: str) -> None:
        self.handler_failures += 1
        logger.exception("failure while %s", doing)


def _do_nothing() -> None:
    """Nobody wants to know when a mutation begins or ends."""


def _nothing(now: float) -> None:
    """A mutation that only drains."""
