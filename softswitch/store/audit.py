"""The audit chain: each entry carries the hash of the one before, so that a change or a gap shows."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from softswitch.sip.grammar import readable
from softswitch.store.records import AuditRecord

FIRST_HASH = "0" * 64
_COLUMNS = "sequence, time, actor, role, action, subject, details, previous_hash, hash"


def entry_hash(previous_hash: str, sequence: int, time: float, texts: tuple[str, ...]) -> str:
    """SHA-256, in hexadecimal, over the JSON array of everything in the entry and the hash before it."""
    content = json.dumps([previous_hash, sequence, repr(time), *texts], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


class AuditChain:
    """The end of the chain, kept by the writer thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sequence = 0
        self._hash = FIRST_HASH
        self.reload()

    def reload(self) -> None:
        """Read the last entry again: at the start, and after a transaction that was rolled back."""
        row = self._connection.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
        self._sequence, self._hash = row if row is not None else (0, FIRST_HASH)

    def append(
        self, time: float, actor: str, role: str, action: str, subject: str, details: Mapping[str, Any]
    ) -> tuple[object, ...]:
        """The next row, in the order of the table's columns."""
        content = json.dumps(details, ensure_ascii=False, sort_keys=True, default=str)
        texts = readable(actor), role, action, readable(subject), readable(content)
        sequence, previous = self._sequence + 1, self._hash
        digest = entry_hash(previous, sequence, time, texts)
        self._sequence, self._hash = sequence, digest
        return sequence, time, *texts, previous, digest


def verify(connection: sqlite3.Connection) -> int | None:
    """Sequence number of the first entry that was changed, removed or put in; None when the chain is whole."""
    previous, expected = FIRST_HASH, 1
    for row in connection.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY sequence"):
        sequence, time, *texts, previous_hash, digest = row
        if sequence != expected or previous_hash != previous:
            return expected
        if entry_hash(previous, sequence, time, tuple(texts)) != digest:
            return int(sequence)
        previous, expected = digest, expected + 1
    return None


def read(connection: sqlite3.Connection, since: float | None, limit: int) -> list[AuditRecord]:
    """Entries from `since` (Unix time) on, oldest first."""
    query = f"SELECT {_COLUMNS} FROM audit WHERE time >= ? ORDER BY sequence LIMIT ?"
    rows = connection.execute(query, (since or 0.0, limit))
    return [AuditRecord._make((*row[:6], json.loads(row[6]), *row[7:])) for row in rows]
