"""Parties without SDP: a gateway's legs call and are called like phones, with the port that they bring."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg, LegState, Party
from softswitch.calls.ported_leg import PortedLeg
from softswitch.calls.routing import Caller
from softswitch.sdp.capabilities import TELEPHONE_EVENT
from softswitch.sdp.formats import Codec
from tests.unit.calls.phone import sdp
from tests.unit.calls.world import World

BUSY = Cause(486, 17, "user busy", "network")
NORMAL = Cause(200, 16, "normal call clearing", "network")


class LineLeg(PortedLeg):
    """A party on a line that notes what it is told."""

    __slots__ = ("told",)

    protocol = "line"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.told: list[str] = []

    @property
    def reference(self) -> str:
        return "line 1"

    def _progress(self, status: int, *, inband: bool) -> None:
        self.told.append(f"{status}{' inband' if inband else ''}")

    def _take(self) -> None:
        self.told.append("taken")

    def _clear(self, cause: Cause) -> None:
        self.told.append(f"cleared {cause.q850}")
        if self.port is not None:
            self.port.close()


class LineGateway:
    """One line after another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.legs: list[LineLeg] = []
        self.full = False

    def leg(self, direction: str, number: str, leg_id: str, caller: Caller | None = None) -> LineLeg:
        port = cast(Any, self.world.engine.open_port("line"))
        leg = LineLeg(
            leg_id,
            direction,
            Party(number),
            port,
            codecs=(Codec("PCMA"), TELEPHONE_EVENT),
            soon=self.world.exchange.soon,
            caller=caller,
        )
        self.legs.append(leg)
        return leg

    def dial(self, target: Target, caller: Leg, leg_id: str) -> PortedLeg | Cause:
        return Cause(503, 34, "no channel") if self.full else self.leg("out", target.number, leg_id)

    def invite(self, leg: PortedLeg, target: Target, caller: Leg) -> None:
        cast(LineLeg, leg).told.append(f"called {target.number} by {caller.party.number}")


def world_with_line() -> tuple[World, LineGateway]:
    world = World(rules=[Rule("line", To("gateway", ("line",)), prefix="9", strip=1)])
    gateway = LineGateway(world)
    world.exchange.add_gateway("line", gateway)
    return world, gateway


def over(world: World, gateway: LineGateway) -> None:
    world.advance(1)
    for leg in gateway.legs:
        assert leg.port is not None and leg.port.closed, "the gateway closes what it opened"
    world.check_over()


def test_a_phone_calls_through_the_gateway() -> None:
    world, gateway = world_with_line()
    (alice,) = world.phones("1001")
    call = alice.call("98000")
    (line,) = gateway.legs
    assert line.told == ["called 8000 by 1001"]
    line.alerted(180)
    world.advance(0.1)
    line.alerted(183, inband=True)
    world.advance(0.1)
    assert call.progress == [180, 183]
    line.taken()
    world.advance(0.1)
    assert call.talking
    assert line.port is not None
    assert line.port.peer is not None, "the line's own port is joined to the phone's"
    assert [f.encoding for f in line.port.settings.formats if not f.auxiliary] == ["PCMA"]
    call.hang_up()
    assert line.told[-1] == "cleared 16"
    assert [leg["protocol"] for leg in world.record["legs"]] == ["sip", "line"]
    over(world, gateway)


def test_a_phone_of_another_codec_is_converted_for() -> None:
    world, gateway = world_with_line()
    (alice,) = world.phones("1001")
    call = alice.call("98000", body=sdp(alice.host, codecs=("PCMU",)))
    (line,) = gateway.legs
    line.taken()
    world.advance(0.1)
    assert call.talking, "µ-law at the phone, A-law on the line"
    call.hang_up()
    over(world, gateway)


@pytest.mark.parametrize("cause", [BUSY, Cause(404, 1, "unallocated number", "network")])
def test_the_far_end_refuses(cause: Cause) -> None:
    world, gateway = world_with_line()
    (alice,) = world.phones("1001")
    call = alice.call("98000")
    gateway.legs[0].refused(cause)
    world.advance(0.1)
    assert call.status == cause.status
    assert world.record["q850_cause"] == cause.q850
    world.advance(1)


def test_no_line_is_free() -> None:
    world, gateway = world_with_line()
    gateway.full = True
    (alice,) = world.phones("1001")
    assert alice.call("98000").status == 503
    over(world, gateway)


def test_the_caller_gives_up() -> None:
    world, gateway = world_with_line()
    (alice,) = world.phones("1001")
    call = alice.call("98000")
    gateway.legs[0].alerted(180)
    world.advance(0.1)
    call.hang_up()
    assert gateway.legs[0].told[-1].startswith("cleared")
    over(world, gateway)


def test_a_line_calls_a_phone() -> None:
    world, gateway = world_with_line()
    (bob,) = world.phones("1002")
    line = gateway.leg("in", "8110", "l1", Caller("8110", trunk="line"))
    world.exchange.gateway_intake.incoming(line, "1002", "line:1")
    world.advance(0.1)
    bob.ringing.ring()
    assert line.told == ["180"]
    bob.ringing.answer()
    assert line.told == ["180", "taken"]
    line.confirmed()
    world.advance(0.1)
    assert bob.ringing.talking and line.port is not None and line.port.peer is not None
    line.gone(NORMAL)
    world.advance(0.1)
    assert bob.ringing.over
    assert world.record["source"] == "line:1"
    line.port.close()
    over(world, gateway)


def test_a_line_calls_a_number_that_is_none() -> None:
    world, gateway = world_with_line()
    line = gateway.leg("in", "8110", "l1")
    world.exchange.gateway_intake.incoming(line, "5555", "line:1")
    world.advance(0.1)
    assert line.told == ["cleared 1"]
    assert line.state is LegState.ENDED
    over(world, gateway)


def test_a_line_hears_the_echo_service_and_a_talkgroup() -> None:
    world, gateway = world_with_line()
    line = gateway.leg("in", "8110", "l1")
    world.exchange.gateway_intake.incoming(line, "600", "line:1")
    world.advance(0.1)
    assert line.told == ["taken"]
    assert cast(Any, line.port).playing == "echo"
    line.gone(NORMAL)
    world.advance(0.1)
    cast(Any, line.port).close()
    over(world, gateway)


def test_a_phone_holds_and_comes_back() -> None:
    world, gateway = world_with_line()
    (alice,) = world.phones("1001")
    call = alice.call("98000")
    (line,) = gateway.legs
    line.taken()
    world.advance(0.1)
    call.offer(sdp(alice.host, direction="sendonly", version=2))
    world.advance(0.1)
    call.offer(sdp(alice.host, version=3))
    world.advance(0.1)
    assert line.port is not None and line.port.peer is not None and call.talking
    line.gone(NORMAL)
    world.advance(0.1)
    line.port.close()
    assert call.over
    over(world, gateway)


def test_lines_on_both_sides() -> None:
    world, gateway = world_with_line()
    one = gateway.leg("in", "8110", "l1")
    world.exchange.gateway_intake.incoming(one, "98000", "line:1")
    world.advance(0.1)
    other = gateway.legs[1]
    other.taken()
    world.advance(0.1)
    assert one.told == ["taken"] and one.port is not None and one.port.peer is other.port
    other.gone(NORMAL)
    world.advance(0.1)
    assert one.told[-1] == "cleared 16"
    cast(Any, other.port).close()
    over(world, gateway)
