"""The talk-burst index: who had the floor in the recording of a talkgroup, when, and where in the recording that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from softswitch.events import FloorGranted
from softswitch.recordings.index import Index
from softswitch.recordings.scene import Running


@dataclass(slots=True)
class _Burst:
    number: int
    event: FloorGranted
    began_at: float


class Bursts:
    """The bursts in progress, by recording: one at a time, for the floor is one party's."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._open: dict[str, _Burst] = {}
        self._counts: dict[str, int] = {}

    def open(self, running: Running, event: FloorGranted, wall: float) -> None:
        """A party may talk; whoever talked before does so no more. Times are seconds since the epoch."""
        self._end(running.id, wall, running)
        number = self._counts[running.id] = self._counts.get(running.id, 0) + 1
        burst = self._open[running.id] = _Burst(number, event, wall)
        self._index.burst(self._row(burst, running, None))

    def close(self, recording: str, wall: float, running: Running) -> None:
        """Nobody talks any more, or the recording is over."""
        self._end(recording, wall, running)

    def forget(self, recording: str) -> None:
        """A recording is over."""
        self._counts.pop(recording, None)

    def _end(self, recording: str, wall: float, running: Running) -> None:
        burst = self._open.pop(recording, None)
        if burst is not None:
            self._index.burst(self._row(burst, running, wall))

    @staticmethod
    def _row(burst: _Burst, running: Running, ended_at: float | None) -> dict[str, Any]:
        event = burst.event
        return {
            "id": f"{running.id}.{burst.number}",
            "recording": running.id,
            "room": event.group,
            "party": event.party,
            "call_id": event.call_id,
            "leg_id": event.leg_id,
            "started_at": burst.began_at,
            "ended_at": ended_at,
            "offset_s": round(running.offset_s(burst.began_at), 3),
            "priority": event.priority,
            "tier": event.tier,
        }
