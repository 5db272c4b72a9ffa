"""What the engine tells of its own accord; `MediaEngine.poll` gives it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.conference import Conference


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
    """The peer began to press a key: `event` 0–9, 10 for ``*``, 11 for ``#``, 12–15 A–D (RFC 4733 §3.2).

    `inband`: it was heard in the sound, on a port that listens for keys; else it came as a telephone-event.
    """

    port: Port
    event: int
    time_s: float
    inband: bool = False


@dataclass(frozen=True, slots=True)
class KeyReleased:
    """The end of the key that KeyPressed told of, and how long it was down."""

    port: Port
    event: int
    duration_ms: int
    time_s: float


@dataclass(frozen=True, slots=True)
class DigitsSent:
    """All keys of one `Port.send_digits` have been sent; `number` is what that returned."""

    port: Port
    number: int
    time_s: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody begins to speak, on a port that listens for speech."""

    port: Port
    time_s: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Nobody speaks any more, for a quarter of a second by now."""

    port: Port
    time_s: float


@dataclass(frozen=True, slots=True)
class FaxDetected:
    """The peer is a fax machine or a modem that answers: 2100 Hz for 0.4 s (ITU-T T.30 CED, V.25 ANS, V.8 ANSam)."""

    port: Port
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


@dataclass(frozen=True, slots=True)
class KeyFrameRequested:
    """Somebody who sees the pictures of a port's peer needs a key frame. It was asked for by RTCP; `by_rtcp` tells
    whether the peer agreed to act on that. `tries` without a key frame so far."""

    port: Port
    tries: int
    by_rtcp: bool
    time_s: float


@dataclass(frozen=True, slots=True)
class FirstPicture:
    """A port's peer is sent its first key frame since it came to whoever it sees, after `waited_ms`."""

    port: Port
    waited_ms: float
    time_s: float


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A media worker's process has ended without being asked to. Its `ports` are served by another worker from now on
    (`moved`), or when one has been started in its place."""

    worker: int
    pid: int
    ports: int
    moved: bool
    time_s: float


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A media worker has been started in place of one that was lost; `ports` have waited for it."""

    worker: int
    pid: int
    ports: int
    time_s: float


@dataclass(frozen=True, slots=True)
class WorkerGivenUp:
    """A media worker has ended too often too soon, or does not start: another is tried now and then only."""

    worker: int
    time_s: float


@dataclass(frozen=True, slots=True)
class PortLost:
    """Nobody will serve a port any more: three workers were lost with it within a minute, or there is none left. It is
    for its owner to close it."""

    port: Port
    time_s: float


@dataclass(frozen=True, slots=True)
class HelperLost:
    """The process of the helper has ended without being asked to, and its services with it."""

    pid: int
    time_s: float


@dataclass(frozen=True, slots=True)
class HelperStarted:
    """Another helper has been started in place of one that was lost: its services must be told everything anew."""

    pid: int
    time_s: float


@dataclass(frozen=True, slots=True)
class ServiceNotice:
    """A service beside a packet thread, or of the helper, tells something unasked (`workers/services.py`)."""

    worker: int
    service: str
    notice: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TransportReady:
    """The keys of a port's peer are agreed on by DTLS; `profile` is their SRTP profile."""

    port: Port
    profile: str
    time_s: float


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """A port's peer is not reached, or not secured, or not who it was said to be; `reason` says which."""

    port: Port
    reason: str
    time_s: float


MediaEvent: TypeAlias = (
    Latched
    | RtpTimeout
    | RtpResumed
    | PlaybackEnded
    | Goodbye
    | KeyPressed
    | KeyReleased
    | DigitsSent
    | SpeechStarted
    | SpeechStopped
    | FaxDetected
    | RoomPlaybackEnded
    | LoudestSpeaker
    | KeyFrameRequested
    | FirstPicture
    | WorkerLost
    | WorkerStarted
    | WorkerGivenUp
    | PortLost
    | HelperLost
    | HelperStarted
    | ServiceNotice
    | TransportReady
    | TransportFailed
)
