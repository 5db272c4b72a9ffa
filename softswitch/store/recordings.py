"""The index of recordings: rows that may change, and an append-only chain of what was complete and what was removed.

Each link of the chain holds SHA-256 over the link before, what is known of the recording, and the hashes of its files;
so a file, a row of the chain, or its order cannot be changed without showing.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlite_utils import Database

FIRST_HASH = "0" * 64
#: States of a recording: being made; complete; found after a crash, playable as far as it goes; nothing was written.
RECORDING, COMPLETE, INTERRUPTED, EMPTY = "recording", "complete", "interrupted", "empty"
#: Actions of the chain.
RECORDED, REMOVED = "recorded", "removed"
_CHAIN = "sequence, time, action, recording, content, previous_hash, hash"
#: What the chain keeps of a row.
_CHAINED = ("id", "kind", "call_id", "room", "caller", "callee", "started_at", "ended_at", "seconds", "state", "files")

Write = Callable[[Database], None]
Row = dict[str, Any]


class Link(NamedTuple):
    """One link of the chain; `content` is JSON."""

    sequence: int
    time: float
    action: str
    recording: str
    content: str
    previous_hash: str
    hash: str


def begin(row: Mapping[str, Any]) -> Write:
    """A recording begins."""

    def write(database: Database) -> None:
        database.table("recordings").insert(_stored(row), replace=True)

    return write


def complete(identifier: str, changes: Mapping[str, Any], when: float) -> Write:
    """A recording is over: its row takes `changes` (files among them), and the chain a link."""

    def write(database: Database) -> None:
        database.table("recordings").update(identifier, _stored(changes))
        row = get(database, identifier)
        assert row is not None, "a recording that ends has begun"
        _append(database.conn, when, RECORDED, identifier, {name: row[name] for name in _CHAINED})

    return write


def remove(identifier: str, reason: str, when: float) -> Write:
    """A recording's files are gone; the chain says why. The callback gets LookupError when there is none."""

    def write(database: Database) -> None:
        if get(database, identifier) is None:
            raise LookupError(f"there is no recording {identifier!r}")
        database.conn.execute("DELETE FROM recordings WHERE id = ?", (identifier,))
        database.conn.execute("DELETE FROM bursts WHERE recording = ?", (identifier,))
        _append(database.conn, when, REMOVED, identifier, {"reason": reason})

    return write


def put_burst(row: Mapping[str, Any]) -> Write:
    """Somebody has the floor, or (with the same id) had it until `ended_at`."""

    def write(database: Database) -> None:
        database.table("bursts").insert(dict(row), replace=True)

    return write


def get(database: Database, identifier: str) -> Row | None:
    """One recording."""
    for row in database["recordings"].rows_where("id = ?", [identifier], limit=1):
        return _loaded(row)
    return None


def find(database: Database, query: Mapping[str, Any]) -> list[Row]:
    """Recordings, newest first: `number` took part, `since`/`until` (Unix time), `kind`, `call_id`, `room`, and
    `before` (started_at, id) for the next page; `limit` rows."""
    conditions, values = ["started_at >= ?"], [query.get("since") or 0.0]
    for name in ("kind", "call_id", "room"):
        if query.get(name):
            conditions.append(f"{name} = ?")
            values.append(query[name])
    if query.get("until") is not None:
        conditions.append("started_at < ?")
        values.append(query["until"])
    if query.get("number"):
        conditions.append(
            "(caller = ? OR callee = ? OR room = ? OR id IN (SELECT recording FROM bursts WHERE party = ?))"
        )
        values += [query["number"]] * 4
    if query.get("before"):
        conditions.append("(started_at, id) < (?, ?)")
        values += list(query["before"])
    rows = database["recordings"].rows_where(
        " and ".join(conditions), values, order_by="started_at desc, id desc", limit=int(query["limit"])
    )
    return [_loaded(row) for row in rows]


def unfinished(database: Database) -> list[Row]:
    """Recordings that had begun when the last run ended."""
    return [_loaded(row) for row in database["recordings"].rows_where("state = ?", [RECORDING])]


def oldest(database: Database, before: float, limit: int = 100) -> list[Row]:
    """Complete recordings that began before a moment (Unix time), oldest first."""
    rows = database["recordings"].rows_where(
        "state != ? and started_at < ?", [RECORDING, before], order_by="started_at", limit=limit
    )
    return [_loaded(row) for row in rows]


def total_octets(database: Database) -> int:
    """What all recordings take."""
    return int(database.conn.execute("SELECT coalesce(sum(octets), 0) FROM recordings").fetchone()[0])


def bursts(database: Database, recording: str) -> list[Row]:
    """Who spoke in a recording, in order."""
    return list(database["bursts"].rows_where("recording = ?", [recording], order_by="started_at, id"))


def links(connection: sqlite3.Connection) -> Iterator[Link]:
    """The chain from its beginning."""
    return (Link._make(row) for row in connection.execute(f"SELECT {_CHAIN} FROM recording_chain ORDER BY sequence"))


def link_hash(previous: str, sequence: int, time: float, action: str, recording: str, content: str) -> str:
    """SHA-256, in hexadecimal, over the JSON array of everything in a link and the hash of the one before."""
    text = json.dumps([previous, sequence, repr(time), action, recording, content], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _append(connection: sqlite3.Connection, time: float, action: str, recording: str, about: Mapping[str, Any]) -> None:
    query = "SELECT sequence, hash FROM recording_chain ORDER BY sequence DESC LIMIT 1"
    last, previous = connection.execute(query).fetchone() or (0, FIRST_HASH)
    content = json.dumps(about, ensure_ascii=False, sort_keys=True)
    digest = link_hash(previous, last + 1, time, action, recording, content)
    values = (last + 1, time, action, recording, content, previous, digest)
    connection.execute(f"INSERT INTO recording_chain ({_CHAIN}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _stored(row: Mapping[str, Any]) -> Row:
    return {name: json.dumps(value) if name in ("files", "details") else value for name, value in row.items()}


def _loaded(row: Mapping[str, Any]) -> Row:
    return {**row, "files": json.loads(row["files"]), "details": json.loads(row["details"])}
