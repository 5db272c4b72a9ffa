"""Talk burst control: worked octets, round trips, octets of chance, and the way to floor messages and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.floor import talkburst as burst
from softswitch.floor import tbcp
from softswitch.floor.messages import POSITION_NONE, POSITION_UNKNOWN, FloorMessage, Kind
from softswitch.floor.translation import from_talk_burst, to_talk_burst
from softswitch.rtp import RtpError
from tests.unit.damage import damaged
from tests.unit.floor.golden import SERVER, TBCP, octets

_ssrc = st.integers(0, 0xFFFFFFFF)
_u16 = st.integers(0, 0xFFFF)
_text = st.text(max_size=20)
_item = st.none() | _text
_messages: st.SearchStrategy[burst.TalkBurstMessage] = st.one_of(
    st.builds(burst.TalkBurstRequest, _ssrc, st.none() | _u16, st.none() | st.integers(0, 2**64 - 1)),
    st.builds(burst.TalkBurstGranted, _ssrc, _u16, st.none() | _u16),
    st.builds(burst.TalkBurstTaken, _ssrc, _ssrc, _text, _text, st.none() | _u16, st.booleans()),
    st.builds(burst.TalkBurstDeny, _ssrc, st.integers(0, 255), _text),
    st.builds(burst.TalkBurstRelease, _ssrc, st.none() | _u16),
    st.builds(burst.TalkBurstIdle, _ssrc),
    st.builds(burst.TalkBurstRevoke, _ssrc, _u16, _u16),
    st.builds(burst.TalkBurstAcknowledgement, _ssrc, st.integers(0, 31), st.integers(0, 2047)),
    st.builds(burst.QueueStatusRequest, _ssrc),
    st.builds(burst.QueueStatusResponse, _ssrc, st.integers(0, 255), _u16),
    st.builds(burst.Disconnect, _ssrc),
    st.builds(burst.Connect, _ssrc, st.integers(0, 4), st.booleans(), _item, _item, _item, _item, _item),
)


@pytest.mark.parametrize("name", TBCP)
def test_a_message_is_written_and_read_as_the_standard_has_it(name: str) -> None:
    text, message = TBCP[name]
    assert tbcp.serialize(message).hex() == octets(text).hex()
    assert tbcp.parse(octets(text)) == message


@given(_messages)
def test_what_is_written_is_read_back(message: burst.TalkBurstMessage) -> None:
    assert tbcp.parse(tbcp.serialize(message)) == message


@given(st.binary(max_size=60) | damaged(*(octets(text) for text, _ in TBCP.values())))
def test_any_octets_are_a_message_or_an_error(data: bytes) -> None:
    try:
        message = tbcp.parse(data)
    except RtpError:
        return
    assert tbcp.parse(tbcp.serialize(message)) == message, "what was read is written so that it reads the same"


@given(st.integers(0, 31), st.binary(max_size=40))
def test_any_body_is_a_message_or_an_error(subtype: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    head = bytes((0x80 | subtype, 204)) + (2 + len(body) // 4).to_bytes(2, "big") + bytes(4) + b"PoC1"
    try:
        message = tbcp.parse(head + body)
    except RtpError:
        return
    assert tbcp.parse(tbcp.serialize(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        burst.TalkBurstRequest(1, 70000),
        burst.TalkBurstDeny(1, 256),
        burst.TalkBurstTaken(1, 2, "x" * 256),
        burst.TalkBurstAcknowledgement(1, 32),
        burst.QueueStatusResponse(1, 0, -1),
    ],
)
def test_what_does_not_fit_is_an_error(message: burst.TalkBurstMessage) -> None:
    with pytest.raises(RtpError):
        tbcp.serialize(message)


FLOOR = [
    FloorMessage(Kind.REQUEST, 7, priority=8),
    FloorMessage(Kind.GRANTED, 7, duration_s=30),
    FloorMessage(Kind.TAKEN, 7, granted_party="sip:a@b.example", talker_ssrc=5),
    FloorMessage(Kind.TAKEN, 7, True, granted_party="sip:a@b.example", talker_ssrc=5),
    FloorMessage(Kind.DENY, 7, cause=4, phrase="later"),
    FloorMessage(Kind.RELEASE, 7),
    FloorMessage(Kind.RELEASE, 7, last_rtp=4711),
    FloorMessage(Kind.IDLE, 7),
    FloorMessage(Kind.REVOKE, 7, cause=2, retry_after_s=20),
    FloorMessage(Kind.ACK, 7, acknowledged=Kind.TAKEN),
    FloorMessage(Kind.QUEUE_POSITION_REQUEST, 7),
    FloorMessage(Kind.QUEUE_POSITION_INFO, 7, position=3, position_priority=4),
    FloorMessage(Kind.QUEUE_POSITION_INFO, 7, position=POSITION_NONE),
    FloorMessage(Kind.QUEUE_POSITION_INFO, 7, position=POSITION_UNKNOWN),
]


@pytest.mark.parametrize("message", FLOOR, ids=lambda message: message.kind.name)
def test_a_floor_message_survives_talk_burst_control(message: FloorMessage) -> None:
    assert from_talk_burst(tbcp.parse(tbcp.serialize(to_talk_burst(message)))) == message


def test_refusals_that_talk_burst_control_does_not_know_become_the_nearest() -> None:
    assert to_talk_burst(FloorMessage(Kind.DENY, SERVER, cause=7)) == burst.TalkBurstDeny(SERVER, 1)
    assert to_talk_burst(FloorMessage(Kind.REVOKE, SERVER, cause=255)) == burst.TalkBurstRevoke(SERVER, 3)


def test_priorities_of_talk_burst_control_are_floor_priorities() -> None:
    for priority in range(4):
        message = from_talk_burst(burst.TalkBurstRequest(1, priority))
        assert to_talk_burst(message) == burst.TalkBurstRequest(1, priority)


def test_call_control_is_no_floor_control() -> None:
    for message in (burst.Connect(1), burst.Disconnect(1)):
        with pytest.raises(RtpError, match="not floor control"):
            from_talk_burst(message)
    with pytest.raises(RtpError, match="MULTI_TALKER"):
        to_talk_burst(FloorMessage(Kind.RELEASE_MULTI_TALKER))
