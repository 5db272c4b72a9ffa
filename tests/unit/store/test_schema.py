"""An older database is brought up to date with its data, a newer or a damaged one is refused and left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from softswitch.store import Store, StoreError, queries, schema
from softswitch.store.schema import MIGRATIONS, VERSION, migrate

NOW = 1_780_000_000.0


def old_database(path: Path) -> None:
    """A database as version 1 left it, with a subscriber, a binding and a record in it."""
    database = Database(sqlite3.connect(path, isolation_level=None))
    migrate(database, 1)
    database.conn.execute("INSERT INTO subscribers VALUES ('2001', 'a', 'b', 'Desk', '{}', 1)")
    database.conn.execute(
        "INSERT INTO bindings VALUES ('1@x', 'sip:1@h', 1, ?, 1, 'c', 1, '', 'udp h 5060 ', '', 0, '', 0, 0)",
        (NOW + 9,),
    )
    database.conn.execute(
        "INSERT INTO cdrs VALUES ('a', 'n', '1', '2', 1, 2, 3, 2000, 1000, 'answered', 200, 16, '', '', '[]', '{}')"
    )
    database.conn.close()


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    connection.close()
    return version


def test_version_1_becomes_the_present_one_with_its_data(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    old_database(path)
    assert version_of(path) == 1
    store = Store(path, "batch", group_s=0)
    store.start()
    store.add_audit("admin", "admin", "test", "", {}, NOW)
    store.flush()
    assert [record.number for record in store.list_subscribers()] == ["2001"]
    assert [binding.aor for binding in store.load_bindings(NOW)] == ["1@x"]
    assert store.read(lambda database: queries.get_cdr(database, "a")) is not None
    store.close()
    assert version_of(path) == VERSION > 1


def test_migration_that_fails_leaves_the_older_version_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.db"
    old_database(path)

    def fail(database: Database) -> None:
        MIGRATIONS[1](database)
        database.conn.execute("CREATE TABLE audit (x)")

    monkeypatch.setattr(schema, "MIGRATIONS", (MIGRATIONS[0], fail))
    with pytest.raises(StoreError, match="could not be brought to version 2"):
        Store(path, "batch").start()
    assert version_of(path) == 1
    connection = sqlite3.connect(path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert "audit" not in tables and "subscribers" in tables


def test_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer release"):
        Store(path).start()


def test_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"this is not a database, but long enough to look at" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"s\.db is damaged \(file is not a database\).*left as it is"):
        Store(path).start()
    assert path.read_bytes() == before


def test_database_with_a_broken_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    old_database(path)
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        Store(path).start()


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file" / "s.db").start()


def test_starting_twice_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    store.start()
    with pytest.raises(StoreError, match="already running"):
        store.start()
    store.close()
