"""Typed events and the one in-process bus they travel on.

Each state change of the switch is one event. Records, WebSocket clients, metrics, audit and the recording index
subscribe; call logic calls none of them. Events are plain mutable dataclasses with slots, because several are made per
call; a subscriber must not change one.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

logger = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class Event:
    """Something that happened; `time` is wall-clock seconds since the epoch, set by the bus."""

    type: ClassVar[str] = "event"
    time: float = dataclasses.field(default=0.0, init=False)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping: `type`, ISO 8601 UTC `time`, then the event's own fields."""
        body = dataclasses.asdict(self)
        return {"type": self.type, "time": _iso(body.pop("time")), **body}


def _iso(time: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclasses.dataclass(slots=True)
class CallStateChanged(Event):
    """A call's machine was moved by `method`; old and new may be the same state (ringing twice)."""

    type: ClassVar[str] = "call.state"
    call_id: str
    method: str
    old_state: str
    state: str
    caller: str
    callee: str
    cause: int = 0


@dataclasses.dataclass(slots=True)
class LegStateChanged(Event):
    """One party's session with the switch moved."""

    type: ClassVar[str] = "leg.state"
    leg_id: str
    call_id: str
    party: str
    state: str
    cause: int = 0


class Record(Protocol):
    """A call detail record: turned into plain values by whoever stores or shows it, not for nobody.

    Times in seconds since the epoch, 0 where the call never came so far.
    """

    started_at: float
    answered_at: float

    @property
    def disposition(self) -> str:
        """How the call ended, in one word."""

    @property
    def billsec_ms(self) -> int:
        """From the answer to the end."""

    def opening(self) -> dict[str, Any]:
        """What was known when the attempt began."""

    def to_dict(self) -> dict[str, Any]:
        """The whole record."""


@dataclasses.dataclass(slots=True)
class CallRecorded(Event):
    """A call attempt is over; `record` is its call detail record, which nobody changes any more."""

    type: ClassVar[str] = "call.record"
    call_id: str
    record: Record

    def to_dict(self) -> dict[str, Any]:
        """See Event."""
        return {"type": self.type, "time": _iso(self.time), "call_id": self.call_id, "record": self.record.to_dict()}


@dataclasses.dataclass(slots=True)
class CallOpened(Event):
    """A call attempt began; `record` goes on being filled until the call is over."""

    type: ClassVar[str] = "call.opened"
    call_id: str
    record: Record

    def to_dict(self) -> dict[str, Any]:
        """See Event."""
        return {"type": self.type, "time": _iso(self.time), "call_id": self.call_id, "record": self.record.opening()}


@dataclasses.dataclass(slots=True)
class CallAnswered(Event):
    """The parties of a call talk from now on; `record` goes on being filled until the call is over."""

    type: ClassVar[str] = "call.answered"
    call_id: str
    record: Record

    def to_dict(self) -> dict[str, Any]:
        """See Event."""
        return {"type": self.type, "time": _iso(self.time), "call_id": self.call_id, "record": self.record.opening()}


@dataclasses.dataclass(slots=True)
class CallTransferred(Event):
    """A party moved a call to another party: `kind` is blind, attended, pickup, park, retrieve or replace."""

    type: ClassVar[str] = "call.transferred"
    call_id: str
    kind: str
    by: str
    target: str


@dataclasses.dataclass(slots=True)
class DigitReceived(Event):
    """A party pressed a key, told by SIP INFO or by the media engine."""

    type: ClassVar[str] = "call.digit"
    call_id: str
    leg_id: str
    digit: str
    duration_ms: int


@dataclasses.dataclass(slots=True)
class SpeechChanged(Event):
    """A party that is listened to for speech begins to speak, or has stopped."""

    type: ClassVar[str] = "call.speech"
    call_id: str
    leg_id: str
    speaking: bool


@dataclasses.dataclass(slots=True)
class CallIsFax(Event):
    """A party answers as a fax machine or a modem (2100 Hz): its sound is left as it is from now on."""

    type: ClassVar[str] = "call.fax"
    call_id: str
    leg_id: str


@dataclasses.dataclass(slots=True)
class RegistrationChanged(Event):
    """A binding came, went or was refreshed: `action` is registered, refreshed, expired or removed."""

    type: ClassVar[str] = "registration.changed"
    number: str
    contact: str
    action: str
    expires_s: float


@dataclasses.dataclass(slots=True)
class TrunkStateChanged(Event):
    """A trunk answers or does not: `state` is up, down, registered or refused."""

    type: ClassVar[str] = "trunk.state"
    trunk: str
    state: str
    reason: str = ""


@dataclasses.dataclass(slots=True)
class SpanAlarmRaised(Event):
    """A defect of an E1 line was found: `alarm` is LOS, LOF, LMFA, AIS, RAI or PACKETS."""

    type: ClassVar[str] = "trunk.alarm_raised"
    trunk: str
    span: str
    alarm: str
    text: str


@dataclasses.dataclass(slots=True)
class SpanAlarmCleared(Event):
    """A defect of an E1 line is gone."""

    type: ClassVar[str] = "trunk.alarm_cleared"
    trunk: str
    span: str
    alarm: str


@dataclasses.dataclass(slots=True)
class ChannelsChanged(Event):
    """Channels of a span are blocked, faulty, restarted or in_service now, and why."""

    type: ClassVar[str] = "trunk.channels"
    trunk: str
    span: str
    channels: tuple[int, ...]
    state: str
    reason: str = ""


@dataclasses.dataclass(slots=True)
class AccessRefused(Event):
    """Someone was refused: failed authentication, scanner, forbidden destination."""

    type: ClassVar[str] = "security.refused"
    source: str
    user: str
    method: str
    reason: str


@dataclasses.dataclass(slots=True)
class MessageRelayed(Event):
    """A short message went from one party to another; `status` is the SIP answer its sender got."""

    type: ClassVar[str] = "message.relayed"
    sender: str
    recipient: str
    status: int


@dataclasses.dataclass(slots=True)
class ConferenceJoined(Event):
    """A party entered a conference; `present` are in it now."""

    type: ClassVar[str] = "conference.joined"
    conference: str
    call_id: str
    leg_id: str
    party: str
    present: int


@dataclasses.dataclass(slots=True)
class ConferenceLeft(Event):
    """A party left a conference; `present` are still in it."""

    type: ClassVar[str] = "conference.left"
    conference: str
    call_id: str
    leg_id: str
    party: str
    present: int


@dataclasses.dataclass(slots=True)
class ConferenceSpeaker(Event):
    """Another party of a conference is the loudest now; empty: nobody speaks."""

    type: ClassVar[str] = "conference.speaker"
    conference: str
    call_id: str
    leg_id: str
    party: str


@dataclasses.dataclass(slots=True)
class GroupJoined(Event):
    """A party entered a talkgroup; `present` are in it now."""

    type: ClassVar[str] = "group.joined"
    group: str
    call_id: str
    leg_id: str
    party: str
    present: int


@dataclasses.dataclass(slots=True)
class GroupLeft(Event):
    """A party left a talkgroup; `present` are still in it."""

    type: ClassVar[str] = "group.left"
    group: str
    call_id: str
    leg_id: str
    party: str
    present: int


@dataclasses.dataclass(slots=True)
class GroupUrgency(Event):
    """A group's call has another `tier` (normal, peril, emergency) because of what a party declared or took back."""

    type: ClassVar[str] = "group.urgency"
    group: str
    party: str
    tier: str


@dataclasses.dataclass(slots=True)
class GroupAlert(Event):
    """A party raised an emergency alert towards a group, or it was cancelled `by` somebody."""

    type: ClassVar[str] = "group.alert"
    group: str
    party: str
    raised: bool
    by: str


@dataclasses.dataclass(slots=True)
class AffiliationChanged(Event):
    """The groups whose calls a push-to-talk user takes part in are others now."""

    type: ClassVar[str] = "group.affiliation"
    party: str
    groups: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class FloorGranted(Event):
    """A party may talk for `duration_s` (65535: without limit); it waited `waited_s` for it. `tier` is how urgent."""

    type: ClassVar[str] = "floor.granted"
    group: str
    call_id: str
    leg_id: str
    party: str
    duration_s: int
    priority: int
    tier: str
    waited_s: float


@dataclasses.dataclass(slots=True)
class FloorDenied(Event):
    """A party may not talk; `cause` as in TS 24.380 §8.2.6.2."""

    type: ClassVar[str] = "floor.denied"
    group: str
    call_id: str
    leg_id: str
    party: str
    cause: int
    reason: str


@dataclasses.dataclass(slots=True)
class FloorQueued(Event):
    """A party waits for the floor at `position`, 1 is next; `waiting` wait in all."""

    type: ClassVar[str] = "floor.queued"
    group: str
    call_id: str
    leg_id: str
    party: str
    position: int
    waiting: int


@dataclasses.dataclass(slots=True)
class FloorWithdrawn(Event):
    """A party does not wait for the floor any more, without having got it."""

    type: ClassVar[str] = "floor.withdrawn"
    group: str
    call_id: str
    leg_id: str
    party: str
    reason: str


@dataclasses.dataclass(slots=True)
class FloorWarning(Event):
    """The talker will be stopped in `remaining_s`."""

    type: ClassVar[str] = "floor.warning"
    group: str
    call_id: str
    leg_id: str
    party: str
    remaining_s: float


@dataclasses.dataclass(slots=True)
class FloorRevoked(Event):
    """The floor is taken away from the talker; `cause` as in TS 24.380 §8.2.10.2."""

    type: ClassVar[str] = "floor.revoked"
    group: str
    call_id: str
    leg_id: str
    party: str
    cause: int
    reason: str


@dataclasses.dataclass(slots=True)
class FloorIdle(Event):
    """Nobody talks in a talkgroup."""

    type: ClassVar[str] = "floor.idle"
    group: str


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
class RecordingPaused(Event):
    """Nothing is kept until the recording goes on."""

    type: ClassVar[str] = "recording.paused"
    recording_id: str
    call_id: str
    room: str
    by: str


@dataclasses.dataclass(slots=True)
class RecordingResumed(Event):
    """A recording that was paused goes on."""

    type: ClassVar[str] = "recording.resumed"
    recording_id: str
    call_id: str
    room: str
    by: str


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


@dataclasses.dataclass(slots=True)
class ConfigurationReloaded(Event):
    """A new configuration is in force (`accepted`) or was refused and the old one kept."""

    type: ClassVar[str] = "configuration.reloaded"
    accepted: bool
    detail: str


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


Subscriber = Callable[[Event], None]


class EventBus:
    """Delivers each event to every subscriber, in order, at once; a subscriber's failure is logged, not spread."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._subscribers: dict[Subscriber, frozenset[str]] = {}
        self._by_type: dict[str, tuple[Subscriber, ...]] = {}

    def subscribe(self, subscriber: Subscriber, *types: str) -> Callable[[], None]:
        """Deliver events of `types` (none given: all) to `subscriber`; returns what ends it."""
        self._subscribers[subscriber] = frozenset(types)
        self._by_type.clear()

        def unsubscribe() -> None:
            self._subscribers.pop(subscriber, None)
            self._by_type.clear()

        return unsubscribe

    def wanted(self, event_type: str) -> bool:
        """Whether anyone listens, so that a costly event need not be made for nobody."""
        return bool(self._audience(event_type))

    def publish(self, event: Event) -> None:
        """Stamp `event` with the wall clock and deliver it."""
        self._deliver(event, self._audience(event.type))

    def tell(self, kind: type[Event], *values: object) -> None:
        """Make an event of `kind` out of `values` and publish it, if anyone listens."""
        audience = self._by_type.get(kind.type)
        if audience is None:
            audience = self._audience(kind.type)
        if audience:
            self._deliver(kind(*values), audience)

    def _deliver(self, event: Event, audience: tuple[Subscriber, ...]) -> None:
        event.time = self._wall()
        for subscriber in audience:
            try:
                subscriber(event)
            except Exception:
                logger.exception("an event subscriber failed", extra={"event": event.type})

    def _audience(self, event_type: str) -> tuple[Subscriber, ...]:
        audience = self._by_type.get(event_type)
        if audience is None:
            audience = tuple(s for s, types in self._subscribers.items() if not types or event_type in types)
            self._by_type[event_type] = audience
        return audience
