"""Talk burst control of OMA PoC in octets: RTCP APP packets named PoC1 (OMA-TS-PoC-UserPlane-V1_0 §6.5).

Every message has a layout of its own. Left out: media burst control of PoC 2.0.
"""

from __future__ import annotations

import struct

from softswitch.floor.talkburst import (
    Connect,
    Disconnect,
    QueueStatusRequest,
    QueueStatusResponse,
    TalkBurstAcknowledgement,
    TalkBurstDeny,
    TalkBurstGranted,
    TalkBurstIdle,
    TalkBurstMessage,
    TalkBurstRelease,
    TalkBurstRequest,
    TalkBurstRevoke,
    TalkBurstTaken,
)
from softswitch.rtp import RtpError
from softswitch.rtp.rtcp import Application

NAME = b"PoC1"

_U16 = struct.Struct("!H")
_PARTICIPANTS, _STOP_TALKING, _PRIORITY, _TIME_STAMP = 100, 101, 102, 103
_CNAME, _DISPLAY_NAME = 1, 2


#: Subtypes of the messages; Taken has 18 as well, when an acknowledgement is expected.
SUBTYPES: dict[type, int] = {
    TalkBurstRequest: 0,
    TalkBurstGranted: 1,
    TalkBurstTaken: 2,
    TalkBurstDeny: 3,
    TalkBurstRelease: 4,
    TalkBurstIdle: 5,
    TalkBurstRevoke: 6,
    TalkBurstAcknowledgement: 7,
    QueueStatusRequest: 8,
    QueueStatusResponse: 9,
    Disconnect: 11,
    Connect: 15,
}
TAKEN_WITH_ACK = 18

_CONNECT_ITEMS = (_CNAME, _DISPLAY_NAME, _CNAME, _DISPLAY_NAME, _CNAME)


def serialize(message: TalkBurstMessage) -> bytes:
    """The packet's octets; raises `RtpError` for values that do not fit."""
    try:
        body = _body(message)
    except (struct.error, ValueError) as error:
        if isinstance(error, RtpError):
            raise
        raise RtpError(f"a field is out of range: {error}") from error
    subtype = SUBTYPES[type(message)]
    if isinstance(message, TalkBurstTaken) and message.ack_required:
        subtype = TAKEN_WITH_ACK
    return Application(subtype, message.ssrc, NAME, body + bytes(-len(body) % 4)).serialize()


def _body(message: TalkBurstMessage) -> bytes:
    match message:
        case TalkBurstRequest(_, priority, timestamp):
            body = b"" if priority is None else struct.pack("!BBH", _PRIORITY, 2, priority)
            return body if timestamp is None else body + struct.pack("!BBQ", _TIME_STAMP, 8, timestamp)
        case TalkBurstGranted(_, seconds, participants):
            return struct.pack("!BBH", _STOP_TALKING, 2, seconds) + _participants(participants)
        case TalkBurstTaken():
            body = struct.pack("!I", message.talker_ssrc) + _item(_CNAME, message.uri)
            body += _item(_DISPLAY_NAME, message.name)  # without it some receivers do not look for what follows
            return body + bytes(-len(body) % 4) + _participants(message.participants)
        case TalkBurstDeny(_, reason, phrase):
            return _item(reason, phrase)
        case TalkBurstRelease(_, last_rtp):
            return struct.pack("!HH", 0 if last_rtp is None else last_rtp, 0x8000 if last_rtp is None else 0)
        case TalkBurstRevoke(_, reason, retry_after_s):
            return struct.pack("!HH", reason, retry_after_s)
        case TalkBurstAcknowledgement(_, acknowledged, reason):
            if not (0 <= acknowledged < 32 and 0 <= reason < 2048):
                raise RtpError(f"out of range: {message}")
            return struct.pack("!HH", acknowledged << 11 | reason, 0)
        case QueueStatusResponse(_, priority, position):
            return struct.pack("!BHx", priority, position)
        case Connect():
            present = [item is not None for item in message.items]
            flags = sum(0x8000 >> place for place, there in enumerate(present) if there)
            body = struct.pack("!HBB", flags, message.session_type, 0x80 if message.manual_answer_override else 0)
            items = zip(_CONNECT_ITEMS, message.items, strict=True)
            return body + b"".join(_item(kind, text) for kind, text in items if text is not None)
    return b""


