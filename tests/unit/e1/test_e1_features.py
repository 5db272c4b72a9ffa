"""Transfers, another way around, statistics, and what exchanges say that others do not."""

from __future__ import annotations

from collections import deque

from dialplan import Plan, Rule
from dialplan import Target as To
from gateways.e1.gateway import E1Gateway, TrunkSettings
from gateways.e1.line import Line
from gateways.e1.q921 import Side
from gateways.e1.q931 import Kind, Message, NumberingPlan, NumberType, PartyNumber, Setup
from gateways.e1.simulator import SimulatedExchange
from gateways.e1.trunk_group import TrunkGroup
from softswitch.app.gateways.e1 import trunk_settings
from softswitch.config.e1 import E1GroupSettings
from tests.unit.e1.test_e1_gateway import Trunk, WireSpan


async def test_a_call_of_the_line_is_transferred_to_another_phone() -> None:
    trunk = await Trunk().up()
    alice, bob = trunk.world.phones("1001", "1002")
    call = alice.call("9600")
    trunk.run()
    call.refer("1002")
    trunk.run()
    bob.ringing.answer()
    trunk.run()
    assert call.over and bob.ringing.talking, "1002 talks to the subscriber of the exchange now"
    assert len(trunk.line.access.calls) == 1, "in the same channel"
    bob.ringing.hang_up()
    trunk.run()
    assert trunk.far.ended == [("600", 16)]
    trunk.over()


async def test_a_phone_is_transferred_to_the_line() -> None:
    trunk = await Trunk().up()
    alice, bob = trunk.world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    call.refer("9601")
    trunk.run()
    assert call.over and bob.ringing.talking and len(trunk.far.subscribers) == 1
    bob.ringing.hang_up()
    trunk.over()


async def test_another_number_answers_than_was_called() -> None:
    trunk = await Trunk().up()
    (alice,) = trunk.world.phones("1001")
    call = alice.call("9604")
    trunk.run()
    (theirs,) = trunk.far.subscribers
    theirs.connect(
        trunk.world.now,
        connected=PartyNumber("5551234", 2, 1, presentation=0, screening=3),
        display="值班室",
        display_encoding="gbk",
    )
    trunk.far.line.settle(trunk.world.now)
    trunk.run()
    assert call.talking
    told = [sent.text for sent in trunk.world.log if "5551234" in sent.text]
    assert told and "值班室" in told[-1], "the phone is shown who answered"
    call.hang_up()
    trunk.over()


def test_names_are_sent_in_the_encoding_of_the_exchange() -> None:
    for name, encoding in (("gbk", "gbk"), ("utf-8", "utf-8")):
        assert trunk_settings(E1GroupSettings(display=name)).display_encoding == encoding  # type: ignore[arg-type]
        setup = Setup(PartyNumber("1"), display="指挥中心", display_encoding=encoding)
        octets = Message(Kind.SETUP, 1, False, setup.elements()).serialize()
        assert "指挥中心".encode(encoding) in octets
        assert Message.parse(octets).display == "指挥中心", "either is read"
    assert not trunk_settings(E1GroupSettings(display="none")).display_encoding, "none: no name is sent"


async def test_numbers_are_told_as_the_group_says() -> None:
    group = E1GroupSettings(number_type="subscriber", calling_number_type="national", number_plan="private", tones=True)
    settings = trunk_settings(group)
    assert settings.tones
    trunk = await Trunk(numbering=settings.numbering).up()
    (alice,) = trunk.world.phones("1001")
    call = alice.call("9600")
    trunk.run()
    (theirs,) = trunk.far.subscribers
    called, calling = theirs.setup.called, theirs.setup.calling
    assert (called.digits, called.type, called.plan) == ("600", NumberType.SUBSCRIBER, NumberingPlan.PRIVATE)
    assert calling is not None
    assert (calling.digits, calling.type, calling.plan) == ("1001", NumberType.NATIONAL, NumberingPlan.PRIVATE)
    call.hang_up()
    trunk.over()


async def test_statistics_of_a_group() -> None:
    trunk = await Trunk(channels=4).up()
    (alice,) = trunk.world.phones("1001")
    talk = alice.call("9600")
    trunk.run()
    assert trunk.group.occupancy == 0.25
    trunk.run(10)
    talk.hang_up()
    for number in ("9603", "9605", "9777"):
        alice.call(number)
        trunk.run()
    told = trunk.gateway.describe()["outgoing"]
    assert (told["attempts"], told["answered"], told["asr"]) == (4, 1, 0.25)
    assert 9.5 <= told["acd_s"] <= 10.5, "ten seconds of talk in one call"
    assert trunk.group.occupancy == 0
    trunk.over()


async def test_calls_go_another_way_while_the_first_is_down() -> None:
    """The first group's D channel is cut: what is talked there goes on, new calls take the second group."""
    trunk = await Trunk().up()
    world = trunk.world
    wire: deque[tuple[WireSpan, bytes]] = trunk.wire
    here, there = WireSpan(world.engine, wire), WireSpan(world.engine, wire)
    here.far, there.far = there, here
    group = TrunkGroup("spare", [])
    spare = E1Gateway("spare", group, world.exchange, lambda work: work(world.now), TrunkSettings())
    group.lines.append(Line("span2", here, Side.USER, deliver=spare.deliver, rearm=spare.rearm))
    far = SimulatedExchange(there, world.engine, now=lambda: world.now, later=world.timers.schedule)  # type: ignore[arg-type]
    await far.open()
    await spare.open()
    trunk.run(0.5)
    world.router.plan = Plan(
        [Rule("out", To("gateway", ("e1", "spare")), prefix="9", strip=1)], world.router.plan.numbers
    )
    alice, bob = world.phones("1001", "1002")
    talk = alice.call("9600")
    trunk.run()
    trunk.span.cut = trunk.far.line.span.cut = True  # type: ignore[attr-defined]
    trunk.run(20)
    detour = bob.call("9600")
    trunk.run()
    assert talk.talking and detour.talking
    assert (trunk.group.outgoing.answered, group.outgoing.answered) == (1, 1)
    trunk.span.cut = trunk.far.line.span.cut = False  # type: ignore[attr-defined]
    trunk.run(20)
    assert talk.talking, "and the first group has its call still"
    talk.hang_up()
    detour.hang_up()
    trunk.over()
    assert not group.lines[0].access.calls
