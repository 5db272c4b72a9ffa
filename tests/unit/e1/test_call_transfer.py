"""Explicit call transfer: an exchange of the user's side joins its two calls; components of the facility element."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.e1.call_transfer import EXECUTE, EXPLICIT_EXECUTE, LINK_ID_REQUEST
from gateways.e1.line import Line
from gateways.e1.q921 import Side
from gateways.e1.q931 import Cause, IsdnCall, Kind, Message, PartyNumber, Q931Error, Setup, rose
from gateways.e1.q931.elements import ElementId
from gateways.e1.q931.events import Cleared, Connected, Offered
from tests.unit.e1.test_between_platforms import Platform
from tests.unit.e1.test_e1_gateway import WireSpan

#: What libpri 1.6 sends, and a result and an error as EN 300 196-1 has them.
GOLDEN = {
    "91a10b0201010606040082710104": rose.Invoke(1, LINK_ID_REQUEST),
    "91a10e0201020606040082710101020117": rose.Invoke(2, EXPLICIT_EXECUTE, b"\x02\x01\x17"),
    "91a106020136020106": rose.Invoke(54, EXECUTE),
    "91a203020102": rose.Result(2),
    "91a210020101300b0606040082710104020117": rose.Result(1, LINK_ID_REQUEST, b"\x02\x01\x17"),
    "91a306020102020107": rose.Error(2, 7),
    "91a406020136810101": rose.Reject(54, rose.UNRECOGNIZED_OPERATION),
    "91a4050500800102": rose.Reject(None, rose.BADLY_STRUCTURED),
}


@pytest.mark.parametrize("octets", GOLDEN)
def test_components_are_read_and_written(octets: str) -> None:
    content = bytes.fromhex(octets)
    assert rose.parse(content) == [GOLDEN[octets]]
    assert rose.facility(GOLDEN[octets]) == content


@given(st.binary(max_size=60))
def test_any_octets_are_components_or_an_error(octets: bytes) -> None:
    with contextlib.suppress(Q931Error):
        for component in rose.parse(b"\x91" + octets):
            assert component.serialize(), "what was read can be written"


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_come_back(value: int) -> None:
    assert rose.read_integer(rose.integer(value)) == value


def test_other_profiles_are_passed_over() -> None:
    assert rose.parse(bytes.fromhex("9faa06800100820100")) == [], "QSIG's is none of ours"


class Pbx:
    """A private exchange on the user's side, and a platform with phones on the network's."""

    def __init__(self, **settings: object) -> None:
        wire: deque[tuple[WireSpan, bytes]] = deque()
        self.wire = wire
        self.platform = Platform(Side.NETWORK, wire, **settings)
        self.world = self.platform.world
        self.told: list[Any] = []
        self.facilities: list[Any] = []
        span = WireSpan(self.world.engine, wire)
        span.far, self.platform.span.far = self.platform.span, span
        self.line = Line(
            "pbx", span, Side.USER, deliver=lambda line, event: self.told.append(event), rearm=lambda _: None
        )

    async def up(self) -> Pbx:
        await self.line.span.open(self.line)
        await self.platform.gateway.open()
        self.run(1)
        assert self.line.access.is_up
        return self

    def run(self, seconds: float = 0.2) -> None:
        until = self.world.now + seconds
        while self.world.now < until or self.wire:
            while self.wire:
                span, frame = self.wire.popleft()
                if span is self.line.span and (found := _facility(frame)) is not None:
                    self.facilities += rose.parse(found)
                span.observer.dframe_received(frame, self.world.now)
            self.world.advance(0.05)
            self.line.handle_timer(self.world.now)

    def call(self, number: str) -> IsdnCall:
        call = self.line.access.call(Setup(PartyNumber(number), PartyNumber("200", screening=1)), self.world.now)
        assert call is not None
        self.settle()
        return call

    def ask(self, call: IsdnCall, component: rose.Component) -> Any:
        """FACILITY in a call, and what is answered."""
        before = len(self.facilities)
        call.send_facility(component)
        self.settle()
        return self.facilities[before:]

    def settle(self) -> None:
        self.line.settle(self.world.now)
        self.run()

    def cleared(self) -> list[int]:
        return [event.cause.value for event in self.told if isinstance(event, Cleared)]


def _facility(frame: bytes) -> bytes | None:
    """The facility element of a frame that brings one."""
    if frame[4:5] != b"\x08":
        return None
    message = Message.parse(frame[4:])
    return message.elements.get(ElementId.FACILITY) if message.kind == Kind.FACILITY else None


async def test_an_exchange_joins_its_two_calls() -> None:
    pbx = await Pbx().up()
    alice, bob = pbx.world.phones("1001", "1002")
    first, second = pbx.call("1001"), pbx.call("1002")
    for phone in (alice, bob):
        phone.ringing.answer()
    pbx.run()
    (linked,) = pbx.ask(first, rose.Invoke(1, LINK_ID_REQUEST))
    assert isinstance(linked, rose.Result) and linked.operation == LINK_ID_REQUEST
    (again,) = pbx.ask(first, rose.Invoke(2, LINK_ID_REQUEST))
    assert again.result == linked.result, "a call has one link identifier"
    assert pbx.ask(second, rose.Invoke(3, EXPLICIT_EXECUTE, linked.result)) == [rose.Result(3)]
    pbx.run()
    assert pbx.cleared() == [16, 16], "both calls of the exchange are over"
    assert alice.ringing.talking and bob.ringing.talking, "and their parties talk to each other"
    alice.ringing.hang_up()
    pbx.run(1)
    pbx.world.check_over()


async def test_a_call_that_came_and_one_that_still_rings_are_joined() -> None:
    """The exchange was called by 1001, holds that, calls 1002 and leaves before 1002 has answered."""
    pbx = await Pbx().up()
    alice, bob = pbx.world.phones("1001", "1002")
    call = alice.call("9200")
    pbx.run()
    first = next(event.call for event in pbx.told if isinstance(event, Offered))
    first.connect(pbx.world.now)
    pbx.settle()
    first.hold()
    pbx.settle()
    second = pbx.call("1002")
    (linked,) = pbx.ask(second, rose.Invoke(1, LINK_ID_REQUEST))
    assert pbx.ask(first, rose.Invoke(2, EXPLICIT_EXECUTE, linked.result)) == [rose.Result(2)]
    pbx.run()
    bob.ringing.answer()
    pbx.run()
    assert call.talking and bob.ringing.talking and not pbx.line.access.calls
    call.hang_up()
    pbx.run(1)
    pbx.world.check_over()


async def test_a_held_call_is_joined_with_the_only_other_one() -> None:
    pbx = await Pbx().up()
    alice, bob = pbx.world.phones("1001", "1002")
    first, second = pbx.call("1001"), pbx.call("1002")
    for phone in (alice, bob):
        phone.ringing.answer()
    pbx.run()
    assert pbx.ask(first, rose.Invoke(7, EXECUTE)) == [rose.Error(7, 7)], "nothing is held"
    first.hold()
    pbx.settle()
    assert pbx.ask(first, rose.Invoke(8, EXECUTE)) == [rose.Result(8)]
    pbx.run()
    assert alice.ringing.talking and bob.ringing.talking and not pbx.line.access.calls
    assert second.state is first.state
    bob.ringing.hang_up()
    pbx.run(1)
    pbx.world.check_over()


async def test_what_cannot_be_done_is_answered() -> None:
    pbx = await Pbx().up()
    (alice,) = pbx.world.phones("1001")
    call = pbx.call("1001")
    alice.ringing.answer()
    pbx.run()
    assert [event for event in pbx.told if isinstance(event, Connected)]
    assert pbx.ask(call, rose.Invoke(1, 99)) == [rose.Reject(1, rose.UNRECOGNIZED_OPERATION)]
    assert pbx.ask(call, rose.Invoke(2, EXPLICIT_EXECUTE, rose.integer(7))) == [rose.Error(2, 7)], "no such link"
    assert pbx.ask(call, rose.Invoke(3, EXPLICIT_EXECUTE)) == [rose.Reject(3, rose.MISTYPED_ARGUMENT)]
    (linked,) = pbx.ask(call, rose.Invoke(4, LINK_ID_REQUEST))
    assert pbx.ask(call, rose.Invoke(5, EXPLICIT_EXECUTE, linked.result)) == [rose.Error(5, 7)], "with itself"
    for component in (rose.Result(9), rose.Error(9, 7), rose.Reject(9, rose.UNRECOGNIZED_OPERATION)):
        assert pbx.ask(call, component) == [], "answers are not answered"
    call.send(Kind.FACILITY, {ElementId.FACILITY: b"\x91\xa1\x7f\x02"})
    pbx.settle()
    assert pbx.facilities[-1] == rose.Reject(None, rose.BADLY_STRUCTURED)
    assert alice.ringing.talking
    call.disconnect(Cause(16), pbx.world.now)
    pbx.settle()
    pbx.run(1)
    pbx.world.check_over()
