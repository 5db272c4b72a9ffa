"""Talkgroup numbers: keys ask for the floor, the arbiter decides, and the engine is told who talks."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.calls.dispatching.operator import Operator
from softswitch.calls.machine import Method
from softswitch.calls.talkgroups.definition import TalkgroupDefinition, plain_members
from softswitch.events import (
    CallStateChanged,
    FloorDenied,
    FloorGranted,
    FloorQueued,
    FloorRevoked,
    FloorWarning,
    GroupJoined,
    GroupLeft,
)
from softswitch.floor.adapters import Action, Command
from tests.unit.calls.phone import Phone, PhoneCall
from tests.unit.calls.room_engine import RoomEngine, RoomWorld, hosts, press


def gathered(world: RoomWorld, *numbers: str) -> tuple[list[Phone], list[PhoneCall]]:
    """Phones that have called in."""
    phones = world.phones(*numbers)
    calls = [phone.call("8001") for phone in phones]
    assert all(call.talking for call in calls)
    return phones, calls


def moves(world: RoomWorld) -> list[tuple[str, str]]:
    """Who was moved by the methods of the floor."""
    return [(e.caller, e.method) for e in world.told(CallStateChanged) if e.method.endswith("_floor")]


def end(world: RoomWorld, calls: list[PhoneCall]) -> None:
    """All hang up who have not; nothing may be left."""
    for call in calls:
        if not call.over:
            call.hang_up()
    world.check_over()


def test_nobody_talks_before_asking() -> None:
    world = RoomWorld()
    phones, calls = gathered(world, "1001", "1002")
    assert world.room.hosts() == hosts(*phones) and world.room.talking is None
    assert [(e.group, e.party, e.present) for e in world.told(GroupJoined)] == [
        ("8001", "1001", 1),
        ("8001", "1002", 2),
    ]
    end(world, calls)
    assert [(e.party, e.present) for e in world.told(GroupLeft)] == [("1001", 1), ("1002", 0)]


def test_a_star_takes_the_floor_and_a_hash_gives_it_back() -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    press(calls[0], "*")
    assert world.room.talking == alice.host
    press(calls[0], "#")
    assert world.room.talking is None
    assert world.floor_events() == ["granted 1001", "idle"]
    assert moves(world) == [("1001", "request_floor"), ("1001", "release_floor")]
    end(world, calls)


@pytest.mark.parametrize("body", [("application/dtmf", b"*"), ("application/dtmf-relay", b"Signal=10\r\n")])
def test_both_ways_of_telling_a_key_are_understood(body: tuple[str, bytes]) -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    calls[0].request("INFO", body=body[1], content_type=body[0])
    assert world.room.talking == alice.host
    end(world, calls)


def test_other_keys_mean_nothing() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001", "1002")
    for key in "0159A#":
        press(calls[0], key)
    assert world.room.said == [] and world.floor_events() == [] and moves(world) == []
    end(world, calls)


def test_the_second_one_waits_and_is_next() -> None:
    world = RoomWorld()
    (alice, bob, _), calls = gathered(world, "1001", "1002", "1003")
    press(calls[0], "*")
    press(calls[1], "*")
    assert world.room.talking == alice.host
    (queued,) = world.told(FloorQueued)
    assert (queued.party, queued.position, queued.waiting) == ("1002", 1, 1)
    world.advance(2)
    press(calls[0], "#")
    assert world.room.talking == bob.host
    granted = world.told(FloorGranted)[-1]
    assert (granted.party, granted.waited_s, granted.duration_s) == ("1002", 2.0, 30)
    wanted = ["request_floor", "wait_floor"]
    assert [method for caller, method in moves(world) if caller == "1002"] == wanted
    assert world.floor_events() == ["granted 1001", "queued 1002", "granted 1002"]
    end(world, calls)


def test_who_waits_may_give_up() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001", "1002")
    press(calls[0], "*")
    press(calls[1], "*")
    press(calls[1], "#")
    press(calls[0], "#")
    assert world.room.talking is None
    assert world.floor_events() == ["granted 1001", "queued 1002", "withdrawn 1002", "idle"]
    assert moves(world)[-2:] == [("1002", "release_floor"), ("1001", "release_floor")]
    end(world, calls)


def test_who_is_alone_is_denied_and_told_by_a_sound() -> None:
    world = RoomWorld()
    (alice,), calls = gathered(world, "1001")
    press(calls[0], "*")
    (denied,) = world.told(FloorDenied)
    assert (denied.party, denied.cause, denied.reason) == ("1001", 3, "only one participant")
    assert world.room.talking is None and world.engine.port_to(alice.host).playing
    end(world, calls)


def test_hanging_up_while_talking_gives_the_floor_to_the_next() -> None:
    world = RoomWorld()
    (_, bob, _), calls = gathered(world, "1001", "1002", "1003")
    press(calls[0], "*")
    press(calls[1], "*")
    calls[0].hang_up()
    assert world.room.talking == bob.host
    calls[1].hang_up()
    assert world.room.talking is None
    assert world.floor_events() == ["granted 1001", "queued 1002", "granted 1002", "idle"]
    end(world, calls)


def test_when_all_others_leave_the_talker_is_stopped() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001", "1002")
    press(calls[0], "*")
    calls[1].hang_up()
    assert world.room.talking is None
    assert [(e.party, e.cause) for e in world.told(FloorRevoked)] == [("1001", 1)]
    end(world, calls)


def test_who_talks_too_long_is_warned_and_stopped() -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    press(calls[0], "*")
    world.advance(25.5)
    (warning,) = world.told(FloorWarning)
    assert (warning.party, warning.remaining_s) == ("1001", 5.0) and world.room.talking == alice.host
    world.advance(5)
    (revoked,) = world.told(FloorRevoked)
    assert (revoked.party, revoked.cause, revoked.reason) == ("1001", 2, "too long")
    assert world.room.talking is None and calls[0].talking
    assert moves(world)[-1] == ("1001", "release_floor")
    press(calls[0], "*")
    assert world.room.talking == alice.host, "it may ask again"
    end(world, calls)


def test_a_dispatcher_takes_the_floor_at_once() -> None:
    world = RoomWorld()
    phones, calls = gathered(world, "1001", "1002", "1009")
    press(calls[0], "*")
    press(calls[2], "*")
    assert world.room.talking == phones[2].host
    assert [(e.party, e.cause) for e in world.told(FloorRevoked)] == [("1001", 4)]
    end(world, calls)


def test_a_group_with_members_lets_nobody_else_in() -> None:
    world = RoomWorld(talkgroup=TalkgroupDefinition("8001", members=plain_members(["1001"])))
    _, calls = gathered(world, "1001")
    assert world.phone("1002").call("8001").status == 403
    end(world, calls)


@pytest.mark.parametrize("fault", ["broken", "without_rooms"])
def test_when_the_engine_fails_the_caller_gets_503_and_nothing_is_left(fault: str) -> None:
    world = RoomWorld()
    setattr(cast(RoomEngine, world.engine), fault, True)
    assert world.phone("1001").call("8001").status == 503
    assert not world.told(GroupJoined) and not world.told(GroupLeft)
    world.check_over()


def test_a_talk_limit_that_is_changed_counts_from_the_next_talk_on() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001", "1002")
    world.talkgroups.book.replace([TalkgroupDefinition("8001", talk_s=10.0)])
    press(calls[0], "*")
    assert world.told(FloorGranted)[0].duration_s == 10
    end(world, calls)


def test_a_group_that_is_not_defined_any_more_goes_on_until_all_have_left() -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    world.talkgroups.book.replace([])
    assert world.phone("1003").call("8001").status == 404
    press(calls[0], "*")
    assert world.room.talking == alice.host
    end(world, calls)
    assert world.talkgroups.describe() == []


def test_a_program_may_ask_for_a_party_and_take_the_floor_from_it() -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    leg_id = world.told(GroupJoined)[0].leg_id
    assert world.talkgroups.wishes.command(leg_id, Command(Action.REQUEST))
    assert world.room.talking == alice.host
    assert world.talkgroups.wishes.revoke(leg_id) and world.room.talking is None
    assert not world.talkgroups.wishes.revoke(leg_id) and not world.talkgroups.wishes.command(
        "nobody", Command(Action.REQUEST)
    )
    end(world, calls)


def test_who_is_held_hears_and_says_nothing_until_it_is_back() -> None:
    world = RoomWorld()
    (alice, bob), calls = gathered(world, "1001", "1002")
    operator = Operator(world.exchange, lambda: "", lambda: np.zeros(1, np.int16), lambda name: None)
    (own, _) = (world.exchange.calls[event.call_id] for event in world.told(GroupJoined))
    press(calls[0], "*")
    operator.hold(own, "1001")
    assert world.room.hosts() == hosts(bob) and world.floor_events() == ["granted 1001", "idle"]
    press(calls[0], "*")
    assert world.room.talking is None and world.talkgroups.describe()[0]["floor"] == "idle"
    operator.resume(own, "1001")
    press(calls[0], "*")
    assert world.room.talking == alice.host
    end(world, calls)


def test_the_operations_of_a_call_reach_the_floor_of_its_group() -> None:
    world = RoomWorld()
    (alice, bob), calls = gathered(world, "1001", "1002")
    operator = Operator(world.exchange, lambda: "", lambda: np.zeros(1, np.int16), lambda name: None)
    first, second = (world.exchange.calls[event.call_id] for event in world.told(GroupJoined))
    operator.floor(first, Method.REQUEST_FLOOR, "1001")
    operator.floor(second, Method.WAIT_FLOOR, "1002")
    assert world.room.talking == alice.host and world.floor_events() == ["granted 1001", "queued 1002"]
    operator.floor(first, Method.RELEASE_FLOOR, "1001")
    assert world.room.talking == bob.host
    with pytest.raises(LookupError):
        operator.floor(first, Method.REQUEST_FLOOR, "1002")
    end(world, calls)


def test_the_listing_tells_who_talks_and_who_waits() -> None:
    world = RoomWorld()
    assert [(row["number"], row["floor"]) for row in world.talkgroups.describe()] == [("8001", "idle")]
    _, calls = gathered(world, "1001", "1002", "1003")
    press(calls[1], "*")
    press(calls[2], "*")
    (row,) = world.talkgroups.describe()
    assert (row["name"], row["floor"], row["talker"]) == ("Tunnel", "taken", "1002")
    stand = [(participant["party"], participant["floor"]) for participant in row["participants"]]
    assert stand == [("1001", "listening"), ("1002", "talking"), ("1003", "waiting")]
    end(world, calls)


def test_a_party_that_is_sent_elsewhere_leaves_the_group_with_its_floor() -> None:
    world = RoomWorld()
    (alice, bob, _), calls = gathered(world, "1001", "1002", "1003")
    carol = world.phone("1004")
    press(calls[0], "*")
    press(calls[1], "*")
    own = world.exchange.calls[world.told(GroupJoined)[0].call_id]
    assert world.exchange.ring_back(own, "1004") is None
    world.settle()
    assert world.room.talking == alice.host, "until the other one answers all stays as it is"
    carol.ringing.answer()
    world.advance(1)
    assert world.room.hosts() == hosts(bob, calls[2].phone) and world.room.talking == bob.host
    assert {alice.host, carol.host} in world.engine.joined()
    press(calls[0], "*")
    assert world.room.talking == bob.host, "the keys of who has left mean nothing to the group"
    end(world, calls)


def test_a_party_that_is_sent_from_a_group_to_a_conference_is_in_one_of_them() -> None:
    world = RoomWorld()
    (alice, bob), calls = gathered(world, "1001", "1002")
    own = world.exchange.calls[world.told(GroupJoined)[0].call_id]
    assert world.exchange.ring_back(own, "7001") is None
    world.settle()
    assert [room.hosts() for room in world.rooms] == [hosts(bob), hosts(alice)] and calls[0].talking
    assert [(e.party, e.present) for e in world.told(GroupLeft)] == [("1001", 1)]
    end(world, calls)


def test_a_party_that_is_sent_to_an_announcement_has_left_and_is_released_at_its_end() -> None:
    world = RoomWorld()
    (alice, bob), calls = gathered(world, "1001", "1002")
    own = world.exchange.calls[world.told(GroupJoined)[0].call_id]
    assert world.exchange.ring_back(own, "602") is None
    world.settle()
    assert world.room.hosts() == hosts(bob) and world.engine.port_to(alice.host).playing == "announcement"
    world.exchange.media_event(world.engine.played(world.engine.port_to(alice.host)))
    world.settle()
    assert calls[0].over
    end(world, calls)


@pytest.mark.parametrize("number", ["7001", "8001"])
def test_a_party_that_is_sent_where_it_is_stays_there(number: str) -> None:
    world = RoomWorld()
    alice = world.phone("1001")
    call = alice.call(number)
    (own,) = world.exchange.calls.values()
    assert world.exchange.ring_back(own, number) is None
    world.settle()
    assert call.talking and world.room.hosts() == hosts(alice)
    end(world, [call])


ACTS = st.tuples(st.integers(0, 3), st.sampled_from(["call", "*", "#", "hang up", "wait", "held", "back"]))


@given(st.lists(ACTS, max_size=40))
@settings(max_examples=60)
def test_whatever_they_do_the_engine_passes_on_the_one_who_has_the_floor_and_nothing_is_left(
    acts: list[tuple[int, str]],
) -> None:
    world = RoomWorld()
    phones = world.phones("1001", "1002", "1003", "1009")
    calls: dict[int, PhoneCall] = {}
    operator = Operator(world.exchange, lambda: "", lambda: np.zeros(1, np.int16), lambda name: None)
    for who, act in acts:
        if act == "call":
            if who not in calls:
                calls[who] = phones[who].call("8001")
        elif act == "wait":
            world.advance(7)
        elif who in calls:
            _act(world, operator, calls, who, act)
        (row,) = world.talkgroups.describe()
        talking = {phone.number: phone.host for phone in phones}.get(row["talker"])
        heard = world.rooms[0].talking if world.rooms else None
        assert heard == talking, f"{row['talker']} has the floor, {heard} is passed on"
    end(world, list(calls.values()))


def _act(world: RoomWorld, operator: Operator, calls: dict[int, PhoneCall], who: int, act: str) -> None:
    number = calls[who].phone.number
    (own,) = world.exchange.calls_of(number)
    held = operator.is_held(own.caller)
    if act == "hang up":
        calls.pop(who).hang_up()
    elif act in "*#":
        press(calls[who], act)
    elif act == "held" and not held:
        operator.hold(own, number)
    elif act == "back" and held:
        operator.resume(own, number)
