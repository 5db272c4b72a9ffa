"""Where in an RTP packet its payload lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.octets import get16


@part
def payload_bounds(packet: Any, size: int) -> Any:
    """Where the payload of an RTP packet begins and ends; (0, 0) when header, extension or padding reach past the end
    (RFC 3550 §5.1, §5.3.1)."""
    begin = 12 + 4 * np.int64(packet[0] & 0x0F)
    if packet[0] & 0x10:
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
