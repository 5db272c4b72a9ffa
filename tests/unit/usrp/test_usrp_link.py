"""USRP octet for octet, and one link on a clock of the test's own: keys, voice, loss, names, garbage."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.usrp.link import Digit, Keyed, Link, LinkEvent, Named, Unkeyed, Voice
from gateways.usrp.packet import VOICE_OCTETS, Packet, PacketType, TalkerInfo, UsrpError

SILENCE = bytes(VOICE_OCTETS)
#: Keyed voice of group 9, the header as published; a text packet as captured from a node (DMR id 1234567, N0CALL).
GOLDEN = {
    "voice": (
        bytes.fromhex("5553525000000001000000000000000100000009000000000000000000000000") + SILENCE,
        Packet(1, True, PacketType.VOICE, 9, SILENCE),
    ),
    "end": (bytes.fromhex("5553525000000007" + "00" * 24), Packet(7, False)),
    "text": (
        bytes.fromhex("55535250" + "00" * 16 + "02000000" + "00" * 8 + "081512d687" + "00" * 9 + "4e3043414c4c0000"),
        Packet(0, False, PacketType.TEXT, 0, bytes.fromhex("081512d687" + "00" * 9 + "4e3043414c4c0000")),
    ),
    "key": (bytes.fromhex("55535250" + "00" * 16 + "01000000" + "00" * 8 + "35"), Packet(0, False, 1, 0, b"5")),
}


def packet(sequence: int, keyed: bool = True, kind: int = 0, payload: bytes = SILENCE) -> bytes:
    """A packet as another hand would build it."""
    return b"USRP" + struct.pack(">4I", sequence, 0, keyed, 0) + struct.pack("<I", kind) + bytes(8) + payload


def told(link: Link) -> list[LinkEvent]:
    found = []
    while (event := link.next_event()) is not None:
        found.append(event)
    return found


@pytest.mark.parametrize("name", GOLDEN)
def test_packets_are_what_others_send(name: str) -> None:
    octets, expected = GOLDEN[name]
    assert Packet.parse(octets) == expected
    assert expected.serialize() == octets


def test_a_node_tells_who_talks() -> None:
    info = TalkerInfo.parse(GOLDEN["text"][1].payload)
    assert info == TalkerInfo("N0CALL", 1234567)
    again = TalkerInfo("BG1ABC", 4600001, 460, 9, 2, 1)
    payload = again.serialize()
    assert payload[:2] == bytes((8, 12 + 6)) and payload.endswith(b"BG1ABC\0")
    assert TalkerInfo.parse(payload) == again
    behind = TalkerInfo.parse(TalkerInfo('{"call": "N3ABC", "name": "Club station"}').serialize())
    assert behind == TalkerInfo("N3ABC"), "as Analog_Bridge tells it behind a reflector"
    assert TalkerInfo.parse(TalkerInfo("{no json").serialize()) == TalkerInfo("{no json")
    assert TalkerInfo.parse(b"REG:") is None, "other texts are none of ours"
    assert TalkerInfo.parse(TalkerInfo("调度台" * 99).serialize()) is not None, "a name too long is cut"


@given(st.binary(max_size=64) | st.binary(max_size=500).map(lambda tail: b"USRP" + tail))
def test_no_octets_raise_anything_but_usrp_errors(octets: bytes) -> None:
    with contextlib.suppress(UsrpError):
        TalkerInfo.parse(Packet.parse(octets).payload)
    link = Link()
    link.receive_data(octets, 1.0)
    assert sum(link.counters[name] for name in ("received", "malformed")) == 1, "each is counted once"


@given(st.integers(0, 0xFFFFFFFF), st.booleans(), st.integers(0, 9), st.integers(0, 0xFFFFFFFF), st.binary(max_size=99))
def test_what_is_built_is_parsed_to_the_same(seq: int, keyed: bool, kind: int, group: int, payload: bytes) -> None:
    built = Packet(seq, keyed, kind, group, SILENCE if kind == PacketType.VOICE else payload)
    assert Packet.parse(built.serialize()) == built


def test_a_transmission_with_lost_reordered_and_other_packets_between() -> None:
    link = Link()
    for sequence in (0xFFFFFFFE, 0xFFFFFFFF, 1, 0, 3):  # the second and third change places, number 2 is lost
        link.receive_data(packet(sequence), 1.0)
    link.receive_data(packet(4, kind=PacketType.PING, payload=b""), 1.0)
    link.receive_data(packet(5), 1.0)
    link.receive_data(packet(0xFFFFFFFD), 1.0)
    link.receive_data(packet(6, keyed=False, payload=b""), 1.0)
    frames = [0, 1, 3, 2, 5, 6]
    assert told(link) == [Keyed(), *(Voice(frame, SILENCE) for frame in frames), Unkeyed()]
    assert link.counters["late"] == 1, "what is older than the transmission is not heard"


def test_a_node_that_counts_anew_goes_on() -> None:
    link = Link()
    for sequence in (900, 901, 0, 1):
        link.receive_data(packet(sequence), 1.0)
    assert [event.frame for event in told(link) if isinstance(event, Voice)] == [0, 1, 2, 3]


def test_four_frames_that_stay_away_end_a_transmission() -> None:
    link = Link()
    link.receive_data(packet(1), 1.0)
    link.handle_timer(1.07)
    assert told(link) == [Keyed(), Voice(0, SILENCE)] and link.next_timer() == pytest.approx(1.08)
    link.handle_timer(1.08)
    assert told(link) == [Unkeyed()] and link.counters["fell_silent"] == 1 and link.next_timer() is None


def test_names_and_keys_of_the_keypad() -> None:
    link = Link()
    link.receive_data(packet(1, False, PacketType.TEXT, TalkerInfo("BG1ABC").serialize()), 1.0)
    for key in ("5", "*", "x", ""):
        link.receive_data(packet(2, False, PacketType.DTMF, key.encode()), 1.0)
    assert told(link) == [Named(TalkerInfo("BG1ABC")), Digit("5"), Digit("*")]


def test_what_we_transmit_ends_when_its_tail_has_gone() -> None:
    link = Link(talkgroup=9)
    link.voice(SILENCE)
    assert link.data_to_send() == [], "nobody talks yet"
    link.begin(TalkerInfo("1001"))
    link.voice(SILENCE)
    link.end(2.0)
    link.voice(SILENCE)
    link.handle_timer(2.1)
    link.voice(SILENCE)
    sent = [Packet.parse(data) for data in link.data_to_send()]
    assert [(p.kind, p.keyed, len(p.payload)) for p in sent] == [
        (2, False, 19),
        (0, True, 320),
        (0, True, 320),
        (0, False, 0),
    ]
    assert [(p.sequence, p.talkgroup) for p in sent] == [(i, 9) for i in range(4)]


def test_pings_keep_the_way_open() -> None:
    link = Link(keep_alive_s=10.0)
    link.start(5.0)
    for now in (5.0, 10.0, 15.0):
        link.handle_timer(now)
    assert [Packet.parse(data).kind for data in link.data_to_send()] == [PacketType.PING] * 2
    assert link.next_timer() == 25.0
