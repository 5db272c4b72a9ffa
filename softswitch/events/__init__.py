"""Typed events and the one in-process bus they travel on, a module for each component.

Each state change of the switch is one event. Records, WebSocket clients, metrics, audit and the recording index
subscribe; call logic calls none of them. Events are plain mutable dataclasses with slots, because several are made per
call; a subscriber must not change one. A class named Of… only holds what several events have in common.

Here are the names that many rooms use; the others are taken from their modules. Messages, positions and the directory
have their events in their own packages.
"""

from __future__ import annotations

from softswitch.events.access import AccessRefused, RegistrationChanged
from softswitch.events.base import Event
from softswitch.events.bus import EventBus, Subscriber
from softswitch.events.calls import (
    CallAnswered,
    CallIsFax,
    CallOpened,
    CallRecorded,
    CallStateChanged,
    CallTransferFailed,
    CallTransferred,
    DigitReceived,
    LegStateChanged,
    MessageRelayed,
    Record,
    SpeechChanged,
)
from softswitch.events.conferences import ConferenceJoined, ConferenceLeft, ConferenceSpeaker
from softswitch.events.floor import (
    FloorDenied,
    FloorGranted,
    FloorIdle,
    FloorQueued,
    FloorRevoked,
    FloorWarning,
    FloorWithdrawn,
)
from softswitch.events.groups import AffiliationChanged, GroupAlert, GroupJoined, GroupLeft, GroupUrgency
from softswitch.events.media import (
    MediaPortsReleased,
    MediaTransportFailed,
    MediaWorkerGivenUp,
    MediaWorkerLost,
    MediaWorkerStarted,
    VocoderState,
    WebRtcSessionOffered,
)
from softswitch.events.recordings import (
    RecorderLost,
    RecorderStarted,
    RecordingFailed,
    RecordingFinished,
    RecordingPaused,
    RecordingRemoved,
    RecordingResumed,
    RecordingStarted,
    StorageAvailable,
    StorageFull,
)
from softswitch.events.system import ConfigurationReloaded
from softswitch.events.trunks import ChannelsChanged, SpanAlarmCleared, SpanAlarmRaised, TrunkStateChanged

__all__ = [
    "AccessRefused",
    "AffiliationChanged",
    "CallAnswered",
    "CallIsFax",
    "CallOpened",
    "CallRecorded",
    "CallStateChanged",
    "CallTransferFailed",
    "CallTransferred",
    "ChannelsChanged",
    "ConferenceJoined",
    "ConferenceLeft",
    "ConferenceSpeaker",
    "ConfigurationReloaded",
    "DigitReceived",
    "Event",
    "EventBus",
    "FloorDenied",
    "FloorGranted",
    "FloorIdle",
    "FloorQueued",
    "FloorRevoked",
    "FloorWarning",
    "FloorWithdrawn",
    "GroupAlert",
    "GroupJoined",
    "GroupLeft",
    "GroupUrgency",
    "LegStateChanged",
    "MediaPortsReleased",
    "MediaTransportFailed",
    "MediaWorkerGivenUp",
    "MediaWorkerLost",
    "MediaWorkerStarted",
    "MessageRelayed",
    "Record",
    "RecorderLost",
    "RecorderStarted",
    "RecordingFailed",
    "RecordingFinished",
    "RecordingPaused",
    "RecordingRemoved",
    "RecordingResumed",
    "RecordingStarted",
    "RegistrationChanged",
    "SpanAlarmCleared",
    "SpanAlarmRaised",
    "SpeechChanged",
    "StorageAvailable",
    "StorageFull",
    "Subscriber",
    "TrunkStateChanged",
    "VocoderState",
    "WebRtcSessionOffered",
]
