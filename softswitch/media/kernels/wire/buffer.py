"""The jitter buffer of a pseudowire: packets in by sequence number, one out for every tick of the span's clock.

It is filled to half its depth before the first is taken out. What is missing at its turn is lost for good; after so
many in a row that nothing more is to be expected the buffer is filled anew (RFC 5086 §6.2, RFC 4553 §6.2).
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.clock import SECOND_NS
from softswitch.media.kernels.octets import copy_octets
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.layouts.wire import (
    FLAG_L,
    FLAG_R,
    FLAG_RDI,
    WIRE_FLOWING,
    WIRE_GATHERING,
    WIRE_IDLE,
    WIRE_OCTETS,
    WIRE_PLACES,
)

#: Packets in a row that come too late before the buffer is filled anew.
_LATE_IN_ROW = 8
NOTHING, LOST, TAKEN = 0, 1, 2


@part
def empty(span: Any) -> None:
    """Forget every packet that waits, and wait for the next."""
    for i in range(WIRE_PLACES):
        span["place_sequence"][i] = -1
    span["state"] = WIRE_IDLE
    span["late_in_row"] = 0


@part
def put(span: Any, packet: Any, begin: int, size: int, sequence: int, flags: int, now_ns: int) -> None:
    """Put a packet's payload, `packet[begin:begin + size]` (uint8), in its place."""
    span["packets_received"] += 1
    ahead = (sequence - span["next_sequence"]) & 0xFFFF
    if span["state"] != WIRE_IDLE and ahead >= 0x8000:
        span["packets_late"] += 1
        span["late_in_row"] += 1
        if span["late_in_row"] < _LATE_IN_ROW:
            return
        empty(span)
    elif span["state"] != WIRE_IDLE and ahead >= WIRE_PLACES:
        empty(span)
    if span["state"] == WIRE_IDLE:
        span["state"] = WIRE_GATHERING
        span["gatherings"] += 1
        span["next_sequence"] = sequence
        span["highest_sequence"] = (sequence - 1) & 0xFFFF
        span["gathering_from_ns"] = now_ns
    span["late_in_row"] = 0
    place = sequence & (WIRE_PLACES - 1)
    if span["place_sequence"][place] == sequence:
        span["packets_duplicate"] += 1
        return
    if ((sequence - span["highest_sequence"]) & 0xFFFF) < 0x8000:
        span["highest_sequence"] = sequence
    else:
        span["packets_reordered"] += 1
    if span["state"] == WIRE_FLOWING:
        _measure(span, sequence, now_ns)
    span["place_sequence"][place] = sequence
    span["place_size"][place] = size
    span["place_flags"][place] = flags
    _count_flags(span, flags)
    copy_octets(packet, begin, span["packets"], place * WIRE_OCTETS, size)


@part
def _count_flags(span: Any, flags: int) -> None:
    if flags & FLAG_L:
        span["l_bits"] += 1
    if flags & FLAG_R:
        span["r_bits"] += 1
    if flags & FLAG_RDI:
        span["rdi_bits"] += 1


@part
def _measure(span: Any, sequence: int, now_ns: int) -> None:
    """Add to the statistics of how long before its turn a packet comes, by which the far end's clock is told."""
    before = (sequence - span["next_sequence"]) & 0xFFFF
    slack_ns = span["next_tick_ns"] + before * span["period_ns"] - now_ns
    span["slack_sum_ns"] += slack_ns
    span["slack_count"] += 1


@part
def take(span: Any) -> Any:
    """What this tick's packet is: NOTHING while the buffer is filled, LOST, or TAKEN, which leaves its place."""
    if span["state"] == WIRE_IDLE:
        return NOTHING
    if span["state"] == WIRE_GATHERING:
        if span["next_tick_ns"] - span["gathering_from_ns"] < span["depth_ns"] // 2:
            return NOTHING
        span["state"] = WIRE_FLOWING
    place = span["next_sequence"] & (WIRE_PLACES - 1)
    found = span["place_sequence"][place] == span["next_sequence"]
    span["next_sequence"] = (span["next_sequence"] + 1) & 0xFFFF
    if found:
        span["place_sequence"][place] = -1
        span["flags"] = span["place_flags"][place]
    else:
        span["packets_lost"] += 1
    follow_loss(span, found)
    if not found and span["missing_in_row"] >= span["loss_enter"]:
        empty(span)
    return TAKEN if found else LOST


@part
def follow_loss(span: Any, found: bool) -> None:
    """Enter and leave the state of packet loss, in which R is sent (RFC 4553 §6.2.2)."""
    if found:
        span["missing_in_row"] = 0
        span["good_in_row"] += 1
    else:
        span["good_in_row"] = 0
        span["missing_in_row"] += 1
        span["loss_missing"] += 1
    span["loss_ticks"] += 1
    if span["missing_in_row"] >= span["loss_enter"]:
        span["lossy"] = 1
    if span["loss_ticks"] * span["period_ns"] >= SECOND_NS:
        if span["loss_missing"] * 100 > span["loss_percent"] * span["loss_ticks"]:
            span["lossy"] = 1
        span["loss_ticks"] = 0
        span["loss_missing"] = 0
    if span["good_in_row"] >= span["loss_leave"]:
        span["lossy"] = 0
