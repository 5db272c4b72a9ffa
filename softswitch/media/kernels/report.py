"""RTCP that we send: SR or RR, SDES, XR for those who want it, and BYE when the port closes (RFC 3550 §6)."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.capture import capture
from softswitch.media.kernels.clock import ntp_time, random31, ticks
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.extended import write_extended
from softswitch.media.kernels.libc import sendto
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.kernels.reception import expected_in_stream, lost_in_stream
from softswitch.media.kernels.srtcp import protect_rtcp
from softswitch.media.kernels.srtp import REFUSED
from softswitch.media.layouts.capture import RTCP_SENT
from softswitch.media.layouts.srtp import PLAIN

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE = 200, 201, 202, 203
_VERSION = 0x80
_CNAME_ITEM = 1
_CNAME_OCTETS = 16
_SR_OCTETS, _RR_OCTETS, _BLOCK_OCTETS = 28, 8, 24


@part
def plan_report(port: Any, worker: Any, now_ns: int) -> None:
    """Choose the time of the next report: the interval, by a random half more or less (RFC 3550 §6.2)."""
    interval = worker["report_interval_ns"]
    port["next_report_ns"] = now_ns + interval // 2 + interval // 1000 * random31(worker) // 0x7FFFFFFF * 1000


@part
def send_report(port: Any, scratch: Any, goodbye: bool, now_ns: int) -> None:
    """Send the compound report of a port to its peer, if there is anything to report and somewhere to send it."""
    if port["packets_sent"] == 0 and port["rx_ssrc"] < 0:
        return
    packet = scratch["output"]
    size = _write_report(port, packet, scratch, now_ns)
    size = write_description(port, packet, size)
    size = write_extended(port, packet, size, now_ns)
    if goodbye:
        packet[size] = _VERSION | 1
        packet[size + 1] = GOODBYE
        put16(packet, size + 2, 1)
        put32(packet, size + 4, port["tx_ssrc"])
        size += 8
    send_rtcp(port, packet, size, scratch)


@part
def send_rtcp(port: Any, packet: Any, size: int, scratch: Any) -> None:
    """Send a compound packet to the port's peer, secured if that is agreed, and count it."""
    if port["captured"] != 0:
        capture(port, RTCP_SENT, port["remote"] if port["rtcp_mux"] != 0 else port["rtcp"], packet, size, scratch)
    data = packet.ctypes.data
    if port["srtp_profile"] != PLAIN:
        size = protect_rtcp(port, packet, size, scratch)
        data = scratch["sealed"].ctypes.data
        if size == REFUSED:
            return
    if port["rtcp_mux"] != 0:
        sent = sendto(port["rtp_fd"], data, size, 0, port["remote"].ctypes.data, port["remote_length"])
    else:
        fd = port["rtcp_fd"] if port["rtcp_fd"] >= 0 else port["rtp_fd"]
        sent = sendto(fd, data, size, 0, port["rtcp"].ctypes.data, port["rtcp_length"])
    if sent > 0:
        port["rtcp_sent"] += 1


@part
def _write_report(port: Any, packet: Any, scratch: Any, now_ns: int) -> int:
    """SR when something was sent since the report before the last, else RR; returns the octets written."""
    sender = port["packets_sent"] > port["packets_at_report"]
    port["packets_at_report"] = port["packets_sent"]
    blocks = 1 if port["rx_ssrc"] >= 0 else 0
    size = _SR_OCTETS if sender else _RR_OCTETS
    packet[0] = _VERSION | blocks
    packet[1] = SENDER_REPORT if sender else RECEIVER_REPORT
    put16(packet, 2, (size + blocks * _BLOCK_OCTETS) // 4 - 1)
    put32(packet, 4, port["tx_ssrc"])
    if sender:
        seconds, fraction = ntp_time(scratch)
        put32(packet, 8, seconds)
        put32(packet, 12, fraction)
        put32(packet, 16, port["tx_timestamp"] + ticks(max(now_ns - port["tx_ns"], 0), port["tx_clock"]))
        put32(packet, 20, port["packets_sent"])
        put32(packet, 24, port["payload_octets_sent"])
    if blocks:
        _write_block(port, packet, size, now_ns)
        size += _BLOCK_OCTETS
    return size


@part
def _write_block(port: Any, packet: Any, at: int, now_ns: int) -> None:
    """One reception report block (RFC 3550 §6.4.1, A.3)."""
    expected = expected_in_stream(port)
    expected_interval = expected - port["expected_prior"]
    received_interval = port["rx_in_stream"] - port["received_prior"]
    port["expected_prior"] = expected
    port["received_prior"] = port["rx_in_stream"]
    lost_interval = expected_interval - received_interval
    fraction = 0
    if expected_interval > 0 and lost_interval > 0:
        fraction = min((lost_interval << 8) // expected_interval, 255)
    lost = lost_in_stream(port) - port["duplicates_in_stream"]  # late and repeated ones count as received
    lost = min(max(lost, -0x800000), 0x7FFFFF)
    put32(packet, at, port["rx_ssrc"])
    put32(packet, at + 4, (fraction << 24) | (lost & 0xFFFFFF))
    put32(packet, at + 8, port["cycles"] + port["highest_sequence"])
    put32(packet, at + 12, port["jitter_16"] >> 4)
    put32(packet, at + 16, port["last_sr"])
    delay = 0
    if port["last_sr"] != 0:
        delay = min((now_ns - port["last_sr_ns"]) // 1000 * 65536 // 1_000_000, 0xFFFFFFFF)
    put32(packet, at + 20, delay)


@part
def write_description(port: Any, packet: Any, at: int) -> int:
    """SDES with the port's CNAME (RFC 3550 §6.5); returns where it ends."""
    packet[at] = _VERSION | 1
    packet[at + 1] = DESCRIPTION
    put32(packet, at + 4, port["tx_ssrc"])
    packet[at + 8] = _CNAME_ITEM
    packet[at + 9] = _CNAME_OCTETS
    for i in range(_CNAME_OCTETS):
        packet[at + 10 + i] = port["cname"][i]
    end = at + 10 + _CNAME_OCTETS
    padded = (end // 4 + 1) * 4  # at least one zero octet ends the list of items
    for i in range(end, padded):
        packet[i] = 0
    put16(packet, at + 2, (padded - at) // 4 - 1)
    return padded
