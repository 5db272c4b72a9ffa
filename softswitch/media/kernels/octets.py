"""Numbers in network byte order and socket addresses, in octet and word arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.shared import ADDRESS_WORDS


@part
def get16(packet: Any, at: int) -> Any:
    """The 16-bit number at octet `at` of `packet` (uint8[n])."""
    return (np.int64(packet[at]) << 8) | np.int64(packet[at + 1])


@part
def get32(packet: Any, at: int) -> Any:
    """The unsigned 32-bit number at octet `at` of `packet` (uint8[n])."""
    return (
        (np.int64(packet[at]) << 24)
        | (np.int64(packet[at + 1]) << 16)
        | (np.int64(packet[at + 2]) << 8)
        | np.int64(packet[at + 3])
    )


@part
def put16(packet: Any, at: int, value: int) -> None:
    """Write a 16-bit number at octet `at` of `packet` (uint8[n])."""
    packet[at] = (value >> 8) & 0xFF
    packet[at + 1] = value & 0xFF


@part
def put32(packet: Any, at: int, value: int) -> None:
    """Write a 32-bit number at octet `at` of `packet` (uint8[n])."""
    packet[at] = (value >> 24) & 0xFF
    packet[at + 1] = (value >> 16) & 0xFF
    packet[at + 2] = (value >> 8) & 0xFF
    packet[at + 3] = value & 0xFF


@part
def copy_octets(source: Any, begin: int, target: Any, at: int, count: int) -> None:
    """Copy `source[begin:begin + count]` to `target[at:]`: of views, so that it becomes one block move."""
    taken, place = source[begin : begin + count], target[at : at + count]
    for i in range(count):
        place[i] = taken[i]


@part
def same_host(one: Any, other: Any, ipv6: int) -> bool:
    """Whether two socket addresses (uint32[7]) name the same host."""
    if ipv6 == 0:
        return bool(one[1] == other[1])
    return bool(one[2] == other[2] and one[3] == other[3] and one[4] == other[4] and one[5] == other[5])


@part
def same_address(one: Any, other: Any, ipv6: int) -> bool:
    """Whether two socket addresses (uint32[7]) name the same host and port."""
    return bool(one[0] == other[0]) and same_host(one, other, ipv6)


@part
def copy_address(source: Any, target: Any) -> None:
    """Copy a socket address (uint32[7])."""
    for i in range(ADDRESS_WORDS):
        target[i] = source[i]


@part
def raise_port(address: Any) -> None:
    """Turn an RTP address (uint32[7]) into that of its RTCP: one port higher (RFC 3550 §11).

    The port is in network order in the upper half of the first word, whose lower half is the address family.
    """
    word = np.int64(address[0])
    port = ((word >> 24) & 0xFF) | ((word >> 8) & 0xFF00)
    port = (port + 1) & 0xFFFF
    address[0] = (word & 0xFFFF) | ((port & 0xFF) << 24) | ((port >> 8) << 16)
