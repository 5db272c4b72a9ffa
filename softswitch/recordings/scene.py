"""What recordings are made of: a call with its two sides, or a room with its members, and what is being recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from softswitch.media import Port
from softswitch.media.recording.plan import SourceKey
from softswitch.media.recording.writers import MKV

CALL, CONFERENCE, TALKGROUP = "call", "conference", "talkgroup"
CALLER, CALLEE = "caller", "callee"


@dataclass(frozen=True, slots=True)
class Source:
    """A port, the direction that is heard, and as what. `pictures`: it is seen."""

    port: Port
    direction: int
    lane: str
    pictures: bool = False

    @property
    def key(self) -> SourceKey:
        """How the recorder knows it."""
        return SourceKey(self.port.slot, self.port.generation, self.direction)


@dataclass(slots=True)
class Running:
    """A recording in progress; times in seconds since the epoch, `paused_s` what was left out before now."""

    id: str
    stem: str
    started_at: float
    by: str
    layout: str
    container: str
    #: The only one whose sound and pictures it keeps; "": everybody's.
    party: str = ""
    paused_at: float = 0.0
    paused_s: float = 0.0
    #: When it began, in nanoseconds of CLOCK_MONOTONIC, and its sample rate; 0 until the recorder has said so.
    begin_ns: int = 0
    rate_hz: int = 0

    def plan(self, directory: Path, lanes: list[str], rate_hz: int = 0) -> dict[str, Any]:
        """What the recorder is told of it; files are below `directory`."""
        return {
            "id": self.id,
            "stem": str(directory / self.stem),
            "container": self.container,
            "layout": self.layout,
            "lanes": lanes,
            "rate_hz": self.rate_hz or rate_hz,
        }

    def takes(self, source: Source) -> bool:
        """Whether it keeps what comes from a source: pictures have a place in Matroska files that are to have them."""
        wanted = not self.party or source.lane == self.party
        return wanted and (not source.pictures or self.container == MKV)

    def offset_s(self, wall: float) -> float:
        """Where in the recording a moment is."""
        until = min(wall, self.paused_at) if self.paused_at else wall
        return max(until - self.started_at - self.paused_s, 0.0)


@dataclass(slots=True)
class Scene:
    """One call (`call_id`) or room (`room`) that is listened to."""

    kind: str
    call_id: str = ""
    room: str = ""
    caller: str = ""
    callee: str = ""
    sources: dict[SourceKey, Source] = field(default_factory=dict)
    recordings: dict[str, Running] = field(default_factory=dict)
    #: When the parties last heard that they are recorded, in seconds of the monotonic clock.
    beeped_at: float = 0.0

    @classmethod
    def of_row(cls, row: Mapping[str, Any], stem: str) -> tuple[Scene, Running]:
        """What was being recorded, and the recording, from its row in the index."""
        scene = cls(row["kind"], row["call_id"], row["room"], row["caller"], row["callee"])
        running = Running(row["id"], stem, row["started_at"], row["started_by"], row["layout"], row["format"])
        return scene, running

    @property
    def name(self) -> str:
        """Who listens."""
        return f"{self.kind} {self.call_id or self.room}"

    @property
    def shows(self) -> bool:
        """Whether somebody wants to see it."""
        return any(running.container == MKV for running in self.recordings.values())

    def sources_of(self, running: Running) -> list[list[Any]]:
        """What a recording keeps, as the recorder is told: keys and lanes."""
        return [[list(key), source.lane] for key, source in self.sources.items() if running.takes(source)]

    def lanes_of(self, running: Running) -> list[str]:
        """The channels of a stereo recording, or tracks of a separate one, known beforehand."""
        if running.party:
            return [running.party]
        if self.kind == CALL:
            return [CALLER, CALLEE]
        return list(dict.fromkeys(source.lane for source in self.sources.values() if not source.pictures))

    def row(self, running: Running) -> dict[str, Any]:
        """The first state of a recording in the index."""
        return {
            "id": running.id,
            "kind": self.kind,
            "call_id": self.call_id,
            "room": self.room,
            "caller": self.caller,
            "callee": self.callee,
            "started_at": running.started_at,
            "ended_at": None,
            "seconds": 0.0,
            "state": "recording",
            "layout": running.layout,
            "format": running.container,
            "started_by": running.by,
            "octets": 0,
            "files": [],
            "details": {"stem": running.stem},
        }
