"""MCPTT floor control: worked octets, round trips, octets of chance, releases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.floor import mcptt
from softswitch.floor.messages import FloorMessage, Kind, Location, TrackInfo
from softswitch.rtp import RtpError
from tests.unit.damage import damaged
from tests.unit.floor.golden import CLIENT, MCPTT, octets

_u16 = st.integers(0, 0xFFFF)
_ssrc = st.integers(0, 0xFFFFFFFF)
_text = st.text(max_size=30)
_texts = st.lists(st.text(max_size=8), max_size=4).map(tuple)
_locations = st.sampled_from([(0, 0), (1, 7), (2, 5), (3, 3), (4, 2), (5, 1), (6, 6)]).flatmap(
    lambda kind: st.binary(min_size=kind[1], max_size=kind[1]).map(lambda data: Location(kind[0], data))
)
_track = st.builds(TrackInfo, st.booleans(), st.text(max_size=9), st.lists(_ssrc, max_size=3).map(tuple))


def _maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


_messages = st.builds(
    FloorMessage,
    st.sampled_from(Kind),
    _ssrc,
    st.booleans(),
    priority=_maybe(st.integers(0, 255)),
    duration_s=_maybe(_u16),
    cause=_maybe(_u16),
    position=_maybe(st.integers(0, 255)),
    granted_party=_maybe(_text),
    may_request=_maybe(st.booleans()),
    user=_maybe(_text),
    queue_size=_maybe(_u16),
    sequence=_maybe(_u16),
    queued_user=_maybe(_text),
    source=_maybe(st.integers(0, 3)),
    track=_maybe(_track),
    acknowledged=_maybe(st.integers(0, 15)),
    indicator=_maybe(_u16),
    talker_ssrc=_maybe(_ssrc),
    talkers=_maybe(_texts),
    talker_ssrcs=_maybe(st.lists(_ssrc, max_size=3).map(tuple)),
    alias=_maybe(_text),
    aliases=_maybe(_texts),
    location=_maybe(_locations),
    locations=_maybe(st.lists(_locations, max_size=3).map(tuple)),
    purpose=_maybe(st.integers(0, 2)),
    queued_users=_maybe(_texts),
    result=_maybe(_u16),
    media_flow=_maybe(st.booleans()),
    revoke_user=_maybe(_text),
)


@pytest.mark.parametrize("name", MCPTT)
def test_a_message_is_written_as_the_standard_has_it(name: str) -> None:
    text, message = MCPTT[name]
    assert mcptt.serialize(message).hex() == octets(text).hex()


@pytest.mark.parametrize("name", MCPTT)
def test_a_message_is_read_as_it_was_meant(name: str) -> None:
    text, message = MCPTT[name]
    assert mcptt.parse(octets(text)) == message


@given(_messages)
def test_what_is_written_is_read_back(message: FloorMessage) -> None:
    assert mcptt.parse(mcptt.serialize(message)) == message


@given(st.lists(_messages, max_size=3))
def test_several_packets_share_a_datagram(messages: list[FloorMessage]) -> None:
    assert mcptt.parse_datagram(b"".join(map(mcptt.serialize, messages))) == messages


@given(st.binary(max_size=80) | damaged(*(octets(text) for text, _ in MCPTT.values())))
def test_any_octets_are_messages_or_an_error(data: bytes) -> None:
    try:
        messages = mcptt.parse_datagram(data)
    except RtpError:
        with pytest.raises(RtpError):
            mcptt.parse(data)
        return
    assert mcptt.parse_datagram(b"".join(map(mcptt.serialize, messages))) == messages


@given(st.integers(0, 31), st.binary(max_size=60))
def test_any_fields_are_a_message_or_an_error(subtype: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    head = bytes((0x80 | subtype, 204)) + (2 + len(body) // 4).to_bytes(2, "big") + bytes(4) + b"MCPT"
    try:
        message = mcptt.parse(head + body)
    except RtpError:
        return
    assert mcptt.parse(mcptt.serialize(message)) == message


@pytest.mark.parametrize("name", MCPTT)
def test_a_message_cut_anywhere_is_an_error(name: str) -> None:
    data = octets(MCPTT[name][0])
    for length in range(len(data)):
        with pytest.raises(RtpError):
            mcptt.parse(data[:length])


def test_an_unknown_field_is_skipped_by_its_length() -> None:
    plain = mcptt.serialize(FloorMessage(Kind.IDLE, 1, sequence=3))
    unknown = b"\x63\x05hello\x00" + b"\xc8\x00\x02ab\x00\x00\x00"
    data = plain[:2] + (len(plain + unknown) // 4 - 1).to_bytes(2, "big") + plain[4:12] + unknown + plain[12:]
    assert mcptt.parse(data) == FloorMessage(Kind.IDLE, 1, sequence=3)


def test_a_field_that_runs_past_its_packet_drops_the_packet() -> None:
    data = bytearray(octets(MCPTT["deny"][0]))
    data[13] = 0x40
    with pytest.raises(RtpError, match="runs past"):
        mcptt.parse(bytes(data))


def test_padding_is_refused() -> None:
    data = bytearray(octets(MCPTT["release"][0]))
    data[0] |= 0x20
    with pytest.raises(RtpError):
        mcptt.parse(bytes(data))


def test_other_names_and_unknown_messages_are_passed_over() -> None:
    other = bytes.fromhex("80cc0002 00000001 4d435043".replace(" ", ""))
    unassigned = bytes.fromhex("8ccc0002 00000001 4d435054".replace(" ", ""))
    release = octets(MCPTT["release"][0])
    assert mcptt.parse_datagram(other + unassigned + release) == [FloorMessage(Kind.RELEASE, CLIENT)]


def test_draft_identifiers_are_read_only_when_asked_for() -> None:
    data = bytearray(octets(MCPTT["queue position info"][0]))
    data[12] += 102
    assert mcptt.parse(bytes(data)).position is None
    assert mcptt.parse(bytes(data), draft_fields=True).position == 2


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        (Kind.REVOKE_REQUEST, 19),
        (Kind.MEDIA_FLOW_CONTROL, 17),
        (Kind.QUEUED_REQUESTS, 17),
        (Kind.RELEASE_MULTI_TALKER, 15),
    ],
)
def test_a_later_message_is_not_sent_to_an_earlier_release(kind: Kind, first: int) -> None:
    assert mcptt.serialize(FloorMessage(kind), first)
    with pytest.raises(RtpError, match=kind.name):
        mcptt.serialize(FloorMessage(kind), first - 1)


def test_later_fields_are_left_out_for_an_earlier_release() -> None:
    message = FloorMessage(Kind.TAKEN, 1, granted_party="sip:a", talkers=("sip:a",), purpose=1, revoke_user="sip:b")
    assert mcptt.parse(mcptt.serialize(message, 13)) == FloorMessage(Kind.TAKEN, 1, granted_party="sip:a")
    assert mcptt.parse(mcptt.serialize(message, 17)).purpose == 1


@pytest.mark.parametrize(
    "message",
    [
        FloorMessage(Kind.REQUEST, priority=256),
        FloorMessage(Kind.GRANTED, duration_s=70000),
        FloorMessage(Kind.TAKEN, granted_party="x" * 256),
        FloorMessage(Kind.TAKEN, talkers=("x" * 200, "y" * 200)),
        FloorMessage(Kind.TAKEN, location=Location(6, b"ab")),
        FloorMessage(Kind.RELEASE, ssrc=-1),
        FloorMessage(Kind.ACK, acknowledged=-1),
    ],
)
def test_what_does_not_fit_is_an_error(message: FloorMessage) -> None:
    with pytest.raises(RtpError):
        mcptt.serialize(message)
