"""Events of the media engine and of browsers' media."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class MediaWorkerLost(Event):
    """A media worker's process ended unasked. Its ports are served by another now (`moved`), or wait for a new one."""

    type: ClassVar[str] = "media.worker_lost"
    worker: int
    pid: int
    ports: int
    moved: bool


@dataclasses.dataclass(slots=True)
class MediaWorkerStarted(Event):
    """A media worker runs in place of one that was lost; `ports` have waited for it."""

    type: ClassVar[str] = "media.worker_started"
    worker: int
    pid: int
    ports: int


@dataclasses.dataclass(slots=True)
class MediaWorkerGivenUp(Event):
    """An alarm: a media worker has ended too often too soon, or does not start. Another is tried every five minutes."""

    type: ClassVar[str] = "media.worker_given_up"
    worker: int


@dataclasses.dataclass(slots=True)
class VocoderState(Event):
    """A channel of a vocoder answers now (`ready`), or does not any more, and why."""

    type: ClassVar[str] = "media.vocoder"
    vocoder: str
    channel: str
    ready: bool
    reason: str


@dataclasses.dataclass(slots=True)
class MediaPortsReleased(Event):
    """RTP ports that this switch found open when it started, and that no call claimed in time, were closed.

    `calls` are the identifiers of what they belonged to.
    """

    type: ClassVar[str] = "media.ports_released"
    ports: int
    calls: list[str]


@dataclasses.dataclass(slots=True)
class WebRtcSessionOffered(Event):
    """A call waits for the browsers of `number`: the session holds the offer to answer."""

    type: ClassVar[str] = "webrtc.offered"
    session_id: str
    call_id: str
    number: str
    caller: str


@dataclasses.dataclass(slots=True)
class MediaTransportFailed(Event):
    """A party's media could not be reached or secured (ICE, DTLS); `reason` says which."""

    type: ClassVar[str] = "media.transport_failed"
    leg_id: str
    call_id: str
    reason: str
