"""Datagrams on a port's RTP socket that are no media: STUN and DTLS, handled by the control side (RFC 7983 §7).

They are rare, a handshake at the beginning and a check every few seconds, so they are copied into a ring of the worker
and answered from there. A port may hand over only so many in a tenth of a second: a flood is left in the packet
thread, where it is counted and costs nothing more. What the control side has to send comes back as a command, its
octets lying in the worker's `datagrams`.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels import atomic
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import sendto, write
from softswitch.media.layouts.shared import ADDRESS_WORDS, TRANSPORT_DTLS
from softswitch.media.layouts.worker import PUNT_OCTETS, PUNT_PLACES, PUNTS_READ, PUNTS_WRITTEN

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release

_WINDOW_NS = 100_000_000
_PUNTS_IN_WINDOW = 32


@part
def punt(port: Any, slot: int, packet: Any, size: int, worker: Any, scratch: Any, now_ns: int) -> bool:
    """Hand `packet[:size]` (uint8), from the scratch source, to the control side; False when it is none of these, or
    there are too many."""
    dtls = 20 <= packet[0] <= 63 and port["transport"] & TRANSPORT_DTLS != 0
    if (not dtls and packet[0] > 3) or size > PUNT_OCTETS:
        return False
    if now_ns - port["punts_from_ns"] > _WINDOW_NS:
        port["punts_from_ns"] = now_ns
        port["punts"] = 0
    positions = worker["punt_positions"]
    written = positions[PUNTS_WRITTEN]
    if port["punts"] >= _PUNTS_IN_WINDOW or written - _load_acquire(positions, PUNTS_READ) >= PUNT_PLACES:
        return False
    port["punts"] += 1
    place = written % PUNT_PLACES
    worker["punt_port"][place] = slot
    worker["punt_generation"][place] = port["generation"]
    worker["punt_length"][place] = size
    sources, octets = worker["punt_source"], worker["punt_octets"]
    for i in range(ADDRESS_WORDS):
        sources[place * ADDRESS_WORDS + i] = scratch["source"][i]
    for i in range(size):
        octets[place * PUNT_OCTETS + i] = packet[i]
    _store_release(positions, PUNTS_WRITTEN, written + 1)
    scratch["word"][0] = 1
    write(worker["event_fd"], scratch["word"].ctypes.data, 8)
    return True


@part
def send_datagram(port: Any, worker: Any, command: Any) -> None:
    """Send what the control side put into `datagrams` to the command's address."""
    begin = worker["datagrams"].ctypes.data + command["place"] * PUNT_OCTETS
    address, length = command["signalled"], command["signalled_length"]
    if sendto(port["rtp_fd"], begin, command["octets"], 0, address.ctypes.data, length) < 0:
        port["send_errors"] += 1
