"""The fields of MCPTT floor control messages: identifier, length, value, padding to words (TS 24.380 §8.2.3).

`ENCODERS` and `DECODERS` hold one function per field. Values out of range and values cut short raise `RtpError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from softswitch.floor.messages import FloorMessage, Location, TrackInfo
from softswitch.rtp import RtpError

_NUMBER = struct.Struct("!BBH")
_PAIR = struct.Struct("!BBBB")
_SSRC = struct.Struct("!BBIH")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

#: Octets after the kind of a location; 5 has one [area identity].
_LOCATION_LENGTHS = {0: 0, 1: 7, 2: 5, 3: 3, 4: 2, 5: 1, 6: 6}


def _field(identifier: int, value: bytes) -> bytes:
    length = len(value)
    if length > 255:
        raise RtpError(f"a field of {length} octets does not fit")
    return bytes((identifier, length)) + value + _PADDING[(length + 2) & 3]


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(identifier: int, name: str) -> Callable[[FloorMessage], bytes]:
    return lambda message: _NUMBER.pack(identifier, 2, getattr(message, name))


def _high_octet(identifier: int, name: str) -> Callable[[FloorMessage], bytes]:
    return lambda message: _PAIR.pack(identifier, 2, getattr(message, name), 0)


def _string(identifier: int, name: str) -> Callable[[FloorMessage], bytes]:
    return lambda message: _field(identifier, _octets(getattr(message, name)))


def _strings(identifier: int, name: str) -> Callable[[FloorMessage], bytes]:
    def encode(message: FloorMessage) -> bytes:
        texts = [_octets(text) for text in getattr(message, name)]
        if any(len(text) > 255 for text in texts) or len(texts) > 255:
            raise RtpError("a list does not fit its field")
        return _field(identifier, bytes((len(texts),)) + b"".join(bytes((len(text),)) + text for text in texts))

    return encode


def _encode_cause(message: FloorMessage) -> bytes:
    if not message.phrase:
        return _NUMBER.pack(2, 2, message.cause)
    return _field(2, _U16.pack(message.cause) + _octets(message.phrase))


def _encode_track(message: FloorMessage) -> bytes:
    track = message.track
    if track is None:
        return b""
    kind = _octets(track.participant_type)
    if len(kind) > 250:
        raise RtpError("a participant type does not fit its field")
    head = bytes((track.queueing, len(kind))) + kind + bytes(-len(kind) % 4)
    return _field(11, head + b"".join(_U32.pack(reference) for reference in track.references))


def _encode_ssrcs(message: FloorMessage) -> bytes:
    ssrcs = message.talker_ssrcs or ()
    return _field(16, bytes((len(ssrcs), 0)) + b"".join(_U32.pack(ssrc) for ssrc in ssrcs))


def _location(location: Location) -> bytes:
    if _LOCATION_LENGTHS.get(location.kind) != len(location.octets):
        raise RtpError(f"a location of kind {location.kind} has no {len(location.octets)} octets")
    return bytes((location.kind,)) + location.octets


#: Attribute of the message, which is absent when None, with what writes its field, by identifier.
ENCODERS: dict[int, tuple[str, Callable[[FloorMessage], bytes]]] = {
    0: ("priority", _high_octet(0, "priority")),
    1: ("duration_s", _number(1, "duration_s")),
    2: ("cause", _encode_cause),
    3: ("position", lambda message: _PAIR.pack(3, 2, message.position, message.position_priority)),
    4: ("granted_party", _string(4, "granted_party")),
    5: ("may_request", _number(5, "may_request")),
    6: ("user", _string(6, "user")),
    7: ("queue_size", _number(7, "queue_size")),
    8: ("sequence", _number(8, "sequence")),
    9: ("queued_user", _string(9, "queued_user")),
    10: ("source", _number(10, "source")),
    11: ("track", _encode_track),
    12: ("acknowledged", _high_octet(12, "acknowledged")),
    13: ("indicator", _number(13, "indicator")),
    14: ("talker_ssrc", lambda message: _SSRC.pack(14, 6, message.talker_ssrc, 0)),
    15: ("talkers", _strings(15, "talkers")),
    16: ("talker_ssrcs", _encode_ssrcs),
    17: ("alias", _string(17, "alias")),
    18: ("aliases", _strings(18, "aliases")),
    19: ("location", lambda message: _field(19, _location(message.location or Location(0)))),
    20: (
        "locations",
        lambda message: _field(
            20, bytes((len(message.locations or ()),)) + b"".join(map(_location, message.locations or ()))
        ),
    ),
    21: ("purpose", _number(21, "purpose")),
    22: ("queued_users", _strings(22, "queued_users")),
    23: ("result", _number(23, "result")),
    24: ("media_flow", lambda message: _NUMBER.pack(24, 2, 0x8000 if message.media_flow else 0)),
    25: ("revoke_user", _string(25, "revoke_user")),
}


def _read_u16(value: bytes) -> int:
    return value[0] << 8 | value[1]


def _set_number(name: str, read: Callable[[bytes], Any] = _read_u16) -> Callable[[FloorMessage, bytes], None]:
    def decode(message: FloorMessage, value: bytes) -> None:
        setattr(message, name, read(value))

    return decode


def _decode_cause(message: FloorMessage, value: bytes) -> None:
    message.cause = _read_u16(value)
    message.phrase = _text(value[2:])


def _decode_position(message: FloorMessage, value: bytes) -> None:
    message.position, message.position_priority = value[0], value[1]


def _read_track(value: bytes) -> TrackInfo:
    length = value[1]
    start = 2 + length + -length % 4
    if start > len(value) or (len(value) - start) % 4:
        raise RtpError("track info does not add up", len(value))
    references = struct.unpack_from(f"!{(len(value) - start) // 4}I", value, start)
    return TrackInfo(bool(value[0]), _text(value[2 : 2 + length]), references)


def _read_ssrcs(value: bytes) -> tuple[int, ...]:
    if len(value) < 2 + 4 * value[0]:
        raise RtpError("a list of SSRCs is cut short", len(value))
    return struct.unpack_from(f"!{value[0]}I", value, 2)


def _read_texts(value: bytes) -> tuple[str, ...]:
    texts, at = [], 1
    for _ in range(value[0]):
        if at >= len(value) or at + 1 + value[at] > len(value):
            raise RtpError("a list of texts is cut short", at)
        texts.append(_text(value[at + 1 : at + 1 + value[at]]))
        at += 1 + value[at]
    return tuple(texts)


def _read_location(value: bytes, at: int = 0) -> Location:
    length = _LOCATION_LENGTHS.get(value[at]) if at < len(value) else None
    if length is None or at + 1 + length > len(value):
        raise RtpError("a location is cut short or of an unknown kind", at)
    return Location(value[at], value[at + 1 : at + 1 + length])


def _read_locations(value: bytes) -> tuple[Location, ...]:
    locations, at = [], 1
    for _ in range(value[0]):
        location = _read_location(value, at)
        locations.append(location)
        at += 1 + len(location.octets)
    return tuple(locations)


#: The fewest octets of a field's value, with what reads it into the message, by identifier.
DECODERS: dict[int, tuple[int, Callable[[FloorMessage, bytes], None]]] = {
    0: (2, _set_number("priority", lambda value: value[0])),
    1: (2, _set_number("duration_s")),
    2: (2, _decode_cause),
    3: (2, _decode_position),
    4: (0, _set_number("granted_party", _text)),
    5: (2, _set_number("may_request", lambda value: bool(_read_u16(value)))),
    6: (0, _set_number("user", _text)),
    7: (2, _set_number("queue_size")),
    8: (2, _set_number("sequence")),
    9: (0, _set_number("queued_user", _text)),
    10: (2, _set_number("source")),
    11: (2, _set_number("track", _read_track)),
    12: (2, _set_number("acknowledged", lambda value: value[0] & 0x0F)),
    13: (2, _set_number("indicator")),
    14: (4, _set_number("talker_ssrc", lambda value: int.from_bytes(value[:4], "big"))),
    15: (1, _set_number("talkers", _read_texts)),
    16: (2, _set_number("talker_ssrcs", _read_ssrcs)),
    17: (0, _set_number("alias", _text)),
    18: (1, _set_number("aliases", _read_texts)),
    19: (1, _set_number("location", _read_location)),
    20: (1, _set_number("locations", _read_locations)),
    21: (2, _set_number("purpose")),
    22: (1, _set_number("queued_users", _read_texts)),
    23: (2, _set_number("result")),
    24: (2, _set_number("media_flow", lambda value: value[0] >= 0x80)),
    25: (0, _set_number("revoke_user", _text)),
}
