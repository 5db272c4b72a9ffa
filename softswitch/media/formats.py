"""The payload formats of a port, as offer and answer left them."""

from __future__ import annotations

from dataclasses import dataclass

from mediacodecs.framing import packing

#: RTP payload types are seven bits.
PAYLOAD_TYPES = 128
#: As many formats as one port can tell apart.
MAXIMUM_FORMATS = 32

#: Encodings that accompany a stream and never carry it alone (RFC 4733, RFC 3389, RFC 2198).
AUXILIARY_ENCODINGS = frozenset({"TELEPHONE-EVENT", "CN", "RED"})


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """One payload type of a stream: rtpmap's encoding and clock in Hz, fmtp's text, packet time in milliseconds.

    The engine forwards any encoding; it looks inside those alone that it has to convert or to play.
    """

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    ptime_ms: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.payload_type < PAYLOAD_TYPES:
            raise ValueError(f"payload type {self.payload_type} is not in 0–127")
        if self.clock_rate <= 0:
            raise ValueError(f"{self.encoding}: clock rate {self.clock_rate} is not positive")

    @property
    def auxiliary(self) -> bool:
        """Whether this format only accompanies another one."""
        return self.encoding.upper() in AUXILIARY_ENCODINGS

    def same_payload(self, other: StreamFormat) -> bool:
        """Whether a packet of the one, with its payload type changed, is a packet of the other."""
        return (
            self.encoding.upper() == other.encoding.upper()
            and self.clock_rate == other.clock_rate
            and self.channels == other.channels
            and (self.fmtp == other.fmtp or packing(self.encoding, self.fmtp) == packing(other.encoding, other.fmtp))
        )


PCMU = StreamFormat(0, "PCMU", 8000)
PCMA = StreamFormat(8, "PCMA", 8000)
