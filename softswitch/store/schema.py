"""The shape of the database and how an older one becomes the present one.

Each migration runs in its own transaction together with the new `PRAGMA user_version`, so a crash in the middle
leaves the older version whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from sqlite_utils import Database
from sqlite_utils.db import Table

from softswitch.store.errors import StoreError


def _first_tables(database: Database) -> None:
    """Version 1: subscribers, bindings, call detail records and single values."""
    _table(database, "meta").create({"key": str, "value": str}, pk="key")
    _table(database, "subscribers").create(
        {"number": str, "ha1_md5": str, "ha1_sha256": str, "display_name": str, "settings": str, "updated_at": float},
        pk="number",
        not_null={"ha1_md5", "ha1_sha256", "display_name", "settings", "updated_at"},
    )
    # WITHOUT ROWID: one B-tree instead of two, because a refresh rewrites the row and nothing else.
    database.execute(
        "CREATE TABLE bindings (aor TEXT NOT NULL, contact TEXT NOT NULL, q REAL NOT NULL, expires_at REAL NOT NULL,"
        " updated_at REAL NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL, path TEXT NOT NULL,"
        " source TEXT NOT NULL, instance TEXT NOT NULL, reg_id INTEGER NOT NULL, user_agent TEXT NOT NULL,"
        " nat INTEGER NOT NULL, flow INTEGER NOT NULL,"
        " PRIMARY KEY (aor, contact)) WITHOUT ROWID"
    )
    calls = _table(database, "cdrs")
    calls.create(
        {
            "id": str,
            "node": str,
            "caller": str,
            "callee": str,
            "started_at": float,
            "answered_at": float,
            "ended_at": float,
            "duration_ms": int,
            "billsec_ms": int,
            "disposition": str,
            "sip_code": int,
            "q850_cause": int,
            "released_by": str,
            "talkgroup": str,
            "legs": str,
            "details": str,
        },
        pk="id",
        not_null={"node", "caller", "callee", "started_at", "ended_at", "disposition", "legs", "details"},
    )
    calls.create_index(["started_at"])
    calls.create_index(["caller", "started_at"])
    calls.create_index(["callee", "started_at"])
    _append_only(database, "cdrs", deletable=True)


def _audit_features_open_calls(database: Database) -> None:
    """Version 2: the audit chain, what subscribers chose for themselves, and calls in progress."""
    _table(database, "audit").create(
        {
            "sequence": int,
            "time": float,
            "actor": str,
            "role": str,
            "action": str,
            "subject": str,
            "details": str,
            "previous_hash": str,
            "hash": str,
        },
        pk="sequence",
        not_null={"time", "actor", "role", "action", "subject", "details", "previous_hash", "hash"},
    )
    _table(database, "audit").create_index(["time"])
    _append_only(database, "audit", deletable=False)
    _table(database, "features").create({"number": str, "choices": str, "updated_at": float}, pk="number")
    # A call in progress stands here, so that one that a crash cuts short still gets its record.
    database.execute(
        "CREATE TABLE open_calls (id TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, caller TEXT NOT NULL,"
        " callee TEXT NOT NULL, started_at REAL NOT NULL, answered_at REAL, legs TEXT NOT NULL,"
        " details TEXT NOT NULL) WITHOUT ROWID"
    )


def _talkgroups(database: Database) -> None:
    """Talkgroups made or changed while running, and the groups that terminals scan; both as JSON."""
    _table(database, "talkgroups").create({"number": str, "document": str}, pk="number", not_null={"document"})
    _table(database, "scan_lists").create({"number": str, "groups": str}, pk="number", not_null={"groups"})


def _recordings(database: Database) -> None:
    """Recordings, the chain that shows when one was changed, and who spoke when in those of talkgroups."""
    recordings = _table(database, "recordings")
    recordings.create(
        {
            "id": str,
            "kind": str,
            "call_id": str,
            "room": str,
            "caller": str,
            "callee": str,
            "started_at": float,
            "ended_at": float,
            "seconds": float,
            "state": str,
            "layout": str,
            "format": str,
            "started_by": str,
            "octets": int,
            "files": str,
            "details": str,
        },
        pk="id",
        not_null={"kind", "started_at", "state", "files", "details"},
    )
    recordings.create_index(["started_at"])
    recordings.create_index(["call_id"])
    _table(database, "recording_chain").create(
        {
            "sequence": int,
            "time": float,
            "action": str,
            "recording": str,
            "content": str,
            "previous_hash": str,
            "hash": str,
        },
        pk="sequence",
        not_null={"time", "action", "recording", "content", "previous_hash", "hash"},
    )
    _append_only(database, "recording_chain", deletable=False)
    bursts = _table(database, "bursts")
    bursts.create(
        {
            "id": str,
            "recording": str,
            "room": str,
            "party": str,
            "call_id": str,
            "leg_id": str,
            "started_at": float,
            "ended_at": float,
            "offset_s": float,
            "priority": int,
            "tier": str,
        },
        pk="id",
        not_null={"recording", "room", "party", "started_at", "offset_s"},
    )
    bursts.create_index(["recording", "started_at"])


def _documents(database: Database) -> None:
    """What is kept whole as JSON: conferences, queues, departments, tokens, rules."""
    _table(database, "documents").create(
        {"collection": str, "key": str, "document": str}, pk=("collection", "key"), not_null={"document"}
    )


def _messages(database: Database) -> None:
    """Short messages, and how far each has come with each recipient."""
    messages = _table(database, "messages")
    messages.create(
        {
            "id": str,
            "sender": str,
            "recipient": str,
            "text": str,
            "content_type": str,
            "body": bytes,
            "created_at": float,
            "expires_at": float,
            "origin": str,
            "imdn_id": str,
            "details": str,
        },
        pk="id",
        not_null={"sender", "recipient", "content_type", "body", "created_at", "expires_at", "origin", "details"},
    )
    messages.create_index(["created_at"])
    messages.create_index(["sender", "created_at"])
    messages.create_index(["imdn_id"])
    database.execute(
        "CREATE TABLE deliveries (message TEXT NOT NULL, recipient TEXT NOT NULL, state TEXT NOT NULL,"
        " attempts INTEGER NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL, updated_at REAL NOT NULL,"
        " PRIMARY KEY (message, recipient)) WITHOUT ROWID"
    )
    database.execute("CREATE INDEX deliveries_recipient ON deliveries (recipient, message)")
    database.execute("CREATE INDEX deliveries_waiting ON deliveries (message) WHERE state = 'queued'")


def _positions(database: Database) -> None:
    """Where devices were."""
    database.execute(
        "CREATE TABLE positions (number TEXT NOT NULL, time REAL NOT NULL, latitude REAL NOT NULL,"
        " longitude REAL NOT NULL, altitude_m REAL, accuracy_m REAL, speed_mps REAL, heading_deg REAL,"
        " source TEXT NOT NULL, device TEXT NOT NULL, quality TEXT NOT NULL, received_at REAL NOT NULL,"
        " PRIMARY KEY (number, time)) WITHOUT ROWID"
    )
    database.execute("CREATE INDEX positions_time ON positions (time)")


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _first_tables,
    _audit_features_open_calls,
    _talkgroups,
    _recordings,
    _documents,
    _messages,
    _positions,
)
VERSION = len(MIGRATIONS)


def _table(database: Database, name: str) -> Table:
    return database.table(name)


def _append_only(database: Database, table: str, *, deletable: bool) -> None:
    """Let the database itself refuse changes; CDRs may still be deleted when their time of keeping is over."""
    for action in ("UPDATE",) if deletable else ("UPDATE", "DELETE"):
        database.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def migrate(database: Database, target: int = VERSION) -> int:
    """Bring the database to `target`; returns the version it had. Raises StoreError when it is newer than known."""
    found = int(database.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise StoreError(
            f"the database has version {found} and this program knows {VERSION}: it was written by a newer release"
        )
    for version in range(found, target):
        try:
            with database.atomic():
                MIGRATIONS[version](database)
                database.execute(f"PRAGMA user_version = {version + 1}")
        except sqlite3.Error as error:
            raise StoreError(f"the database could not be brought to version {version + 1}: {error}") from error
    return found
