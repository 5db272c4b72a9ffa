"""How long recordings are kept: by age and by size, oldest first, with a chain that tells of each removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from softswitch.events import Event, EventBus
from softswitch.media.recording.files import describe_part
from softswitch.media.recording.plan import Part
from softswitch.recordings.index import Index
from softswitch.recordings.policy import Policy
from softswitch.recordings.scene import CALL, Running, Scene
from softswitch.recordings.verification import verify
from softswitch.store import Store
from softswitch.store import recordings as rows
from softswitch.store.opening import open_reader

DAY = 86400.0
NOW = 1_780_000_000.0


class Shelf:
    """An index on a clock that the test turns, and recordings of as many octets as it wants."""

    def __init__(self, folder: Path) -> None:
        self.wall = NOW
        self.store = Store(folder / "s.db", "batch", group_s=0)
        self.store.start()
        self.told: list[Event] = []
        bus = EventBus(lambda: self.wall)
        bus.subscribe(self.told.append)
        self.index = Index(self.store, bus, folder / "recordings", lambda: self.wall)

    def record(self, name: str, octets: int, *, complete: bool = True) -> None:
        """A recording that begins now."""
        scene, running = Scene(CALL, call_id=f"call-{name}"), Running(name, name, self.wall, "test", "mixed", "wav")
        self.index.begin(scene, running)
        path = self.index.directory / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode() * (octets // len(name)))
        about = {"id": name, "seconds": 1.0, "lost_s": 0.0, "pauses": [], "marks": [], "packets": {}, "rate_hz": 8000}
        if complete:
            self.index.complete(scene, running, {**about, "files": [describe_part(Part(path, "", 0.0, 1.0))]})
        self.store.flush()

    def prune(self) -> int:
        """Remove what is to be removed now."""
        removed = self.index.prune()
        self.store.flush()
        return removed

    @property
    def files(self) -> list[str]:
        """What is on the disk."""
        return sorted(path.stem for path in self.index.directory.iterdir())

    @property
    def removals(self) -> list[tuple[str, str]]:
        """Of what the events told, and why."""
        return [(event.recording_id, event.reason) for event in self.told if event.type == "recording.removed"]  # type: ignore[attr-defined]

    def check(self) -> list[str]:
        """What verification finds."""
        reader = open_reader(self.store.path)
        try:
            return [finding.detail for finding in verify(reader.conn, self.index.directory).findings]
        finally:
            reader.conn.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


def test_what_is_too_old_is_removed_and_the_chain_stays_whole(shelf: Shelf) -> None:
    shelf.index.policy = Policy(retention_s=30 * DAY)
    for name in ("a", "b", "c"):
        shelf.record(name, 1000)
        shelf.wall += 10 * DAY
    assert shelf.prune() == 0, "a is 30 days old and no older"
    shelf.wall += 11 * DAY
    assert shelf.prune() == 2 and shelf.files == ["c"]
    assert shelf.removals == [("a", "age"), ("b", "age")]
    assert shelf.check() == [], "what was removed is not missed"
    (shelf.index.directory / "c.wav").unlink()
    assert len(shelf.check()) == 1, "but what was not is"


def test_the_oldest_make_room_for_the_newest(shelf: Shelf) -> None:
    shelf.index.policy = Policy(most_octets=2500)
    for name in ("a", "b", "c", "d"):
        shelf.record(name, 1000)
        shelf.wall += 60
    assert shelf.prune() == 2 and shelf.files == ["c", "d"]
    assert shelf.removals == [("a", "size"), ("b", "size")]
    assert shelf.prune() == 0 and shelf.check() == []
    assert shelf.store.failures == 0


def test_age_and_size_together_remove_no_more_than_is_needed(shelf: Shelf) -> None:
    shelf.index.policy = Policy(retention_s=DAY, most_octets=2500)
    for name in ("a", "b", "c", "d"):
        shelf.record(name, 1000)
        shelf.wall += DAY / 4
    shelf.wall += DAY / 8
    assert shelf.prune() == 2, "a by its age, and then b alone by size"
    assert shelf.removals == [("a", "age"), ("b", "size")] and shelf.files == ["c", "d"]


def test_a_recording_in_progress_is_never_removed(shelf: Shelf) -> None:
    shelf.index.policy = Policy(retention_s=DAY, most_octets=1)
    shelf.record("a", 1000, complete=False)
    shelf.wall += 3 * DAY
    assert shelf.prune() == 0 and shelf.files == ["a"]


def test_it_is_looked_at_twice_a_minute(shelf: Shelf) -> None:
    shelf.index.policy = Policy(retention_s=DAY)
    shelf.index.keep_house(100.0)
    shelf.record("a", 1000)
    shelf.wall += 2 * DAY
    shelf.index.keep_house(129.0)
    assert shelf.files == ["a"]
    shelf.index.keep_house(130.0)
    shelf.store.flush()
    assert shelf.files == [] and shelf.store.read(lambda database: rows.get(database, "a")) is None
