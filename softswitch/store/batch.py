"""One transaction of the writer thread: what waits is sorted by table and written with few statements.

Bindings are folded by key first, because only the last state of a contact matters and a busy phone may change it twice
within a group. Everything else keeps its order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from sqlite_utils import Database

from softswitch.sip.binding import BindingChange
from softswitch.store.audit import AuditChain
from softswitch.store.bindings import binding_row
from softswitch.store.records import BindingRecord, CallRecord
from softswitch.store.rows import (
    CLOSE_CALL,
    DELETE_BINDING,
    INSERT_AUDIT,
    INSERT_CALL,
    OPEN_CALL,
    PUT_BINDING,
    call_row,
    open_row,
)

Done = Callable[[BaseException | None], None]
AuditEntry = tuple[float, str, str, str, str, dict[str, Any]]


class Batch:
    """Collects the writes of one transaction."""

    def __init__(self, database: Database, chain: AuditChain) -> None:
        self._database = database
        self._connection: sqlite3.Connection = database.conn
        self._chain = chain
        self._bindings: dict[tuple[str, str], BindingRecord | None] = {}
        self._calls: list[tuple[object, ...]] = []
        self._opened: dict[str, CallRecord] = {}
        self._closed: list[tuple[str]] = []
        self._audit: list[tuple[object, ...]] = []
        self.failed: dict[int, BaseException] = {}

    def add_changes(self, changes: Iterable[BindingChange]) -> None:
        """Note what the registrar changed."""
        for change in changes:
            binding = change.binding
            self._bindings[binding.aor, binding.contact] = None if change.removed else binding_row(binding)

    def open_call(self, record: CallRecord) -> None:
        """Note that a call is in progress."""
        self._opened[record.id] = record

    def close_call(self, record: CallRecord) -> None:
        """Note the record of a call that is over; a call that also began in this group was never open."""
        self._calls.append(call_row(record))
        self._opened.pop(record.id, None)
        self._closed.append((record.id,))

    def add_audit(self, entry: AuditEntry) -> None:
        """Note one audit entry and chain it to the last one."""
        self._audit.append(self._chain.append(*entry))

    def run(self, function: Callable[[Database], None], index: int) -> None:
        """Write what is noted, then let `function` write; its failure undoes its own work only."""
        self.flush()
        try:
            with self._database.atomic():
                function(self._database)
        except Exception as error:
            self.failed[index] = error

    def flush(self) -> None:
        """Write what is noted."""
        if self._bindings:
            puts = [record for record in self._bindings.values() if record is not None]
            deletes = [key for key, record in self._bindings.items() if record is None]
            if deletes:
                self._connection.executemany(DELETE_BINDING, deletes)
            if puts:
                self._connection.executemany(PUT_BINDING, puts)
            self._bindings = {}
        if self._calls:
            self._connection.executemany(INSERT_CALL, self._calls)
            self._calls = []
        if self._closed:
            self._connection.executemany(CLOSE_CALL, self._closed)
            self._closed = []
        if self._opened:
            self._connection.executemany(OPEN_CALL, map(open_row, self._opened.values()))
            self._opened = {}
        if self._audit:
            self._connection.executemany(INSERT_AUDIT, self._audit)
            self._audit = []
