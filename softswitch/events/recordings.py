"""Events of recordings, of the process that writes them, and of the storage that they go to."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class RecordingStarted(Event):
    """A recording began; `kind` is call, conference or talkgroup, `room` the number of the latter two."""

    type: ClassVar[str] = "recording.started"
    recording_id: str
    kind: str
    call_id: str
    room: str
    by: str


@dataclasses.dataclass(slots=True)
class OfRecording(Event):
    """Something that somebody did to a recording of a call or, in `room`, of a conference or talkgroup."""

    recording_id: str
    call_id: str
    room: str
    by: str


@dataclasses.dataclass(slots=True)
class RecordingPaused(OfRecording):
    """Nothing is kept until the recording goes on."""

    type: ClassVar[str] = "recording.paused"


@dataclasses.dataclass(slots=True)
class RecordingResumed(OfRecording):
    """A recording that was paused goes on."""

    type: ClassVar[str] = "recording.resumed"


@dataclasses.dataclass(slots=True)
class RecordingFinished(Event):
    """A recording is complete and in the index; `lost_s` could not be written."""

    type: ClassVar[str] = "recording.finished"
    recording_id: str
    kind: str
    call_id: str
    room: str
    seconds: float
    octets: int
    lost_s: float


@dataclasses.dataclass(slots=True)
class RecordingFailed(Event):
    """A recording has not come about, or is not in the index."""

    type: ClassVar[str] = "recording.failed"
    recording_id: str
    call_id: str
    room: str
    reason: str


@dataclasses.dataclass(slots=True)
class RecordingRemoved(Event):
    """A recording was removed: by somebody, or because its time of keeping is over."""

    type: ClassVar[str] = "recording.removed"
    recording_id: str
    reason: str


@dataclasses.dataclass(slots=True)
class RecorderLost(Event):
    """An alarm: the recorder's process ended unasked while it made `recordings`; another is being started."""

    type: ClassVar[str] = "recording.recorder_lost"
    pid: int
    recordings: int


@dataclasses.dataclass(slots=True)
class RecorderStarted(Event):
    """Another recorder goes on with `recordings`, in further files; what is missing of them is their `lost_s`."""

    type: ClassVar[str] = "recording.recorder_started"
    pid: int
    recordings: int


@dataclasses.dataclass(slots=True)
class StorageFull(Event):
    """An alarm: recordings cannot be written. Calls go on."""

    type: ClassVar[str] = "storage.full"
    reason: str


@dataclasses.dataclass(slots=True)
class StorageAvailable(Event):
    """The alarm is over: recordings are written again."""

    type: ClassVar[str] = "storage.available"
    free_octets: int
