"""Telephone events in RTP (RFC 4733): DTMF digits and other named events."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError

_LAYOUT = struct.Struct("!BBH")

#: The DTMF keys in the order of their event codes 0 to 15 (RFC 4733 §3.2).
DTMF_KEYS = "0123456789*#ABCD"

#: Event code of a hook flash (RFC 4733 §3.2).
FLASH = 16

#: Longest duration one packet can tell, in ticks; longer events continue in a new segment (RFC 4733 §2.5.1.3).
MAXIMUM_DURATION = 0xFFFF


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """The payload of a telephone-event packet (RFC 4733 §2.3).

    `event` is the code, `end` set on the last packets of it, `volume_dbm0` 0 to -63, `duration` in RTP clock ticks
    since the packet's timestamp.
    """

    event: int
    end: bool
    volume_dbm0: int
    duration: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the first event of a payload (octets after it are redundant older events); raises `RtpError`."""
        if len(data) < 4:
            raise RtpError(f"a telephone event has 4 octets, this has {len(data)}", len(data))
        event, flags, duration = _LAYOUT.unpack_from(data)
        return cls(event, flags >= 0x80, -(flags & 0x3F), duration)

    def serialize(self) -> bytes:
        """The payload's four octets; raises `RtpError` for a field out of range."""
        if not (0 <= self.event <= 255 and -63 <= self.volume_dbm0 <= 0 and 0 <= self.duration <= MAXIMUM_DURATION):
            raise RtpError(f"out of range: {self}")
        return _LAYOUT.pack(self.event, -self.volume_dbm0 | (0x80 if self.end else 0), self.duration)

    @property
    def key(self) -> str | None:
        """The DTMF key, None for another event."""
        return DTMF_KEYS[self.event] if self.event < len(DTMF_KEYS) else None


def event_of_key(key: str) -> int:
    """The event code of a DTMF key (0–9, *, #, A–D in any case); raises `RtpError`."""
    code = DTMF_KEYS.find(key.upper()) if len(key) == 1 else -1
    if code < 0:
        raise RtpError(f"{key!r} is no DTMF key")
    return code
