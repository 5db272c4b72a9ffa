"""What the line code asks of a span, whatever carries it: circuit emulation, a card, datagrams.

A span gives and takes the frames of its D channel without flags and FCS, hands out ports of the media engine for its
B channels, and tells how the line fares. It is driven on the event loop; its packets are not.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from softswitch.media import Port


class Alarm(Enum):
    """Defects of an E1 line (ITU-T G.775, G.706; RFC 5086 §5.2 for those of packets)."""

    LOS = "loss of signal"
    LOF = "loss of frame alignment"
    LMFA = "loss of CRC multiframe alignment"
    AIS = "alarm indication signal"
    RAI = "remote alarm indication"
    PACKETS = "loss of packets"


class SpanObserver(Protocol):
    """What a span tells. `now` is monotonic seconds."""

    def dframe_received(self, frame: bytes, now: float) -> None:
        """A good frame of the D channel, without FCS."""

    def defects_changed(self, defects: frozenset[Alarm], now: float) -> None:
        """The defects that there are now."""


class Span(Protocol):
    """One E1 line. `slots` are the timeslots that can carry calls."""

    slots: frozenset[int]

    async def open(self, observer: SpanObserver) -> None:
        """Begin to send and receive. Raises MediaError, ValueError with what is missing."""

    async def close(self) -> None:
        """End it."""

    def send_dframe(self, frame: bytes) -> None:
        """Send a frame on the D channel; FCS and flags are the driver's."""

    def open_channel(self, slot: int, owner: str) -> Port:
        """The port of a timeslot, for the call `owner`: A-law, 20 ms. Raises MediaError; `Port.close` frees it."""

    def move_channel(self, port: Port, slot: int) -> None:
        """Let an open port carry another timeslot: the far end chose one. Raises MediaError."""

    def echo_loss_db(self) -> dict[int, float]:
        """By how much echo is weakened in each channel in use where it could be measured (ERLE), in dB."""

    def counters(self) -> dict[str, Any]:
        """What was counted on the line: frames, packets, slips, errors."""
