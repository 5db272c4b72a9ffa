"""Rows of positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlite_utils import Database

Row = dict[str, Any]
Write = Callable[[Database], None]

COLUMNS = (
    "number",
    "time",
    "latitude",
    "longitude",
    "altitude_m",
    "accuracy_m",
    "speed_mps",
    "heading_deg",
    "source",
    "device",
    "quality",
    "received_at",
)
_PUT = f"INSERT OR REPLACE INTO positions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def put_positions(rows: Sequence[tuple[object, ...]]) -> Write:
    """Keep positions; each row is in the order of COLUMNS."""

    def write(database: Database) -> None:
        database.conn.executemany(_PUT, rows)

    return write


def newest_positions(database: Database) -> list[Row]:
    """The newest position that counts, of every device."""
    rows = database.conn.execute(
        f"SELECT {', '.join(COLUMNS)}, max(time) FROM positions WHERE quality = 'fix' GROUP BY number ORDER BY time"
    )
    return [dict(zip(COLUMNS, row, strict=False)) for row in rows]


def track(database: Database, number: str, query: Mapping[str, Any]) -> list[Row]:
    """Where a device was from `since` to `until` (Unix time), in order; at most the newest `limit` positions."""
    rows = database["positions"].rows_where(
        "number = ? AND time >= ? AND time < ?" + ("" if query.get("all") else " AND quality != 'suspect'"),
        [number, query.get("since") or 0.0, query.get("until") or 1e12],
        order_by="time desc",
        limit=int(query["limit"]),
    )
    return list(rows)[::-1]


def delete_positions_before(until: float) -> Write:
    """Remove what was measured before `until` (Unix time)."""

    def write(database: Database) -> None:
        database.conn.execute("DELETE FROM positions WHERE time < ?", (until,))

    return write


def delete_positions_of(number: str) -> Write:
    """Remove everything that is known of where a device was."""

    def write(database: Database) -> None:
        database.conn.execute("DELETE FROM positions WHERE number = ?", (number,))

    return write
