"""Extended reports, and what a port says of how its peer sounds; what is sent is read by tshark too."""

from __future__ import annotations

import shutil
import struct
import subprocess

import pytest

from softswitch.media import StreamFormat
from softswitch.media.layouts.quality import EXTENDED_STATISTICS, EXTENDED_VOICE
from softswitch.media.quality import read_tallies
from softswitch.rtp.rtcp import header
from softswitch.rtp.rtcp.extended_report import (
    DelayReport,
    ExtendedReport,
    ReferenceTime,
    UnknownBlock,
    VoipMetrics,
)


@pytest.fixture
def engine(mode, make_engine):
    """An engine that reports ten times a second."""
    return make_engine(report_interval_s=0.2)


def extended(datagram):
    """The extended report of a compound, None when there is none."""
    while datagram:
        octets = 4 * (struct.unpack_from(">H", datagram, 2)[0] + 1)
        if datagram[1] == header.EXTENDED_REPORT:
            return ExtendedReport.parse(datagram[:octets])
        datagram = datagram[octets:]
    return None


def lossy(leg, count=120, lost=range(60, 66)):
    """Send `count` packets of which some are lost."""
    for number in range(count):
        if number not in lost:
            leg.phone.send(leg.port, sequence=number, timestamp=160 * number)


def test_who_asks_for_voip_metrics_gets_them(engine, make_leg, wait_for):
    leg = make_leg(engine, extended=EXTENDED_VOICE | EXTENDED_STATISTICS)
    lossy(leg)
    wait_for(lambda: leg.port.counters().packets_received == 114, "every packet")
    report = wait_for(lambda: extended(leg.phone.receive_rtcp()), "an extended report")
    assert report.ssrc == leg.port.ssrc
    statistics, metrics = report.blocks
    assert isinstance(statistics, UnknownBlock)
    assert (statistics.block_type, statistics.specific) == (6, 0xC0), "statistics with the L and D flags"
    assert isinstance(metrics, VoipMetrics)
    assert metrics.ssrc == leg.phone.ssrc
    wait_for(lambda: leg.port.quality().mos_now is not None, "an interval that was judged")
    later = wait_for(lambda: extended(leg.phone.receive_rtcp()), "another").blocks[1]
    assert later.loss_rate == 6 * 256 // 120
    assert later.burst_duration_ms == 6 * 20
    assert later.burst_density >= 250, "nothing came within the burst"
    assert later.minimum_gap == 16


def test_who_does_not_ask_gets_none(engine, make_leg):
    leg = make_leg(engine)
    lossy(leg)
    assert extended(leg.phone.receive_rtcp()) is None


def test_a_reference_time_is_answered(engine, make_leg, wait_for):
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    wait_for(lambda: leg.port.counters().packets_received, "the packet")
    asked = ExtendedReport(leg.phone.ssrc, (ReferenceTime(0x1122334455667788),)).serialize()
    leg.phone.send_rtcp(leg.port, asked)
    report = wait_for(lambda: extended(leg.phone.receive_rtcp()), "the answer")
    (delays,) = report.blocks
    assert isinstance(delays, DelayReport)
    assert delays.entries[0][:2] == (leg.phone.ssrc, 0x33445566)


def test_the_peers_verdict_is_kept(engine, make_leg, wait_for):
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    wait_for(lambda: leg.port.counters().packets_received, "the packet")
    said = VoipMetrics(leg.port.ssrc, loss_rate=64, r_factor=70, mos_listening=36, jitter_buffer_ms=60)
    leg.phone.send_rtcp(leg.port, ExtendedReport(leg.phone.ssrc, (said,)).serialize())
    verdict = wait_for(lambda: leg.port.quality().peer, "the verdict")
    assert (verdict.loss, verdict.r_factor, verdict.mos_listening, verdict.mos_conversational) == (0.25, 70, 3.6, None)
    assert verdict.jitter_buffer_ms == 60


@pytest.mark.parametrize(
    "blocks", [b"\7\0\0\x08" + bytes(8), b"\7\0\xff\xff", b"\4\0\0\2" + bytes(4)], ids=["short", "endless", "cut"]
)
def test_broken_blocks_are_counted_and_do_no_harm(engine, make_leg, wait_for, blocks):
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    wait_for(lambda: leg.port.counters().packets_received, "the packet")
    body = struct.pack(">I", leg.phone.ssrc) + blocks
    packet = struct.pack(">BBH", 0x80, 207, len(body) // 4) + body
    leg.phone.send_rtcp(leg.port, packet)
    wait_for(lambda: leg.port.counters().malformed == 1, "one malformed packet counted")
    assert leg.port.quality().peer is None


def test_loss_lowers_the_score_and_is_tallied(engine, make_leg, wait_for):
    clean, bad = make_leg(engine), make_leg(engine)
    lossy(clean, lost=())
    lossy(bad, lost=range(20, 50))
    wait_for(lambda: clean.port.quality().mos_now and bad.port.quality().mos_now, "both judged")
    assert clean.port.quality().mos > 4.3
    assert bad.port.quality().mos < 2.6
    assert bad.port.quality().loss == pytest.approx(30 / 120)
    tallies = read_tallies(engine.arena.workers)
    assert sum(count for _, count in tallies["mos"].classes) >= 2
    bad.port.close()
    assert bad.port.quality().mos < 2.6, "a closed port remembers"


def test_video_has_no_score(engine, make_leg, wait_for):
    leg = make_leg(engine, formats=(StreamFormat(96, "H264", 90000),))
    for number in range(20):
        leg.phone.send(leg.port, payload_type=96, sequence=number, timestamp=3000 * number)
    wait_for(lambda: leg.port.counters().packets_received == 20, "every packet")
    assert leg.port.quality().mos is None


@pytest.mark.skipif(not shutil.which("text2pcap") or not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_what_is_sent(make_engine, make_leg, wait_for, tmp_path):
    leg = make_leg(make_engine(report_interval_s=0.2), extended=EXTENDED_VOICE | EXTENDED_STATISTICS)
    lossy(leg)
    wait_for(lambda: leg.port.counters().packets_received == 114, "every packet")
    datagram = leg.phone.receive_rtcp()
    dump = " ".join(f"{octet:02x}" for octet in datagram)
    (tmp_path / "dump.txt").write_text(f"000000 {dump}\n")
    capture = tmp_path / "xr.pcap"
    subprocess.run(
        ["text2pcap", "-q", "-u", "5005,5005", tmp_path / "dump.txt", capture], check=True, capture_output=True
    )
    fields = ["rtcp.xr.bt", "rtcp.xr.voipmetrics.gmin", "rtcp.xr.stats.lost", "rtcp.length_check"]
    asked = [part for field in fields for part in ("-e", field)]
    read = subprocess.run(
        ["tshark", "-r", capture, "-d", "udp.port==5005,rtcp", "-T", "fields", *asked],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\t")
    assert read[0] == "6,7", "statistics and VoIP metrics"
    assert read[1] == "16"
    assert read[3].strip() in ("1", "True"), "the lengths of all parts add up"
