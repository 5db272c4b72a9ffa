"""Feedback of a viewer about what it sees, answered or brought to the source (RFC 4585, RFC 5104).

A viewer knows a stream under our SSRC and numbering, the source under its own. Requests for a key frame go to whoever
the viewer sees, from all viewers together as one. Lost packets are repeated out of the cache; what never reached us is
asked for of the source under its own numbers. Bandwidth estimates (REMB, transport-wide) end here.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.asking import (
    FIR,
    NACK,
    PAYLOAD_FEEDBACK,
    PLI,
    TRANSPORT_FEEDBACK,
    ask_packets,
    ask_picture,
    want_picture,
)
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import transmit_again
from softswitch.media.kernels.octets import get16, put16, put32
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.kernels.picture_cache import find, to_be_asked
from softswitch.media.layouts.shared import FAN_OUT_PEER, NOBODY, OPEN, UNMAPPED

_HEAD_OCTETS = 12
_FOLLOWING = 16
#: A viewer may have so many packets repeated in a tenth of a second, however many it asks for.
_REPEATS = 200
_REPEATS_WINDOW_NS = 100_000_000


@part
def answer_feedback(
    ports: Any, rooms: Any, slot: int, packet: Any, at: int, end: int, told: Any, scratch: Any, now_ns: int
) -> None:
    """Act on the feedback `packet[at:end]` (uint8) of a valid compound; `told` is (worker, positions, events)."""
    port = ports[slot]
    worker, positions, events = told
    form, kind = packet[at] & 0x1F, packet[at + 1]
    source = source_of(ports, rooms, slot)
    if source == NOBODY or end - at < _HEAD_OCTETS:
        return
    if kind == PAYLOAD_FEEDBACK and form in (PLI, FIR):
        want_picture(ports[source])
        ask_picture(ports[source], source, worker, positions, events, scratch, now_ns)
    elif kind == TRANSPORT_FEEDBACK and form == NACK and port["feeder"] == source:
        for place in range(at + _HEAD_OCTETS, end - 3, 4):
            _repeat(ports, port, source, get16(packet, place), get16(packet, place + 2), scratch, now_ns)


@part
def source_of(ports: Any, rooms: Any, slot: int) -> Any:
    """Whose packets the port's peer is sent, or would be; NOBODY for no other port."""
    port = ports[slot]
    source = port["feeder"]
    if source < 0:
        source = port["peer"]
        if source == FAN_OUT_PEER:
            room = rooms[port["room"]]
            source = room["second"] if room["talker"] == slot else room["talker"]
    if source < 0 or ports[source]["state"] != OPEN or ports[source]["worker"] != port["worker"]:
        return NOBODY
    return source


@part
def _repeat(ports: Any, out: Any, slot: int, sequence: int, following: int, scratch: Any, now_ns: int) -> None:
    """Send again what `out`'s peer has lost, and ask for what we have lost ourselves, as one request."""
    port = ports[slot]
    asked, asked_following = -1, 0
    for i in range(_FOLLOWING + 1):
        if i > 0 and following >> (i - 1) & 1 == 0:
            continue
        number = (sequence + i) & 0xFFFF
        known = (number - out["stream_first"]) & 0xFFFF < 0x8000 and (out["tx_sequence"] - number) & 0xFFFF < 0x8000
        if not known or not _within_budget(out, now_ns):
            continue
        theirs = (number - out["sequence_offset"]) & 0xFFFF
        if _send_again(port, slot, out, number, theirs, scratch):
            continue
        if to_be_asked(port, slot, out["feeder_ssrc"], theirs, scratch, now_ns):
            if asked < 0:
                asked = theirs
            else:
                asked_following |= 1 << (((theirs - asked) & 0xFFFF) - 1)
    if asked >= 0:
        ask_packets(port, asked, asked_following, scratch)


@part
def _within_budget(out: Any, now_ns: int) -> bool:
    if now_ns - out["repeats_from_ns"] > _REPEATS_WINDOW_NS:
        out["repeats_from_ns"] = now_ns
        out["repeats"] = 0
    out["repeats"] += 1
    return bool(out["repeats"] <= _REPEATS)


@part
def _send_again(port: Any, slot: int, out: Any, number: int, theirs: int, scratch: Any) -> bool:
    packet = scratch["output"]
    size, form, timestamp = find(port, slot, out["feeder_ssrc"], theirs, packet, scratch)
    if size == 0:
        return False
    begin, end = payload_bounds(packet, size)
    payload_type = port["route_payload_type"][form]
    if port["peer"] == FAN_OUT_PEER and payload_type != UNMAPPED:
        payload_type = out["deliver_payload_type"][payload_type]
    if payload_type == UNMAPPED or out["send"] == 0 or out["remote_length"] == 0:
        return True
    packet[1] = (packet[1] & 0x80) | payload_type
    put16(packet, 2, number)
    put32(packet, 4, (timestamp + out["timestamp_offset"]) & 0xFFFFFFFF)
    put32(packet, 8, out["tx_ssrc"])
    transmit_again(out, packet, size, end - begin, scratch)
    out["packets_repeated"] += 1
    return True
