"""What the rest of the switch uses of the media engine; `softswitch.media` gives it, loaded at the first use."""

from __future__ import annotations

from softswitch.media.engine import MediaEngine
from softswitch.media.errors import MediaError, NotTranscodable, PortClosed, PortsExhausted
from softswitch.media.formats import PCMA, PCMU, StreamFormat
from softswitch.media.notices import (
    DigitsSent,
    FaxDetected,
    FirstPicture,
    Goodbye,
    HelperLost,
    HelperStarted,
    KeyFrameRequested,
    KeyPressed,
    KeyReleased,
    Latched,
    LoudestSpeaker,
    MediaEvent,
    PlaybackEnded,
    PortLost,
    RoomPlaybackEnded,
    RtpResumed,
    RtpTimeout,
    ServiceNotice,
    SpeechStarted,
    SpeechStopped,
    TransportFailed,
    TransportReady,
    WorkerGivenUp,
    WorkerLost,
    WorkerStarted,
)
from softswitch.media.port import Port, PortCounters
from softswitch.media.rooms.conference import Conference
from softswitch.media.rooms.fan_out import FanOut
from softswitch.media.routing import PortSettings
from softswitch.media.totals import HelperStatus, MediaStatistics, WorkerStatus
from softswitch.media.transport.named_streams import Name
from softswitch.media.transport.peer_transport import PeerTransport, RemoteTransport
from softswitch.media.transport.srtp import KeysAwaited, SrtpKeys
from softswitch.media.transport.steering import can_bundle
from softswitch.media.voices import VoiceCounters, can_transcode
from softswitch.media.warmup import warm_up
from softswitch.media.workers.adoption import PortRecord

__all__ = [
    "PCMA",
    "PCMU",
    "Conference",
    "DigitsSent",
    "FanOut",
    "FaxDetected",
    "FirstPicture",
    "Goodbye",
    "HelperLost",
    "HelperStarted",
    "HelperStatus",
    "KeyFrameRequested",
    "KeyPressed",
    "KeyReleased",
    "KeysAwaited",
    "Latched",
    "LoudestSpeaker",
    "MediaEngine",
    "MediaError",
    "MediaEvent",
    "MediaStatistics",
    "Name",
    "NotTranscodable",
    "PeerTransport",
    "PlaybackEnded",
    "Port",
    "PortClosed",
    "PortCounters",
    "PortLost",
    "PortRecord",
    "PortSettings",
    "PortsExhausted",
    "RemoteTransport",
    "RoomPlaybackEnded",
    "RtpResumed",
    "RtpTimeout",
    "ServiceNotice",
    "SpeechStarted",
    "SpeechStopped",
    "SrtpKeys",
    "StreamFormat",
    "TransportFailed",
    "TransportReady",
    "VoiceCounters",
    "WorkerGivenUp",
    "WorkerLost",
    "WorkerStarted",
    "WorkerStatus",
    "can_bundle",
    "can_transcode",
    "warm_up",
]
