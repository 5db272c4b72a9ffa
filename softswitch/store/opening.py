"""Opening the database file: write-ahead log, durability, refusal of a damaged file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from sqlite_utils import Database

from softswitch.store.errors import StoreError

Durability = Literal["full", "batch"]

CHECKED_OCTETS = 256 * 1024 * 1024
"""Files up to this size are checked page by page when opened; larger ones would hold up the start for seconds."""


def open_writer(path: Path, durability: Durability) -> Database:
    """The one read-write connection. Raises StoreError that names file and remedy when it cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the database {path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path, durability)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(_refusal(path, str(error))) from error
    except StoreError:
        connection.close()
        raise
    path.chmod(0o600)
    return Database(connection)


def _prepare(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA schema_version").fetchone()
    if path.stat().st_size <= CHECKED_OCTETS:
        finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if finding != "ok":
            raise StoreError(_refusal(path, finding))
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"the database {path} cannot use a write-ahead log here (journal mode {mode})")
    # WAL and NORMAL: a commit is safe against the end of the process; FULL adds one fsync, safe against a power cut.
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    # Registrations rewrite rows all over the table: rarer checkpoints copy each page back once for many changes.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16384")


def _refusal(path: Path, finding: str) -> str:
    return (
        f"the database {path} is damaged ({finding.strip()}): it was left as it is; "
        "move it away to start with an empty one, or put a backup in its place"
    )


def open_reader(path: Path) -> Database:
    """A connection that cannot write, for one thread at a time. Raises StoreError."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA query_only = ON")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the database {path} cannot be read: {error}") from error
    return Database(connection)
