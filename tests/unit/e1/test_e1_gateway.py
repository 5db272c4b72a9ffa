"""The gateway with a simulated exchange at the other end: calls both ways, refusals, channels, emergencies."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

import pytest

from dialplan import Emergency, Rule
from dialplan import Target as To
from gateways.e1.gateway import E1Gateway, TrunkSettings
from gateways.e1.line import Line
from gateways.e1.q921 import Side
from gateways.e1.q931 import B_CHANNELS, AccessParameters
from gateways.e1.simulator import SimulatedExchange
from gateways.e1.span.interface import Alarm, SpanObserver
from gateways.e1.trunk_group import Selection, TrunkGroup
from softswitch.events import TrunkStateChanged
from softswitch.media import StreamFormat
from softswitch.media.routing import PortSettings
from tests.unit.calls.world import World

ALAW = StreamFormat(8, "PCMA", 8000)


class WireSpan:
    """One end of a line in memory; frames wait in `wire` until the test carries them."""

    def __init__(self, engine: Any, wire: deque[tuple[WireSpan, bytes]]) -> None:
        self.slots = B_CHANNELS
        self.engine = engine
        self.wire = wire
        self.far: WireSpan
        self.observer: SpanObserver
        self.cut = False
        self.moved: list[int] = []

    async def open(self, observer: SpanObserver) -> None:
        self.observer = observer
        observer.defects_changed(frozenset(), 0.0)

    async def close(self) -> None:
        """Nothing is held."""

    def send_dframe(self, frame: bytes) -> None:
        if not self.cut:
            self.wire.append((self.far, frame))

    def open_channel(self, slot: int, owner: str) -> Any:
        port = self.engine.open_port(owner)
        port.configure(PortSettings(formats=(ALAW,)))
        return port

    def move_channel(self, port: Any, slot: int) -> None:
        self.moved.append(slot)

    def echo_loss_db(self) -> dict[int, float]:
        return {}

    def counters(self) -> dict[str, Any]:
        return {}


class Trunk:
    """A switch with an E1 line to a simulated exchange, prefix 9."""

    def __init__(self, *, channels: int = 30, overlap: bool = False, **settings: Any) -> None:
        self.world = World(
            rules=[Rule("e1", To("gateway", ("e1",)), prefix="9", strip=1)],
            emergency=Emergency(("110",), To("gateway", ("e1",))),
        )
        self.wire: deque[tuple[WireSpan, bytes]] = deque()
        here, there = WireSpan(self.world.engine, self.wire), WireSpan(self.world.engine, self.wire)
        here.far, there.far = there, here
        self.span = here
        here.slots = frozenset(sorted(B_CHANNELS)[:channels])
        exchange = self.world.exchange
        self.group = TrunkGroup("e1", [], Selection.DESCENDING)
        self.gateway = E1Gateway(
            "e1", self.group, exchange, lambda work: work(self.world.now), TrunkSettings(**settings)
        )
        self.line = Line(
            "span1",
            here,
            Side.USER,
            deliver=self.gateway.deliver,
            rearm=self.gateway.rearm,
            parameters=AccessParameters(overlap_receiving=overlap),
        )
        self.group.lines.append(self.line)
        self.far = SimulatedExchange(
            there, cast(Any, self.world.engine), now=lambda: self.world.now, later=self.world.timers.schedule
        )

    async def up(self) -> Trunk:
        await self.far.open()
        await self.gateway.open()
        self.run(0.5)
        assert self.group.is_up, "both ends are up"
        return self

    def run(self, seconds: float = 0.1) -> None:
        """Carry frames, and let time pass in small steps."""
        until = self.world.now + seconds
        while True:
            while self.wire:
                span, frame = self.wire.popleft()
                span.observer.dframe_received(frame, self.world.now)
            if self.world.now >= until:
                return
            self.world.advance(min(0.05, until - self.world.now))

    def over(self) -> None:
        self.run(1)
        assert not self.line.access.calls, "no call is left on the line"
        assert self.line.access.channels.idle == self.line.access.channels.slots
        self.world.check_over()


async def test_a_phone_calls_a_subscriber_of_the_exchange() -> None:
    trunk = await Trunk().up()
    (alice,) = trunk.world.phones("1001")
    call = alice.call("9601")
    trunk.run()
    assert call.talking
    far = next(iter(trunk.far.subscribers.values()))
    assert far.call.slot == 31, "the user side takes channels from above"
    assert far.call.setup.calling is not None and far.call.setup.calling.digits == "1001"
    call.hang_up()
    trunk.run()
    assert trunk.far.ended == [("601", 16)]
    assert trunk.group.outgoing.asr == 1.0
    trunk.over()


@pytest.mark.parametrize(("number", "status", "cause"), [("9603", 486, 17), ("9605", 403, 21), ("9777", 404, 1)])
async def test_refusals_reach_the_phone(number: str, status: int, cause: int) -> None:
    trunk = await Trunk().up()
    (alice,) = trunk.world.phones("1001")
    call = alice.call(number)
    trunk.run()
    assert call.status == status
    assert trunk.world.record["q850_cause"] == cause
    trunk.over()


async def test_ringing_and_giving_up() -> None:
    trunk = await Trunk().up()
    (alice,) = trunk.world.phones("1001")
    call = alice.call("9604")
    trunk.run()
    assert call.progress == [180]
    call.hang_up()
    trunk.run()
    assert trunk.far.ended == [("604", 16)]
    trunk.over()


async def test_the_exchange_calls_a_phone() -> None:
    trunk = await Trunk().up()
    (bob,) = trunk.world.phones("1002")
    theirs = trunk.far.call("1002", "8110")
    trunk.run()
    assert theirs is not None
    assert bob.ringing.peer_number == "8110"
    bob.ringing.ring()
    trunk.run()
    bob.ringing.answer()
    trunk.run()
    assert bob.ringing.talking
    assert trunk.world.engine.ports, "the channel is joined to the phone"
    trunk.far.hang_up(theirs)
    trunk.run()
    assert bob.ringing.over
    assert trunk.group.incoming.answered == 1
    trunk.over()


async def test_the_exchange_calls_nobody() -> None:
    trunk = await Trunk().up()
    trunk.far.call("5555")
    trunk.run()
    assert trunk.far.ended == [("5555", 1)]
    trunk.over()


async def test_a_phone_that_is_busy() -> None:
    trunk = await Trunk().up()
    (bob,) = trunk.world.phones("1002")
    trunk.far.call("1002")
    trunk.run()
    bob.ringing.reject(486)
    trunk.run()
    assert trunk.far.ended == [("1002", 17)]
    trunk.over()


async def test_all_channels_taken() -> None:
    trunk = await Trunk(channels=2).up()
    phones = trunk.world.phones("1001", "1002", "1003")
    calls = [phone.call("9600") for phone in phones]
    trunk.run()
    assert [call.talking for call in calls] == [True, True, False]
    assert calls[2].status == 503
    for call in calls[:2]:
        call.hang_up()
    trunk.over()


async def test_an_emergency_takes_a_channel() -> None:
    trunk = await Trunk(channels=1).up()
    alice, bob = trunk.world.phones("1001", "1002")
    trunk.far._numbers = {**trunk.far._numbers, "110": next(iter(trunk.far._numbers.values()))}
    talk = alice.call("9600")
    trunk.run()
    assert talk.talking
    emergency = bob.call("110")
    trunk.run()
    assert talk.over, "the call that was there is ended"
    assert emergency.talking, "and its channel carries the emergency"
    assert ("600", 8) in trunk.far.ended, "the exchange is told: pre-emption"
    emergency.hang_up()
    trunk.over()


async def test_the_d_channel_fails_while_people_talk() -> None:
    trunk = await Trunk().up()
    (alice,) = trunk.world.phones("1001")
    call = alice.call("9600")
    trunk.run()
    trunk.span.cut = trunk.far.line.span.cut = True  # type: ignore[attr-defined]
    trunk.run(20)
    assert call.talking, "the conversation goes on"
    assert [e.state for e in trunk.world.told(TrunkStateChanged)][-1] == "down"
    assert alice.call("9601").status == 503, "new calls go elsewhere"
    trunk.span.cut = trunk.far.line.span.cut = False  # type: ignore[attr-defined]
    trunk.run(20)
    assert call.talking and trunk.group.is_up
    call.hang_up()
    trunk.over()


async def test_a_channel_in_maintenance_takes_no_calls() -> None:
    trunk = await Trunk(channels=2).up()
    (alice,) = trunk.world.phones("1001")
    trunk.gateway.block("span1", [2])
    call = alice.call("9600")
    trunk.run()
    assert {isdn.slot for isdn in trunk.line.access.calls} == {1}
    call.hang_up()
    with pytest.raises(ValueError, match="no channel 7"):
        trunk.gateway.block("span1", [7])
    trunk.gateway.unblock("span1")
    trunk.over()


async def test_a_number_digit_by_digit() -> None:
    trunk = await Trunk(overlap=True).up()
    (bob,) = trunk.world.phones("1002")
    from gateways.e1.q931 import PartyNumber, Setup

    call = trunk.far.line.access.call(Setup(PartyNumber("10"), complete=False), trunk.world.now)
    assert call is not None
    trunk.far.line.settle(trunk.world.now)
    trunk.run()
    for digit in "02":
        call.send_digits(digit, trunk.world.now)
        trunk.far.line.settle(trunk.world.now)
        trunk.run()
    bob.ringing.reject(486)
    trunk.over()


def test_alarms_end_the_link_after_a_while() -> None:
    world = World()
    wire: deque[tuple[WireSpan, bytes]] = deque()
    span = WireSpan(world.engine, wire)
    span.far = span
    told: list[Any] = []
    line = Line("x", span, Side.USER, deliver=lambda line, event: told.append(event), rearm=lambda line: None)
    line.defects_changed(frozenset(), 0.0)
    line.link.receive_data(bytes.fromhex("000173"), 0.1)
    line.settle(0.1)
    assert line.access.is_up
    line.defects_changed(frozenset({Alarm.RAI}), 1.0)
    line.handle_timer(2.0)
    assert line.access.is_up, "a remote alarm by itself does not stop the D channel"
    line.defects_changed(frozenset({Alarm.LOF}), 3.0)
    line.handle_timer(3.4)
    assert line.access.is_up, "shorter than the hold-off"
    line.handle_timer(3.5)
    assert not line.access.is_up


@pytest.mark.parametrize(
    ("selection", "slots"),
    [
        (Selection.ASCENDING, [1, 1, 1]),
        (Selection.DESCENDING, [31, 31, 31]),
        (Selection.ROUND_ROBIN, [1, 2, 3]),
        (Selection.LEAST_RECENTLY_USED, [1, 2, 3]),
    ],
)
def test_selection_orders(selection: Selection, slots: list[int]) -> None:
    span = WireSpan(None, deque())
    line = Line("x", span, Side.USER, deliver=lambda line, event: None, rearm=lambda line: None)
    line.access.is_up = True
    group = TrunkGroup("g", [line], selection)
    chosen = [group.select() for _ in slots]
    assert [circuit.slot for circuit in chosen if circuit is not None] == slots
