"""Call control of pre-established sessions in RTCP APP packets named MCPC (TS 24.380 §8.3).

Connect tells a terminal that its pre-established session takes part in a call, Disconnect that it does not any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from softswitch.rtp import RtpError
from softswitch.rtp.rtcp import Application

NAME = b"MCPC"
_ACK = 0x10
_STREAMS, _SESSION, _WARNING, _GROUP, _STATE, _INVITER, _REASON = range(7)
#: u8 type of the session identity field.
SESSION_TYPES = {"": 0, "private": 1, "prearranged": 3, "chat": 4}


class Kind(IntEnum):
    """The messages by subtype."""

    CONNECT = 0
    DISCONNECT = 1
    ACKNOWLEDGEMENT = 2


@dataclass(frozen=True, slots=True)
class SessionMessage:
    """One message; `media` and `control` count the media lines of the description from 1."""

    kind: Kind
    ssrc: int
    ack_required: bool = False
    session_type: str = ""
    session: str = ""
    group: str = ""
    inviter: str = ""
    reason: int | None = None
    confirmed: bool | None = None
    media: int = 0
    control: int = 0

    def serialize(self) -> bytes:
        """The packet; raises RtpError for a text that is too long."""
        body = b""
        if self.media:
            body += _field(_STREAMS, bytes((self.media, self.control)))
        if self.session:
            body += _field(_SESSION, bytes((SESSION_TYPES[self.session_type],)) + self.session.encode())
        if self.group:
            body += _field(_GROUP, self.group.encode())
        if self.confirmed is not None:
            body += _field(_STATE, bytes((0, int(self.confirmed))))
        if self.inviter:
            body += _field(_INVITER, self.inviter.encode())
        if self.reason is not None:
            body += _field(_REASON, bytes((0, self.reason)))
        subtype = self.kind | (_ACK if self.ack_required else 0)
        return Application(subtype, self.ssrc, NAME, body).serialize()

    @classmethod
    def parse(cls, data: bytes) -> SessionMessage:
        """Read one packet; unknown fields are skipped. Raises RtpError."""
        packet = Application.parse(data)
        if packet.name != NAME:
            raise RtpError("not call control of pre-established sessions")
        try:
            kind = Kind(packet.subtype & 0x0F)
        except ValueError:
            raise RtpError(f"no such message: {packet.subtype}") from None
        found = _fields(packet.data)
        session = found.get(_SESSION, b"")
        names = {number: name for name, number in SESSION_TYPES.items()}
        streams, reason, state = found.get(_STREAMS, b""), found.get(_REASON, b""), found.get(_STATE, b"")
        return cls(
            kind,
            packet.ssrc,
            bool(packet.subtype & _ACK),
            names.get(session[0], "") if session else "",
            session[1:].decode("utf-8", "replace"),
            found.get(_GROUP, b"").decode("utf-8", "replace"),
            found.get(_INVITER, b"").decode("utf-8", "replace"),
            reason[1] if len(reason) == 2 else None,
            bool(state[1]) if len(state) == 2 else None,
            streams[0] if len(streams) == 2 else 0,
            streams[1] if len(streams) == 2 else 0,
        )


def is_session_message(data: bytes) -> bool:
    """Whether a datagram is named MCPC."""
    return data[8:12] == NAME


def _field(identifier: int, value: bytes) -> bytes:
    if len(value) > 255:
        raise RtpError("a text is too long for its field")
    return bytes((identifier, len(value))) + value + bytes(-(2 + len(value)) % 4)


def _fields(body: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(body):
        if at + 2 > len(body):
            raise RtpError("cut short in the head of a field", at)
        end = at + 2 + body[at + 1]
        if end > len(body):
            raise RtpError("a field runs past its packet", at)
        found.setdefault(body[at], body[at + 2 : end])
        at = end + -(end - at) % 4
    return found
