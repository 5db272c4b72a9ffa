"""RTCP sent and received, read and written by an independent implementation (scapy)."""

from __future__ import annotations

import struct
import time
import warnings

import pytest

from softswitch.media import Goodbye, StreamFormat

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.contrib.rtcp import RTCP

NTP_EPOCH = 2208988800


@pytest.fixture
def engine(mode, make_engine):
    """An engine that reports ten times a second."""
    return make_engine(report_interval_s=0.2)


def parts(datagram):
    """The RTCP packets of a compound, as scapy sees them, with their own octets."""
    found = []
    while datagram:
        octets = 4 * (struct.unpack_from(">H", datagram, 2)[0] + 1)
        assert octets <= len(datagram), "the length field reaches past the datagram"
        found.append((RTCP(datagram[:octets]), datagram[:octets]))
        datagram = datagram[octets:]
    return found


def block(ssrc, *, fraction=0, lost=0, highest=0, jitter=0, lsr=0, dlsr=0):
    """The octets of one report block."""
    return struct.pack(">IIIIII", ssrc, fraction << 24 | lost & 0xFFFFFF, highest, jitter, lsr, dlsr)


def receiver_report(ssrc, *blocks):
    """A receiver report with its blocks."""
    body = struct.pack(">I", ssrc) + b"".join(blocks)
    return struct.pack(">BBH", 0x80 | len(blocks), 201, len(body) // 4) + body


def sender_report(ssrc, ntp, rtp=0, packets=0, octets=0):
    """A sender report without blocks."""
    return struct.pack(">BBHIQIII", 0x80, 200, 6, ssrc, ntp, rtp, packets, octets)


def test_a_receiver_reports_loss_and_highest_sequence(engine, make_leg):
    leg = make_leg(engine)
    for number in (65534, 65535, 0, 1, 5, 6):  # 2, 3 and 4 are lost
        leg.phone.send(leg.port, sequence=number, timestamp=160 * (number + 2 & 0xFFFF))
    (report, _), (description, octets) = parts(leg.phone.receive_rtcp())[:2]
    assert (report.version, report.packet_type, report.count) == (2, 201, 1)
    assert report.sourcesync == leg.port.ssrc
    found = report.report_blocks[0]
    assert found.sourcesync == leg.phone.ssrc
    assert found.cumulative_lost == 3
    assert found.fraction_lost == (3 << 8) // 9
    assert found.highest_seqnum_recv == 0x10000 + 6
    assert (found.last_SR_timestamp, found.delay_since_last_SR) == (0, 0)
    assert description.packet_type == 202
    cname = octets[10:26]
    assert (octets[8], octets[9], octets[26:28]) == (1, 16, b"\0\0")
    assert cname.isalnum(), "a random CNAME (RFC 7022)"


def test_a_sender_reports_what_it_sent_and_when(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    for _ in range(3):
        one.phone.send(one.port)
        last = other.phone.receive()
    report, _ = parts(other.phone.receive_rtcp())[0]
    assert (report.packet_type, report.sourcesync, report.count) == (200, other.port.ssrc, 0)
    information = report.sender_info
    assert abs(information.ntp_timestamp / 2**32 - NTP_EPOCH - time.time()) < 1
    assert (information.sender_packet_count, information.sender_octet_count) == (3, 480)
    passed = (information.rtp_timestamp - last.timestamp) & 0xFFFFFFFF
    assert passed < 8000, "the RTP time of the report is that of the stream"


def test_a_port_that_has_fallen_silent_sends_receiver_reports(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    assert parts(other.phone.receive_rtcp())[0][0].packet_type == 200
    other.phone.send(other.port)
    assert parts(other.phone.receive_rtcp())[0][0].packet_type == 201


def test_the_peers_sender_report_is_answered_with_its_time(engine, make_leg, stage):
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    leg.phone.send_rtcp(leg.port, sender_report(leg.phone.ssrc, 0x1111_2233_4455_6677))
    stage.settle()
    sent_at = stage.monotonic()
    report, _ = parts(leg.phone.receive_rtcp())[0]
    found = report.report_blocks[0]
    assert found.last_SR_timestamp == 0x2233_4455
    assert found.delay_since_last_SR / 65536 == pytest.approx(stage.monotonic() - sent_at, abs=0.0001)


def test_the_peers_report_about_us_is_counted_and_gives_the_round_trip(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    information = parts(other.phone.receive_rtcp())[0][0].sender_info
    lsr = information.ntp_timestamp >> 16 & 0xFFFFFFFF
    answer = receiver_report(7, block(99), block(other.port.ssrc, fraction=64, lost=-2, jitter=80, lsr=lsr, dlsr=100))
    other.phone.send_rtcp(other.port, answer)
    wait_for(lambda: other.port.counters().rtcp_received == 1, "the report received")
    counters = other.port.counters()
    assert (counters.remote_lost, counters.remote_fraction_lost, counters.remote_jitter_ms) == (-2, 0.25, 10.0)
    assert counters.round_trip_ms is not None
    assert 0 <= counters.round_trip_ms < 1000


def test_jitter_of_an_even_stream_is_near_zero_and_of_an_uneven_one_is_not(engine, make_leg, wait_for):
    even, uneven = make_leg(engine), make_leg(engine)
    for number in range(20):
        even.phone.send(even.port, sequence=number, timestamp=0)
        uneven.phone.send(uneven.port, sequence=number, timestamp=number * 800)  # 100 ms apart by their own account
    wait_for(lambda: uneven.port.counters().packets_received == 20, "all packets received")
    assert even.port.counters().jitter_ms == 0
    assert uneven.port.counters().jitter_ms > 50


def test_closing_says_goodbye(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    ssrc = other.port.ssrc
    other.port.close()
    kinds = []
    while 203 not in kinds:
        compound = parts(other.phone.receive_rtcp())
        kinds = [packet.packet_type for packet, _ in compound]
    assert kinds in ([200, 202, 203], [201, 202, 203])
    assert compound[2][1] == struct.pack(">BBHI", 0x81, 203, 1, ssrc)


def test_the_peers_goodbye_is_an_event(engine, make_leg, next_event):
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    bye = receiver_report(leg.phone.ssrc) + struct.pack(">BBHI", 0x81, 203, 1, leg.phone.ssrc)
    leg.phone.send_rtcp(leg.port, bye)
    assert next_event(engine, Goodbye).port is leg.port


def test_multiplexed_rtcp_travels_on_the_rtp_port_both_ways(engine, make_phone, make_leg, wait_for):
    from softswitch.media import PCMA, PortSettings

    phone = make_phone()
    port = engine.open_port("mux", rtcp_mux=True)
    assert port.rtcp_port == port.local[1]
    port.configure(PortSettings(remote=phone.address, formats=(PCMA,), rtcp_mux=True))
    phone.send(port)
    report, _ = parts(phone.receive_raw())[0]
    assert report.packet_type == 201
    phone.rtp.sendto(sender_report(phone.ssrc, 1 << 40), port.local)
    wait_for(lambda: port.counters().rtcp_received == 1, "the muxed report received")
    assert phone.rtcp.getblocking() is True


def test_rtcp_is_not_forwarded(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    one.phone.send_rtcp(one.port, sender_report(one.phone.ssrc, 5))
    wait_for(lambda: one.port.counters().rtcp_received == 1, "the report received")
    for _ in range(2):
        sources = {packet.sourcesync for packet, _ in parts(other.phone.receive_rtcp())[:1]}
        assert sources == {other.port.ssrc}, "only our own reports reach the other side"


def test_rtcp_of_another_host_is_not_believed(engine, make_leg, wait_for):
    leg = make_leg(engine, remote=("127.0.0.2", 4000))
    leg.phone.send_rtcp(leg.port, sender_report(1, 5))
    wait_for(lambda: leg.port.counters().dropped_source == 1, "a report of a stranger dropped")
    assert leg.port.counters().rtcp_received == 0


def test_picture_feedback_is_counted(engine, make_leg, wait_for):
    leg = make_leg(engine, formats=(StreamFormat(96, "H264", 90000),))
    pli = struct.pack(">BBHII", 0x81, 206, 2, 1, leg.port.ssrc)
    leg.phone.send_rtcp(leg.port, receiver_report(1) + pli)
    wait_for(lambda: leg.port.counters().feedback_received == 1, "one PLI")


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x80",
        b"\x80\xc9\x00\x01",
        b"\x80\xc9\x00\x05" + bytes(8),
        b"\x80\xc9\x00\x01" + bytes(4) + b"\x81\xca",
        b"\x40\xc9\x00\x01" + bytes(4),
        b"\x80\x08\x00\x01" + bytes(4),
        b"\x9f\xc8\x00\x01" + bytes(5),
    ],
)
def test_malformed_rtcp_is_counted(engine, make_leg, wait_for, datagram):
    leg = make_leg(engine)
    leg.phone.send_rtcp(leg.port, datagram)
    wait_for(lambda: leg.port.counters().malformed == 1, "one malformed datagram")


def test_a_report_that_claims_more_blocks_than_it_has_is_read_to_its_end(engine, make_leg, wait_for):
    leg = make_leg(engine)
    lying = bytearray(receiver_report(7, block(leg.port.ssrc, lost=5)))
    lying[0] = 0x80 | 31
    leg.phone.send_rtcp(leg.port, bytes(lying))
    wait_for(lambda: leg.port.counters().remote_lost == 5, "the one block there is")
