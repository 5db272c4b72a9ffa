"""Between payload octets of a codec and int16 samples at a room's rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layout import PLAY_ALAW, PLAY_ULAW


@part
def decode(codec: int, payload: Any, begin: int, length: int, samples: Any, at: int) -> int:
    """Decode `payload[begin:begin + length]` to `samples[at:]`; returns how many samples that makes."""
    if codec == PLAY_ALAW:
        for i in range(length):
            samples[at + i] = ALAW_DECODE[payload[begin + i]]
        return length
    if codec == PLAY_ULAW:
        for i in range(length):
            samples[at + i] = ULAW_DECODE[payload[begin + i]]
        return length
    count = length // 2
    for i in range(count):
        value = (np.int64(payload[begin + 2 * i]) << 8) | np.int64(payload[begin + 2 * i + 1])
        samples[at + i] = value - ((value & 0x8000) << 1)
    return count


@part
def encode(codec: int, samples: Any, count: int, packet: Any, at: int) -> int:
    """Encode `samples[:count]` to `packet[at:]`; returns how many octets that makes."""
    if codec == PLAY_ALAW:
        for i in range(count):
            packet[at + i] = ALAW_ENCODE[(samples[i] >> 4) + 2048]
        return count
    if codec == PLAY_ULAW:
        for i in range(count):
            packet[at + i] = ULAW_ENCODE[(samples[i] >> 2) + 8192]
        return count
    for i in range(count):
        packet[at + 2 * i] = (samples[i] >> 8) & 0xFF
        packet[at + 2 * i + 1] = samples[i] & 0xFF
    return 2 * count
