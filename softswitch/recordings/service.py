"""The recordings of this node: begun by the rules or by somebody, fed with whatever takes part, put into the index.

Everything here runs on the loop and does no I/O but through the store and the recorder. `rules.py` follows events,
`stage.py` knows who is to be heard, `takes.py` what is being recorded, `index.py` what was; this ties them together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from softswitch import events
from softswitch.calls.call import Call
from softswitch.media import MediaEngine
from softswitch.media.recording import requests
from softswitch.media.recording.requests import Notice, Request
from softswitch.recordings.beeps import Beeps
from softswitch.recordings.bursts import Bursts
from softswitch.recordings.continuity import Continuity
from softswitch.recordings.index import Index
from softswitch.recordings.listening import Listening
from softswitch.recordings.policy import Policy
from softswitch.recordings.rules import Rules
from softswitch.recordings.scene import CALL
from softswitch.recordings.stage import Stage
from softswitch.recordings.takes import Takes
from softswitch.recordings.wish import Wish

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

#: A re-INVITE may change formats and a transfer may change parties without an event that says so.
LOOK_S = 0.5


class Recordings:
    """Recordings in progress, and the rules by which they begin and end."""

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
        self.policy = policy
        self.storage_full = ""

        def current() -> Policy:
            return self.policy

        bursts = Bursts(index)
        self._listening = listening = Listening(engine, ask)
        self._stage = Stage(exchange, listening, ask, current)
        self._takes = Takes(exchange, index, bursts, ask, new_id, current)
        self._rules = Rules(exchange, self._stage, self._takes, bursts, current, self.record_call)
        self._beeps = Beeps(engine)
        self._continuity = Continuity(exchange.bus, index, listening, ask, self._takes.running, self._takes.ending)

    def start(self) -> None:
        """Begin to look, and see what an earlier switch has left."""
        self._continuity.begin(ports_left=bool(self._engine.adopt()))
        self._exchange.timers.schedule(self._exchange.now() + LOOK_S, self._look)

    # -- what somebody wants ------------------------------------------------------------------------------------------

    def record_call(self, call: Call, wish: Wish) -> str:
        """Begin a recording of a call, also before it is answered; returns its id."""
        scene = self._stage.call(call)
        identifier = self._takes.begin(scene, wish)
        self._stage.follow(scene)  # with its pictures, when these are wanted
        call.record.recording_ids.append(identifier)
        if self.policy.beep:
            self._beeps.begin(scene, self._exchange.now())
        return identifier

    def record_room(self, kind: str, number: str, wish: Wish) -> str:
        """Begin a recording of a conference or talkgroup that is in use. Raises LookupError when it is not."""
        if not self._stage.is_used(kind, number):
            raise LookupError(f"nobody is in {kind} {number}")
        scene = self._stage.room(kind, number)
        identifier = self._takes.begin(scene, wish)
        self._stage.follow(scene)  # with its pictures, when these are wanted
        return identifier

    def of_call(self, call_id: str) -> list[str]:
        """The recordings of a call in progress."""
        return self.of_room(CALL, call_id)

    def of_room(self, kind: str, number: str) -> list[str]:
        """The recordings of a room in progress."""
        return list(scene.recordings) if (scene := self._stage.scenes.get(f"{kind} {number}")) else []

    def is_running(self, identifier: str) -> bool:
        """Whether a recording is being made."""
        return identifier in self._takes.running or identifier in self._continuity.strangers

    def is_paused(self, identifier: str) -> bool:
        """Whether nothing of it is kept now."""
        return self._takes.is_paused(identifier)

    @property
    def settled(self) -> bool:
        """Whether the recorder has completed all that was ended."""
        return not self._takes.ending

    def stop(self, identifier: str) -> None:
        """End a recording; raises LookupError when it is not running."""
        self._takes.stop(identifier)

    def pause(self, identifier: str, by: str) -> None:
        """Keep nothing until `resume`; raises LookupError."""
        self._takes.pause(identifier, by)

    def resume(self, identifier: str, by: str) -> None:
        """Keep everything again; raises LookupError."""
        self._takes.resume(identifier, by)

    def mark(self, identifier: str, label: str) -> None:
        """Note a place in a recording; raises LookupError."""
        self._takes.mark(identifier, label)

    def stop_all(self) -> None:
        """End every recording, for a shutdown."""
        for identifier in list(self._takes.running):
            self._takes.stop(identifier)

    def describe(self) -> list[dict[str, Any]]:
        """The recordings in progress, JSON-ready."""
        return self._takes.describe()

    # -- what happens -------------------------------------------------------------------------------------------------

    def follow(self, bus: events.EventBus) -> None:
        """Subscribe to what happens to calls, rooms and the floor."""
        self._rules.follow(bus)
        bus.on(events.MediaPortsReleased, lambda event: self._continuity.ports_released())

    def on_notice(self, notice: Notice) -> None:
        """The recorder has done something."""
        kind = notice["notice"]
        if kind == requests.STARTED:
            self._takes.started(notice)
        elif kind == requests.FINISHED:
            self._finished(notice)
        elif kind == requests.RUNNING:
            self._continuity.heard(notice)
        elif kind == requests.REPORTED:
            self._continuity.heard(notice)
            self._storage(notice["full"], 0)
        elif kind == requests.FULL:
            self._storage(notice["reason"], 0)
        elif kind == requests.ROOM:
            self._storage("", notice["free_octets"])
        elif kind == requests.WANTED:
            self._listening.want_picture(requests.source_of(notice["source"]))

    def _storage(self, full: str, free_octets: int) -> None:
        """Why nothing can be written ("": it can): an alarm when that begins, and the end of it."""
        before, self.storage_full = self.storage_full, full
        if full and not before:
            self._bus.publish(events.StorageFull(full))
        elif before and not full:
            self._bus.publish(events.StorageAvailable(free_octets))

    def recorder_changed(self, pid: int, *, started: bool) -> None:
        """The recorder's process was lost, or another has come."""
        if started:
            self._continuity.recorder_started(pid, self._exchange.wall())
        else:
            self._continuity.recorder_lost(pid)

    def _finished(self, notice: Notice) -> None:
        """A recording is complete. Once it is in the index, the recorder need not tell of it again."""

        def kept() -> None:
            self._ask({"op": requests.KNOWN, "id": notice["id"]})

        known = self._continuity.finished(notice)
        if known is None:
            kept()
        else:
            self._index.complete(*known, notice, kept)

    def _look(self, now: float) -> None:
        """Twice a second: who takes part, in which formats; what has fallen silent; what is kept too long."""
        self._stage.follow_all()
        self._rules.look(now)
        if self.policy.beep and self.policy.beep_interval_s:
            self._beeps.look(self._stage.scenes.values(), now, self.policy.beep_interval_s)
        self._index.keep_house(now)
        self._exchange.timers.schedule(now + LOOK_S, self._look)
