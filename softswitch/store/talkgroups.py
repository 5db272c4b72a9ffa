"""Talkgroups and scan lists as they are kept: one row each, the value in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlite_utils import Database


def list_talkgroups(database: Database) -> list[dict[str, Any]]:
    """Every talkgroup that was made or changed while running."""
    return [json.loads(row["document"]) for row in database["talkgroups"].rows]


def put_talkgroup(number: str, document: Mapping[str, Any]) -> Callable[[Database], None]:
    """Keep a talkgroup."""
    text = json.dumps(document)

    def write(database: Database) -> None:
        database.table("talkgroups").insert({"number": number, "document": text}, pk="number", replace=True)

    return write


def delete_talkgroup(number: str) -> Callable[[Database], None]:
    """Forget a talkgroup."""

    def write(database: Database) -> None:
        database.conn.execute("DELETE FROM talkgroups WHERE number = ?", (number,))

    return write


def list_scan_lists(database: Database) -> dict[str, tuple[str, ...]]:
    """The groups that terminals hear besides the one they called, by number."""
    return {row["number"]: tuple(json.loads(row["groups"])) for row in database["scan_lists"].rows}


def put_scan_list(number: str, groups: Sequence[str]) -> Callable[[Database], None]:
    """Keep the scan list of a number; an empty one is removed."""
    text = json.dumps(list(groups))

    def write(database: Database) -> None:
        if groups:
            database.table("scan_lists").insert({"number": number, "groups": text}, pk="number", replace=True)
        else:
            database.conn.execute("DELETE FROM scan_lists WHERE number = ?", (number,))

    return write
