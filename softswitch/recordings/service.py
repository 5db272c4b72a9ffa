"""The recordings of this node: begun by the rules or by somebody, fed with whatever takes part, put into the index.

Everything here runs on the loop and does no I/O but through the store and the recorder. Calls and rooms know nothing
of it: who takes part is learnt from events, and looked at again twice a second, for a re-INVITE may change formats
and a transfer may change parties.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from softswitch import events
from softswitch.calls.call import Call
from softswitch.calls.leg import Leg
from softswitch.media import MediaEngine, MediaError, Port, tones
from softswitch.media.layout import TAP_RECEIVED, TAP_SENT
from softswitch.media.recording import requests
from softswitch.media.recording.requests import Notice, Request
from softswitch.recordings.bursts import Bursts
from softswitch.recordings.continuity import Continuity
from softswitch.recordings.index import Index
from softswitch.recordings.listening import Listening
from softswitch.recordings.policy import Policy
from softswitch.recordings.scene import CALL, CALLEE, CALLER, CONFERENCE, TALKGROUP, Running, Scene, Source

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

logger = logging.getLogger(__name__)

LOOK_S = 0.5
#: The recording of a talkgroup begins so much before the floor was granted.
_FIRST_SYLLABLE_S = 0.3
_BEEP_HZ, _BEEP_DBM0, _BEEP_S = 1400.0, -20.0, 0.2
_GROUP_PAST_S = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants a recording: "" and None as the rules say. `past_s` seconds before now belong to it."""

    layout: str = ""
    container: str = ""
    past_s: float = 0.0
    by: str = ""


