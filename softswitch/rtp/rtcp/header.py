"""The common head of every RTCP packet (RFC 3550 §6.4.1): version, padding, count, type, length in words."""

from __future__ import annotations

import struct
from typing import NamedTuple

from softswitch.rtp.errors import RtpError

VERSION = 2

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
APPLICATION = 204
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
EXTENDED_REPORT = 207

_HEAD = struct.Struct("!BBH")


class RawPacket(NamedTuple):
    """One RTCP packet cut from a compound: `counter` is the five-bit field of the head, `body` without padding."""

    packet_type: int
    counter: int
    body: bytes
    padding: int = 0


def split(data: bytes, start: int = 0) -> tuple[RawPacket, int]:
    """(the packet at `start`, the octet after it); raises `RtpError`."""
    if len(data) < start + 4:
        raise RtpError("cut short in an RTCP head", len(data))
    first, packet_type, words = _HEAD.unpack_from(data, start)
    if first >> 6 != VERSION:
        raise RtpError(f"RTCP version {first >> 6}", start)
    end = start + 4 * (words + 1)
    if end > len(data):
        raise RtpError("an RTCP packet is shorter than its length says", len(data))
    padding = 0
    if first & 0x20:
        padding = data[end - 1]
        if padding == 0 or padding % 4 or padding > end - start - 4:
            raise RtpError(f"{padding} octets of RTCP padding", end - 1)
    return RawPacket(packet_type, first & 0x1F, bytes(data[start + 4 : end - padding]), padding), end


def expect(data: bytes, packet_type: int) -> RawPacket:
    """The single packet of a known type in `data`; raises `RtpError`."""
    packet, end = split(data)
    if packet.packet_type != packet_type or end != len(data):
        raise RtpError(f"not one RTCP packet of type {packet_type}")
    return packet


def join(packet_type: int, count: int, body: bytes) -> bytes:
    """A whole packet; raises `RtpError` when the count or the body does not fit."""
    if not 0 <= count <= 31 or len(body) % 4 or len(body) > 4 * 0xFFFF:
        raise RtpError(f"an RTCP packet of {len(body)} octets with count {count} cannot be written")
    return _HEAD.pack(VERSION << 6 | count, packet_type, len(body) // 4) + body


def pack(layout: struct.Struct, *values: int) -> bytes:
    """`layout.pack` that raises `RtpError` for a value out of range."""
    try:
        return layout.pack(*values)
    except struct.error as error:
        raise RtpError(f"a field is out of range: {error}") from error
