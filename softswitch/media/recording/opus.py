"""Opus as both containers carry it: whole packets of 20 ms and the header that describes them (RFC 7845 §5.1)."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from softswitch.media.recording.writers import Block

#: Samples at 48 kHz that a decoder throws away at the beginning.
PRE_SKIP = 312
CLOCK_HZ = 48000
#: Samples at 48 kHz of one packet.
PACKET = 960
_FRAME_S = 0.02
_BITS_PER_S = 24000


def packet_samples(packet: bytes) -> int:
    """How long a packet is, in samples at 48 kHz, by its first octets (RFC 6716 §3.1); 0 for none."""
    if not packet:
        return 0
    kind = packet[0] >> 3
    if kind < 12:
        frame = (480, 960, 1920, 2880)[kind & 3]
    elif kind < 16:
        frame = (480, 960)[kind & 1]
    else:
        frame = (120, 240, 480, 960)[kind & 3]
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[packet[0] & 3]
    return frame * frames


class OpusPackets(NamedTuple):
    """Packets one after the other, and the octets of each."""

    octets: bytes
    sizes: list[int]


def head(channels: int, rate_hz: int) -> bytes:
    """The identification header."""
    return b"OpusHead" + struct.pack("<BBHIhB", 1, channels, PRE_SKIP, rate_hz, 0, 0)


class OpusTrack:
    """Encodes one track of 16 kHz or another rate that Opus has; what makes no whole packet waits for more."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        """Raises CodecUnavailable when libopus is missing."""
        from mediacodecs import streams

        wishes = f"maxaveragebitrate={_BITS_PER_S * channels}" + (";stereo=1" if channels == 2 else "")
        self._codec, self._state = streams.new_encoder("opus", rate_hz, channels, wishes)
        self._frame = int(rate_hz * _FRAME_S)
        self._channels = channels
        self._rest: Block = np.zeros((0, channels), np.int16)

    def encode(self, block: Block) -> OpusPackets:
        """The packets that are whole with int16[n, channels]."""
        from softswitch.media.recording import loops

        pcm = np.concatenate((self._rest, block))
        count = len(pcm) // self._frame
        self._rest = pcm[count * self._frame :].copy()
        sizes = np.zeros(count, np.int64)
        out = np.empty(count * 1500 + 4000, np.uint8)
        flat = np.ascontiguousarray(pcm[: count * self._frame]).reshape(-1)
        octets = loops.encode_frames(self._codec, self._state, flat, self._frame * self._channels, out, sizes)
        return OpusPackets(out[:octets].tobytes(), sizes.tolist())

    def finish(self) -> OpusPackets:
        """The last packets: what waits, and as much silence as the decoder throws away at the beginning."""
        wanted = len(self._rest) + PRE_SKIP * self._frame // PACKET
        return self.encode(
            np.zeros((-(-wanted // self._frame) * self._frame - len(self._rest), self._channels), np.int16)
        )
