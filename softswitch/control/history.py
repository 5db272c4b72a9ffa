"""Call detail records, statistics and audit as the API shows them: questions to the store, asked on another thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sqlite_utils import Database

from softswitch.api.models.base import with_times
from softswitch.api.services import Row
from softswitch.app import Application
from softswitch.control.paging import cursor_of, place_of, read

_AUDIT = "SELECT sequence, time, actor, role, action, subject, details, previous_hash, hash FROM audit"
_LATEST = 1e12
Result = TypeVar("Result")


class History:
    """What is kept of the past."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def cdrs(self, query: Mapping[str, Any]) -> Iterable[Row]:
        """Call detail records, newest first; `cursor` of a row names the place behind it."""
        return await self._read(lambda database: _find_cdrs(database, query))

    async def cdr(self, identifier: str) -> Row | None:
        """One record."""

        def ask(database: Database) -> Row | None:
            rows = database["cdrs"].rows_where("id = ?", [identifier], limit=1)
            return next((_cdr(row) for row in rows), None)

        return await self._read(ask)

    async def statistics(self, query: Mapping[str, Any]) -> Row:
        """Calls of a period by outcome."""
        since, until = query.get("since"), query.get("until")

        def ask(database: Database) -> list[tuple[str, int, int]]:
            return database.execute(
                "SELECT disposition, count(*), sum(billsec_ms) FROM cdrs WHERE started_at >= ? AND started_at < ?"
                " GROUP BY disposition",
                [since or 0.0, _LATEST if until is None else until],
            ).fetchall()

        rows = await self._read(ask)
        counts = {disposition: count for disposition, count, _ in rows}
        return {
            "since": since,
            "until": until,
            "calls": sum(counts.values()),
            "answered": counts.get("answered", 0),
            "billsec_ms": sum(milliseconds or 0 for _, _, milliseconds in rows),
            "by_disposition": counts,
        }

    async def audit(self, query: Mapping[str, Any]) -> Iterable[Row]:
        """Audit entries, oldest first."""
        since, after, limit = query.get("since"), int(query.get("after") or 0), int(query["limit"])

        def ask(database: Database) -> list[Row]:
            rows = database.execute(
                f"{_AUDIT} WHERE sequence > ? AND time >= ? ORDER BY sequence LIMIT ?", [after, since or 0.0, limit]
            )
            names = [column[0] for column in rows.description]
            return [{**dict(zip(names, row, strict=True)), "details": json.loads(row[6])} for row in rows]

        return await self._read(ask)

    async def _read(self, function: Callable[[Database], Result]) -> Result:
        return await read(self._app, function)


def _find_cdrs(database: Database, query: Mapping[str, Any]) -> list[Row]:
    conditions, values = ["started_at >= ?"], [query.get("since") or 0.0]
    for name in ("caller", "callee", "disposition"):
        if query.get(name) is not None:
            conditions.append(f"{name} = ?")
            values.append(query[name])
    if query.get("until") is not None:
        conditions.append("started_at < ?")
        values.append(query["until"])
    if query.get("cursor"):
        conditions.append("(started_at, id) < (?, ?)")
        values.extend(place_of(query["cursor"]))
    rows = database["cdrs"].rows_where(
        " and ".join(conditions), values, order_by="started_at desc, id desc", limit=int(query["limit"])
    )
    return [_cdr(row) for row in rows]


def _cdr(row: Mapping[str, Any]) -> Row:
    return {
        **row,
        "legs": with_times(json.loads(row["legs"])),
        "details": (details := json.loads(row["details"])),
        "joins": details.get("joins", ""),
        "joins_as": details.get("joins_as", ""),
        "recording_ids": details.get("recording_ids", []),
        "location": details.get("location", {}),
        "cursor": cursor_of(row["started_at"], row["id"]),
    }
