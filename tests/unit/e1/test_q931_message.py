"""Messages octet for octet: examples that tshark reads as they are meant, and garbage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.e1.q931 import Cause, ChannelId, Kind, Message, PartyNumber, Q931Error, Setup
from gateways.e1.q931.elements import INBAND, SPEECH, ElementId, Progress, Text, UserUser
from tests.unit.damage import damaged

EXCLUSIVE_17 = ChannelId((17,), exclusive=True)

EXAMPLES = {
    "SETUP": (
        "080200110504038090a31803a983916c0600813831313070098039373030303031 37a1",
        Message(
            Kind.SETUP,
            0x11,
            False,
            {
                ElementId.BEARER_CAPABILITY: SPEECH,
                ElementId.CHANNEL_ID: EXCLUSIVE_17,
                ElementId.CALLING_NUMBER: PartyNumber("8110", presentation=0, screening=1),
                ElementId.CALLED_NUMBER: PartyNumber("97000017"),
                ElementId.SENDING_COMPLETE: b"",
            },
        ),
    ),
    "SETUP ACKNOWLEDGE": (
        "080280110d1803a98391",
        Message(Kind.SETUP_ACKNOWLEDGE, 0x11, True, {ElementId.CHANNEL_ID: EXCLUSIVE_17}),
    ),
    "INFORMATION": (
        "080200117b70028130",
        Message(Kind.INFORMATION, 0x11, False, {ElementId.CALLED_NUMBER: PartyNumber("0", plan=1)}),
    ),
    "ALERTING": (
        "08028011011e028188",
        Message(Kind.ALERTING, 0x11, True, {ElementId.PROGRESS: [INBAND]}),
    ),
    "PROGRESS": (
        "08028011031e0281811e028188",
        Message(Kind.PROGRESS, 0x11, True, {ElementId.PROGRESS: [Progress(1), Progress(8)]}),
    ),
    "DISCONNECT": (
        "080280114508028291",
        Message(Kind.DISCONNECT, 0x11, True, {ElementId.CAUSE: Cause(17, 2)}),
    ),
    "RELEASE": ("080200114d08028090", Message(Kind.RELEASE, 0x11, False, {ElementId.CAUSE: Cause(16, 0)})),
    "RESTART": (
        "08020000461803a98387790180",
        Message(Kind.RESTART, 0, False, {ElementId.CHANNEL_ID: ChannelId((7,), True), ElementId.RESTART_INDICATOR: 0}),
    ),
    "STATUS": (
        "080280117d080381e20514010a",
        Message(Kind.STATUS, 0x11, True, {ElementId.CAUSE: Cause(98, 1, b"\x05"), ElementId.CALL_STATE: 10}),
    ),
    "STATUS ENQUIRY": ("0802001175", Message(Kind.STATUS_ENQUIRY, 0x11, False)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_read_and_written(name: str) -> None:
    octets, message = EXAMPLES[name]
    data = bytes.fromhex(octets)
    assert Message.parse(data) == message
    assert message.serialize() == data


def test_a_number_with_octets_3a_and_3b() -> None:
    number = PartyNumber("13800000001", 2, 1, 1, 3, 15)
    assert number.content()[:3] == bytes.fromhex("21238f")
    assert PartyNumber.parse(number.content()) == number


@pytest.mark.parametrize(
    ("content", "channel"),
    [
        ("a18391", ChannelId((17,))),
        ("e9818391", ChannelId((17,), True, interface=1)),
        ("a0", ChannelId()),
        ("a3", ChannelId(any_channel=True)),
        ("a99300020080", ChannelId((7, 17), True)),
    ],
)
def test_channel_identifications(content: str, channel: ChannelId) -> None:
    assert ChannelId.parse(bytes.fromhex(content)) == channel


def test_chinese_display_of_either_coding() -> None:
    for encoding in ("utf-8", "gbk"):
        assert Text.parse("指挥中心".encode(encoding)).text == "指挥中心", encoding
    assert len(Text("指" * 60).content()) == 81, "cut at a whole character"


def test_other_codesets_are_passed_over() -> None:
    data = bytes.fromhex("0802001105" + "96 7001ff" + "0403 8090a3" + "9e 080100" + "7002 8131")
    message = Message.parse(data)
    assert message.called is None, "after a locking shift to codeset 6, 70 is no called number"
    message = Message.parse(bytes.fromhex("0802001105" + "9e 7001ff" + "70028131"))
    assert message.called == PartyNumber("1", plan=1), "a non-locking shift is for one element"


def test_faults_are_kept_for_the_answer() -> None:
    message = Message.parse(bytes.fromhex("0802001105" + "0400" + "0f0100"))
    assert message.faults == {ElementId.BEARER_CAPABILITY: 100}
    assert message.unknown == (0x0F,), "bits 8-5 zero: comprehension required"


def test_a_setup_says_who_calls() -> None:
    said = Setup(
        PartyNumber("9001"),
        PartyNumber("1001", presentation=0),
        display="张三",
        user_user=UserUser(4, b"floor"),
        complete=False,
    )
    message = Message.parse(Message(Kind.SETUP, 1, False, said.elements()).serialize())
    assert Setup.of(message) == said
    assert message.user_user == UserUser(4, b"floor")


@settings(max_examples=500)
@given(st.binary(max_size=80) | damaged(*(bytes.fromhex(octets)[5:] for octets, _ in EXAMPLES.values())))
def test_garbage_is_refused_or_read(tail: bytes) -> None:
    for data in (tail, bytes.fromhex("0802001105") + tail):
        try:
            message = Message.parse(data)
        except Q931Error:
            continue
        again = Message.parse(message.serialize())
        said = (message.kind, message.reference, message.to_originator)
        assert (again.kind, again.reference, again.to_originator) == said, "the head is written as it was read"
        assert set(again.elements) == set(message.elements), f"so is every element of {data.hex()}"
        assert not again.faults, f"what was read can be read again, not {again.faults} of {data.hex()}"


@settings(max_examples=200)
@given(
    st.text("0123456789*#", max_size=20),
    st.integers(0, 6),
    st.integers(0, 9),
    st.none() | st.integers(0, 2),
    st.integers(1, 31),
    st.booleans(),
)
def test_what_is_written_is_read_again(
    digits: str, kind: int, plan: int, presentation: int | None, slot: int, exclusive: bool
) -> None:
    number = PartyNumber(digits, kind, plan, presentation)
    assert PartyNumber.parse(number.content()) == number
    channel = ChannelId((slot,), exclusive)
    assert ChannelId.parse(channel.content()) == channel
