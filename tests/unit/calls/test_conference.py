"""Conference numbers: who may enter, what is told, and that nothing is left when all have gone."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from softswitch.calls.conference import ConferenceDefinition
from softswitch.calls.operator import Operator
from softswitch.events import ConferenceJoined, ConferenceLeft, ConferenceSpeaker
from softswitch.media import LoudestSpeaker
from tests.unit.calls.room_engine import RoomEngine, RoomWorld, hosts


def test_who_dials_the_number_is_with_all_others_who_did() -> None:
    world = RoomWorld()
    phones = world.phones("1001", "1002", "1003")
    calls = [phone.call("7001") for phone in phones]
    assert all(call.talking for call in calls)
    assert world.room.hosts() == hosts(*phones)
    calls[1].hang_up()
    assert world.room.hosts() == hosts(phones[0], phones[2])
    calls[0].hang_up()
    calls[2].hang_up()
    assert [(e.party, e.present) for e in world.told(ConferenceJoined)] == [("1001", 1), ("1002", 2), ("1003", 3)]
    assert [(e.party, e.present) for e in world.told(ConferenceLeft)] == [("1002", 2), ("1001", 1), ("1003", 0)]
    world.check_over()


def test_a_caller_without_an_offer_enters_when_it_has_answered() -> None:
    world = RoomWorld()
    alice = world.phone("1001")
    call = alice.call("7001", body=None)
    assert call.talking and world.room.hosts() == hosts(alice)
    call.hang_up()
    world.check_over()


def test_who_speaks_is_told() -> None:
    world = RoomWorld()
    alice, _ = world.phones("1001", "1002")
    calls = [alice.call("7001")]
    port = world.engine.port_to(alice.host)
    for heard in (port, None):
        world.exchange.media_event(LoudestSpeaker(world.room, heard, 0.0))  # type: ignore[arg-type]
    assert [(e.conference, e.party) for e in world.told(ConferenceSpeaker)] == [("7001", "1001"), ("7001", "")]
    calls[0].hang_up()
    world.check_over()


def test_a_full_conference_is_486() -> None:
    world = RoomWorld(conference=ConferenceDefinition("7001", max_participants=1))
    alice, bob = world.phones("1001", "1002")
    inside = alice.call("7001")
    assert bob.call("7001").status == 486 and world.room.hosts() == hosts(alice)
    inside.hang_up()
    later = bob.call("7001")
    assert later.talking, "a place has become free"
    later.hang_up()
    world.check_over()


def test_a_conference_that_was_taken_out_of_the_plan_is_404_and_goes_on_for_those_inside() -> None:
    world = RoomWorld()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("7001")
    world.conferences.replace([])
    assert bob.call("7001").status == 404
    assert [row["number"] for row in world.conferences.describe()] == ["7001"] and call.talking
    call.hang_up()
    assert world.conferences.describe() == []
    world.check_over()


@pytest.mark.parametrize("fault", ["broken", "without_rooms"])
def test_when_the_engine_fails_the_caller_gets_503_and_nothing_is_left(fault: str) -> None:
    world = RoomWorld()
    setattr(cast(RoomEngine, world.engine), fault, True)
    assert world.phone("1001").call("7001").status == 503
    assert not world.told(ConferenceJoined) and not world.told(ConferenceLeft)
    world.check_over()


def test_without_g711_a_conference_is_488() -> None:
    world = RoomWorld()
    assert world.phone("1001", codecs=("G729",)).call("7001").status == 488
    world.check_over()


def test_a_party_can_be_transferred_into_a_conference() -> None:
    world = RoomWorld()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    call.refer("7001")
    world.advance(1)
    assert world.room.hosts() == hosts(bob) and bob.ringing.talking
    bob.ringing.hang_up()
    world.check_over()


def test_who_is_held_is_back_in_the_conference_afterwards() -> None:
    world = RoomWorld()
    alice, bob = world.phones("1001", "1002")
    calls = [phone.call("7001") for phone in (alice, bob)]
    operator = Operator(world.exchange, lambda: "", lambda: np.zeros(1, np.int16), lambda name: None)
    own = world.exchange.calls[world.told(ConferenceJoined)[0].call_id]
    operator.hold(own, "1001")
    assert world.room.hosts() == hosts(bob)
    operator.resume(own, "1001")
    assert sorted(world.room.hosts()) == sorted(hosts(alice, bob))
    for call in calls:
        call.hang_up()
    world.check_over()


def test_a_sound_played_to_a_participant_does_not_end_its_call() -> None:
    world = RoomWorld()
    alice = world.phone("1001")
    call = alice.call("7001")
    world.exchange.media_event(world.engine.played(world.engine.port_to(alice.host)))
    world.settle()
    assert call.talking
    call.hang_up()
    world.check_over()


def test_the_listing_tells_who_is_inside() -> None:
    world = RoomWorld()
    (row,) = world.conferences.describe()
    assert row == {
        "number": "7001",
        "name": "Morning",
        "max_participants": 100,
        "pin_needed": False,
        "origin": "configuration",
        "plans": [],
        "locked": False,
        "links": [],
        "participants": [],
    }
    call = world.phone("1001").call("7001")
    (participant,) = world.conferences.describe()[0]["participants"]
    (call_id,) = world.exchange.calls
    assert (participant["party"], participant["call_id"]) == ("1001", call_id)
    call.hang_up()
    world.check_over()