def _participants(count: int | None) -> bytes:
    return b"" if count is None else struct.pack("!BBH", _PARTICIPANTS, 2, count)


def _item(kind: int, text: str) -> bytes:
    octets = text.encode("utf-8", "surrogateescape")
    return bytes((kind, len(octets))) + octets


def parse(data: bytes) -> TalkBurstMessage:
    """Read one packet; raises `RtpError`."""
    packet = Application.parse(data)
    if packet.name != NAME:
        raise RtpError("not a packet of talk burst control")
    try:
        return _read(packet.subtype, packet.ssrc, packet.data)
    except (struct.error, IndexError) as error:
        raise RtpError(f"a talk burst message is cut short: {error}", len(data)) from error


def _read(subtype: int, ssrc: int, body: bytes) -> TalkBurstMessage:
    match subtype:
        case 0:
            options = _options(body, 0)
            priority, stamp = options.get(_PRIORITY), options.get(_TIME_STAMP)
            return TalkBurstRequest(ssrc, _number(priority, 2), _number(stamp, 8))
        case 1:
            options = _options(body, 0)
            seconds = _number(options.get(_STOP_TALKING), 2)
            if seconds is None:
                raise RtpError("a grant tells no stop-talking time")
            return TalkBurstGranted(ssrc, seconds, _number(options.get(_PARTICIPANTS), 2))
        case 2 | 18:
            return _read_taken(ssrc, body, ack_required=subtype == TAKEN_WITH_ACK)
        case 3:
            reason, phrase, _ = _read_item(body, 0)
            return TalkBurstDeny(ssrc, reason, phrase)
        case 4:
            number, flags = struct.unpack_from("!HH", body)
            return TalkBurstRelease(ssrc, None if flags & 0x8000 else number)
        case 5:
            return TalkBurstIdle(ssrc)
        case 6:
            return TalkBurstRevoke(ssrc, *struct.unpack_from("!HH", body))
        case 7:
            (value,) = _U16.unpack_from(body)
            return TalkBurstAcknowledgement(ssrc, value >> 11, value & 0x7FF)
        case 8:
            return QueueStatusRequest(ssrc)
        case 9:
            return QueueStatusResponse(ssrc, *struct.unpack_from("!BH", body))
        case 11:
            return Disconnect(ssrc)
        case 15:
            return _read_connect(ssrc, body)
    raise RtpError(f"no talk burst message has subtype {subtype}")


def _read_taken(ssrc: int, body: bytes, *, ack_required: bool) -> TalkBurstTaken:
    (talker_ssrc,) = struct.unpack_from("!I", body)
    kind, uri, at = _read_item(body, 4)
    if kind != _CNAME:
        raise RtpError("a Taken does not begin with the talker's identity")
    name = ""
    if at < len(body) and body[at] == _DISPLAY_NAME:
        _, name, at = _read_item(body, at)
    participants = _number(_options(body, at + -at % 4).get(_PARTICIPANTS), 2)
    return TalkBurstTaken(ssrc, talker_ssrc, uri, name, participants, ack_required)


def _read_connect(ssrc: int, body: bytes) -> Connect:
    flags, session_type, override = struct.unpack_from("!HBB", body)
    items: list[str | None] = []
    at = 4
    for place in range(len(_CONNECT_ITEMS)):
        text = None
        if flags & 0x8000 >> place:
            _, text, at = _read_item(body, at)
        items.append(text)
    return Connect(ssrc, session_type, bool(override & 0x80), *items)


def _read_item(body: bytes, at: int) -> tuple[int, str, int]:
    """(kind, text, the octet after it); raises IndexError or `RtpError` when it is cut short."""
    end = at + 2 + body[at + 1]
    if end > len(body):
        raise RtpError("a text is cut short", at)
    return body[at], body[at + 2 : end].decode("utf-8", "surrogateescape"), end


def _options(body: bytes, at: int) -> dict[int, bytes]:
    """The options from `at` on; a zero identifier is padding."""
    options: dict[int, bytes] = {}
    while at < len(body) and body[at]:
        end = at + 2 + body[at + 1]
        if end > len(body):
            raise RtpError("an option is cut short", at)
        options[body[at]] = body[at + 2 : end]
        at = end
    return options


def _number(value: bytes | None, length: int) -> int | None:
    if value is None:
        return None
    if len(value) != length:
        raise RtpError(f"an option of {length} octets has {len(value)}")
    return int.from_bytes(value, "big")
