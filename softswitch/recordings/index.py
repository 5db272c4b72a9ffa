"""The index of recordings in the store, and how long they are kept."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from softswitch.events import EventBus, RecordingFailed, RecordingFinished, RecordingRemoved
from softswitch.media.recording.files import describe_part, parts_left
from softswitch.media.recording.requests import Notice
from softswitch.recordings.policy import Policy
from softswitch.recordings.scene import Running, Scene
from softswitch.store import recordings as rows
from softswitch.store.errors import StoreError
from softswitch.store.store import Store

logger = logging.getLogger(__name__)

_KEEP_HOUSE_S = 30.0
_AT_A_TIME = 100
#: What is kept of the recorder's last word.
_DETAILS = ("lost_s", "pauses", "marks", "packets", "pictures", "speech", "rate_hz")

Row = dict[str, Any]


class Index:
    """Rows and files of recordings; `directory` is where the files are, paths in the index are relative to it."""

    def __init__(self, store: Store, bus: EventBus, directory: Path, wall: Callable[[], float]) -> None:
        self._store = store
        self._bus = bus
        self._wall = wall
        self.directory = directory
        self.policy = Policy()
        self._next_housekeeping = 0.0

    def begin(self, scene: Scene, running: Running) -> None:
        """A recording begins."""
        self._write(rows.begin(scene.row(running)), running.id, scene)

    def burst(self, row: Mapping[str, Any]) -> None:
        """Somebody has, or had, the floor."""
        try:
            self._store.write(rows.put_burst(row))
        except StoreError as error:
            logger.error("a talk burst is not in the index: %s", error)

    def complete(
        self, scene: Scene, running: Running, notice: Notice, kept: Callable[[], object] = lambda: None
    ) -> None:
        """The recorder is done with a recording; `kept` is called when that is in the store."""
        identifier, files = notice["id"], self._relative(notice["files"])
        octets = sum(file["octets"] for file in files)
        details = {name: notice[name] for name in _DETAILS if name in notice}
        if running.party:
            details["party"] = running.party
        wall = self._wall()
        changes = {
            "started_at": running.started_at,
            "ended_at": wall,
            "seconds": notice["seconds"],
            "state": rows.COMPLETE if files else rows.EMPTY,
            "octets": octets,
            "files": files,
            "details": details,
        }
        about = (identifier, scene.kind, scene.call_id, scene.room, notice["seconds"], octets, notice["lost_s"])

        def done(error: BaseException | None) -> None:
            if error is None:
                kept()
                self._bus.publish(RecordingFinished(*about))
            else:
                self._failed(identifier, scene, str(error))

        try:
            self._store.write(rows.complete(identifier, changes, wall), done)
        except StoreError as error:
            self._failed(identifier, scene, str(error))

    def get(self, identifier: str) -> Row | None:
        """The row of a recording."""
        return self._store.read(lambda database: rows.get(database, identifier))

    def unfinished(self) -> list[Row]:
        """Rows of recordings that had begun and are not complete."""
        return self._store.read(rows.unfinished)

    def stem(self, row: Row) -> str:
        """The path of a recording's files, below `directory` and without extension."""
        return str(row["details"].get("stem", row["id"]))

    def recover(self, row: Row) -> None:
        """Put what a crash cut off into the index as far as it was written."""
        files = self._relative(map(describe_part, parts_left(self.directory / self.stem(row), row["layout"])))
        changes = {
            "ended_at": self._wall(),
            "state": rows.INTERRUPTED if files else rows.EMPTY,
            "octets": sum(file["octets"] for file in files),
            "seconds": max((file["offset_s"] + file["seconds"] for file in files), default=0.0),
            "files": files,
        }
        self._store.write(rows.complete(row["id"], changes, self._wall()))

    def remove(self, row: Mapping[str, Any], reason: str) -> None:
        """Remove a recording's files, and its row; the chain keeps that it was there. Raises StoreError."""
        for file in row["files"]:
            with contextlib.suppress(OSError):
                (self.directory / file["path"]).unlink()
        self._store.write(rows.remove(row["id"], reason, self._wall()))
        self._bus.publish(RecordingRemoved(row["id"], reason))

    def keep_house(self, now: float) -> None:
        """Now and then remove what is too old, and the oldest when all together are too large."""
        policy = self.policy
        if now < self._next_housekeeping or not (policy.retention_s or policy.most_octets):
            return
        self._next_housekeeping = now + _KEEP_HOUSE_S
        self.prune()

    def prune(self) -> int:
        """Apply the limits of age and size to the oldest recordings; returns how many were removed."""
        policy, wall, removed = self.policy, self._wall(), 0
        oldest = self._store.read(lambda database: rows.oldest(database, wall, _AT_A_TIME))
        excess = self._store.read(rows.total_octets) - policy.most_octets if policy.most_octets else 0
        for row in oldest:
            too_old = policy.retention_s > 0 and row["started_at"] < wall - policy.retention_s
            if not too_old and excess <= 0:
                break
            self.remove(row, "age" if too_old else "size")
            excess -= row["octets"]
            removed += 1
        return removed

    def _relative(self, files: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{**file, "path": str(Path(file["path"]).relative_to(self.directory))} for file in files]

    def _write(self, write: rows.Write, identifier: str, scene: Scene) -> None:
        try:
            self._store.write(write)
        except StoreError as error:
            self._failed(identifier, scene, str(error))

    def _failed(self, identifier: str, scene: Scene, reason: str) -> None:
        logger.error("recording %s is not in the index: %s", identifier, reason)
        self._bus.publish(RecordingFailed(identifier, scene.call_id, scene.room, reason))
