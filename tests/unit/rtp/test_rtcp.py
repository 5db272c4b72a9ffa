"""RTCP packets: golden octets, compounds, any octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.rtp import RtpError
from softswitch.rtp.rtcp import (
    Application,
    BandwidthEstimate,
    Chunk,
    DelayReport,
    DelaySinceLast,
    ExtendedReport,
    FullIntraRequest,
    Goodbye,
    Item,
    NegativeAcknowledgement,
    PictureLoss,
    ReceiverReport,
    ReferenceTime,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    UnknownBlock,
    UnknownPacket,
    VoipMetrics,
    middle_of_ntp,
    ntp_from_unix,
    parse_compound,
    serialize_compound,
    unix_from_ntp,
)
from softswitch.rtp.rtcp.full_intra_request import Request

BLOCK = ReportBlock(2, 128, -1, 0x10002, 5, 0x33334444, 65536)
BLOCK_OCTETS = "0000000280ffffff0001000200000005" + "3333444400010000"
VOIP = VoipMetrics(2, 1, 2, 3, 4, 5, 6, 7, 8, -20, -60, 30, 16, 90, 127, 41, 40, 1, 60, 80, 200)

GOLDEN: list[tuple[str, RtcpPacket]] = [
    (
        "81c8000c" + "00000001" + "1111222233334444" + "000000a0" + "00000003" + "00000004" + BLOCK_OCTETS,
        SenderReport(1, 0x1111222233334444, 160, 3, 4, (BLOCK,)),
    ),
    (
        "80c80007" + "00000001" + "0000000000000000" + "00000000" * 3 + "cafebabe",
        SenderReport(1, 0, 0, 0, 0, (), b"\xca\xfe\xba\xbe"),
    ),
    ("81c90007" + "00000001" + BLOCK_OCTETS, ReceiverReport(1, (BLOCK,))),
    ("80c90001" + "00000001", ReceiverReport(1)),
    ("81ca0003" + "00000001" + "010561406263" + "6400", SourceDescription((Chunk(1, (Item(1, b"a@bcd"),)),))),
    ("81ca0003" + "00000001" + "010261400000" + "0000", SourceDescription((Chunk(1, (Item(1, b"a@"),)),))),
    (
        "82ca0005" + "00000001" + "010161" + "06017400" + "00" + "00000002" + "00000000",
        SourceDescription((Chunk(1, (Item(1, b"a"), Item(6, b"t"))), Chunk(2, ()))),
    ),
    ("81cb0001" + "00000001", Goodbye((1,))),
    ("82cb0004" + "0000000100000002" + "04627965" + "21000000", Goodbye((1, 2), "bye!")),
    ("85cc0003" + "00000001" + "4d435054" + "01020304", Application(5, 1, b"MCPT", b"\1\2\3\4")),
    ("81cd0003" + "0000000100000002" + "00058001", NegativeAcknowledgement(1, 2, (5, 6, 21))),
    ("81cd0004" + "0000000100000002" + "ffff0001" + "00640000", NegativeAcknowledgement(1, 2, (65535, 0, 100))),
    ("81ce0002" + "0000000100000002", PictureLoss(1, 2)),
    ("84ce0004" + "0000000100000000" + "00000002" + "07000000", FullIntraRequest(1, (Request(2, 7),))),
    (
        "8fce0005" + "0000000100000000" + "52454d42" + "010a03e8" + "00000002",
        BandwidthEstimate(1, 0x203E8 << 2, (2,)),
    ),
    (
        "80cf0004" + "00000001" + "04000002" + "1111222233334444",
        ExtendedReport(1, (ReferenceTime(0x1111222233334444),)),
    ),
    (
        "80cf0005" + "00000001" + "05000003" + "000000020000000300000004",
        ExtendedReport(1, (DelayReport((DelaySinceLast(2, 3, 4),)),)),
    ),
    (
        "80cf000a" + "00000001" + "07000008" + "00000002" + "01020304" + "0005000600070008" + "ecc41e10" + "5a7f2928"
        "0100003c" + "005000c8",
        ExtendedReport(1, (VOIP,)),
    ),
    ("80cf0003" + "00000001" + "06e00001" + "01020304", ExtendedReport(1, (UnknownBlock(6, 0xE0, b"\1\2\3\4"),))),
    ("9fce0001" + "01020304", UnknownPacket(206, 31, b"\1\2\3\4")),
    ("80c00000", UnknownPacket(192, 0, b"")),
]


@pytest.mark.parametrize(
    ("octets", "packet"), GOLDEN, ids=[f"{n} {type(p).__name__}" for n, (_, p) in enumerate(GOLDEN)]
)
def test_golden_octets(octets: str, packet: RtcpPacket) -> None:
    data = bytes.fromhex(octets)
    assert parse_compound(data) == [packet]
    assert packet.serialize().hex() == octets
    if not isinstance(packet, UnknownPacket):
        assert type(packet).parse(data) == packet


@pytest.mark.parametrize(("octets", "packet"), GOLDEN, ids=range(len(GOLDEN)))
def test_every_packet_cut_short_is_an_error(octets: str, packet: RtcpPacket) -> None:
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        with pytest.raises(RtpError):
            parse_compound(data[:length])


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "40c90001" + "00000001",
        "81c90001" + "00000001",  # a report block announced that is not there
        "80c80001" + "00000001",
        "80c90000",
        "81ca0000",
        "81ca0001" + "00000001",  # no end of the items
        "81ca0002" + "00000001" + "01ff6161",
        "81cb0000",
        "81cb0002" + "00000001" + "ff616161",
        "80cc0001" + "00000001",
        "81cd0001" + "00000001",
        "81ce0003" + "00000001" * 3,
        "84ce0003" + "00000001" * 3,
        "8fce0004" + "0000000100000000" + "52454d42" + "020a03e8",
        "80cf0000",
        "80cf0002" + "00000001" + "04000002",
        "80cf0002" + "00000001" + "07000000",
        "a0c90001" + "00000001",  # padding of one octet
        "a0c90001" + "00000000",
        "a0c90001" + "00000008",
    ],
)
def test_broken_packets_are_errors(octets: str) -> None:
    with pytest.raises(RtpError):
        parse_compound(bytes.fromhex(octets))


def test_padding_is_for_the_last_packet_alone() -> None:
    padded = bytes.fromhex("a0c90002" + "00000001" + "00000004")
    assert parse_compound(padded) == [ReceiverReport(1)]
    with pytest.raises(RtpError):
        parse_compound(padded + padded)


def test_a_compound_is_read_and_written_in_order() -> None:
    packets = [packet for _, packet in GOLDEN]
    data = serialize_compound(packets)
    assert parse_compound(data) == packets
    assert parse_compound(data, reduced_size=False) == packets


def test_a_compound_that_is_not_reduced_begins_with_a_report() -> None:
    data = PictureLoss(1, 2).serialize()
    assert parse_compound(data) == [PictureLoss(1, 2)]
    with pytest.raises(RtpError):
        parse_compound(data, reduced_size=False)


def test_one_packet_of_another_kind_is_an_error() -> None:
    with pytest.raises(RtpError):
        PictureLoss.parse(ReceiverReport(1).serialize())
    with pytest.raises(RtpError):
        ReceiverReport.parse(ReceiverReport(1).serialize() * 2)
    with pytest.raises(RtpError):
        PictureLoss.parse(FullIntraRequest(1, ()).serialize())


@pytest.mark.parametrize(
    "packet",
    [
        ReceiverReport(1 << 32),
        ReceiverReport(1, (BLOCK,) * 32),
        ReceiverReport(1, (), b"123"),
        ReceiverReport(1, (ReportBlock(1, 256, 0, 0, 0, 0, 0),)),
        SenderReport(1, 1 << 64, 0, 0, 0),
        SourceDescription((Chunk(1, (Item(1, bytes(256)),)),)),
        SourceDescription((Chunk(1, (Item(0, b""),)),)),
        Goodbye((1,), "x" * 256),
        Goodbye((-1,)),
        Application(32, 1, b"ABCD"),
        Application(1, 1, b"ABC"),
        Application(1, 1, b"ABCD", b"1"),
        FullIntraRequest(1, (Request(1, 256),)),
        NegativeAcknowledgement(1, 2, (65536,)),
        BandwidthEstimate(1, -1),
        BandwidthEstimate(-1, 1),
        BandwidthEstimate(1, 1 << 90),
        ExtendedReport(1, (UnknownBlock(1, 0, b"1"),)),
        ExtendedReport(1, (VoipMetrics(1, mos_listening=256),)),
    ],
    ids=lambda packet: type(packet).__name__,
)
def test_fields_out_of_range_are_not_written(packet: RtcpPacket) -> None:
    with pytest.raises(RtpError):
        packet.serialize()


def test_cumulative_loss_stays_within_its_24_bits() -> None:
    block = ReportBlock(1, 0, 1 << 30, 0, 0, 0, 0)
    assert ReportBlock.parse(block.serialize()).cumulative_lost == 0x7FFFFF


def test_counters_that_wrapped_are_written_modulo() -> None:
    assert SenderReport.parse(SenderReport(1, 0, 0, (1 << 32) + 5, 1 << 32).serialize()).packet_count == 5


def test_bit_rate_is_rounded_down_to_eighteen_bits() -> None:
    again = BandwidthEstimate.parse(BandwidthEstimate(1, 1_000_001).serialize())
    assert 999_990 < again.bit_rate <= 1_000_001


def test_canonical_name() -> None:
    description = SourceDescription.with_cname(7, "a@b")
    assert SourceDescription.parse(description.serialize()).chunks[0].cname == "a@b"
    assert Chunk(1, ()).cname is None


@pytest.mark.parametrize(
    ("unix_s", "ntp"),
    [
        (0.0, 2208988800 << 32),
        (0.5, 2208988800 << 32 | 1 << 31),
        (2085978496.25, 1 << 30),
        (2085978495.0, 0xFFFFFFFF << 32),
    ],
)
def test_ntp_time(unix_s: float, ntp: int) -> None:
    assert ntp_from_unix(unix_s) == ntp
    assert unix_from_ntp(ntp) == unix_s


def test_middle_of_ntp_time() -> None:
    assert middle_of_ntp(0x1111222233334444) == 0x22223333


@given(
    st.integers(0, 31), st.integers(192, 210), st.lists(st.binary(min_size=4, max_size=4), max_size=12).map(b"".join)
)
def test_any_body_is_a_packet_or_an_error(count: int, packet_type: int, body: bytes) -> None:
    data = bytes((0x80 | count, packet_type)) + (len(body) // 4).to_bytes(2, "big") + body
    try:
        packets = parse_compound(data)
    except RtpError:
        return
    written = serialize_compound(packets)
    again = parse_compound(written)
    assert serialize_compound(again) == written, "what was written once is written the same again"


@given(st.binary(max_size=80))
def test_any_octets_are_packets_or_an_error(data: bytes) -> None:
    try:
        packets = parse_compound(data)
    except RtpError:
        return
    assert packets


@given(st.lists(st.integers(0, 0xFFFF), max_size=30))
def test_lost_packets_round_trip(lost: list[int]) -> None:
    again = NegativeAcknowledgement.parse(NegativeAcknowledgement(1, 2, tuple(lost)).serialize())
    assert set(again.lost) == set(lost)
