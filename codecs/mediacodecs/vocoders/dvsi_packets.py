"""The packets of DVSI's AMBE-3000: 0x61, the length of what follows the type, the type, fields (AMBE-3000R manual §6).

The same octets go over a serial line and, one packet a datagram, to servers that share a chip over UDP (port 2460 by
convention). Samples are big-endian here, int16 of the machine everywhere else.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from mediacodecs.codec import Samples

START = 0x61
CONTROL, CHANNEL, SPEECH = 0, 1, 2
FIELD_RATEP, FIELD_PRODID, FIELD_READY = 0x0A, 0x30, 0x39
_FIELD_SPEECH, _FIELD_CHANNEL_BITS, _FIELD_CMODE, _FIELD_TONE = 0x00, 0x01, 0x02, 0x08
_FIELD_CHANNEL_0, _FIELD_PARITY_MODE, _FIELD_PARITY = 0x40, 0x3F, 0x2F
_HEADER = struct.Struct(">BHB")
_SAMPLES = 160
#: The longest packet anybody sends: speech with channel, mode, tone and parity, and room for more.
MOST_OCTETS = 512

#: Turns parity off: the chip wants it after a reset, and only here is it given.
PARITY_OFF = bytes([START, 0, 4, CONTROL, _FIELD_PARITY_MODE, 0, _FIELD_PARITY, 0x14])
ASK_PRODUCT = bytes([START, 0, 1, CONTROL, FIELD_PRODID])


class Rate(NamedTuple):
    """A vocoder of the chip: bits of a frame, and the six words that choose it."""

    bits: int
    words: tuple[int, int, int, int, int, int]


#: By the names the configuration knows.
RATES = {
    "dmr": Rate(72, (0x0431, 0x0754, 0x2400, 0x0000, 0x0000, 0x6F48)),
    "dmr-no-fec": Rate(49, (0x0431, 0x0754, 0x0000, 0x0000, 0x0000, 0x7031)),
    "d-star": Rate(72, (0x0130, 0x0763, 0x4000, 0x0000, 0x0000, 0x0048)),
    "p25": Rate(144, (0x0558, 0x086B, 0x1030, 0x0000, 0x0000, 0x0190)),
}


class Packet(NamedTuple):
    """A packet's type and what follows it."""

    kind: int
    fields: bytes


def build(kind: int, fields: bytes) -> bytes:
    """A whole packet."""
    return _HEADER.pack(START, len(fields), kind) + fields


def set_rate(rate: Rate) -> bytes:
    """The packet that chooses a vocoder."""
    return build(CONTROL, bytes([FIELD_RATEP]) + struct.pack(">6H", *rate.words))


def speech(samples: Samples) -> bytes:
    """The packet of int16[160] to be coded; raises ValueError for another length."""
    if len(samples) != _SAMPLES:
        raise ValueError(f"a frame has {_SAMPLES} samples, not {len(samples)}")
    return build(SPEECH, bytes([_FIELD_SPEECH, _SAMPLES]) + samples.astype(">i2").tobytes())


def channel(frame: bytes, bits: int) -> bytes:
    """The packet of a coded frame of so many bits; raises ValueError for another length."""
    if len(frame) != (bits + 7) // 8:
        raise ValueError(f"a frame of {bits} bits has {(bits + 7) // 8} octets, not {len(frame)}")
    return build(CHANNEL, bytes([_FIELD_CHANNEL_BITS, bits]) + frame)


def read(data: bytes) -> Packet:
    """One whole packet; raises ValueError for anything else."""
    if len(data) < _HEADER.size:
        raise ValueError("shorter than a header")
    start, length, kind = _HEADER.unpack_from(data)
    if start != START or length != len(data) - _HEADER.size or kind > SPEECH:
        raise ValueError("no packet of an AMBE-3000")
    return Packet(kind, data[_HEADER.size :])


def read_speech(fields: bytes) -> Samples:
    """int16[160] of a speech packet; raises ValueError."""
    fields = _skip(fields)
    if fields[:2] != bytes([_FIELD_SPEECH, _SAMPLES]) or len(fields) < 2 + 2 * _SAMPLES:
        raise ValueError("no speech of 160 samples")
    return np.frombuffer(fields, ">i2", _SAMPLES, 2).astype(np.int16)


def read_channel(fields: bytes) -> tuple[int, bytes]:
    """Bits and octets of a channel packet; raises ValueError."""
    fields = _skip(fields)
    if len(fields) < 2 or fields[0] != _FIELD_CHANNEL_BITS or len(fields) < 2 + (fields[1] + 7) // 8:
        raise ValueError("no channel bits")
    return fields[1], fields[2 : 2 + (fields[1] + 7) // 8]


def _skip(fields: bytes) -> bytes:
    """What comes after a channel number, mode and tone at the beginning."""
    while fields:
        if fields[0] == _FIELD_CHANNEL_0:
            fields = fields[1:]
        elif fields[0] in (_FIELD_CMODE, _FIELD_TONE):
            fields = fields[3:]
        else:
            break
    return fields


class PacketStream:
    """Cuts the octets of a serial line into packets; what is none is passed over and counted in `skipped`."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self.skipped = 0

    def receive(self, data: bytes) -> list[bytes]:
        """The packets that `data` completes."""
        self._octets += data
        found: list[bytes] = []
        while True:
            begin = self._octets.find(START)
            gone = len(self._octets) if begin < 0 else begin
            self.skipped += gone
            del self._octets[:gone]
            if len(self._octets) < _HEADER.size:
                return found
            _, length, kind = _HEADER.unpack_from(self._octets)
            if kind > SPEECH or length == 0 or length > MOST_OCTETS:
                self.skipped += 1
                del self._octets[:1]
            elif len(self._octets) < _HEADER.size + length:
                return found
            else:
                found.append(bytes(self._octets[: _HEADER.size + length]))
                del self._octets[: _HEADER.size + length]
