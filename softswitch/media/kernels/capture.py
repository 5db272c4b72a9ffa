"""Packets of single ports copied whole, for a capture of their call; a full ring costs the capture, not the call."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels import atomic
from softswitch.media.kernels.clock import monotonic_ns
from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.capture import (
    CAPTURE_KIND,
    CAPTURE_LOST,
    CAPTURE_PLACES,
    CAPTURE_READ,
    CAPTURE_SIZE,
    CAPTURE_SSRC,
    CAPTURE_TIME_NS,
    CAPTURE_WORDS,
    CAPTURE_WRITTEN,
)
from softswitch.media.layouts.shared import ADDRESS_WORDS, MAXIMUM_PACKET

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release


@part
def capture(port: Any, kind: int, address: Any, packet: Any, size: int, scratch: Any) -> None:
    """Copy `packet[:size]` (uint8), not encrypted, with the far `address` (uint32[7]) into the ring."""
    positions = scratch["capture_positions"]
    written = positions[CAPTURE_WRITTEN]
    if written - _load_acquire(positions, CAPTURE_READ) >= CAPTURE_PLACES:
        positions[CAPTURE_LOST] += 1
        return
    place = written % CAPTURE_PLACES
    heads, addresses, octets = scratch["capture_heads"], scratch["capture_addresses"], scratch["capture_octets"]
    at = place * CAPTURE_WORDS
    heads[at + CAPTURE_SSRC] = port["tx_ssrc"]
    heads[at + CAPTURE_KIND] = kind
    heads[at + CAPTURE_SIZE] = size
    heads[at + CAPTURE_TIME_NS] = monotonic_ns(scratch)
    for i in range(ADDRESS_WORDS):
        addresses[place * ADDRESS_WORDS + i] = address[i]
    for i in range(size):
        octets[place * MAXIMUM_PACKET + i] = packet[i]
    _store_release(positions, CAPTURE_WRITTEN, written + 1)
