"""The recordings in progress: begun, paused, marked, ended, each as the recorder is asked and the index is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from softswitch import events
from softswitch.media.recording import requests
from softswitch.media.recording.requests import Notice, Request
from softswitch.recordings.bursts import Bursts
from softswitch.recordings.index import Index
from softswitch.recordings.policy import Policy
from softswitch.recordings.scene import CALL, Running, Scene
from softswitch.recordings.wish import Wish

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange


class Takes:
    """`running` are the scenes by the ids of their recordings; `ending` is what the recorder still completes."""

    def __init__(
        self,
        exchange: Exchange,
        index: Index,
        bursts: Bursts,
        ask: Callable[[Request], None],
        new_id: Callable[[], str],
        policy: Callable[[], Policy],
    ) -> None:
        self._exchange = exchange
        self._bus = exchange.bus
        self._index = index
        self._bursts = bursts
        self._ask = ask
        self._new_id = new_id
        self._policy = policy
        self.running: dict[str, Scene] = {}
        self.ending: dict[str, tuple[Scene, Running]] = {}

    def begin(self, scene: Scene, wish: Wish) -> str:
        """Record a scene; returns the recording's id."""
        policy, wall, identifier = self._policy(), self._exchange.wall(), self._new_id()
        layout = wish.layout or policy.layout
        if layout == "stereo" and (wish.party or (scene.kind != CALL and not wish.layout)):
            layout = "mixed"
        day = datetime.fromtimestamp(wall, UTC).strftime("%Y/%m/%d")
        container = wish.container or policy.container
        running = Running(identifier, f"{day}/{identifier}", wall - wish.past_s, wish.by, layout, container, wish.party)
        scene.recordings[identifier] = running
        self.running[identifier] = scene
        plan = running.plan(self._index.directory, scene.lanes_of(running), policy.rate_hz)
        sources = scene.sources_of(running)
        self._ask({"op": requests.START, "plan": plan, "past_s": wish.past_s, "sources": sources})
        self._index.begin(scene, running)
        self._bus.tell(events.RecordingStarted, identifier, scene.kind, scene.call_id, scene.room, wish.by)
        return identifier

    def started(self, notice: Notice) -> None:
        """The recorder says when a recording begins, which may be in the past."""
        identifier = notice["id"]
        if identifier in self.running:
            running = self.running[identifier].recordings[identifier]
        elif identifier in self.ending:
            running = self.ending[identifier][1]
        else:
            return
        running.started_at = self._exchange.wall() - self._exchange.now() + notice["begin_ns"] / 1e9
        running.begin_ns, running.rate_hz = notice["begin_ns"], notice["rate_hz"]

    def stop(self, identifier: str) -> None:
        """End a recording; raises LookupError when it is not running."""
        scene = self.scene_of(identifier)
        del self.running[identifier]
        self._bursts.close(identifier, self._exchange.wall(), scene.recordings[identifier])
        self._bursts.forget(identifier)
        self.ending[identifier] = (scene, scene.recordings.pop(identifier))
        self._ask({"op": requests.STOP, "id": identifier})

    def pause(self, identifier: str, by: str) -> None:
        """Keep nothing until `resume`; raises LookupError."""
        scene = self.scene_of(identifier)
        running = scene.recordings[identifier]
        if not running.paused_at:
            running.paused_at = self._exchange.wall()
            self._ask({"op": requests.PAUSE, "id": identifier})
            self._bus.tell(events.RecordingPaused, identifier, scene.call_id, scene.room, by)

    def resume(self, identifier: str, by: str) -> None:
        """Keep everything again; raises LookupError."""
        scene = self.scene_of(identifier)
        running = scene.recordings[identifier]
        if running.paused_at:
            running.paused_s += self._exchange.wall() - running.paused_at
            running.paused_at = 0.0
            self._ask({"op": requests.RESUME, "id": identifier})
            self._bus.tell(events.RecordingResumed, identifier, scene.call_id, scene.room, by)

    def mark(self, identifier: str, label: str) -> None:
        """Note a place in a recording; raises LookupError."""
        self.scene_of(identifier)
        self._ask({"op": requests.MARK, "id": identifier, "label": label})

    def is_paused(self, identifier: str) -> bool:
        """Whether nothing of it is kept now."""
        scene = self.running.get(identifier)
        return scene is not None and scene.recordings[identifier].paused_at > 0

    def scene_of(self, identifier: str) -> Scene:
        """What is being recorded; raises LookupError when the recording is not running."""
        scene = self.running.get(identifier)
        if scene is None:
            raise LookupError(f"recording {identifier!r} is not running")
        return scene

    def describe(self) -> list[dict[str, Any]]:
        """The recordings in progress, JSON-ready."""
        return [
            {**scene.row(running), "paused": running.paused_at > 0}
            for identifier, scene in self.running.items()
            if (running := scene.recordings[identifier])
        ]
