"""What the engine tells of its own accord; `MediaEngine.poll` gives it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from softswitch.media.conference import Conference
    from softswitch.media.port import Port


@dataclass(frozen=True, slots=True)
class Latched:
    """A port has learnt where its peer's packets come from, at first or anew."""

    port: Port
    remote: tuple[str, int]
    time_s: float


@dataclass(frozen=True, slots=True)
class RtpTimeout:
    """Nothing has come to a port for the time its settings allow; told once for each silence."""

    port: Port
    silent_s: float
    time_s: float


@dataclass(frozen=True, slots=True)
class RtpResumed:
    """Packets come again after an RtpTimeout."""

    port: Port
    time_s: float


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """A clip that does not loop has been played to its end."""

    port: Port
    playback: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The peer has ended its stream by RTCP BYE (RFC 3550 §6.6)."""

    port: Port
    time_s: float


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The peer began to send a telephone-event (RFC 4733 §3.2): `event` 0–9, 10 for ``*``, 11 for ``#``, 12–15 A–D."""

    port: Port
    event: int
    time_s: float


@dataclass(frozen=True, slots=True)
class RoomPlaybackEnded:
    """A clip played into a conference has come to its end."""

    room: Conference
    playback: int
    time_s: float


@dataclass(frozen=True, slots=True)
class LoudestSpeaker:
    """Another member of a conference is the loudest now, for 0.3 s; None: nobody has said anything for a second."""

    room: Conference
    port: Port | None
    time_s: float


MediaEvent: TypeAlias = (
    Latched | RtpTimeout | RtpResumed | PlaybackEnded | Goodbye | KeyPressed | RoomPlaybackEnded | LoudestSpeaker
)
