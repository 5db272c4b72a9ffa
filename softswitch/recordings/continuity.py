"""What outlives one of the two: recordings that go on without the switch, and recordings whose recorder was lost.

Whenever switch and recorder meet, the recorder reports what it is making and what it has completed unheard. What the
switch did not begin itself is of an earlier one: it goes on until the ports of its call are given up. What the recorder
does not know is begun again, in a further file, and rows that neither knows are closed with what is on the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from softswitch import events
from softswitch.media.recording import requests
from softswitch.media.recording.requests import Notice, Request
from softswitch.recordings.index import Index, Row
from softswitch.recordings.listening import Listening
from softswitch.recordings.scene import Running, Scene

logger = logging.getLogger(__name__)


class Continuity:
    """`running` and `ending` are the recordings of this switch; `strangers` those of an earlier one, by id."""

    def __init__(
        self,
        bus: events.EventBus,
        index: Index,
        listening: Listening,
        ask: Callable[[Request], None],
        running: Mapping[str, Scene],
        ending: dict[str, tuple[Scene, Running]],
    ) -> None:
        self._bus = bus
        self._index = index
        self._listening = listening
        self._ask = ask
        self._running = running
        self._ending = ending
        self._complete: set[str] = set()  # told before the rows were looked at
        self._known: set[str] = set()  # to the recorder, by its last report
        self._ports_left = True
        self.strangers: dict[str, Row] = {}

    def begin(self, *, ports_left: bool) -> None:
        """The switch has started; `ports_left` when an earlier one's calls still flow."""
        self._ports_left = ports_left
        self._ask({"op": requests.REPORT})

    def recorder_lost(self, pid: int) -> None:
        """Nothing is recorded until another recorder has come; the taps keep some seconds."""
        logger.error("the recorder (process %d) has ended while it made %d recordings", pid, len(self._running))
        self._bus.publish(events.RecorderLost(pid, len(self._running)))

    def recorder_started(self, pid: int, wall: float) -> None:
        """Tell another recorder everything, and let it look into the taps when it knows."""
        logger.warning("another recorder runs (process %d)", pid)
        self._listening.tell_again()
        for identifier, scene in self._running.items():
            self._begin_again(scene, scene.recordings[identifier], wall)
        self.strangers.clear()
        self._ports_left = False
        self._ask({"op": requests.REPORT})
        self._bus.publish(events.RecorderStarted(pid, len(self._running)))

    def heard(self, notice: Notice) -> None:
        """The recorder reports."""
        if notice["notice"] == requests.REPORTED:
            self._reported()
            return
        identifier = notice["id"]
        self._known.add(identifier)
        if identifier not in self._running and identifier not in self._ending:
            row = self._index.get(identifier)
            if row is None or not self._ports_left:
                self._end(identifier, row)
            else:
                self.strangers[identifier] = row

    def finished(self, notice: Notice) -> tuple[Scene, Running] | None:
        """A recording is complete: what it was of, None when it is in the index already."""
        identifier = notice["id"]
        self._complete.add(identifier)
        known = self._ending.pop(identifier, None)
        if known is None:
            row = self._index.get(identifier)
            if row is not None and row["state"] == "recording":
                known = Scene.of_row(row, self._index.stem(row))
        return known

    def ports_released(self) -> None:
        """The ports of an earlier switch that no call has claimed were closed: what was recorded of them is over."""
        self._ports_left = False
        strangers, self.strangers = self.strangers, {}
        for identifier, row in strangers.items():
            self._end(identifier, row)

    def _end(self, identifier: str, row: Row | None) -> None:
        if row is not None:
            self._ending[identifier] = Scene.of_row(row, self._index.stem(row))
        self._ask({"op": requests.STOP, "id": identifier})

    def _begin_again(self, scene: Scene, running: Running, wall: float) -> None:
        plan = running.plan(self._index.directory, scene.lanes_of(running))
        paused_s = running.paused_s + (wall - running.paused_at if running.paused_at else 0.0)
        request: dict[str, Any] = {"op": requests.START, "plan": plan, "past_s": 0.0}
        request["sources"] = scene.sources_of(running)
        if running.begin_ns:
            request |= {"begun_ns": running.begin_ns, "paused_s": paused_s}
        self._ask(request)
        if running.paused_at:
            self._ask({"op": requests.PAUSE, "id": running.id})

    def _reported(self) -> None:
        """Close the rows that nobody will complete."""
        known = {*self._running, *self._known, *self._complete}
        cut = [row for row in self._index.unfinished() if row["id"] not in known]
        for row in cut:
            self._ending.pop(row["id"], None)
            self._index.recover(row)
        if cut:
            logger.warning("%d recordings were cut when the recorder last stopped", len(cut))
        if self.strangers:
            logger.warning("%d recordings go on from before", len(self.strangers))
        self._complete.clear()
        self._known.clear()
