"""The floor of talkgroups whose parties are groups of other platforms, behind SIP trunks."""

from __future__ import annotations

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.calls.talkgroups.far_groups import FarGroups, TrunkFloor
from tests.unit.calls.phone import Phone
from tests.unit.calls.room_engine import RoomWorld
from tests.unit.calls.test_group_calls import answers
from tests.unit.calls.test_talkgroup import press
from tests.unit.calls.world import trunk


def wishes(far: Phone) -> list[str]:
    """What the far platform was told in its call."""
    bodies = [request.body for call in far.calls for request in call.requests if request.method == "INFO"]
    return ["request" if b"request" in body or b"Signal=*" in body else "release" for body in bodies]


def patched(way: str) -> tuple[RoomWorld, Phone, Phone]:
    """1001 in group 8001 with a far group that was called through a trunk."""
    peer = trunk("far", "203.0.113.9", floor=way, dtmf="info")
    world = RoomWorld(trunks=(peer,), rules=(Rule("far", To("trunk", ("far",)), prefix="9"),))
    FarGroups(TrunkFloor(world.exchange).reach).follow(world.bus)
    far, alice = world.peer("far"), world.phone("1001")
    answers(far)
    alice.call("8001")
    world.group_calls.include("8001", ["9001"], "1009")
    world.settle()
    assert far.ringing.talking and len(world.room.members) == 2
    return world, alice, far


@pytest.mark.parametrize("way", ["info", "keys", ""])
def test_the_far_group_is_asked_for_its_floor_and_given_it_back(way: str) -> None:
    world, alice, far = patched(way)
    press(alice.calls[-1], "*")
    world.advance(1.0)
    assert wishes(far) == (["request"] if way else [])
    press(alice.calls[-1], "#")
    world.advance(1.0)
    assert wishes(far) == (["request", "release"] if way else [])
    alice.calls[-1].hang_up()
    far.ringing.hang_up()
    world.check_over()


def test_a_far_group_that_talks_itself_is_asked_for_nothing() -> None:
    world, alice, far = patched("info")
    press(far.ringing, "*")
    world.advance(1.0)
    assert world.room.talking == far.host and not wishes(far)
    press(far.ringing, "#")
    world.advance(1.0)
    assert not wishes(far)
    alice.calls[-1].hang_up()
    far.ringing.hang_up()
    world.check_over()
