"""RTCP that we receive: read and acted on, never passed on as it is (RFC 3550 §6.4, RFC 4585, RFC 5761)."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.asking import PAYLOAD_FEEDBACK, TRANSPORT_FEEDBACK
from softswitch.media.kernels.bundle import is_about
from softswitch.media.kernels.clock import middle32, ntp_time
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.extended import EXTENDED_REPORT, read_extended
from softswitch.media.kernels.octets import get16, get32
from softswitch.media.kernels.repair import answer_feedback
from softswitch.media.kernels.report import GOODBYE, RECEIVER_REPORT, SENDER_REPORT

_FIRST_TYPE, _LAST_TYPE = 192, 223  # RFC 5761 §4
_LONGEST_ROUND_TRIP = 60 << 16
_SLIGHTLY_NEGATIVE = 0x100000000 - (1 << 16)


@part
def is_rtcp(packet: Any, size: int) -> bool:
    """Whether a packet on a port that may carry both is RTCP (RFC 5761 §4)."""
    return bool(size >= 8 and packet[0] >> 6 == 2 and _FIRST_TYPE <= packet[1] <= _LAST_TYPE)


@part
def valid_compound(packet: Any, size: int) -> bool:
    """Whether a datagram is RTCP whose parts fill it exactly (RFC 3550 A.2, reduced size allowed by RFC 5506)."""
    if size % 4 != 0 or not is_rtcp(packet, size):
        return False
    at = 0
    while at + 4 <= size:
        if packet[at] >> 6 != 2 or not _FIRST_TYPE <= packet[at + 1] <= _LAST_TYPE:
            return False
        at += 4 * (get16(packet, at + 2) + 1)
    return at == size


@part
def read_compound(
    ports: Any, rooms: Any, slot: int, packet: Any, size: int, told: Any, scratch: Any, now_ns: int
) -> bool:
    """Take the numbers out of a valid compound packet; true when it says goodbye for the stream we receive.

    `told` is (worker, positions, events).
    """
    port = ports[slot]
    port["rtcp_received"] += 1
    goodbye = False
    at = 0
    while at < size:
        kind = packet[at + 1]
        octets = 4 * (get16(packet, at + 2) + 1)
        count = packet[at] & 0x1F
        if kind == SENDER_REPORT and octets >= 28:
            if port["bundled"] == 0 or get32(packet, at + 4) == port["rx_ssrc"]:
                port["last_sr"] = middle32(get32(packet, at + 8), get32(packet, at + 12))
                port["last_sr_ns"] = now_ns
            _read_blocks(port, packet, at + 28, at + octets, count, scratch)
        elif kind == RECEIVER_REPORT and octets >= 8:
            _read_blocks(port, packet, at + 8, at + octets, count, scratch)
        elif kind in (TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK) and (
            port["bundled"] == 0 or is_about(port, packet, at, at + octets)
        ):
            port["feedback_received"] += 1
            answer_feedback(ports, rooms, slot, packet, at, at + octets, told, scratch, now_ns)
        elif kind == EXTENDED_REPORT and octets >= 8:
            read_extended(port, packet, at, at + octets, now_ns)
        elif kind == GOODBYE and count > 0 and octets >= 8:
            goodbye |= get32(packet, at + 4) == port["rx_ssrc"]
        at += octets
    return goodbye


@part
def _read_blocks(port: Any, packet: Any, at: int, end: int, count: int, scratch: Any) -> None:
    for _ in range(count):
        if at + 24 > end:
            return
        if get32(packet, at) == port["tx_ssrc"]:
            port["remote_fraction_lost"] = packet[at + 4]
            lost = get32(packet, at + 4) & 0xFFFFFF
            port["remote_lost"] = lost - 0x1000000 if lost & 0x800000 else lost
            port["remote_jitter"] = get32(packet, at + 12)
            last_sr, delay = get32(packet, at + 16), get32(packet, at + 20)
            if last_sr != 0:
                seconds, fraction = ntp_time(scratch)
                trip = (middle32(seconds, fraction) - last_sr - delay) & 0xFFFFFFFF
                if trip >= _SLIGHTLY_NEGATIVE:  # the peer has rounded its delay up
                    trip = 0
                if trip <= _LONGEST_ROUND_TRIP:
                    port["round_trip"] = trip
        at += 24
