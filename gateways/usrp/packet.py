"""Packets of USRP (radio over IP of AllStarLink's chan_usrp): a header of 32 octets, then voice, a key or metadata.

Everything is in network order but the type and the samples, which go as an x86 host has them. Types that radios do not
need (compressed voice, tunnelled TLV) are parsed as what they are and left to the receiver to pass over.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

MARK = b"USRP"
HEADER_OCTETS = 32
#: 20 ms of 16-bit samples at 8 kHz, little-endian.
VOICE_SAMPLES = 160
VOICE_OCTETS = 2 * VOICE_SAMPLES
#: Longer datagrams are none of ours.
MAXIMUM_OCTETS = 1024

_HEADER = struct.Struct(">4sIIII")
_TYPE = struct.Struct("<I")
_SET_INFO = 8
#: Source id, repeater id, group, slot and colour code, before the callsign.
_INFO = struct.Struct(">3sI3sBB")
_CALLSIGN_AT = 2 + _INFO.size
_CALLSIGN_OCTETS = 255 - _INFO.size - 1


class UsrpError(ValueError):
    """A datagram that is no packet of USRP."""


class PacketType(IntEnum):
    """What follows the header."""

    VOICE = 0
    DTMF = 1
    TEXT = 2
    PING = 3
    TLV = 4
    ADPCM = 5
    ULAW = 6


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; `kind` may be a number that `PacketType` does not know. `memory` and `mpxid` are always 0 here."""

    sequence: int
    keyed: bool
    kind: int = PacketType.VOICE
    talkgroup: int = 0
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a datagram; raises UsrpError."""
        if len(data) < HEADER_OCTETS or not data.startswith(MARK):
            raise UsrpError("a packet begins with USRP and has a header of 32 octets")
        if len(data) > MAXIMUM_OCTETS:
            raise UsrpError(f"{len(data)} octets, there is room for {MAXIMUM_OCTETS}")
        _, sequence, _, keyup, talkgroup = _HEADER.unpack_from(data)
        (kind,) = _TYPE.unpack_from(data, _HEADER.size)
        payload = data[HEADER_OCTETS:]
        if kind == PacketType.VOICE and len(payload) not in (0, VOICE_OCTETS):
            raise UsrpError(f"{len(payload)} octets of voice instead of {VOICE_OCTETS}")
        return cls(sequence, keyup != 0, kind, talkgroup, payload)

    def serialize(self) -> bytes:
        """The datagram."""
        header = _HEADER.pack(MARK, self.sequence & 0xFFFFFFFF, 0, self.keyed, self.talkgroup)
        return header + _TYPE.pack(self.kind) + bytes(8) + self.payload


@dataclass(frozen=True, slots=True)
class TalkerInfo:
    """Who talks, as a text packet tells it (tag SET_INFO): a callsign, and ids of digital radio, 0 when unknown."""

    callsign: str
    source_id: int = 0
    repeater_id: int = 0
    talkgroup: int = 0
    slot: int = 0
    colour_code: int = 0

    @classmethod
    def parse(cls, payload: bytes) -> Self | None:
        """Read the payload of a text packet, None when it tells something else; raises UsrpError.

        Nodes differ in what they count into the length, and pad the callsign: it ends at the first zero octet. Behind a
        reflector Analog_Bridge puts a JSON object in its place, whose `call` it is.
        """
        if not payload.startswith(bytes((_SET_INFO,))):
            return None
        if len(payload) < _CALLSIGN_AT:
            raise UsrpError(f"metadata of {len(payload)} octets, {_CALLSIGN_AT} are needed before the callsign")
        source, repeater, group, slot, colour = _INFO.unpack_from(payload, 2)
        callsign = payload[_CALLSIGN_AT:][:_CALLSIGN_OCTETS].partition(b"\0")[0]
        shown = "".join(c for c in callsign.decode("utf-8", "replace") if c.isprintable()).strip()
        return cls(_call_of(shown), int.from_bytes(source), repeater, int.from_bytes(group), slot, colour)

    def serialize(self) -> bytes:
        """The payload of a text packet."""
        callsign = self.callsign.encode()[:_CALLSIGN_OCTETS]
        ids = _INFO.pack(
            self.source_id.to_bytes(3), self.repeater_id, self.talkgroup.to_bytes(3), self.slot, self.colour_code
        )
        return bytes((_SET_INFO, len(ids) + len(callsign))) + ids + callsign + b"\0"


def _call_of(text: str) -> str:
    """The callsign in what a node tells as one."""
    if not text.startswith("{"):
        return text
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return str(told.get("call", "")).strip()


__all__ = ["VOICE_OCTETS", "VOICE_SAMPLES", "Packet", "PacketType", "TalkerInfo", "UsrpError"]
