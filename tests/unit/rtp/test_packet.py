"""RTP packets, header extensions, telephone events: golden octets and any octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.rtp import AudioLevel, Extension, RtpError, RtpPacket, TelephoneEvent, event_of_key, is_rtcp
from softswitch.rtp.extensions import parse_extensions, serialize_extensions
from softswitch.rtp.telephone_event import DTMF_KEYS

GOLDEN = [
    ("8060000100015f9005f5e5d2aabb", RtpPacket(96, 1, 90000, 100001234, b"\xaa\xbb")),
    ("80e000010000000000000001", RtpPacket(96, 1, 0, 1, marker=True)),
    ("8208ffffffffffff0000000a0000000b0000000cd5", RtpPacket(8, 65535, 0xFFFFFFFF, 10, b"\xd5", csrcs=(11, 12))),
    (
        "9000000200000003000000041000000101020304" + "ff",
        RtpPacket(0, 2, 3, 4, b"\xff", extension_profile=0x1000, extension=b"\1\2\3\4"),
    ),
    ("90000002000000030000000412340000", RtpPacket(0, 2, 3, 4, extension_profile=0x1234)),
    ("a000000200000003000000047f000003", RtpPacket(0, 2, 3, 4, b"\x7f", padding=3)),
    ("a0000002000000030000000401", RtpPacket(0, 2, 3, 4, padding=1)),
]


@pytest.mark.parametrize(("octets", "packet"), GOLDEN, ids=range(len(GOLDEN)))
def test_golden_octets(octets: str, packet: RtpPacket) -> None:
    assert RtpPacket.parse(bytes.fromhex(octets)) == packet
    assert packet.serialize().hex() == octets


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "8000000200000003000000",
        "400000020000000300000004",
        "810000020000000300000004",
        "900000020000000300000004",
        "90000002000000030000000400000001",
        "a00000020000000300000004",
        "a0000002000000030000000400",
        "a0000002000000030000000402",
    ],
)
def test_broken_packets_are_errors(octets: str) -> None:
    with pytest.raises(RtpError):
        RtpPacket.parse(bytes.fromhex(octets))


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0),
        RtpPacket(-1, 0, 0, 0),
        RtpPacket(0, 65536, 0, 0),
        RtpPacket(0, 0, -1, 0),
        RtpPacket(0, 0, 0, 1 << 32),
        RtpPacket(0, 0, 0, 0, csrcs=(1,) * 16),
        RtpPacket(0, 0, 0, 0, extension_profile=0, extension=b"123"),
        RtpPacket(0, 0, 0, 0, padding=256),
        RtpPacket(0, 0, 0, 0, extension_profile=0x10000),
    ],
)
def test_fields_out_of_range_are_not_written(packet: RtpPacket) -> None:
    with pytest.raises(RtpError):
        packet.serialize()


@pytest.mark.parametrize(
    ("octets", "extensions"),
    [
        ("10aa0000", [Extension(1, b"\xaa")]),
        ("31aabb00", [Extension(3, b"\xaa\xbb")]),
        ("10aa20bb", [Extension(1, b"\xaa"), Extension(2, b"\xbb")]),
    ],
)
def test_one_byte_header_extensions(octets: str, extensions: list[Extension]) -> None:
    assert parse_extensions(0xBEDE, bytes.fromhex(octets)) == extensions
    assert serialize_extensions(extensions) == (0xBEDE, bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "extensions"),
    [
        ("01000000", [Extension(1, b"")]),
        ("1001aa00", [Extension(16, b"\xaa")]),
        ("0111" + "bb" * 17 + "00", [Extension(1, b"\xbb" * 17)]),
    ],
)
def test_two_byte_header_extensions(octets: str, extensions: list[Extension]) -> None:
    assert parse_extensions(0x1000, bytes.fromhex(octets)) == extensions
    assert parse_extensions(0x100F, bytes.fromhex(octets)) == extensions
    assert serialize_extensions(extensions) == (0x1000, bytes.fromhex(octets))


def test_padding_between_elements_and_the_stop_mark() -> None:
    assert parse_extensions(0xBEDE, bytes.fromhex("10aa0000f0ff")) == [Extension(1, b"\xaa")]
    assert parse_extensions(0xBEDE, bytes.fromhex("000010aa")) == [Extension(1, b"\xaa")]
    assert parse_extensions(0x1234, b"\xff\xff\xff\xff") == []


@pytest.mark.parametrize(
    ("profile", "octets"), [(0xBEDE, "11aa"), (0xBEDE, "01aa"), (0x1000, "01"), (0x1000, "0102aa")]
)
def test_broken_header_extensions_are_errors(profile: int, octets: str) -> None:
    with pytest.raises(RtpError):
        parse_extensions(profile, bytes.fromhex(octets))


@pytest.mark.parametrize("extension", [Extension(0, b"a"), Extension(256, b"a"), Extension(1, bytes(256))])
def test_extensions_that_fit_no_form_are_errors(extension: Extension) -> None:
    with pytest.raises(RtpError):
        serialize_extensions([extension])


def test_extensions_of_a_packet() -> None:
    packet = RtpPacket(0, 1, 2, 3, b"x").with_extensions([Extension(1, AudioLevel(-30, True).serialize())])
    again = RtpPacket.parse(packet.serialize())
    assert AudioLevel.parse(again.extensions[0].data) == (-30, True)
    assert again.with_extensions([]) == RtpPacket(0, 1, 2, 3, b"x")


def test_audio_level() -> None:
    assert AudioLevel(-127).serialize() == b"\x7f" and AudioLevel(0, True).serialize() == b"\x80"
    for data in (b"",):
        with pytest.raises(RtpError):
            AudioLevel.parse(data)
    with pytest.raises(RtpError):
        AudioLevel(1).serialize()


@pytest.mark.parametrize(
    ("octets", "event"),
    [
        ("018a0320", TelephoneEvent(1, True, -10, 800)),
        ("0b000000", TelephoneEvent(11, False, 0, 0)),
        ("ffbfffff", TelephoneEvent(255, True, -63, 65535)),
    ],
)
def test_telephone_events(octets: str, event: TelephoneEvent) -> None:
    assert TelephoneEvent.parse(bytes.fromhex(octets)) == event
    assert event.serialize().hex() == octets
    assert TelephoneEvent.parse(bytes.fromhex(octets + "00000000")) == event, "redundant events behind are left"


@pytest.mark.parametrize(
    "event",
    [
        TelephoneEvent(256, False, 0, 0),
        TelephoneEvent(0, False, 1, 0),
        TelephoneEvent(0, False, -64, 0),
        TelephoneEvent(0, False, 0, 65536),
    ],
)
def test_events_out_of_range_are_not_written(event: TelephoneEvent) -> None:
    with pytest.raises(RtpError):
        event.serialize()


def test_keys() -> None:
    assert [TelephoneEvent(event_of_key(key), False, 0, 0).key for key in DTMF_KEYS] == list(DTMF_KEYS)
    assert event_of_key("d") == 15 and TelephoneEvent(16, False, 0, 0).key is None
    for key in ("", "E", "12"):
        with pytest.raises(RtpError):
            event_of_key(key)
    with pytest.raises(RtpError):
        TelephoneEvent.parse(b"\1\2\3")


@pytest.mark.parametrize(
    ("octets", "expected"),
    [("80c8", True), ("81c9", True), ("8060", False), ("80e0", False), ("00c8", False), ("80", False)],
)
def test_rtcp_is_told_from_rtp(octets: str, expected: bool) -> None:
    assert is_rtcp(bytes.fromhex(octets)) is expected


_PACKETS = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=40),
    st.booleans(),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    st.integers(0, 0xFFFF),
    st.lists(st.binary(min_size=4, max_size=4), max_size=3).map(b"".join),
    st.integers(0, 255),
)


@given(_PACKETS)
def test_packets_round_trip(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


@given(st.binary(max_size=60), st.sampled_from([b"", b"\x80", b"\x90", b"\xb1"]))
def test_any_octets_are_a_packet_or_an_error(data: bytes, first: bytes) -> None:
    try:
        packet = RtpPacket.parse(first + data)
    except RtpError:
        return
    assert RtpPacket.parse(packet.serialize()) == packet
    try:
        packet.with_extensions(packet.extensions).serialize()
    except RtpError:
        return


@given(st.lists(st.builds(Extension, st.integers(1, 255), st.binary(max_size=20)), max_size=4))
def test_extensions_round_trip(extensions: list[Extension]) -> None:
    profile, octets = serialize_extensions(extensions)
    assert len(octets) % 4 == 0
    assert parse_extensions(profile, octets) == extensions


@given(st.binary(max_size=8))
def test_any_octets_are_an_event_or_an_error(data: bytes) -> None:
    try:
        event = TelephoneEvent.parse(data)
    except RtpError:
        assert len(data) < 4
        return
    assert TelephoneEvent.parse(event.serialize()) == event
