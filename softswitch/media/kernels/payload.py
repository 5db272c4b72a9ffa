"""Where in an RTP packet its payload lies, and what may lie before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.octets import get16

#: The X bit of an RTP packet's first octet.
EXTENSION = 0x10


@part
def payload_bounds(packet: Any, size: int) -> Any:
    """Where the payload of an RTP packet begins and ends; (0, 0) when header, extension or padding reach past the end
    (RFC 3550 §5.1, §5.3.1)."""
    begin = 12 + 4 * np.int64(packet[0] & 0x0F)
    if packet[0] & EXTENSION:
        if begin + 4 > size:
            return 0, 0
        begin += 4 + 4 * get16(packet, begin + 2)
    end: Any = size
    if packet[0] & 0x20:
        padding = np.int64(packet[size - 1])
        if padding == 0:
            return 0, 0
        end -= padding
    if begin > end:
        return 0, 0
    return begin, end


@part
def strip_extension(packet: Any, size: int) -> Any:
    """Take the header extension (RFC 3550 §5.3.1) out of `packet[:size]` (uint8); the size that is left.

    One that reaches past the end stays: such a packet has no payload either.
    """
    begin = 12 + 4 * np.int64(packet[0] & 0x0F)
    if begin + 4 > size:
        return size
    octets = 4 + 4 * get16(packet, begin + 2)
    if begin + octets > size:
        return size
    packet[0] &= ~EXTENSION & 0xFF
    for i in range(begin, size - octets):
        packet[i] = packet[i + octets]
    return size - octets
