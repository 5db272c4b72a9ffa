"""From one port to another: the packet goes out under the sending port's own SSRC, numbering and payload type.

Within one stream sequence numbers and timestamps move by a constant, so what was lost or reordered before us is seen
after us. When the stream changes (another SSRC, another source, a player before it) the numbering goes on by one and
the timestamp by the time that has passed, with the marker bit set: the listener hears one unbroken stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.g711 import ALAW_TO_ULAW as ALAW_TO_ULAW_TABLE
from mediacodecs.g711 import ULAW_TO_ALAW as ULAW_TO_ALAW_TABLE
from softswitch.media.kernels.capture import capture
from softswitch.media.kernels.clock import SECOND_NS, ticks
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.connected import send_to_peer
from softswitch.media.kernels.line import put_out
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.kernels.srtp import REFUSED, protect, protect_again
from softswitch.media.layouts.capture import RTP_SENT
from softswitch.media.layouts.shared import ALAW_TO_ULAW, COPY, INTERNAL_PORT, KEY_DOWN, NO_FEEDER, OPEN, UNMAPPED
from softswitch.media.layouts.srtp import PLAIN

_LONGEST_SILENCE_NS = 3600 * SECOND_NS


@part
def rebase(out: Any, feeder: int, ssrc: int, sequence: int, timestamp: int, clock: int, now_ns: int) -> None:
    """Let a new stream (from `feeder`, its first packet being this one) go on where the port's last one ended."""
    out["feeder"] = feeder
    out["feeder_ssrc"] = ssrc
    out["key_fence"] = -1
    out["feeder_sequence"] = sequence
    out["sequence_offset"] = (out["tx_sequence"] + 1 - sequence) & 0xFFFF
    passed = 0
    if out["tx_ns"] > 0:
        passed = max(ticks(min(max(now_ns - out["tx_ns"], 0), _LONGEST_SILENCE_NS), clock), 1)
    out["timestamp_offset"] = (out["tx_timestamp"] + passed - timestamp) & 0xFFFFFFFF
    out["marker_pending"] = 1


@part
def withhold(out: Any, feeder: int, ssrc: int, sequence: int) -> None:
    """Leave a packet of the present stream out, so that the listener sees no gap in the numbers for it."""
    if out["feeder"] == feeder and out["feeder_ssrc"] == ssrc:
        ahead = (sequence - out["feeder_sequence"]) & 0xFFFF
        if 0 < ahead < 0x8000:
            out["feeder_sequence"] = sequence
            out["sequence_offset"] = (out["sequence_offset"] - 1) & 0xFFFF
            out["marker_pending"] = 1


@part
def convert_payload(packet: Any, begin: int, end: int, conversion: int) -> None:
    """Turn the payload `packet[begin:end]` (uint8) from one G.711 law into the other, in place."""
    if conversion == ALAW_TO_ULAW:
        for i in range(begin, end):
            packet[i] = ALAW_TO_ULAW_TABLE[packet[i]]
    else:
        for i in range(begin, end):
            packet[i] = ULAW_TO_ALAW_TABLE[packet[i]]


@part
def forward(
    port: Any, slot: int, out: Any, size: int, number: int, stream: Any, renewed: bool, scratch: Any, now_ns: int
) -> None:
    """Send the packet in `scratch`, of `port` and its format `number`, through `out`.

    `stream` is (ssrc, sequence, timestamp). Pictures go by `viewing.show`.
    """
    packet = scratch["packet"]
    ssrc, sequence, timestamp = stream
    payload_type = port["route_payload_type"][number]
    if out["state"] != OPEN or out["playing"] != 0:
        port["dropped_unrouted"] += 1
        return
    if payload_type == UNMAPPED:
        port["dropped_payload_type"] += 1
        withhold(out, slot, ssrc, sequence)
        return
    if out["send"] == 0 or out["remote_length"] == 0 or out["keying"] == KEY_DOWN or port["hushed"] != 0:
        port["dropped_direction"] += 1
        withhold(out, slot, ssrc, sequence)
        if renewed:
            out["feeder"] = NO_FEEDER  # what comes after is another stream to the listener
        return
    begin, end = payload_bounds(packet, size)
    if begin == 0:
        port["malformed"] += 1
        withhold(out, slot, ssrc, sequence)
        return
    clock = np.int64(port["clock"][number])
    if out["feeder"] != slot or out["feeder_ssrc"] != ssrc or renewed:
        rebase(out, slot, ssrc, sequence, timestamp, clock, now_ns)
    elif out["key_fence"] >= 0 and _behind_fence(out, sequence):
        port["dropped_direction"] += 1
        return
    if port["route_convert"][number] != COPY:
        convert_payload(packet, begin, end, port["route_convert"][number])
    number_packet(out, packet, payload_type, sequence, timestamp, clock, now_ns)
    transmit(out, packet, size, end - begin, scratch)


