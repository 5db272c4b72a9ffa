"""Questions to the store, each a function for `Store.read` or `Store.write`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlite_utils import Database

from softswitch.store.records import BindingRecord, CallRecord, SubscriberRecord
from softswitch.store.rows import INSERT_CALL, call_row

INTERRUPTED_CAUSE = 41
"""Temporary failure (ITU-T Q.850 §2.2.7.1.2): what ended a call when the switch itself stopped."""


def load_bindings(database: Database, now: float) -> Iterator[BindingRecord]:
    """Bindings that have not expired at `now` (Unix time)."""
    rows = database.conn.execute("SELECT * FROM bindings WHERE expires_at > ?", (now,))
    return map(BindingRecord._make, rows)


def delete_expired_bindings(now: float) -> Callable[[Database], None]:
    """Remove bindings that expired before `now` (Unix time)."""

    def write(database: Database) -> None:
        database.conn.execute("DELETE FROM bindings WHERE expires_at <= ?", (now,))

    return write


def get_cdr(database: Database, call: str) -> dict[str, Any] | None:
    """The record of one call."""
    for row in database["cdrs"].rows_where("id = ?", [call], limit=1):
        return {**row, "legs": json.loads(row["legs"]), "details": json.loads(row["details"])}
    return None


def close_open_calls(ended_at: float) -> Callable[[Database], None]:
    """Turn calls in progress into records of calls that were cut, the latest possible end being `ended_at`."""

    def write(database: Database) -> None:
        rows = database.conn.execute("SELECT * FROM open_calls").fetchall()
        for identifier, node, caller, callee, started_at, answered_at, legs, details in rows:
            record = CallRecord(
                identifier,
                node,
                caller,
                callee,
                started_at,
                answered_at,
                max(ended_at, answered_at or started_at),
                "interrupted",
                q850_cause=INTERRUPTED_CAUSE,
                released_by="restart",
                legs=json.loads(legs),
                details=json.loads(details),
            )
            database.conn.execute(INSERT_CALL, call_row(record))
        database.conn.execute("DELETE FROM open_calls")

    return write


def delete_cdrs_before(until: float) -> Callable[[Database], None]:
    """Remove call detail records that ended before `until` (Unix time)."""

    def write(database: Database) -> None:
        database.conn.execute("DELETE FROM cdrs WHERE ended_at < ?", (until,))

    return write


def list_subscribers(database: Database) -> list[SubscriberRecord]:
    """Subscribers that were added while running, by number."""
    rows = database.conn.execute(
        "SELECT number, ha1_md5, ha1_sha256, display_name, settings FROM subscribers ORDER BY number"
    )
    return [SubscriberRecord._make((*row[:4], json.loads(row[4]))) for row in rows]


def put_subscriber(record: SubscriberRecord, now: float) -> Callable[[Database], None]:
    """Add or replace a subscriber."""

    def write(database: Database) -> None:
        row = {**record._asdict(), "settings": json.dumps(dict(record.settings), sort_keys=True), "updated_at": now}
        database.table("subscribers").insert(row, replace=True)

    return write


def delete_subscriber(number: str) -> Callable[[Database], None]:
    """Remove a subscriber with its choices; the callback gets LookupError when there is none."""

    def write(database: Database) -> None:
        removed = database.conn.execute("DELETE FROM subscribers WHERE number = ?", (number,)).rowcount
        if not removed:
            raise LookupError(f"there is no subscriber {number} in the store")
        database.conn.execute("DELETE FROM features WHERE number = ?", (number,))

    return write


def load_features(database: Database) -> dict[str, dict[str, Any]]:
    """What subscribers chose for themselves (forwarding, do not disturb), by number."""
    return {
        number: json.loads(choices) for number, choices in database.conn.execute("SELECT number, choices FROM features")
    }


def put_features(number: str, choices: Mapping[str, Any], now: float) -> Callable[[Database], None]:
    """Keep the choices of a subscriber; empty ones are removed."""

    def write(database: Database) -> None:
        if choices:
            row = {"number": number, "choices": json.dumps(dict(choices), sort_keys=True), "updated_at": now}
            database.table("features").insert(row, replace=True)
        else:
            database.conn.execute("DELETE FROM features WHERE number = ?", (number,))

    return write


def get_meta(database: Database, key: str) -> str | None:
    """A single value."""
    row = database.conn.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put_meta(key: str, value: str) -> Callable[[Database], None]:
    """Keep a single value."""

    def write(database: Database) -> None:
        database.table("meta").insert({"key": key, "value": value}, replace=True)

    return write
