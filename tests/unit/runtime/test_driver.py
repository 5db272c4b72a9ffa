"""The driver: one mutation, everything drained, one timer, and no failure that ends the loop."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from softswitch.runtime.driver import SipDriver
from softswitch.runtime.guard import Guard, GuardSettings
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.trace import TracedMessage, TraceHub
from softswitch.sip.address import Address
from softswitch.sip.uri import SipUri
from tests.waiting import PATIENCE_S, eventually

PEER = Address("udp", "127.0.0.1", 5070, "udp")


class FakeCore:
    """Records what it is told and offers what the test put in."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.events: deque[str] = deque()
        self.sends: list[tuple[bytes, Address]] = []
        self.lookups: deque[SipUri] = deque()
        self.timer: float | None = None
        self.on_receive: Callable[[bytes], None] = lambda data: None

    def receive_data(self, data: bytes, source: Address, now: float) -> None:
        self.calls.append(("data", data, source))
        self.on_receive(data)

    def handle_timer(self, now: float) -> None:
        self.calls.append(("timer", now))
        self.timer = None

    def next_timer(self) -> float | None:
        return self.timer

    def data_to_send(self) -> list[tuple[bytes, Address]]:
        sends, self.sends = self.sends, []
        return sends

    def next_event(self) -> str | None:
        return self.events.popleft() if self.events else None

    def next_lookup(self) -> SipUri | None:
        return self.lookups.popleft() if self.lookups else None

    def lookup_done(self, uri: SipUri, addresses: list[Address], now: float) -> None:
        self.calls.append(("looked up", uri.host, addresses))

    def transport_failed(self, address: Address, now: float) -> None:
        self.calls.append(("failed", address))


class FakeLookup:
    """Knows `literal` at once and everything else after a turn of the loop."""

    def known(self, uri: SipUri, now: float) -> list[Address] | None:
        return [PEER] if uri.host == "literal" else None

    async def resolve(self, uri: SipUri) -> list[Address]:
        await asyncio.sleep(0)
        if uri.host == "broken":
            raise RuntimeError("the resolver broke")
        return [PEER, PEER]


class Bench:
    """A driver over a fake core and a network without listeners, whose sends are recorded."""

    def __init__(self, tasks: TaskOwner, **options: Any) -> None:
        self.core = FakeCore()
        self.handled: list[str] = []
        self.sent: list[tuple[bytes, Address]] = []
        self.handle: Callable[[str, float], None] = lambda event, now: self.handled.append(event)
        self.network = SipNetwork(tasks)
        self.network.send = lambda data, address: self.sent.append((data, address))  # type: ignore[method-assign]
        self.driver = SipDriver[str](
            self.core,
            lambda event, now: self.handle(event, now),
            network=self.network,
            tasks=tasks,
            resolver=FakeLookup(),
            **options,
        )


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    async with TaskOwner() as owner:
        yield owner


async def test_message_is_fed_then_events_then_sends(tasks: TaskOwner) -> None:
    bench = Bench(tasks)

    def receive(data: bytes) -> None:
        bench.core.events.extend(["first", "second"])
        bench.core.sends.append((b"answer", PEER))

    bench.core.on_receive = receive
    bench.network.receiver(b"request", PEER)
    assert bench.core.calls == [("data", b"request", PEER)]
    assert bench.handled == ["first", "second"]
    assert bench.sent == [(b"answer", PEER)]
    assert (bench.driver.messages_in, bench.driver.messages_out) == (1, 1)
    assert (bench.driver.octets_in, bench.driver.octets_out) == (7, 6)


async def test_the_beginning_and_the_end_of_each_mutation_are_told(tasks: TaskOwner) -> None:
    told: list[str] = []
    bench = Bench(tasks, begins=lambda: told.append("begins"), ends=lambda: told.append("ends"))
    bench.core.on_receive = lambda data: bench.core.sends.append((b"answer", PEER))
    bench.network.send = lambda data, address: told.append("sends")  # type: ignore[method-assign]
    bench.driver._send = bench.network.send
    bench.network.receiver(b"request", PEER)
    assert told == ["begins", "sends", "ends"]
    told.clear()
    with pytest.raises(KeyError):
        bench.driver.call(lambda now: {}["nothing"])
    bench.driver.post(lambda now: told.append("works"))
    assert told == ["begins", "ends", "begins", "works", "ends"]


async def test_failing_handler_is_counted_and_the_rest_goes_on(
    tasks: TaskOwner, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tasks)

    def handle(event: str, now: float) -> None:
        if event == "bad":
            raise ValueError("no")
        bench.handled.append(event)

    bench.handle = handle
    bench.core.events.extend(["bad", "good"])
    bench.core.sends.append((b"x", PEER))
    bench.driver.post(lambda now: None)
    assert bench.handled == ["good"]
    assert bench.sent == [(b"x", PEER)]
    assert bench.driver.handler_failures == 1
    assert "handling str" in caplog.text


async def test_core_that_raises_does_not_raise_past_the_transport(tasks: TaskOwner) -> None:
    bench = Bench(tasks)

    def receive(data: bytes) -> None:
        raise RuntimeError

    bench.core.on_receive = receive
    bench.network.receiver(b"poison", PEER)
    assert bench.driver.handler_failures == 1


