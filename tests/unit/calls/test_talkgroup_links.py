"""Talkgroups with terminals that speak floor control: each is told in its own dialect, telephones by sounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition
from softswitch.events import FloorDenied, FloorGranted, GroupJoined
from softswitch.floor import Member, mcptt, tbcp
from softswitch.floor.channel import Dialect, Peer
from softswitch.floor.messages import FloorMessage, Kind
from softswitch.floor.talkburst import TalkBurstGranted, TalkBurstRequest
from softswitch.media import Port, SpeechStarted, SpeechStopped
from tests.unit.calls.engine import FakePort
from tests.unit.calls.phone import PhoneCall
from tests.unit.calls.room_engine import RoomWorld, press
from tests.unit.calls.test_talkgroup import end, gathered

REQUEST = mcptt.serialize(FloorMessage(Kind.REQUEST, 7, priority=4))
RELEASE = mcptt.serialize(FloorMessage(Kind.RELEASE, 7))


@dataclass
class Link:
    """A terminal's floor control; `got` are the datagrams it was sent."""

    peer: Peer
    member: Member | None = None
    got: list[bytes] = field(default_factory=list)

    def send_floor(self, data: bytes) -> None:
        self.got.append(data)

    def kinds(self) -> list[Kind]:
        """What it was told, and forget."""
        got, self.got = self.got, []
        return [mcptt.parse(data).kind for data in got]


def linked(world: RoomWorld, number: str, peer: Peer) -> tuple[PhoneCall, Link, str]:
    """A terminal with a floor link that has called in; its leg id."""
    link = Link(peer)
    rights = world.talkgroups._rights

    def with_link(party: str) -> Member:
        if party == number:
            (call,) = world.exchange.calls_of(number)
            call.caller.floor = link
        return rights(party)

    world.talkgroups._rights = with_link
    call = world.phone(number).call("8001")
    world.talkgroups._rights = rights
    assert call.talking
    return call, link, world.told(GroupJoined)[-1].leg_id


def test_a_terminal_with_floor_control_is_told_by_messages_and_a_telephone_by_sounds() -> None:
    world = RoomWorld()
    (alice,), calls = gathered(world, "1001")
    call, link, leg_id = linked(world, "1002", Peer("sip:1002@example", 7))
    assert link.kinds() == [Kind.IDLE], "it joins late and is told how the floor stands"
    world.talkgroups.wishes.receive_floor(leg_id, REQUEST)
    assert link.kinds() == [Kind.GRANTED] and world.room.talking == call.phone.host
    assert not world.engine.port_to(call.phone.host).playing
    press(calls[0], "*")
    assert world.engine.port_to(alice.host).playing
    world.talkgroups.wishes.receive_floor(leg_id, RELEASE)
    assert link.kinds() == [Kind.TAKEN] and world.room.talking == alice.host
    press(calls[0], "#")
    assert link.kinds() == [Kind.IDLE]
    assert world.floor_events() == ["granted 1002", "queued 1001", "granted 1001", "idle"]
    end(world, [*calls, call])


def test_a_talk_burst_terminal_is_told_in_its_own_words() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001")
    call, link, leg_id = linked(world, "1002", Peer("sip:1002@example", 7, Dialect.TBCP))
    link.got.clear()
    world.talkgroups.wishes.receive_floor(leg_id, tbcp.serialize(TalkBurstRequest(7)))
    assert [type(tbcp.parse(data)) for data in link.got] == [TalkBurstGranted]
    assert world.room.talking == call.phone.host
    end(world, [*calls, call])


def test_octets_that_mean_nothing_change_nothing() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001")
    call, link, leg_id = linked(world, "1002", Peer("sip:1002@example", 7))
    link.got.clear()
    for data in (b"", b"\x80", b"GET / HTTP/1.1\r\n", REQUEST[:9]):
        world.talkgroups.wishes.receive_floor(leg_id, data)
    world.talkgroups.wishes.receive_floor("nobody", REQUEST)
    assert not link.got and world.floor_events() == []
    end(world, [*calls, call])


