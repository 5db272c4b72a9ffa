"""Conference numbers: who may enter, what is told, and that nothing is left when all have gone."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from softswitch.calls.conferences.conferences import ConferenceDefinition
from softswitch.calls.dispatching.operator import Operator
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


def test_signals_comfort_noise_and_rate_are_the_rooms_as_laid_down() -> None:
    extras = {"signals": True, "comfort_noise": True, "rate_hz": 16000}
    world = RoomWorld(conference=ConferenceDefinition("7001", **extras))
    call = world.phone("1001").call("7001")
    assert world.engine.extras == {"conference 7001": extras}
    call.hang_up()
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


def test_without_a_codec_that_is_coded_here_a_conference_is_488() -> None:
    world = RoomWorld()
    assert world.phone("1001", codecs=("iLBC",)).call("7001").status == 488
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
        "signals": False,
        "comfort_noise": False,
        "rate_hz": 8000,
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


def video(payload_type: int, *formats: str, port: int = 4002) -> bytes:
    """A video line with feedback; `formats` are encodings with their parameters."""
    numbers = range(payload_type, payload_type + len(formats))
    lines = [f"m=video {port} RTP/AVP {' '.join(map(str, numbers))}", "a=rtcp-fb:* nack pli"]
    for number, text in zip(numbers, formats, strict=True):
        encoding, _, fmtp = text.partition(" ")
        lines.append(f"a=rtpmap:{number} {encoding}/90000")
        if fmtp:
            lines.append(f"a=fmtp:{number} {fmtp}")
    return ("\r\n".join(lines) + "\r\n").encode()


def shown(world: RoomWorld) -> tuple[str, str]:
    """Whom all see in the conference, and whom that one sees."""
    room = world.engine.rooms[1]
    seen = (room.talker, room.second)
    return tuple(port.settings.remote[0] if port is not None and port.settings.remote else "" for port in seen)  # type: ignore[return-value]


def test_who_speaks_loudest_is_seen_and_sees_who_spoke_before() -> None:
    world = RoomWorld()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    offers = {
        alice: video(96, "VP8", "H264 packetization-mode=0", "H264 packetization-mode=1;profile-level-id=42e01f"),
        bob: video(100, "H264 packetization-mode=1;profile-level-id=640028", "VP8"),
        carol: video(97, "VP8", "H264 packetization-mode=1"),
        dave: b"",
    }
    calls = {phone: phone.call("7001", body=phone.sdp() + line) for phone, line in offers.items()}
    mixer, pictures = world.engine.rooms
    assert pictures.hosts() == hosts(alice, bob, carol) and mixer.hosts() == hosts(alice, bob, carol, dave)
    assert b"m=video" in calls[alice].remote and b"98 H264" in calls[alice].remote, "H.264 in fragments is liked best"
    assert b"VP8" not in calls[carol].remote, "all send one codec"
    assert b"a=rtcp-fb:* nack pli" in calls[carol].remote
    assert shown(world) == (alice.host, bob.host)

    def loudest(phone: object) -> None:
        ports = [port for port in mixer.members if port.settings.remote and port.settings.remote[0] == phone.host]  # type: ignore[attr-defined]
        world.exchange.media_event(LoudestSpeaker(mixer, ports[0], 0.0))  # type: ignore[arg-type]

    loudest(carol)
    assert shown(world) == (carol.host, alice.host)
    loudest(bob)
    assert shown(world) == (carol.host, alice.host), "whoever is seen stays so for a while"
    world.advance(2.1)
    assert shown(world) == (bob.host, carol.host)
    loudest(dave)
    assert shown(world) == (bob.host, carol.host), "one without a picture changes nothing"
    calls[bob].hang_up()
    assert shown(world) == (carol.host, alice.host)
    for phone in (alice, carol, dave):
        calls[phone].hang_up()
    assert world.engine.rooms == []
    world.check_over()


def test_a_party_may_begin_and_end_to_show_itself() -> None:
    world = RoomWorld()
    alice, bob = world.phones("1001", "1002")
    calls = [alice.call("7001", body=alice.sdp() + video(96, "VP8")), bob.call("7001")]
    assert world.engine.rooms[1].hosts() == hosts(alice)
    calls[1].session.reinvite(bob.sdp(version=2) + video(96, "VP8"), world.now)
    world.settle()
    assert world.engine.rooms[1].hosts() == hosts(alice, bob) and shown(world) == (alice.host, bob.host)
    calls[1].session.reinvite(bob.sdp(version=3) + video(96, "VP8", port=0), world.now)
    world.settle()
    assert world.engine.rooms[1].hosts() == hosts(alice)
    for call in calls:
        call.hang_up()
    world.check_over()