async def test_core_that_fails_while_drained_is_survived_and_its_timer_armed(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.core.timer = asyncio.get_running_loop().time() + 30

    def broken() -> list[tuple[bytes, Address]]:
        raise RuntimeError

    bench.core.data_to_send = broken  # type: ignore[method-assign]
    bench.network.receiver(b"x", PEER)
    assert bench.driver.handler_failures == 1
    assert bench.driver._timer is not None
    bench.driver.stop()


async def test_malformed_messages_are_logged_once_a_second_per_source(
    tasks: TaskOwner, caplog: pytest.LogCaptureFixture
) -> None:
    counters: Counter[str] = Counter()
    bench = Bench(tasks, counters=counters, clock=lambda: 5.0)

    def receive(data: bytes) -> None:
        counters["messages_malformed"] += data == b"noise"

    bench.core.on_receive = receive
    for data in (b"fine", b"noise", b"noise", b"fine"):
        bench.network.receiver(data, PEER)
    assert [each.getMessage() for each in caplog.records] == ["127.0.0.1: malformed message over udp, 5 octets"]


async def test_post_from_within_a_handler_runs_afterwards(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    order: list[str] = []

    def handle(event: str, now: float) -> None:
        bench.driver.post(lambda at: order.append(f"posted by {event}"))
        order.append(f"handled {event}")

    bench.handle = handle
    bench.core.events.extend(["a", "b"])
    bench.driver.post(lambda now: None)
    assert order == ["handled a", "handled b", "posted by a", "posted by b"]


async def test_call_answers_and_raises_to_the_caller_after_the_drain(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.core.sends.append((b"x", PEER))
    assert bench.driver.call(lambda now: 7) == 7
    assert bench.sent == [(b"x", PEER)]

    def refuse(now: float) -> None:
        bench.core.events.append("still drained")
        raise KeyError("no such call")

    with pytest.raises(KeyError):
        bench.driver.call(refuse)
    assert bench.handled == ["still drained"]


async def test_failed_address_reaches_the_core_after_the_sends(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.network.send = lambda data, address: bench.network.on_failure(address)  # type: ignore[method-assign]
    driver = SipDriver[str](bench.core, bench.handle, network=bench.network, tasks=tasks)
    bench.core.sends.extend([(b"1", PEER), (b"2", PEER)])
    driver.post(lambda now: None)
    assert bench.core.calls == [("failed", PEER), ("failed", PEER)]


async def test_late_failure_is_a_mutation_of_its_own(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.core.events.append("drained")
    bench.network.on_failure(PEER)
    assert bench.core.calls == [("failed", PEER)]
    assert bench.handled == ["drained"]


async def test_known_names_are_answered_at_once_others_later(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.core.lookups.extend([SipUri(None, "example.com"), SipUri(None, "literal")])
    bench.driver.post(lambda now: None)
    assert bench.core.calls == [("looked up", "literal", [PEER])]
    await eventually(lambda: not len(tasks), "the end of the look-up")
    assert bench.core.calls[1:] == [("looked up", "example.com", [PEER, PEER])]


async def test_broken_resolver_still_answers_the_core(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.core.lookups.append(SipUri(None, "broken"))
    bench.driver.post(lambda now: None)
    await eventually(lambda: not len(tasks), "the end of the look-up")
    assert bench.core.calls == [("looked up", "broken", [])]


async def test_without_resolver_names_lead_nowhere(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    driver = SipDriver[str](bench.core, bench.handle, network=bench.network, tasks=tasks)
    bench.core.lookups.append(SipUri(None, "example.com"))
    driver.post(lambda now: None)
    assert bench.core.calls == [("looked up", "example.com", [])]


async def test_timer_runs_when_due_and_an_earlier_one_replaces_it(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    loop = asyncio.get_running_loop()
    start = loop.time()
    bench.core.timer = start + 30
    bench.driver.post(lambda now: None)
    late = bench.driver._timer
    bench.driver.post(lambda now: None)
    assert bench.driver._timer is late, "an unchanged earliest timer must not be armed again"
    bench.core.timer = start + 0.02
    bench.driver.post(lambda now: None)
    assert late is not None and late.cancelled()
    await eventually(lambda: bench.core.calls, "the timer")
    ((kind, at),) = bench.core.calls
    assert kind == "timer"
    assert at >= start + 0.02, "the core must never be called before its time"
    assert bench.driver._timer is None


async def test_stop_disarms_the_timer(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    bench.core.timer = asyncio.get_running_loop().time() + 0.01
    bench.driver.post(lambda now: None)
    bench.driver.stop()
    assert bench.driver._timer is None
    bench.driver.post(lambda now: None)
    assert bench.driver._timer is None


async def test_guard_keeps_messages_from_the_core(tasks: TaskOwner) -> None:
    bench = Bench(tasks, guard=Guard(GuardSettings(messages_per_second=1, burst=1, trust_loopback=False)))
    bench.network.receiver(b"1", PEER)
    bench.network.receiver(b"2", PEER)
    assert bench.core.calls == [("data", b"1", PEER)]
    assert (bench.driver.messages_in, bench.driver.guarded) == (1, 1)


async def test_trace_sees_both_directions(tasks: TaskOwner) -> None:
    hub = TraceHub()
    bench = Bench(tasks, trace=hub, wall=lambda: 1_700_000_000.0)
    seen: list[TracedMessage] = []
    hub.subscribe(seen.append)
    bench.core.on_receive = lambda data: bench.core.sends.append((b"answer", PEER))
    bench.network.receiver(b"request", PEER)
    assert [(each.direction, each.data, each.remote) for each in seen] == [
        ("in", b"request", PEER),
        ("out", b"answer", PEER),
    ]
    assert seen[0].time == 1_700_000_000.0


async def test_post_from_another_thread_runs_on_the_loop(tasks: TaskOwner) -> None:
    bench = Bench(tasks)
    ran: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    await asyncio.to_thread(bench.driver.post_threadsafe, lambda now: ran.set_result(threading.get_ident()))
    assert await asyncio.wait_for(ran, PATIENCE_S) == threading.get_ident(), "it runs in the thread of the loop"