@pytest.mark.parametrize("sends", [True, False])
def test_a_terminal_that_talks_without_sending_loses_the_floor(sends: bool) -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001")
    call, _, leg_id = linked(world, "1002", Peer("sip:1002@example", 7))
    world.talkgroups.wishes.receive_floor(leg_id, REQUEST)
    port = cast(FakePort, world.engine.port_to(call.phone.host))
    for step in range(12):
        if sends:
            port.last_received_s = float(step)
        world.advance(0.5)
    assert (world.room.talking == call.phone.host) is sends, "T1 is 4 s"
    end(world, [*calls, call])


def test_what_its_service_agreed_with_a_terminal_counts() -> None:
    world = RoomWorld()
    _, calls = gathered(world, "1001")
    call, link, leg_id = linked(world, "1002", Peer("sip:1002@example", 7))
    link.member = Member(may_request=False)
    call.hang_up()
    call, link, leg_id = linked(world, "1002", Peer("sip:1002@example", 7))
    seat = world.talkgroups.seat_of(leg_id)
    assert seat is not None
    seat.group.mute(seat, muted=True)
    link.got.clear()
    world.talkgroups.wishes.receive_floor(leg_id, REQUEST)
    assert link.kinds() == [Kind.DENY] and world.told(FloorDenied)[-1].cause == 5
    seat.group.mute(seat, muted=False)
    world.talkgroups.wishes.receive_floor(leg_id, REQUEST)
    assert link.kinds() == [Kind.GRANTED]
    end(world, [*calls, call])


def test_a_document_in_a_sip_info_asks_for_the_floor() -> None:
    world = RoomWorld()
    (alice, _), calls = gathered(world, "1001", "1002")
    kind = "application/x-floor-control+json"
    calls[0].request("INFO", body=b'{"action": "request", "tier": "emergency"}', content_type=kind)
    assert calls[0].responses[-1].status == 200 and world.room.talking == alice.host
    assert world.told(FloorGranted)[0].tier == "emergency"
    calls[1].request("INFO", body=b'{"action": "sing"}', content_type=kind)
    assert calls[1].responses[-1].status == 400 and world.room.talking == alice.host
    end(world, calls)


def test_attributes_of_members_decide_who_may_talk_and_who_comes_first() -> None:
    members = (
        GroupMember("1001", priority=9),
        GroupMember("1002", priority=1, may_emergency=False),
        GroupMember("1003", listen_only=True),
    )
    world = RoomWorld(talkgroup=TalkgroupDefinition("8001", members=members, preempt_by_priority=True))
    (alice, bob, _), calls = gathered(world, "1001", "1002", "1003")
    press(calls[2], "*")
    assert world.told(FloorDenied)[0].party == "1003", "it only listens"
    press(calls[1], "*")
    assert world.room.talking == bob.host
    press(calls[0], "*")
    assert world.room.talking == alice.host, "the higher priority takes the floor"
    kind = "application/x-floor-control+json"
    calls[1].request("INFO", body=b'{"action": "request", "tier": "emergency"}', content_type=kind)
    assert world.room.talking == alice.host, "1002 has no right to an emergency"
    end(world, calls)


def test_a_member_whose_floor_follows_its_voice() -> None:
    members = (GroupMember("1001", floor_by="voice"), GroupMember("1002"))
    world = RoomWorld(talkgroup=TalkgroupDefinition("8001", members=members))
    (alice, bob), calls = gathered(world, "1001", "1002")
    port = cast(FakePort, world.engine.port_to(alice.host))
    assert "speech" in port.heard and not cast(FakePort, world.engine.port_to(bob.host)).heard
    began, ended = SpeechStarted(cast(Port, port), 0.0), SpeechStopped(cast(Port, port), 0.0)
    press(calls[0], "*")
    assert world.room.talking is None, "its keys mean nothing"
    world.exchange.media_event(began)
    assert world.room.talking == alice.host
    world.exchange.media_event(ended)
    world.advance(0.5)
    world.exchange.media_event(began)
    world.exchange.media_event(ended)
    world.advance(0.8)
    assert world.room.talking == alice.host, "a breath is no end"
    world.advance(0.3)
    assert world.room.talking is None
    world.exchange.media_event(began)
    world.exchange.media_event(ended)
    end(world, calls)
    world.advance(2)
