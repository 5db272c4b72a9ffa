"""Copies of packets for a recorder, put into a ring that it empties; a full ring costs the recording, not the call."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels import atomic
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.octets import copy_octets, get16, get32
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.layouts.shared import CONFERENCE_PEER, FAN_OUT_PEER
from softswitch.media.layouts.tap import (
    TAP_DIRECTION_SHIFT,
    TAP_GENERATION,
    TAP_KIND,
    TAP_LOST,
    TAP_OCTETS,
    TAP_PLACES,
    TAP_PORT,
    TAP_READ,
    TAP_RECEIVED,
    TAP_SENT,
    TAP_SEQUENCE,
    TAP_SIZE,
    TAP_SSRC,
    TAP_TIME_NS,
    TAP_TIMESTAMP,
    TAP_WORDS,
    TAP_WRITTEN,
)

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release


@part
def tap_received(
    port: Any, slot: int, rooms: Any, voices: Any, packet: Any, size: int, scratch: Any, now_ns: int
) -> None:
    """Copy a packet of the port's peer, unless nobody is to hear it: it is held, muted, or has not got the floor."""
    if port["receive"] == 0:
        return
    if port["peer"] == FAN_OUT_PEER and rooms[port["room"]]["talker"] != slot:
        return
    if port["peer"] == CONFERENCE_PEER and voices[port["voice"]]["muted"] != 0:
        return
    tap(port, slot, TAP_RECEIVED, packet, size, scratch, now_ns)


@part
def tap_sent(port: Any, slot: int, packet: Any, size: int, scratch: Any, now_ns: int) -> None:
    """Copy a packet that was made for the port's peer, when that is wanted."""
    if port["tap"] & TAP_SENT != 0:
        tap(port, slot, TAP_SENT, packet, size, scratch, now_ns)


@part
def tap(port: Any, slot: int, direction: int, packet: Any, size: int, scratch: Any, now_ns: int) -> None:
    """Put an RTP packet, `packet[:size]` (uint8), into the ring."""
    begin, end = payload_bounds(packet, size)
    if begin == 0:
        return
    positions = scratch["tap_positions"]
    written = positions[TAP_WRITTEN]
    length = end - begin
    places = max((length + TAP_OCTETS - 1) // TAP_OCTETS, 1)
    place = written % TAP_PLACES
    # A packet that would begin near the end and go on past it ends behind it; its places are counted all the same.
    if written + places - _load_acquire(positions, TAP_READ) > TAP_PLACES:
        positions[TAP_LOST] += 1
        return
    heads, payload = scratch["tap_heads"], scratch["tap_payload"]
    at = place * TAP_WORDS
    heads[at + TAP_PORT] = slot
    heads[at + TAP_GENERATION] = port["generation"]
    heads[at + TAP_KIND] = np.int64(packet[1]) | direction << TAP_DIRECTION_SHIFT
    heads[at + TAP_SIZE] = length
    heads[at + TAP_SSRC] = get32(packet, 8)
    heads[at + TAP_SEQUENCE] = get16(packet, 2)
    heads[at + TAP_TIMESTAMP] = get32(packet, 4)
    heads[at + TAP_TIME_NS] = now_ns
    copy_octets(packet, begin, payload, place * TAP_OCTETS, length)
    _store_release(positions, TAP_WRITTEN, written + places)
