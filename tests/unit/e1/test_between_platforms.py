"""Two platforms joined by one E1 line alone: calls both ways, and all that goes with a call from SIP to SIP."""

from __future__ import annotations

from collections import deque

from dialplan import Plan, Rule
from dialplan import Target as To
from gateways.e1.gateway import E1Gateway, Hold, TrunkSettings
from gateways.e1.line import Line
from gateways.e1.q921 import Side
from gateways.e1.span.interface import Alarm
from gateways.e1.trunk_group import TrunkGroup
from gateways.e1.trunk_settings import FloorCarriage
from softswitch.events import GroupJoined, SpanAlarmCleared, SpanAlarmRaised
from tests.unit.calls.room_engine import RoomWorld, press
from tests.unit.e1.test_e1_gateway import WireSpan


class Platform:
    """One switch with its end of the line; 9 leads across."""

    def __init__(self, side: Side, wire: deque[tuple[WireSpan, bytes]], **settings: object) -> None:
        self.world = RoomWorld()
        rule = Rule("across", To("gateway", ("e1",)), prefix="9", strip=1)
        self.world.router.plan = Plan([rule], self.world.router.plan.numbers)
        self.span = WireSpan(self.world.engine, wire)
        group = TrunkGroup("e1", [])
        world = self.world
        self.gateway = E1Gateway(
            "e1",
            group,
            world.exchange,
            lambda work: work(world.now),
            TrunkSettings(**settings),  # type: ignore[arg-type]
        )
        self.line = Line("span1", self.span, side, deliver=self.gateway.deliver, rearm=self.gateway.rearm)
        group.lines.append(self.line)


class Pair:
    """Both platforms; `run` carries frames and lets time pass for both."""

    def __init__(self, **settings: object) -> None:
        self.wire: deque[tuple[WireSpan, bytes]] = deque()
        self.a = Platform(Side.USER, self.wire, **settings)
        self.b = Platform(Side.NETWORK, self.wire, **settings)
        self.a.span.far, self.b.span.far = self.b.span, self.a.span

    async def up(self) -> Pair:
        for platform in (self.a, self.b):
            await platform.gateway.open()
        self.run(0.5)
        assert self.a.line.access.is_up and self.b.line.access.is_up, "both ends are up"
        return self

    def run(self, seconds: float = 0.2) -> None:
        until = self.a.world.now + seconds
        while True:
            while self.wire:
                span, frame = self.wire.popleft()
                span.observer.dframe_received(frame, self.a.world.now)
            if self.a.world.now >= until:
                return
            for platform in (self.a, self.b):
                platform.world.advance(0.05)

    def over(self) -> None:
        self.run(1)
        for platform in (self.a, self.b):
            assert not platform.line.access.calls, "no call is left on the line"
            platform.world.check_over()


async def test_subscribers_call_each_other_across_the_line() -> None:
    pair = await Pair().up()
    (alice,), (bob,) = pair.a.world.phones("1001"), pair.b.world.phones("1002")
    call = alice.call("91002")
    pair.run()
    assert bob.ringing.peer_number == "1001"
    bob.ringing.ring()
    pair.run()
    assert call.progress == [180]
    bob.ringing.answer()
    pair.run()
    assert call.talking and bob.ringing.talking
    bob.ringing.hang_up()
    pair.run()
    assert call.over
    back = bob.call("91001")
    pair.run()
    alice.ringing.answer()
    pair.run()
    assert back.talking, "and the other way round"
    back.hang_up()
    pair.over()


async def test_thirty_calls_across_the_line() -> None:
    pair = await Pair().up()
    alice, bob = pair.a.world.phones("1001")[0], pair.b.world.phones("1002")[0]
    calls = []
    for _ in range(30):
        calls.append(alice.call("91002"))
        pair.run(0.05)
        bob.ringing.answer()
        pair.run(0.05)
    assert all(call.talking for call in calls)
    assert alice.call("91002").status == 503, "the line is full"
    for call in calls:
        call.hang_up()
    pair.over()


async def test_user_to_user_goes_from_sip_to_sip() -> None:
    """RFC 7433 in the INVITE; INFO in the middle of the call as USER INFORMATION."""
    pair = await Pair().up()
    (alice,), (bob,) = pair.a.world.phones("1001"), pair.b.world.phones("1002")
    call = alice.call("91002", fields=[("User-to-User", "0468656c6c6f;encoding=hex;purpose=isdn-uui")])
    pair.run()
    assert bob.ringing.session.invite.get("User-to-User") == (
        "0468656c6c6f;encoding=hex;purpose=isdn-uui;content=isdn-uui"
    )
    bob.ringing.answer()
    pair.run()
    call.request("INFO", body=b"floor", content_type="text/plain")
    pair.run()
    informed = [sent.text for sent in pair.b.world.log if sent.line.startswith("INFO")]
    assert informed and informed[-1].endswith("floor"), "the text reached the other phone"
    call.hang_up()
    pair.over()


