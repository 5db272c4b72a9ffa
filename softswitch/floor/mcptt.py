"""MCPTT floor control in octets: RTCP APP packets named MCPT (TS 24.380 §8.1, §8.2).

Left out: call control of pre-established sessions (MCPC) and MBMS subchannels, which have names of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from softswitch.floor.fields import DECODERS, ENCODERS
from softswitch.floor.messages import FloorMessage, Kind
from softswitch.rtp import RtpError

NAME = b"MCPT"
#: The newest release whose messages and fields are known here.
LATEST_RELEASE = 19

_HEAD = struct.Struct("!BBHI4s")
_APPLICATION = 204
_ACK = 0x10

#: The first release with each message and field that was not there from Rel-13 on.
KIND_RELEASES = {
    Kind.REVOKE_REQUEST: 19,
    Kind.MEDIA_FLOW_CONTROL: 17,
    Kind.QUEUED_REQUESTS: 17,
    Kind.RELEASE_MULTI_TALKER: 15,
}
_FIELD_RELEASES = {**dict.fromkeys(range(15), 13), **dict.fromkeys(range(15, 21), 15)}
_FIELD_RELEASES |= {**dict.fromkeys(range(21, 25), 17), 25: 19}

#: Fields that lead in a message, so that captures of different senders compare; the others follow in ascending order.
_LEADING = {
    Kind.GRANTED: (1,),
    Kind.TAKEN: (4, 5, 8, 15, 16),
    Kind.RELEASE_MULTI_TALKER: (6, 14),
}
_KINDS = {kind.value: kind for kind in Kind}


def _order(kind: Kind, release: int) -> tuple[tuple[str, Callable[[FloorMessage], bytes]], ...]:
    leading = _LEADING.get(kind, ())
    rest = (identifier for identifier in ENCODERS if identifier not in leading)
    return tuple(ENCODERS[identifier] for identifier in (*leading, *rest) if _FIELD_RELEASES[identifier] <= release)


_ORDERS = {(kind, release): _order(kind, release) for kind in Kind for release in range(13, LATEST_RELEASE + 1)}


def serialize(message: FloorMessage, release: int = LATEST_RELEASE) -> bytes:
    """The packet's octets; fields that `release` (13 to 19) does not have are left out.

    Raises `RtpError` for a message that the release does not have, and for values that do not fit.
    """
    kind = message.kind
    if KIND_RELEASES.get(kind, 13) > release:
        raise RtpError(f"release {release} has no {kind.name}")
    parts = []
    try:
        for name, encode in _ORDERS[kind, min(release, LATEST_RELEASE)]:
            if getattr(message, name) is not None:
                parts.append(encode(message))
        body = b"".join(parts)
        first = 0x80 | kind | (_ACK if message.ack_required else 0)
        return _HEAD.pack(first, _APPLICATION, 2 + len(body) // 4, message.ssrc, NAME) + body
    except (struct.error, ValueError) as error:
        if isinstance(error, RtpError):
            raise
        raise RtpError(f"a field of {kind.name} is out of range: {error}") from error


def parse(data: bytes, *, draft_fields: bool = False) -> FloorMessage:
    """Read one packet; unknown fields are skipped. `draft_fields` accepts the identifiers 102 to 116 of drafts as well.

    Raises `RtpError` for another packet, an unknown message and a field that runs past the end.
    """
    message, end = _parse_at(data, 0, draft_fields)
    if end != len(data):
        raise RtpError("something follows the packet", end)
    if message is None:
        raise RtpError(f"no MCPTT floor control message has subtype {data[0] & 0x1F}")
    return message


def parse_datagram(data: bytes, *, draft_fields: bool = False) -> list[FloorMessage]:
    """All known messages of a datagram; packets of other names and unknown messages are passed over.

    Raises `RtpError` when what is there cannot be read.
    """
    messages, at = [], 0
    while at < len(data):
        message, at = _parse_at(data, at, draft_fields)
        if message is not None:
            messages.append(message)
    return messages


def _parse_at(data: bytes, start: int, draft_fields: bool) -> tuple[FloorMessage | None, int]:
    if len(data) < start + 12:
        raise RtpError("cut short in the head of a floor control packet", len(data))
    first, packet_type, words, ssrc, name = _HEAD.unpack_from(data, start)
    end = start + 4 * (words + 1)
    if first & 0xE0 != 0x80 or words < 2 or end > len(data):
        raise RtpError("not an RTCP packet without padding, or cut short", start)
    if packet_type != _APPLICATION or name != NAME:
        if start == 0 and end == len(data):
            raise RtpError("not a packet of MCPTT floor control")
        return None, end
    kind = _KINDS.get(first & 0x0F)
    if kind is None:
        return None, end
    message = FloorMessage(kind, ssrc, bool(first & _ACK))
    at = start + 12
    while at < end:
        identifier = data[at]
        if identifier < 192:
            if at + 2 > end:
                raise RtpError("cut short in the head of a field", at)
            value = at + 2
            length = data[at + 1]
        else:
            if at + 3 > end:
                raise RtpError("cut short in the head of a field", at)
            value = at + 3
            length = data[at + 1] << 8 | data[at + 2]
        after = value + length
        if after > end:
            raise RtpError(f"field {identifier} runs past its packet", at)
        if draft_fields and 102 <= identifier <= 116:
            identifier -= 102
        decoder = DECODERS.get(identifier)
        if decoder is not None:
            if length < decoder[0]:
                raise RtpError(f"field {identifier} has only {length} octets", at)
            decoder[1](message, data[value:after])
        at = after + (start - after) % 4
    return message, end
