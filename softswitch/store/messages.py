"""Rows of messages and of how far they have come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlite_utils import Database

Row = dict[str, Any]
Write = Callable[[Database], None]

_PUT_DELIVERY = "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?)"


def put_message(message: Mapping[str, Any], deliveries: Sequence[tuple[object, ...]]) -> Write:
    """Keep a message; each delivery is (message, recipient, state, attempts, status, reason, updated_at)."""

    def write(database: Database) -> None:
        row = {**message, "details": json.dumps(message["details"], ensure_ascii=False)}
        database.table("messages").insert(row, replace=True)
        database.conn.executemany(_PUT_DELIVERY, deliveries)

    return write


def put_delivery(delivery: tuple[object, ...]) -> Write:
    """A delivery has another state."""

    def write(database: Database) -> None:
        database.conn.execute(_PUT_DELIVERY, delivery)

    return write


def confirm_delivery(imdn_id: str, recipient: str, states: Sequence[str], state: str, when: float) -> Write:
    """A notification came: deliveries in one of `states` take `state`."""

    def write(database: Database) -> None:
        places = ",".join("?" * len(states))
        database.conn.execute(
            f"UPDATE deliveries SET state = ?, updated_at = ? WHERE recipient = ? AND state IN ({places})"
            " AND message IN (SELECT id FROM messages WHERE imdn_id = ?)",
            (state, when, recipient, *states, imdn_id),
        )

    return write


def delete_messages_before(until: float) -> Write:
    """Remove messages older than `until` (Unix time) for which nothing waits any more."""

    def write(database: Database) -> None:
        waiting = "SELECT message FROM deliveries WHERE state = 'queued'"
        old = f"SELECT id FROM messages WHERE created_at < ? AND id NOT IN ({waiting})"
        database.conn.execute(f"DELETE FROM deliveries WHERE message IN ({old})", (until,))
        database.conn.execute(
            "DELETE FROM messages WHERE created_at < ? AND id NOT IN (SELECT message FROM deliveries)", (until,)
        )

    return write


def waiting_messages(database: Database) -> list[Row]:
    """Messages of which a delivery still waits, oldest first."""
    rows = database["messages"].rows_where(
        "id IN (SELECT message FROM deliveries WHERE state = 'queued')", order_by="created_at, id"
    )
    return _with_deliveries(database, list(rows))


def get_message(database: Database, identifier: str) -> Row | None:
    """One message."""
    found = _with_deliveries(database, list(database["messages"].rows_where("id = ?", [identifier], limit=1)))
    return found[0] if found else None


def find_messages(database: Database, query: Mapping[str, Any]) -> list[Row]:
    """Messages, newest first: `number` and `peer` wrote to each other, `sender`, `recipient`, `group`, `state`,
    `since`/`until` (Unix time), `before` (created_at, id) for the next page; `limit` rows."""
    conditions, values = ["created_at >= ?"], [query.get("since") or 0.0]
    got = "id IN (SELECT message FROM deliveries WHERE recipient = ?)"

    def add(text: str, *more: object) -> None:
        conditions.append(text)
        values.extend(more)

    if query.get("until") is not None:
        add("created_at < ?", query["until"])
    number, peer = query.get("number"), query.get("peer")
    if number and peer:
        add(f"((sender = ? AND ({got} OR recipient = ?)) OR (sender = ? AND {got}))", number, peer, peer, peer, number)
    elif number or peer:
        add(f"(sender = ? OR recipient = ? OR {got})", *[number or peer] * 3)
    if query.get("sender"):
        add("sender = ?", query["sender"])
    if query.get("recipient"):
        add(f"(recipient = ? OR {got})", *[query["recipient"]] * 2)
    if query.get("state"):
        add("id IN (SELECT message FROM deliveries WHERE state = ?)", query["state"])
    if query.get("before"):
        add("(created_at, id) < (?, ?)", *query["before"])
    rows = database["messages"].rows_where(
        " and ".join(conditions), values, order_by="created_at desc, id desc", limit=int(query["limit"])
    )
    return _with_deliveries(database, list(rows))


def conversations(database: Database, number: str, limit: int) -> list[Row]:
    """With whom a number wrote: `peer`, `messages`, the last one's `last_at` and `text`, newest first."""
    rows = database.conn.execute(
        "SELECT peer, count(*), max(at), text, waiting FROM ("
        " SELECT CASE WHEN m.sender = :n THEN m.recipient ELSE m.sender END AS peer, m.created_at AS at,"
        " m.text AS text, d.recipient = :n AND d.state = 'queued' AS waiting"
        " FROM messages m JOIN deliveries d ON d.message = m.id"
        " WHERE m.sender = :n OR d.recipient = :n GROUP BY m.id)"
        " GROUP BY peer ORDER BY max(at) DESC LIMIT :limit",
        {"n": number, "limit": limit},
    )
    return [dict(zip(("peer", "messages", "last_at", "text", "waiting"), row, strict=True)) for row in rows]


def _with_deliveries(database: Database, rows: list[Row]) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        found[row["id"]] = {**row, "details": json.loads(row["details"]), "deliveries": []}
    identifiers = list(found)
    for begin in range(0, len(identifiers), 500):
        some = identifiers[begin : begin + 500]
        places = ",".join("?" * len(some))
        for each in database["deliveries"].rows_where(f"message IN ({places})", some):
            found[each["message"]]["deliveries"].append(each)
    return list(found.values())
