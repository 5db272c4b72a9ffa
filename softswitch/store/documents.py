"""What is kept as one JSON document under a key: conferences, queues, departments, tokens, rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sqlite_utils import Database

Collection = Literal[
    "conferences", "queues", "departments", "tokens", "rules", "agents", "geofences", "location_subscriptions"
]


def list_documents(collection: Collection) -> Callable[[Database], list[dict[str, Any]]]:
    """All documents of a collection, in the order of their keys."""

    def read(database: Database) -> list[dict[str, Any]]:
        rows = database["documents"].rows_where("collection = ?", [collection], order_by="key")
        return [json.loads(row["document"]) for row in rows]

    return read


def put_document(collection: Collection, key: str, document: Mapping[str, Any]) -> Callable[[Database], None]:
    """Keep a document in place of the one under the same key."""
    values = (collection, key, json.dumps(document))

    def write(database: Database) -> None:
        database.conn.execute("INSERT OR REPLACE INTO documents (collection, key, document) VALUES (?, ?, ?)", values)

    return write


def delete_document(collection: Collection, key: str) -> Callable[[Database], None]:
    """Forget a document."""

    def write(database: Database) -> None:
        database.conn.execute("DELETE FROM documents WHERE collection = ? AND key = ?", (collection, key))

    return write
