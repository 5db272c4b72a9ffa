"""Extended reports (RFC 3611), sent to peers that asked for them and read from whoever sends them."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.clock import middle32
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.octets import get16, get32, put16, put32
from softswitch.media.kernels.quality import burst_and_gap, delay_ms, round_trip_ms
from softswitch.media.kernels.reception import expected_in_stream, lost_in_stream
from softswitch.media.layouts.quality import (
    EXTENDED_STATISTICS,
    EXTENDED_VOICE,
    STATISTICS_BLOCK_OCTETS,
    VOICE_BLOCK_OCTETS,
)
from softswitch.rtp.bursts import MINIMUM_GAP

EXTENDED_REPORT = 207
_REFERENCE_TIME, _DELAY, _STATISTICS, _VOICE = 4, 5, 6, 7
_VERSION = 0x80
_LOSS_AND_DUPLICATES = 0xC0  # the L and D flags of a statistics block
_UNKNOWN = 127
_MILLION = 1_000_000


@part
def write_extended(port: Any, packet: Any, at: int, now_ns: int) -> int:
    """Write an XR packet with what the peer wants to know, if anything; returns where it ends."""
    wanted = port["extended"] if port["rx_ssrc"] >= 0 else 0
    if wanted == 0 and port["last_reference"] == 0:
        return at
    end = at + 8
    packet[at] = _VERSION
    packet[at + 1] = EXTENDED_REPORT
    put32(packet, at + 4, port["tx_ssrc"])
    if port["last_reference"] != 0:
        end = _write_delay(port, packet, end, now_ns)
    if wanted & EXTENDED_STATISTICS:
        end = _write_statistics(port, packet, end)
    if wanted & EXTENDED_VOICE:
        end = _write_voice(port, packet, end)
    put16(packet, at + 2, (end - at) // 4 - 1)
    return end


@part
def _head(packet: Any, at: int, kind: int, specific: int, octets: int) -> None:
    """The head of a block; all that follows is zero until it is written."""
    for i in range(octets):
        packet[at + 4 + i] = 0
    packet[at] = kind
    packet[at + 1] = specific
    put16(packet, at + 2, octets // 4)


@part
def _write_delay(port: Any, packet: Any, at: int, now_ns: int) -> int:
    """The answer to the peer's reference time (§4.5), by which it knows the round trip without sending RTP."""
    _head(packet, at, _DELAY, 0, 12)
    put32(packet, at + 4, max(port["rx_ssrc"], 0))
    put32(packet, at + 8, port["last_reference"])
    put32(packet, at + 12, min((now_ns - port["last_reference_ns"]) // 1000 * 65536 // _MILLION, 0xFFFFFFFF))
    port["last_reference"] = 0
    return at + 16


@part
def _write_statistics(port: Any, packet: Any, at: int) -> int:
    """Lost and repeated packets since the block before (§4.6)."""
    _head(packet, at, _STATISTICS, _LOSS_AND_DUPLICATES, STATISTICS_BLOCK_OCTETS)
    end = port["cycles"] + port["highest_sequence"] + 1
    lost = max(lost_in_stream(port), 0)
    put32(packet, at + 4, port["rx_ssrc"])
    put16(packet, at + 8, port["statistics_from"] & 0xFFFF)
    put16(packet, at + 10, end & 0xFFFF)
    put32(packet, at + 12, max(lost - port["statistics_lost"], 0))
    put32(packet, at + 16, port["duplicates_in_stream"] - port["statistics_duplicates"])
    port["statistics_from"] = end
    port["statistics_lost"] = lost
    port["statistics_duplicates"] = port["duplicates_in_stream"]
    return at + 4 + STATISTICS_BLOCK_OCTETS


@part
def _write_voice(port: Any, packet: Any, at: int) -> int:
    """VoIP metrics (§4.7): loss and its bursts since the beginning, rating of the last interval."""
    _head(packet, at, _VOICE, 0, VOICE_BLOCK_OCTETS)
    burst_density, gap_density, burst_ms, gap_ms = burst_and_gap(port)
    expected = expected_in_stream(port)
    put32(packet, at + 4, port["rx_ssrc"])
    packet[at + 8] = min(int(max(lost_in_stream(port), 0) * 256 // max(expected, 1)), 255)
    packet[at + 10] = min(int(burst_density * 256.0), 255)
    packet[at + 11] = min(int(gap_density * 256.0), 255)
    put16(packet, at + 12, min(int(burst_ms), 0xFFFF))
    put16(packet, at + 14, min(int(gap_ms), 0xFFFF))
    trip = round_trip_ms(port)
    put16(packet, at + 16, min(int(trip), 0xFFFF))
    put16(packet, at + 18, min(max(int(delay_ms(port) - trip / 2.0), 0), 0xFFFF))
    packet[at + 20] = packet[at + 21] = packet[at + 22] = _UNKNOWN  # levels and echo, which a relay does not measure
    packet[at + 23] = MINIMUM_GAP
    known = port["interval_mos"] > 0.0
    packet[at + 24] = int(port["interval_r"]) if known else _UNKNOWN
    packet[at + 25] = _UNKNOWN
    score = int(port["interval_mos"] * 10.0 + 0.5) if known else _UNKNOWN
    packet[at + 26] = packet[at + 27] = score
    return at + 4 + VOICE_BLOCK_OCTETS


@part
def read_extended(port: Any, packet: Any, at: int, end: int, now_ns: int) -> None:
    """Keep what the peer says of our stream, and its reference time; blocks of other kinds are passed over."""
    port["extended_received"] += 1
    at += 8
    while at + 4 <= end:
        kind = packet[at]
        octets = 4 * get16(packet, at + 2)
        body = at + 4
        at = body + octets
        if at > end:
            port["malformed"] += 1
            return
        if kind == _REFERENCE_TIME and octets == 8:
            port["last_reference"] = middle32(get32(packet, body), get32(packet, body + 4))
            port["last_reference_ns"] = now_ns
        elif octets >= 4 and get32(packet, body) == port["tx_ssrc"]:
            if kind == _VOICE and octets == VOICE_BLOCK_OCTETS:
                port["voice_blocks"] += 1
                for i in range(VOICE_BLOCK_OCTETS):
                    port["voice_block"][i] = packet[body + i]
            elif kind == _STATISTICS and octets == STATISTICS_BLOCK_OCTETS:
                port["statistics_blocks"] += 1
                for i in range(STATISTICS_BLOCK_OCTETS):
                    port["statistics_block"][i] = packet[body + i]