@part
def _behind_fence(out: Any, sequence: int) -> bool:
    """Whether a packet comes late from before telephone-events that have taken its number."""
    behind = (out["key_fence"] - sequence) & 0xFFFF
    if behind < 0x8000:
        return True
    if behind < 0xFF00:  # that long ago nothing comes late any more
        out["key_fence"] = -1
    return False


@part
def number_packet(
    out: Any, packet: Any, payload_type: int, sequence: int, timestamp: int, clock: int, now_ns: int
) -> None:
    """Write the header as the listener of `out` is to see it; the stream's offsets must be those of the packet."""
    ahead = (sequence - out["feeder_sequence"]) & 0xFFFF
    if ahead < 0x8000:
        out["feeder_sequence"] = sequence
    sequence = (sequence + out["sequence_offset"]) & 0xFFFF
    timestamp = (timestamp + out["timestamp_offset"]) & 0xFFFFFFFF
    if ((sequence - out["tx_sequence"]) & 0xFFFF) < 0x8000:
        out["tx_sequence"] = sequence
        out["tx_timestamp"] = timestamp
        out["tx_ns"] = now_ns
        out["tx_clock"] = clock
    marker = packet[1] & 0x80
    if out["marker_pending"] != 0:
        out["marker_pending"] = 0
        marker = 0x80
    packet[1] = marker | payload_type
    put16(packet, 2, sequence)
    put32(packet, 4, timestamp)
    put32(packet, 8, out["tx_ssrc"])


@part
def transmit(out: Any, packet: Any, size: int, payload_size: int, scratch: Any) -> None:
    """Send a finished RTP packet to the port's peer, secured if that is agreed, and count it."""
    if out["kind"] >= INTERNAL_PORT:
        sent: Any = size if put_out(out, packet, size, scratch) else -1
        _count(out, sent, payload_size)
        return
    if out["captured"] != 0:
        capture(out, RTP_SENT, out["remote"], packet, size, scratch)
    data = packet.ctypes.data
    if out["srtp_profile"] != PLAIN:
        size = protect(out, packet, size, scratch)
        data = scratch["sealed"].ctypes.data
    _send(out, data, size, payload_size)


@part
def transmit_again(out: Any, packet: Any, size: int, payload_size: int, scratch: Any) -> None:
    """`transmit` for a packet that was sent before, octet for octet, and has been lost."""
    if out["captured"] != 0:
        capture(out, RTP_SENT, out["remote"], packet, size, scratch)
    data = packet.ctypes.data
    if out["srtp_profile"] != PLAIN:
        size = protect_again(out, packet, size, scratch)
        data = scratch["sealed"].ctypes.data
    _send(out, data, size, payload_size)


@part
def _send(out: Any, data: int, size: int, payload_size: int) -> None:
    sent = send_to_peer(out, data, size) if size != REFUSED else -1
    _count(out, sent, payload_size)


@part
def _count(out: Any, sent: int, payload_size: int) -> None:
    if sent < 0:
        out["send_errors"] += 1
        return
    out["packets_sent"] += 1
    out["octets_sent"] += sent
    out["payload_octets_sent"] += payload_size
