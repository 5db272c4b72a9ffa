"""Our octets read by scapy and tshark, theirs read by us."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from softswitch.rtp import Extension, RtpPacket, TelephoneEvent
from softswitch.rtp.rtcp import (
    Application,
    BandwidthEstimate,
    ExtendedReport,
    FullIntraRequest,
    Goodbye,
    NegativeAcknowledgement,
    PictureLoss,
    ReceiverReport,
    ReferenceTime,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    VoipMetrics,
    serialize_compound,
)
from softswitch.rtp.rtcp.full_intra_request import Request

BLOCK = ReportBlock(0x22222222, 64, 1234, 0x10002, 55, 0x33334444, 65536)


def test_scapy_reads_our_rtp() -> None:
    scapy = pytest.importorskip("scapy.layers.rtp")
    packet = RtpPacket(8, 4660, 0x11223344, 0x55667788, b"\xd5\xd5", marker=True, csrcs=(1, 2))
    read = scapy.RTP(packet.serialize())
    assert (read.version, read.payload_type, read.marker, read.sequence) == (2, 8, 1, 4660)
    assert (read.timestamp, read.sourcesync, read.sync) == (0x11223344, 0x55667788, [1, 2])
    assert bytes(read.payload) == b"\xd5\xd5"


def test_we_read_the_rtp_of_scapy() -> None:
    scapy = pytest.importorskip("scapy.layers.rtp")
    data = bytes(scapy.RTP(payload_type=96, sequence=9, timestamp=8, sourcesync=7, sync=[3]) / b"abc")
    assert RtpPacket.parse(data) == RtpPacket(96, 9, 8, 7, b"abc", csrcs=(3,))


def test_scapy_reads_our_sender_report() -> None:
    scapy = pytest.importorskip("scapy.contrib.rtcp")
    read = scapy.RTCP(SenderReport(1, 0x1111222233334444, 160, 3, 480, (BLOCK,)).serialize())
    info, block = read.sender_info, read.report_blocks[0]
    assert (read.packet_type, read.count, read.sourcesync) == (200, 1, 1)
    assert (info.ntp_timestamp, info.rtp_timestamp) == (0x1111222233334444, 160)
    assert (info.sender_packet_count, info.sender_octet_count) == (3, 480)
    assert (block.sourcesync, block.fraction_lost, block.cumulative_lost) == (0x22222222, 64, 1234)
    assert (block.highest_seqnum_recv, block.interarrival_jitter) == (0x10002, 55)
    assert (block.last_SR_timestamp, block.delay_since_last_SR) == (0x33334444, 65536)


def _capture(path: Path, datagrams: list[tuple[int, bytes]]) -> None:
    """Write a pcap file of IPv4 UDP datagrams from `port` to `port` + 2."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    for index, (port, payload) in enumerate(datagrams):
        udp = struct.pack("!HHHH", port, port + 2, 8 + len(payload), 0) + payload
        address = bytes((127, 0, 0, 1))
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address, address) + udp
        out += struct.pack("<IIII", index, 0, len(packet), len(packet)) + packet
    path.write_bytes(bytes(out))


def _tshark(path: Path, *arguments: str) -> list[str]:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    done = subprocess.run([tshark, "-r", str(path), *arguments], capture_output=True, text=True, timeout=50, check=True)
    return done.stdout.splitlines()


PACKETS: list[RtcpPacket] = [
    SenderReport(1, 0x1111222233334444, 160, 3, 480, (BLOCK,)),
    ReceiverReport(1, (BLOCK, BLOCK)),
    SourceDescription.with_cname(1, "anna@example.com"),
    NegativeAcknowledgement(1, 2, (5, 6, 21, 100)),
    PictureLoss(1, 2),
    FullIntraRequest(1, (Request(2, 7),)),
    BandwidthEstimate(1, 512_000, (2, 3)),
    ExtendedReport(1, (ReferenceTime(0x1111222233334444), VoipMetrics(2, 1, 2, mos_listening=41, r_factor=90))),
    Application(5, 1, b"MCPT", b"\1\2\3\4"),
    Goodbye((1,), "finished"),
]


@pytest.mark.interop
def test_tshark_reads_every_rtcp_packet_without_complaint(tmp_path: Path) -> None:
    path = tmp_path / "rtcp.pcap"
    report = ReceiverReport(1)
    _capture(path, [(30001, serialize_compound([report, packet])) for packet in PACKETS])
    fields = ["-T", "fields", "-E", "occurrence=l", "-e", "rtcp.pt", "-e", "_ws.malformed", "-e", "_ws.expert.severity"]
    lines = _tshark(path, "-d", "udp.port==30001,rtcp", *fields)
    seen = [line.split("\t") for line in lines]
    assert [int(line[0]) for line in seen] == [200, 201, 202, 205, 206, 206, 206, 207, 204, 203]
    assert [line[1] for line in seen] == [""] * len(PACKETS), "tshark calls a packet malformed"


@pytest.mark.interop
def test_tshark_reads_values_as_we_meant_them(tmp_path: Path) -> None:
    path = tmp_path / "rtcp.pcap"
    _capture(path, [(30001, serialize_compound(PACKETS))])
    names = {
        "rtcp.senderssrc": "0x00000001",
        "rtcp.timestamp.rtp": "160",
        "rtcp.ssrc.fraction": "64",
        "rtcp.ssrc.cum_nr": "1234",
        "rtcp.sdes.text": "anna@example.com",
        "rtcp.rtpfb.nack_pid": "5",
        "rtcp.psfb.fir.fci.csn": "7",
        "rtcp.psfb.remb.fci.br_exp": "1",
        "rtcp.psfb.remb.fci.br_mantissa": "256000",
        "rtcp.xr.voipmetrics.moslq": "4.1",
        "rtcp.xr.voipmetrics.rfactor": "90",
        "rtcp.app.name": "MCPT",
    }
    fields = [item for name in names for item in ("-e", name)]
    (line,) = _tshark(path, "-d", "udp.port==30001,rtcp", "-T", "fields", "-E", "occurrence=f", *fields)
    assert dict(zip(names, line.split("\t"), strict=True)) == names


@pytest.mark.interop
def test_tshark_reads_our_rtp_and_events(tmp_path: Path) -> None:
    path = tmp_path / "rtp.pcap"
    event = RtpPacket(101, 2, 160, 7, TelephoneEvent(5, True, -10, 800).serialize(), marker=True)
    voice = RtpPacket(8, 1, 160, 7, b"\xd5" * 160).with_extensions([Extension(1, b"\x9e"), Extension(2, b"ab")])
    _capture(path, [(30000, voice.serialize()), (30000, event.serialize())])
    fields = ["rtp.seq", "rtp.p_type", "rtp.ext.rfc5285.id", "rtpevent.event_id", "rtpevent.duration", "_ws.malformed"]
    wanted = [item for name in fields for item in ("-e", name)]
    options = ["-d", "udp.port==30000,rtp", "-o", "rtpevent.event_payload_type_value:101"]
    lines = _tshark(path, *options, "-T", "fields", *wanted)
    assert [line.split("\t") for line in lines] == [["1", "8", "1,2", "", "", ""], ["2", "101", "", "5", "800", ""]]