async def test_who_diverted_a_call_is_told_across_the_line() -> None:
    pair = await Pair().up()
    (alice,), (bob,) = pair.a.world.phones("1001"), pair.b.world.phones("1002")
    pair.a.world.directory.choose("1005", {"forward_all": "91002"})
    call = alice.call("1005")
    pair.run()
    assert "sip:1005@" in (bob.ringing.session.invite.get("Diversion") or ""), "the far phone learns of 1005"
    assert "reason=unconditional" in (bob.ringing.session.invite.get("Diversion") or "")
    call.hang_up()
    pair.over()


async def test_a_hold_is_told_across_the_line() -> None:
    for hold in (Hold.NOTIFY, Hold.HOLD):
        pair = await Pair(hold=hold).up()
        (alice,), (bob,) = pair.a.world.phones("1001"), pair.b.world.phones("1002")
        call = alice.call("91002")
        pair.run()
        bob.ringing.answer()
        pair.run()
        call.hold()
        pair.run()
        assert bob.ringing.remote_direction == "sendonly", f"{hold}: the far phone sees that it is held"
        call.resume()
        pair.run()
        assert bob.ringing.remote_direction == "sendrecv", f"{hold}: and that it is not any more"
        call.hang_up()
        pair.over()


async def test_alarms_are_events_and_problems() -> None:
    pair = await Pair().up()
    observer, world = pair.a.span.observer, pair.a.world
    observer.defects_changed(frozenset({Alarm.RAI, Alarm.LMFA}), world.now)
    assert world.told(SpanAlarmRaised) == [] == pair.a.gateway.problems(), "a moment's defect is no alarm"
    pair.run(3)
    assert [event.alarm for event in world.told(SpanAlarmRaised)] == ["LMFA", "RAI"]
    observer.defects_changed(frozenset({Alarm.RAI}), world.now)
    pair.run(11)
    assert [event.alarm for event in world.told(SpanAlarmCleared)] == ["LMFA"]
    assert pair.a.gateway.problems() == ["E1 span span1: remote alarm indication"]


async def test_another_trunk_carries_calls_while_the_d_channel_is_down() -> None:
    """Routes with several targets: calls in progress go on, new ones take the next way."""
    wire: deque[tuple[WireSpan, bytes]] = deque()
    a, b = (Platform(side, wire) for side in (Side.USER, Side.NETWORK))
    a.span.far, b.span.far = b.span, a.span
    world = a.world
    spare = TrunkGroup("spare", [])
    used: list[str] = []

    class Spare(E1Gateway):
        def dial(self, target, caller, leg_id):  # type: ignore[no-untyped-def]
            used.append(target.number)
            return super().dial(target, caller, leg_id)

    second = Spare("spare", spare, world.exchange, lambda work: work(world.now), TrunkSettings())
    await second.open()
    await a.gateway.open()
    rule = Rule("both", To("gateway", ("e1", "spare")), prefix="8", strip=1)
    world.router.plan = Plan([rule], world.router.plan.numbers)
    (alice,) = world.phones("1001")
    call = alice.call("81002")
    world.advance(0.2)
    assert used == ["1002"], "the E1 group is down: the next one of the route is tried"
    assert call.status == 503, "and that one is down as well"


async def test_talkgroups_are_patched_across_the_line() -> None:
    """Group 8001 here calls group 8001 there; whoever has the floor at one end has it at the other."""
    pair = await Pair(floor=FloorCarriage.USER_INFORMATION).up()
    a, b = pair.a.world, pair.b.world
    (alice,), (bob,) = a.phones("1001"), b.phones("1002")
    here, there = alice.call("8001"), bob.call("8001")
    a.group_calls.start("8001")
    a.group_calls.include("8001", ["98001"])
    pair.run()
    assert [e.party for e in a.told(GroupJoined)] == ["1001", "98001"], "the far group is a party of ours"
    assert [e.party for e in b.told(GroupJoined)] == ["1002", "8001"], "and ours is one of theirs"
    press(here, "*")
    pair.run()
    assert a.floor_events()[-1:] == ["granted 1001"]
    assert b.floor_events()[-1:] == ["granted 8001"], "the far group listens to ours"
    press(here, "#")
    pair.run()
    assert a.floor_events()[-1] == b.floor_events()[-1] == "idle", "both are silent"
    press(there, "*")
    pair.run()
    assert (a.floor_events()[-1], b.floor_events()[-1]) == ("granted 98001", "granted 1002"), "and the other way round"
    press(there, "#")
    pair.run()
    here.hang_up()
    there.hang_up()
    a.group_calls.end("8001")
    pair.run()
    pair.over()