class Recordings:
    """Recordings in progress, and the rules by which they begin and end."""

    types = (
        events.CallAnswered.type,
        events.CallRecorded.type,
        events.LegStateChanged.type,
        events.ConferenceJoined.type,
        events.ConferenceLeft.type,
        events.GroupJoined.type,
        events.GroupLeft.type,
        events.FloorGranted.type,
        events.FloorIdle.type,
        events.MediaPortsReleased.type,
    )

    def __init__(
        self,
        exchange: Exchange,
        engine: MediaEngine,
        index: Index,
        ask: Callable[[Request], None],
        new_id: Callable[[], str],
        policy: Policy,
    ) -> None:
        self._exchange = exchange
        self._engine = engine
        self._bus = exchange.bus
        self._index = index
        self._ask = ask
        self._new_id = new_id
        self.policy = policy
        self._listening = Listening(engine, ask)
        self._scenes: dict[str, Scene] = {}
        self._running: dict[str, Scene] = {}
        self._ending: dict[str, tuple[Scene, Running]] = {}
        self._bursts = Bursts(index)
        self._members: dict[str, dict[str, Source]] = {}  # by name of the room's scene, by leg id
        self._idle_since: dict[str, float] = {}
        self.storage_full = ""
        self._continuity = Continuity(exchange.bus, index, self._listening, ask, self._running, self._ending)

    def start(self) -> None:
        """Begin to look, and see what an earlier switch has left."""
        self._continuity.begin(ports_left=bool(self._engine.adopt()))
        self._exchange.timers.schedule(self._exchange.now() + LOOK_S, self._look)

    # -- what somebody wants ------------------------------------------------------------------------------------------

    def record_call(self, call: Call, wish: Wish) -> str:
        """Begin a recording of a call, also before it is answered; returns its id."""
        scene = self._scene_of(call)
        self._follow_call(scene, call)
        identifier = self._begin(scene, wish)
        call.record.recording_ids.append(identifier)
        if self.policy.beep:
            self._beep(scene)
        return identifier

    def record_room(self, kind: str, number: str, wish: Wish) -> str:
        """Begin a recording of a conference or talkgroup that is in use. Raises LookupError when it is not."""
        name = Scene(kind, room=number).name
        if not self._members.get(name):
            raise LookupError(f"nobody is in {kind} {number}")
        return self._begin(self._room(kind, number), wish)

    def of_call(self, call_id: str) -> list[str]:
        """The recordings of a call in progress."""
        return list(scene.recordings) if (scene := self._scenes.get(f"{CALL} {call_id}")) else []

    def of_room(self, kind: str, number: str) -> list[str]:
        """The recordings of a room in progress."""
        return list(scene.recordings) if (scene := self._scenes.get(f"{kind} {number}")) else []

    def is_running(self, identifier: str) -> bool:
        """Whether a recording is being made."""
        return identifier in self._running or identifier in self._continuity.strangers

    @property
    def settled(self) -> bool:
        """Whether the recorder has completed all that was ended."""
        return not self._ending

    def is_paused(self, identifier: str) -> bool:
        """Whether nothing of it is kept now."""
        scene = self._running.get(identifier)
        return scene is not None and scene.recordings[identifier].paused_at > 0

    def stop(self, identifier: str) -> None:
        """End a recording; raises LookupError when it is not running."""
        scene = self._scene_with(identifier)
        del self._running[identifier]
        self._bursts.close(identifier, self._exchange.wall(), scene.recordings[identifier])
        self._bursts.forget(identifier)
        self._ending[identifier] = (scene, scene.recordings.pop(identifier))
        self._ask({"op": requests.STOP, "id": identifier})

    def pause(self, identifier: str, by: str) -> None:
        """Keep nothing until `resume`; raises LookupError."""
        scene = self._scene_with(identifier)
        running = scene.recordings[identifier]
        if not running.paused_at:
            running.paused_at = self._exchange.wall()
            self._ask({"op": requests.PAUSE, "id": identifier})
            self._bus.tell(events.RecordingPaused, identifier, scene.call_id, scene.room, by)

    def resume(self, identifier: str, by: str) -> None:
        """Keep everything again; raises LookupError."""
        scene = self._scene_with(identifier)
        running = scene.recordings[identifier]
        if running.paused_at:
            running.paused_s += self._exchange.wall() - running.paused_at
            running.paused_at = 0.0
            self._ask({"op": requests.RESUME, "id": identifier})
            self._bus.tell(events.RecordingResumed, identifier, scene.call_id, scene.room, by)

    def mark(self, identifier: str, label: str) -> None:
        """Note a place in a recording; raises LookupError."""
        self._scene_with(identifier)
        self._ask({"op": requests.MARK, "id": identifier, "label": label})

    def stop_all(self) -> None:
        """End every recording, for a shutdown."""
        for identifier in list(self._running):
            self.stop(identifier)

    # -- what happens -------------------------------------------------------------------------------------------------

    def on_event(self, event: events.Event) -> None:
        """Follow calls, rooms and the floor."""
        if isinstance(event, events.CallAnswered):
            self._call_answered(event.call_id)
        elif isinstance(event, events.CallRecorded):
            self._call_over(event.call_id)
        elif isinstance(event, events.LegStateChanged):
            self._follow(self._scenes.get(f"{CALL} {event.call_id}"))
        elif isinstance(event, events.ConferenceJoined):
            self._joined(CONFERENCE, event.conference, event)
        elif isinstance(event, events.GroupJoined):
            self._joined(TALKGROUP, event.group, event)
        elif isinstance(event, events.ConferenceLeft):
            self._left(CONFERENCE, event.conference, event)
        elif isinstance(event, events.GroupLeft):
            self._left(TALKGROUP, event.group, event)
        elif isinstance(event, events.FloorGranted):
            self._granted(event)
        elif isinstance(event, events.FloorIdle):
            self._idle(event.group)
        elif isinstance(event, events.MediaPortsReleased):
            self._continuity.ports_released()

    def _call_answered(self, call_id: str) -> None:
        call = self._exchange.calls.get(call_id)
        if call is None:
            return
        if self.policy.wants_call(call):
            self.record_call(call, Wish(by="policy"))
        elif self.policy.pre_record_s > 0:
            self._follow_call(self._scene_of(call), call)

    def _call_over(self, call_id: str) -> None:
        scene = self._scenes.get(f"{CALL} {call_id}")
        if scene is not None:
            self._close(scene)

    def _joined(self, kind: str, number: str, event: events.ConferenceJoined | events.GroupJoined) -> None:
        call = self._exchange.calls.get(event.call_id)
        port = call.port_of(leg) if call is not None and (leg := _leg(call, event.leg_id)) is not None else None
        if port is None:
            return
        name = f"{kind} {number}"
        self._members.setdefault(name, {})[event.leg_id] = Source(port, TAP_RECEIVED, event.party or event.leg_id)
        wanted = self.policy.wants_room(kind, number)
        if wanted or name in self._scenes:
            scene = self._room(kind, number)
            if wanted and kind == CONFERENCE and not scene.recordings:
                self._begin(scene, Wish(by="policy"))

    def _left(self, kind: str, number: str, event: events.ConferenceLeft | events.GroupLeft) -> None:
        name = f"{kind} {number}"
        members = self._members.get(name, {})
        members.pop(event.leg_id, None)
        scene = self._scenes.get(name)
        if not members:
            self._members.pop(name, None)
            if scene is not None:
                self._close(scene)
        elif scene is not None:
            self._hear(scene, members.values())

    def _granted(self, event: events.FloorGranted) -> None:
        name = f"{TALKGROUP} {event.group}"
        if name not in self._members:
            return
        if self.policy.wants_room(TALKGROUP, event.group) and not self.of_room(TALKGROUP, event.group):
            self._begin(self._room(TALKGROUP, event.group), Wish(past_s=_FIRST_SYLLABLE_S, by="policy"))
        self._idle_since.pop(event.group, None)
        for running in self._room(TALKGROUP, event.group).recordings.values() if name in self._scenes else ():
            self._bursts.open(running, event, self._exchange.wall())

    def _idle(self, group: str) -> None:
        scene = self._scenes.get(f"{TALKGROUP} {group}")
        if scene is not None:
            self._idle_since[group] = self._exchange.now()
            for running in scene.recordings.values():
                self._bursts.close(running.id, self._exchange.wall(), running)

    # -- what the recorder tells --------------------------------------------------------------------------------------

    def on_notice(self, notice: Notice) -> None:
        """The recorder has done something."""
        kind = notice["notice"]
        if kind == requests.STARTED:
            self._started(notice)
        elif kind == requests.FINISHED:
            known = self._continuity.finished(notice)
            if known is None:
                self._kept(notice["id"])
            else:
                self._index.complete(*known, notice, lambda: self._kept(notice["id"]))
        elif kind in (requests.RUNNING, requests.REPORTED):
            self._continuity.heard(notice)
        elif kind == requests.FULL:
            self.storage_full = notice["reason"]
            self._bus.publish(events.StorageFull(notice["reason"]))
        elif kind == requests.ROOM:
            self.storage_full = ""
            self._bus.publish(events.StorageAvailable(notice["free_octets"]))

    def _kept(self, identifier: str) -> None:
        """A recording is in the index; the recorder need not tell of it again."""
        self._ask({"op": requests.KNOWN, "id": identifier})

    def recorder_changed(self, pid: int, *, started: bool) -> None:
        """The recorder's process was lost, or another has come."""
        if started:
            self._continuity.recorder_started(pid, self._exchange.wall())
        else:
            self._continuity.recorder_lost(pid)

    def _started(self, notice: Notice) -> None:
        identifier = notice["id"]
        if identifier in self._running:
            running = self._running[identifier].recordings[identifier]
        elif identifier in self._ending:
            running = self._ending[identifier][1]
        else:
            return
        running.started_at = self._exchange.wall() - self._exchange.now() + notice["begin_ns"] / 1e9
        running.begin_ns, running.rate_hz = notice["begin_ns"], notice["rate_hz"]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _begin(self, scene: Scene, wish: Wish) -> str:
        policy, wall, identifier = self.policy, self._exchange.wall(), self._new_id()
        layout = wish.layout or policy.layout
        if scene.kind != CALL and not wish.layout and layout == "stereo":
            layout = "mixed"
        day = datetime.fromtimestamp(wall, UTC).strftime("%Y/%m/%d")
        running = Running(identifier, f"{day}/{identifier}", wall - wish.past_s, wish.by, layout, "")
        running.container = wish.container or policy.container
        scene.recordings[identifier] = running
        self._running[identifier] = scene
        plan = running.plan(self._index.directory, scene.lanes, policy.rate_hz)
        sources = [[list(key), source.lane] for key, source in scene.sources.items()]
        self._ask({"op": requests.START, "plan": plan, "past_s": wish.past_s, "sources": sources})
        self._index.begin(scene, running)
        self._bus.tell(events.RecordingStarted, identifier, scene.kind, scene.call_id, scene.room, wish.by)
        return identifier

    def _scene_with(self, identifier: str) -> Scene:
        scene = self._running.get(identifier)
        if scene is None:
            raise LookupError(f"recording {identifier!r} is not running")
        return scene

    def _scene_of(self, call: Call) -> Scene:
        scene = Scene(CALL, call_id=call.id, caller=call.record.caller, callee=call.record.callee)
        return self._scenes.setdefault(scene.name, scene)

    def _room(self, kind: str, number: str) -> Scene:
        scene = Scene(kind, room=number)
        scene = self._scenes.setdefault(scene.name, scene)
        self._hear(scene, self._members.get(scene.name, {}).values())
        return scene

    def _close(self, scene: Scene) -> None:
        """Nothing is left to be heard."""
        for identifier in list(scene.recordings):
            self.stop(identifier)
        self._hear(scene, ())
        del self._scenes[scene.name]

    def _hear(self, scene: Scene, wanted: Iterable[Source]) -> None:
        """Let a scene have these sources and no others."""
        after = {source.key: source for source in wanted if not source.port.closed}
        keep_s = self.policy.pre_record_s if scene.kind == CALL else _GROUP_PAST_S
        for key, source in after.items():
            if scene.sources.get(key) == source:
                continue
            with contextlib.suppress(MediaError):
                self._listening.want(scene.name, source.port, source.direction, keep_s)
                scene.sources[key] = source
                for identifier in scene.recordings:
                    self._ask({"op": requests.BIND, "id": identifier, "source": list(key), "lane": source.lane})
        for key in [key for key in scene.sources if key not in after]:
            del scene.sources[key]
            for identifier in scene.recordings:
                self._ask({"op": requests.UNBIND, "id": identifier, "source": list(key)})
            self._listening.release(scene.name, key)

    def _follow(self, scene: Scene | None) -> None:
        call = self._exchange.calls.get(scene.call_id) if scene is not None and scene.kind == CALL else None
        if scene is not None and call is not None:
            self._follow_call(scene, call)

    def _follow_call(self, scene: Scene, call: Call) -> None:
        """Hear both sides of a call; where the switch itself talks to its only party, what it says."""
        caller = _live(call.port_of(call.caller))
        callee = _live(call.port_of(call.callee)) if call.callee is not None else None
        wanted = [Source(port, TAP_RECEIVED, lane) for port, lane in ((caller, CALLER), (callee, CALLEE)) if port]
        if caller is not None and call.callee is None:
            wanted.append(Source(caller, TAP_SENT, CALLEE))
        self._hear(scene, wanted)

    def _look(self, now: float) -> None:
        """Twice a second: who takes part, in which formats, and which talkgroups have fallen silent."""
        for scene in list(self._scenes.values()):
            self._follow(scene)
        self._listening.follow()
        for group, since in list(self._idle_since.items()):
            if now - since >= self.policy.group_idle_s:
                del self._idle_since[group]
                for identifier in self.of_room(TALKGROUP, group):
                    if self._running[identifier].recordings[identifier].by == "policy":
                        self.stop(identifier)
        self._index.keep_house()
        self._exchange.timers.schedule(now + LOOK_S, self._look)

    def _beep(self, scene: Scene) -> None:
        samples = np.resize(tones.sine(_BEEP_HZ, _BEEP_DBM0, 8000), int(_BEEP_S * 8000))
        for source in scene.sources.values():
            if source.direction == TAP_RECEIVED:
                with contextlib.suppress(MediaError):
                    self._engine.play(source.port, samples)

    def describe(self) -> list[dict[str, Any]]:
        """The recordings in progress."""
        return [
            {**scene.row(running), "paused": running.paused_at > 0}
            for scene in self._scenes.values()
            for running in scene.recordings.values()
        ]


def _leg(call: Call, leg_id: str) -> Leg | None:
    return next((leg for leg in (call.caller, call.callee) if leg is not None and leg.id == leg_id), None)


def _live(port: Port | None) -> Port | None:
    return port if port is not None and not port.closed else None


__all__ = ["Recordings", "Wish"]
