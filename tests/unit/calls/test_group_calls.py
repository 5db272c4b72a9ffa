"""Calls of talkgroups: members invited in parallel, started by answers, ended by silence; groups moved and joined."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from softswitch.calls.dispatching.invitation import Invitation
from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition, plain_members
from softswitch.calls.talkgroups.group_call import Attendance
from softswitch.calls.talkgroups.group_calls import GroupCallBusy
from softswitch.calls.talkgroups.regrouping import NoNumberLeft, NumberTaken
from softswitch.events import FloorDenied, FloorGranted, GroupJoined
from softswitch.events.groups import (
    GroupCallEnded,
    GroupCallStarted,
    GroupRegrouped,
    GroupsPatched,
    MemberFailed,
    MemberInvited,
    RollCallEnded,
)
from tests.unit.calls.phone import Phone, PhoneCall
from tests.unit.calls.room_engine import RoomWorld, hosts, press
from tests.unit.calls.test_talkgroup import end, gathered

THREE = TalkgroupDefinition("8001", "Tunnel", plain_members(["1001", "1002", "1003"]), talk_s=30.0)


def answers(phone: Phone) -> None:
    """The phone takes every call at once."""
    phone.on_call = lambda call: call.answer()


def refuses(phone: Phone, status: int = 486) -> None:
    """The phone takes no call."""
    phone.on_call = lambda call: call.reject(status)


def crowd(world: RoomWorld, *numbers: str, do: Callable[[Phone], None] = answers) -> list[Phone]:
    """Phones that are there, each of which does the same with its calls."""
    phones = world.phones(*numbers)
    for phone in phones:
        do(phone)
    return phones


def taken(phones: list[Phone]) -> list[PhoneCall]:
    """The calls that came to them."""
    return [phone.ringing for phone in phones if phone.called]


def test_all_members_are_called_and_the_group_is_told() -> None:
    world = RoomWorld(talkgroup=THREE)
    phones = crowd(world, "1001", "1002", "1003")
    call = world.group_calls.start("8001", by="1009")
    world.settle()
    world.advance(0.1)
    assert world.room.hosts() == hosts(*phones) and call.started
    assert [event.party for event in world.told(MemberInvited)] == ["1001", "1002", "1003"]
    (started,) = world.told(GroupCallStarted)
    assert (started.group, started.kind, started.by, started.invited) == ("8001", "group", "1009", 3)
    invite = next(sent.text for sent in world.log if sent.line.startswith("INVITE"))
    assert "Answer-Mode: Auto" in invite and ";answer-after=0" in invite
    with pytest.raises(GroupCallBusy):
        world.group_calls.start("8001")
    press(phones[0].ringing, "*")
    assert world.room.talking == phones[0].host
    world.group_calls.end("8001")
    world.settle()
    assert [event.reason for event in world.told(GroupCallEnded)] == ["the group call is over"]
    assert {record["talkgroup"] for record in world.records} == {"8001"}
    assert [each.state for each in world.group_calls.history("8001")] == ["ended"]
    end(world, taken(phones))


def test_who_does_not_come_is_listed_with_the_cause_and_called_when_it_registers() -> None:
    world = RoomWorld(talkgroup=THREE)
    (alice,) = crowd(world, "1001")
    crowd(world, "1002", do=refuses)
    call = world.group_calls.start("8001")
    world.settle()
    world.advance(0.1)
    rows = {row["party"]: (row["state"], row["sip_code"]) for row in call.describe()["attendees"]}
    assert rows == {"1001": ("present", 0), "1002": ("failed", 486), "1003": ("failed", 480)}
    assert [(event.party, event.cause) for event in world.told(MemberFailed)] == [("1003", 480), ("1002", 486)]
    carol = world.phone("1003", register=False)
    answers(carol)
    carol.register()
    world.advance(0.1)
    assert call.attendees["1003"].attendance is Attendance.PRESENT, "late, but there"
    end(world, taken([alice, carol]))
    assert world.told(GroupCallEnded)[-1].reason == "everybody has left"


def test_a_call_of_nobody_ends_by_itself() -> None:
    world = RoomWorld(talkgroup=THREE)
    call = world.group_calls.start("8001")
    assert call.state == "ended" and call.reason == "nobody came" and not world.group_calls.running
    world.check_over()


def test_a_call_that_is_to_be_acknowledged_starts_when_enough_have_answered() -> None:
    world = RoomWorld(talkgroup=THREE)
    phones = world.phones("1001", "1002", "1003")
    call = world.group_calls.start("8001", acknowledged=2)
    world.settle()
    world.advance(0.1)
    phones[0].ringing.answer()
    world.settle()
    press(phones[0].ringing, "*")
    assert not call.started and world.room.talking is None and not world.told(FloorDenied)
    phones[1].ringing.answer()
    world.settle()
    assert call.started and world.room.talking == phones[0].host, "who asked meanwhile has the floor"
    world.group_calls.end("8001")
    world.settle()
    end(world, taken(phones))


def test_after_a_while_a_call_starts_with_those_who_have_answered() -> None:
    world = RoomWorld(talkgroup=THREE)
    phones = world.phones("1001", "1002", "1003")
    call = world.group_calls.start("8001", acknowledged=3)
    world.settle()
    world.advance(1)
    phones[0].ringing.answer()
    world.advance(8)
    assert not call.started
    world.advance(2)
    assert call.started
    world.group_calls.end("8001")
    world.settle()
    end(world, taken(phones))


def test_in_a_broadcast_only_the_talker_talks_and_in_an_emergency_call_every_talk_is_one() -> None:
    world = RoomWorld(talkgroup=THREE)
    phones = crowd(world, "1001", "1002", "1003")
    world.group_calls.start("8001", "broadcast", talker="1002")
    world.advance(0.1)
    press(phones[0].ringing, "*")
    assert world.told(FloorDenied)[-1].cause == 5 and world.room.talking is None
    press(phones[1].ringing, "*")
    assert world.room.talking == phones[1].host
    world.group_calls.end("8001")
    world.settle()
    world.group_calls.start("8001", "emergency")
    world.advance(0.1)
    press(phones[0].ringing, "*")
    assert world.told(FloorGranted)[-1].tier == "emergency"
    world.group_calls.end("8001")
    world.settle()
    end(world, taken(phones))


def test_the_first_press_starts_the_call_and_silence_ends_it() -> None:
    definition = TalkgroupDefinition("8001", "", THREE.members, auto_start=True, auto_end=True, hang_s=20.0)
    world = RoomWorld(talkgroup=definition)
    alice, bob = world.phones("1001", "1002")
    call = alice.call("8001")
    press(call, "*")
    assert world.room.talking is None, "nobody is there yet to hear it"
    bob.ringing.answer()
    world.settle()
    assert world.room.talking == alice.host and world.room.hosts() == hosts(alice, bob)
    press(call, "#")
    world.advance(19)
    assert call.talking
    world.advance(2)
    assert call.over and bob.ringing.over
    end(world, [])


def test_a_regroup_pulls_members_out_of_their_groups_and_gives_them_back() -> None:
    world = RoomWorld(talkgroups=(TalkgroupDefinition("8002", "", plain_members(["1003", "1004"])),))
    (alice, _), calls = gathered(world, "1001", "1002")
    third, fourth = world.phones("1003", "1004")
    calls += [third.call("8002")]
    answers(fourth)
    made = world.regrouping.regroup(
        TalkgroupDefinition("", "Fire", plain_members(["1001"]), ("8002",)), by="1009", lifetime_s=60
    )
    assert made.number == "89001" and world.kept["89001"].kind == "temporary"
    (event,) = world.told(GroupRegrouped)
    assert (event.members, event.groups) == (["1001", "1003", "1004"], ["8002"])
    world.group_calls.start(made.number)
    world.advance(0.2)
    rooms = {room.owner: room.hosts() for room in world.rooms}
    assert sorted(rooms["talkgroup 89001"]) == sorted(hosts(third, fourth, alice)), rooms
    world.advance(61)
    assert "89001" not in world.kept and "89001" not in world.talkgroups.book.definitions
    assert [event.group for event in world.told(GroupJoined)][-2:] == ["8001", "8002"], "they are where they came from"
    assert calls[2].talking and fourth.ringing.over
    end(world, calls)


def test_a_patch_is_one_group_with_one_arbiter_until_it_comes_apart() -> None:
    world = RoomWorld(talkgroups=(TalkgroupDefinition("8002"),))
    (alice, _), calls = gathered(world, "1001", "1002")
    carol = world.phone("1003")
    calls.append(carol.call("8002"))
    world.regrouping.patch(TalkgroupDefinition("", groups=("8001", "8002")), by="1009")
    assert world.told(GroupsPatched)[0].groups == ["8001", "8002"]
    press(calls[0], "*")
    press(calls[2], "*")
    assert len(world.room.members) == 3 and world.room.talking == alice.host
    assert world.floor_events()[-1] == "queued 1003"
    dave = world.phone("1004")
    calls.append(dave.call("8002"))
    assert len(world.room.members) == 4, "who calls one of the groups is in all"
    with pytest.raises(ValueError, match="part of patch"):
        world.regrouping.patch(TalkgroupDefinition("", groups=("8001",)), by="")
    world.regrouping.remove("89001", "1009")
    assert {room.owner: len(room.members) for room in world.rooms} == {"talkgroup 8001": 2, "talkgroup 8002": 2}
    end(world, calls)


def test_who_was_called_into_a_patch_is_released_with_it() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001", "1002")
    far = world.phone("1003")
    answers(far)
    made = world.regrouping.patch(TalkgroupDefinition("", groups=("8001",), members=plain_members(["1003"])), by="1009")
    world.group_calls.include(made.number, ["1003"], "1009")
    world.settle()
    assert far.ringing.talking and len(world.room.members) == 3
    world.regrouping.remove(made.number, "1009")
    world.settle()
    assert far.ringing.over and not world.group_calls.running
    assert {room.owner: len(room.members) for room in world.rooms} == {"talkgroup 8001": 2}
    end(world, calls)


def test_numbers_that_are_taken_and_groups_that_are_not_there_are_refused() -> None:
    world = RoomWorld()
    for number in ("1001", "8001"):
        with pytest.raises(NumberTaken):
            world.regrouping.create(TalkgroupDefinition(number), "")
    with pytest.raises(LookupError):
        world.regrouping.patch(TalkgroupDefinition("", groups=("8009",)), by="")
    with pytest.raises(LookupError):
        world.regrouping.remove("8001", "")
    with pytest.raises(LookupError):
        world.group_calls.start("8009")
    for _ in range(2):
        world.regrouping.regroup(TalkgroupDefinition(""), by="")
    with pytest.raises(NoNumberLeft):
        world.regrouping.regroup(TalkgroupDefinition(""), by="")


def test_a_terminal_that_scans_hears_the_most_important_group_in_which_somebody_talks() -> None:
    world = RoomWorld(talkgroups=(TalkgroupDefinition("8002", priority=9),))
    world.talkgroups.scan_lists["1001"] = ("8002",)
    (alice, bob), calls = gathered(world, "1001", "1002")
    others = world.phones("1003", "1004")
    calls += [phone.call("8002") for phone in others]
    low, high = (next(room for room in world.rooms if room.owner.endswith(number)) for number in ("8001", "8002"))
    assert alice.host in low.hosts() and alice.host not in high.hosts()
    press(calls[1], "*")
    press(calls[2], "*")
    assert alice.host in high.hosts() and alice.host not in low.hosts(), "the more important group pre-empts"
    press(calls[2], "#")
    assert alice.host in low.hosts() and low.talking == bob.host
    press(calls[1], "#")
    press(calls[0], "*")
    press(calls[2], "*")
    assert low.talking == alice.host and alice.host not in high.hosts(), "who talks stays where it talks"
    end(world, calls)


def test_two_may_be_heard_at_once_where_the_group_says_so() -> None:
    members = (GroupMember("1001", priority=9), GroupMember("1002"), GroupMember("1003"))
    world = RoomWorld(talkgroup=TalkgroupDefinition("8001", members=members, preempt_by_priority=True, both_heard=True))
    (alice, bob, _), calls = gathered(world, "1001", "1002", "1003")
    press(calls[1], "*")
    assert world.room.heard() == hosts(bob)
    press(calls[0], "*")
    assert sorted(world.room.heard()) == sorted(hosts(alice, bob))
    press(calls[1], "#")
    assert world.room.heard() == hosts(alice)
    end(world, calls)


def test_a_silent_listener_hears_the_group_and_nobody_knows() -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    spy = world.phone("1009")
    answers(spy)
    world.inviter.call(Invitation("1009", "8001"), lambda call, leg: world.talkgroups.listen(call, leg, "8001"))
    world.settle()
    assert spy.host in world.room.hosts() and len(world.told(GroupJoined)) == 2
    assert [row["party"] for row in world.talkgroups.describe()[0]["participants"]] == ["1001", "1002"]
    press(spy.ringing, "*")
    assert world.room.talking is None
    press(calls[0], "*")
    assert world.room.talking == alice.host
    end(world, [*calls, spy.ringing])


def test_a_roll_call_notes_who_answered_and_who_did_not() -> None:
    world = RoomWorld(talkgroup=THREE)
    (alice,) = crowd(world, "1001")
    crowd(world, "1002", do=refuses)
    roll = world.roll_calls.start("8001", ["1001", "1002", "1003", "1004"], by="1009", present=["1004"])
    world.settle()
    assert roll.describe()["state"] == "running"
    world.exchange.media_event(world.engine.played(world.engine.port_to(alice.host)))
    world.settle()
    (event,) = world.told(RollCallEnded)
    assert (event.present, event.missing) == (2, 2)
    codes = {row["party"]: (row["answered"], row["sip_code"]) for row in event.results}
    assert codes == {"1001": (True, 0), "1002": (False, 486), "1003": (False, 480), "1004": (True, 0)}
    assert world.roll_calls.of("8001") == [roll]
    end(world, taken([alice]))


@pytest.mark.parametrize("silent", [True, False])
def test_a_dispatcher_joins_a_call_of_two(silent: bool) -> None:
    world = RoomWorld()
    alice, bob, chief = world.phones("1001", "1002", "1009")
    answers(bob)
    call = alice.call("1002")
    world.settle()
    answers(chief)
    (own,) = world.exchange.calls.values()
    world.supervision.join(own, "1009", silent=silent, by="1009")
    world.settle()
    assert sorted(world.room.hosts()) == sorted(hosts(alice, bob, chief))
    assert (chief.host in world.room.heard()) is not silent and alice.host in world.room.heard()
    call.offer(alice.sdp())
    world.settle()
    assert sorted(world.room.hosts()) == sorted(hosts(alice, bob, chief)), "a re-INVITE keeps the dispatcher in"
    chief.ringing.hang_up()
    world.settle()
    assert not world.rooms and {alice.host, bob.host} in world.engine.joined()
    world.supervision.join(own, "1009", silent=silent, by="1009")
    world.settle()
    call.hang_up()
    world.settle()
    assert chief.ringing.over, "the supervision ends with the call"
    end(world, [])


def test_a_dispatcher_whispers_to_one_party_of_a_call() -> None:
    world = RoomWorld()
    alice, bob, chief = world.phones("1001", "1002", "1009")
    answers(bob)
    answers(chief)
    call = alice.call("1002")
    world.settle()
    (own,) = world.exchange.calls.values()
    with pytest.raises(LookupError):
        world.supervision.join(own, "1009", silent=False, to="1005")
    world.supervision.join(own, "1009", silent=False, to="1002")
    world.settle()
    whispers = {world.engine.ports[who].owner: world.engine.ports[to] for who, to in world.room.whispers.items()}
    assert [port.settings.remote and port.settings.remote[0] for port in whispers.values()] == [bob.host]
    call.hang_up()
    world.settle()
    end(world, [])
