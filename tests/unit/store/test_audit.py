"""The audit chain shows every change made behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from softswitch.store import CallRecord, Store
from softswitch.store.audit import FIRST_HASH, entry_hash, read, verify

NOW = 1_780_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A chain of five entries, written in two runs of the store."""
    path = tmp_path / "s.db"
    for run in (range(1, 3), range(3, 6)):
        store = Store(path, "batch", group_s=0)
        store.start()
        for number in run:
            store.add_audit("张三", "admin", "reload", "configuration", {"number": number}, NOW + number)
        store.close()
    return path


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def test_chain_goes_on_after_a_restart(path: Path) -> None:
    connection = connect(path)
    entries = read(connection, None, 100)
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].previous_hash == FIRST_HASH
    assert [entry.previous_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert entries[4].details == {"number": 5} and entries[4].actor == "张三"
    assert verify(connection) is None
    connection.close()


def test_entries_are_read_from_a_time_on(path: Path) -> None:
    connection = connect(path)
    assert [entry.sequence for entry in read(connection, NOW + 3, 2)] == [3, 4]
    connection.close()


def test_hash_covers_every_field() -> None:
    base = entry_hash(FIRST_HASH, 1, 2.0, ("a", "b", "c", "d", "{}"))
    others = [
        entry_hash("1" * 64, 1, 2.0, ("a", "b", "c", "d", "{}")),
        entry_hash(FIRST_HASH, 2, 2.0, ("a", "b", "c", "d", "{}")),
        entry_hash(FIRST_HASH, 1, 2.5, ("a", "b", "c", "d", "{}")),
        entry_hash(FIRST_HASH, 1, 2.0, ("ab", "", "c", "d", "{}")),
    ]
    assert len({base, *others}) == 5


TAMPERINGS: list[tuple[str, Callable[[sqlite3.Connection], object], int]] = [
    ("changed", lambda db: db.execute("UPDATE audit SET actor = 'x' WHERE sequence = 3"), 3),
    ("changed time", lambda db: db.execute("UPDATE audit SET time = time + 1 WHERE sequence = 2"), 2),
    ("removed", lambda db: db.execute("DELETE FROM audit WHERE sequence = 3"), 3),
    ("removed at the beginning", lambda db: db.execute("DELETE FROM audit WHERE sequence = 1"), 1),
    ("renumbered", lambda db: db.execute("UPDATE audit SET sequence = 9 WHERE sequence = 5"), 5),
]


@pytest.mark.parametrize(("tamper", "found"), [row[1:] for row in TAMPERINGS], ids=[row[0] for row in TAMPERINGS])
def test_tampering_is_found(path: Path, tamper: Callable[[sqlite3.Connection], object], found: int) -> None:
    connection = connect(path)
    connection.execute("DROP TRIGGER audit_no_update")
    connection.execute("DROP TRIGGER audit_no_delete")
    tamper(connection)
    assert verify(connection) == found
    connection.close()


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_database_itself_refuses_changes(path: Path, statement: str) -> None:
    connection = connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="audit is append-only"):
        connection.execute(statement)
    connection.close()


def test_group_that_is_written_again_one_by_one_leaves_no_gap(tmp_path: Path) -> None:
    record = CallRecord("same", "n", "1", "2", NOW, None, NOW, "failed")
    store = Store(tmp_path / "s.db", "batch", group_s=0.05)
    store.start()
    for number in range(3):
        store.add_audit("a", "admin", "x", "", {"number": number}, NOW)
        store.close_call(record)
    store.flush()
    assert store.failures == 2, "two of three records with the same id"
    assert store.read(lambda database: verify(database.conn)) is None
    assert [entry.sequence for entry in store.read(lambda database: read(database.conn, None, 10))] == [1, 2, 3]
    store.close()
