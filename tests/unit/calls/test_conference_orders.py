"""What is done in conferences: PIN, lock, mute, hands, whispering, links; and the members of a plan called together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from softswitch.calls.conferences.definition import (
    ConferenceDefinition,
    ConferencePlan,
    MemberAttributes,
    conference_of,
    describe_conference,
    hash_pin,
)
from softswitch.calls.conferences.gathering import plain_members
from softswitch.events import ConferenceJoined
from softswitch.events.conferences import (
    ConferenceCallEnded,
    ConferenceCallStarted,
    ConferenceMemberFailed,
    ConferenceOrder,
    HandRaised,
)
from tests.unit.calls.room_engine import RoomWorld, hosts, press
from tests.unit.calls.test_group_calls import answers, crowd, refuses, taken
from tests.unit.calls.test_talkgroup import end

CLOSED = ConferenceDefinition("7001", "Board", pin_hash=hash_pin("7001", "4711"))


def keys(call: object, digits: str) -> None:
    for digit in digits:
        press(call, digit)  # type: ignore[arg-type]


def test_a_pin_lets_in_and_is_asked_again_when_it_was_wrong() -> None:
    world = RoomWorld(conference=CLOSED)
    alice = world.phone("1001")
    call = alice.call("7001")
    assert call.talking and not world.rooms, "at the door: answered, and nobody hears it"
    keys(call, "12#")
    assert call.talking and not world.rooms
    keys(call, "9*4711#")
    assert world.room.hosts() == hosts(alice) and [e.party for e in world.told(ConferenceJoined)] == ["1001"]
    call.hang_up()
    world.check_over()


def test_at_the_door_of_a_wide_conference_its_codec_is_agreed_already() -> None:
    world = RoomWorld(conference=replace(CLOSED, rate_hz=16000))
    alice = world.phone("1001", codecs=("PCMA", "G722"))
    call = alice.call("7001")
    keys(call, "4711#")
    (port,) = world.room.members
    assert [entry.encoding for entry in port.settings.formats][:2] == ["G722", "PCMA"]
    call.hang_up()
    world.check_over()


def test_who_is_called_into_a_wide_conference_is_offered_its_codec() -> None:
    world = RoomWorld(conference=ConferenceDefinition("7001", rate_hz=16000))
    bob = world.phone("1002", codecs=("G722",))
    answers(bob)
    world.conference_calls.start("7001", {"1002": MemberAttributes()})
    world.settle()
    (port,) = world.room.members
    assert [entry.encoding for entry in port.settings.formats] == ["G722", "telephone-event"]
    end(world, taken([bob]))


def test_three_wrong_pins_or_none_at_all_and_the_caller_is_released() -> None:
    world = RoomWorld(conference=CLOSED)
    alice, bob = world.phones("1001", "1002")
    call = alice.call("7001")
    keys(call, "1#2#3#")
    world.settle()
    assert not call.talking and world.records[-1]["reason"] == "the PIN was not right"
    silent = bob.call("7001")
    world.advance(21)
    assert not silent.talking and world.records[-1]["reason"] == "no PIN was entered"
    assert not world.told(ConferenceJoined)
    world.check_over()


def test_who_hangs_up_at_the_door_leaves_nothing() -> None:
    world = RoomWorld(conference=CLOSED)
    call = world.phone("1001").call("7001")
    assert call.talking, "who is at the door hears that a PIN is wanted"
    call.hang_up()
    world.check_over()


def test_a_locked_conference_takes_the_invited_only() -> None:
    world = RoomWorld()
    alice, bob = world.phones("1001", "1002")
    carol = world.phone("1003")
    answers(carol)
    call = alice.call("7001")
    world.conferences.room("7001").locked = True
    assert bob.call("7001").status == 403
    world.conference_calls.start("7001", plain_members(["1003"]))
    world.settle()
    world.advance(0.1)
    assert world.conferences.present("7001") == ["1001", "1003"]
    end(world, [call, carol.ringing])


def test_everybody_is_muted_but_the_chair_who_has_keys_of_its_own() -> None:
    world = RoomWorld()
    phones = crowd(world, "1001", "1002", "1003")
    members = {**plain_members(["1002", "1003"]), "1001": MemberAttributes(chair=True)}
    world.conference_calls.start("7001", members)
    world.settle()
    world.advance(0.1)
    room = world.conferences.room("7001")
    room.mute_all(muted=True, spare=["1003"])
    assert sorted(world.room.heard()) == sorted(hosts(phones[0], phones[2]))
    room.mute_all(muted=False)
    assert len(world.room.heard()) == 3
    by_number = {phone.number: phone.ringing for phone in phones}
    keys(by_number["1002"], "*6*1")
    assert len(world.room.heard()) == 2
    (hand,) = world.told(HandRaised)
    assert (hand.party, hand.raised, room.find("1002").describe()["hand_since"] > 0) == ("1002", True, True)
    keys(by_number["1002"], "*1*7")
    assert world.told(HandRaised)[-1].raised is False and not room.locked, "only a chair locks"
    keys(by_number["1001"], "*7")
    assert room.locked and [order.operation for order in world.told(ConferenceOrder)][-1] == "lock"
    end(world, taken(phones))


def test_whispering_links_gain_and_announcements_reach_the_engine() -> None:
    world = RoomWorld()
    world.conferences.put(ConferenceDefinition("7002"))
    world.router.plan.numbers["7002"] = world.router.plan.numbers["7001"]  # type: ignore[index]
    alice, bob, carol = world.phones("1001", "1002", "1003")
    calls = [alice.call("7001"), bob.call("7001"), carol.call("7002")]
    room = world.conferences.room("7001")
    one, two = room.find("1001"), room.find("1002")
    room.whisper(one, two)
    engine = world.rooms[0]
    assert one.port is not None and two.port is not None and engine.whispers == {one.port.id: two.port.id}
    room.whisper(one, None)
    assert one.whispers_to == "" and engine.whispers == {one.port.id: ""}
    room.adjust(one, gain=2.0, deaf=True)
    assert engine.heard_as[one.port.id] == {"gain": 2.0, "deaf": True, "levelled": False}
    room.play(np.zeros(80, np.int16))
    assert engine.playing == "80 samples"
    world.conferences.link("7001", "7002", "desk")
    assert engine.links == {world.rooms[1]} and world.conferences.describe()[0]["links"] == ["7002"]
    with pytest.raises(ValueError, match="already"):
        world.conferences.link("7001", "7002", "desk")
    calls[2].hang_up()
    assert world.conferences.describe()[0]["links"] == [], "a conference that is over is linked with none"
    with pytest.raises(LookupError):
        world.conferences.link("7001", "7002", "desk")
    with pytest.raises(LookupError):
        room.find("1005")
    for call in calls[:2]:
        call.hang_up()
    world.check_over()


def test_a_plan_calls_everybody_at_once_and_again_who_did_not_answer() -> None:
    world = RoomWorld()
    (alice,) = crowd(world, "1001")
    (bob,) = crowd(world, "1002", do=refuses)
    stubborn = MemberAttributes(attempts=2, retry_s=5.0, muted=True)
    members = {"1001": MemberAttributes(gain=3.0), "1002": stubborn, "1003": stubborn}
    call = world.conference_calls.start("7001", members, plan="fire", by="desk")
    world.settle()
    world.advance(0.1)
    (started,) = world.told(ConferenceCallStarted)
    assert (started.plan, started.members) == ("fire", ["1001", "1002", "1003"])
    invite = next(sent.text for sent in world.log if sent.line.startswith("INVITE"))
    assert "Answer-Mode: Auto" in invite, "phones are asked to answer by themselves"
    failed = [(e.party, e.cause, e.attempt, e.again) for e in world.told(ConferenceMemberFailed)]
    assert sorted(failed) == [("1002", 486, 1, True), ("1003", 480, 1, True)]
    answers(bob)
    world.advance(6)
    rows = {row["party"]: (row["state"], row["attempts"]) for row in call.describe()["members"]}
    assert rows == {"1001": ("present", 1), "1002": ("present", 2), "1003": ("failed", 2)}
    assert world.room.heard() == hosts(alice), "1002 came muted, as its plan says"
    world.conference_calls.end("7001", by="desk")
    world.settle()
    world.advance(0.1)
    assert [e.reason for e in world.told(ConferenceCallEnded)] == ["the conference is over"]
    assert [each.describe()["state"] for each in world.conference_calls.of("7001")] == ["ended"]
    world.check_over()


def test_a_call_of_nobody_ends_by_itself_and_one_that_all_have_left_too() -> None:
    world = RoomWorld()
    call = world.conference_calls.start("7001", plain_members(["1003"]))
    assert (call.describe()["state"], call.reason) == ("ended", "nobody came")
    (alice,) = crowd(world, "1001")
    later = world.conference_calls.start("7001", plain_members(["1001"]))
    world.settle()
    alice.ringing.hang_up()
    world.settle()
    assert later.reason == "everybody has left"
    with pytest.raises(LookupError):
        world.conference_calls.start("7999", {})
    with pytest.raises(LookupError):
        world.conference_calls.end("7001")
    world.check_over()


def test_members_still_ringing_are_called_off_when_the_conference_is_ended() -> None:
    world = RoomWorld()
    phones = world.phones("1001", "1002")
    world.conference_calls.start("7001", plain_members(["1001", "1002"]))
    world.settle()
    assert all(phone.called for phone in phones)
    world.conference_calls.end("7001")
    world.settle()
    world.advance(1)
    assert not world.exchange.calls
    world.check_over()


def test_what_is_stored_is_what_was_laid_down() -> None:
    plan = ConferencePlan("fire", {"1001": MemberAttributes(chair=True, attempts=3)})
    definition = ConferenceDefinition("7001", "Board", 8, hash_pin("7001", "1"), {"fire": plan}, signals=True)
    assert conference_of(describe_conference(definition)) == definition
    assert definition.opens("1") and not definition.opens("") and not definition.opens("2")
