"""The store: one SQLite file, one writer thread, group commit.

Whoever writes hands over and goes on; the writer thread collects what came within a few milliseconds, commits it as one
transaction and then calls back. So a thousand registrations cost one fsync, and nobody waits for a disk on the loop.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlite_utils import Database

from softswitch.sip.binding import Binding, BindingChange
from softswitch.store import queries
from softswitch.store.audit import AuditChain
from softswitch.store.batch import Batch, Done
from softswitch.store.bindings import row_binding
from softswitch.store.errors import StoreError, StoreOverloaded
from softswitch.store.opening import Durability, open_reader, open_writer
from softswitch.store.records import CallRecord, SubscriberRecord
from softswitch.store.schema import migrate

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Deliver = Callable[[list[tuple[Done, BaseException | None]]], None]

_CHANGES, _OPEN, _CLOSE, _AUDIT, _FUNCTION, _STOP = range(6)
_Item = tuple[int, Any, Done | None]


def call_in_place(results: list[tuple[Done, BaseException | None]]) -> None:
    """Call every callback from the writer thread; one that raises is logged and does not hurt the others."""
    for done, error in results:
        try:
            done(error)
        except Exception:
            logger.exception("a callback after a commit failed")


def _last_written_at(path: Path) -> float:
    """When the file or its write-ahead log was last changed, in Unix time; 0 when there is none."""
    files = (path, path.with_name(path.name + "-wal"))
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


class _Waiter:
    """The callback of a thread that blocks until its write is committed."""

    def __init__(self) -> None:
        self.committed = threading.Event()
        self.error: BaseException | None = None

    def __call__(self, error: BaseException | None) -> None:
        self.error = error
        self.committed.set()


class Store:
    """Durable memory of the switch.

    `group_s` is how long the writer waits for company after the first write of a group that somebody waits for, in
    seconds, `patience_s` how long when nobody does (call detail records); `group_limit` the
    most writes of one transaction; `queue_limit` the most that may wait. `deliver` gets all callbacks of a group at
    once, from the writer thread (for instance to hand them to an event loop with a single wake-up).
    """

    def __init__(
        self,
        path: str | Path,
        durability: Durability = "full",
        *,
        queue_limit: int = 100_000,
        group_s: float = 0.005,
        patience_s: float = 0.05,
        group_limit: int = 5_000,
        deliver: Deliver = call_in_place,
    ) -> None:
        self.path = Path(path)
        self.durability: Durability = durability
        self._queue_limit = queue_limit
        self._group_s = group_s
        self._patience_s = patience_s
        self._awaited = threading.Event()
        self._group_limit = group_limit
        self._deliver = deliver
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._writer: Database | None = None
        self._reader: Database | None = None
        self._reader_lock = threading.Lock()
        self._last_written_at = 0.0
        self.commits = 0
        self.written = 0
        self.refused = 0
        self.failures = 0

    def start(self) -> None:
        """Open the file, bring its schema up to date and start the writer. Raises StoreError."""
        if self._thread is not None:
            raise StoreError("the store is already running")
        self._last_written_at = _last_written_at(self.path)
        writer = open_writer(self.path, self.durability)
        try:
            migrate(writer)
            chain = AuditChain(writer.conn)
            self._reader = open_reader(self.path)
        except BaseException as error:
            writer.conn.close()
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"the database {self.path} cannot be used: {error}") from error
            raise
        self._writer = writer
        self._thread = threading.Thread(target=self._work, args=(writer, chain), name="store-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write everything that waits, call back, and close the file."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put((_STOP, None, None))
        self._awaited.set()
        thread.join()
        with self._reader_lock:
            if self._reader is not None:
                self._reader.conn.close()
                self._reader = None
        if self._writer is not None:
            self._writer.conn.close()
            self._writer = None

    @property
    def waiting(self) -> int:
        """Number of writes that wait."""
        return self._queue.qsize()

    def write(self, function: Callable[[Database], None], done: Done | None = None) -> None:
        """Run `function` with the database on the writer thread; `done` is called after the commit.

        When it raises, its own changes are undone and `done` gets the error. Raises StoreOverloaded.
        """
        self._put(_FUNCTION, function, done)

    def save_changes(self, changes: Sequence[BindingChange], done: Done | None = None) -> None:
        """Follow what the registrar changed. Raises StoreOverloaded."""
        self._put(_CHANGES, changes, done)

    def load_bindings(self, wall: float) -> list[Binding]:
        """Bindings for `Registrar.restore`; those that expired before `wall` (Unix time) are forgotten.

        Raises StoreError, StoreOverloaded.
        """
        self.write(queries.delete_expired_bindings(wall))
        return self.read(lambda database: [row_binding(row) for row in queries.load_bindings(database, wall)])

    def open_call(self, record: CallRecord, done: Done | None = None) -> None:
        """Note a call in progress, so that a crash leaves a record of it. Raises StoreOverloaded."""
        self._put(_OPEN, record, done)

    def close_call(self, record: CallRecord, done: Done | None = None) -> None:
        """Append the record of a call that is over and is in progress no more. Raises StoreOverloaded."""
        self._put(_CLOSE, record, done)

    def interrupted_calls(self, wall: float) -> int:
        """Make records of the calls that were open when the last run ended; returns how many. Raises StoreError.

        They end at the last moment something was written, or at `wall` (Unix time) when that is earlier.
        """
        count = int(self.read(lambda database: database.conn.execute("SELECT count(*) FROM open_calls").fetchone()[0]))
        if count:
            self.write(queries.close_open_calls(min(wall, self._last_written_at)))
            self.flush()
        return count

    def list_subscribers(self) -> list[SubscriberRecord]:
        """Subscribers that were added while running, by number. Raises StoreError."""
        return self.read(queries.list_subscribers)

    def load_features(self) -> dict[str, dict[str, Any]]:
        """What subscribers chose for themselves, by number, for `Directory`. Raises StoreError."""
        return self.read(queries.load_features)

    def save_features(self, number: str, choices: Mapping[str, Any], when: float, done: Done | None = None) -> None:
        """Keep what a subscriber chose; nothing chosen removes the row. Raises StoreOverloaded."""
        self.write(queries.put_features(number, choices, when), done)

    def add_audit(
        self,
        actor: str,
        role: str,
        action: str,
        subject: str,
        details: dict[str, Any],
        when: float,
        done: Done | None = None,
    ) -> None:
        """Append one entry to the audit chain; `when` is Unix time. Raises StoreOverloaded."""
        self._put(_AUDIT, (when, actor, role, action, subject, details), done)

    def flush(self, timeout: float = 30.0) -> None:
        """Block until everything handed over so far is committed. Raises StoreError when that takes too long."""
        waiter = _Waiter()
        self._put(_FUNCTION, lambda _database: None, waiter, always=True)
        if not waiter.committed.wait(timeout):
            raise StoreError("the store did not finish writing in time")
        if waiter.error is not None:
            raise StoreError(f"writing failed: {waiter.error}") from waiter.error

    def read(self, function: Callable[[Database], Result]) -> Result:
        """Run `function` with a read-only database in the calling thread. Raises StoreError."""
        with self._reader_lock:
            if self._reader is None:
                raise StoreError("the store is not running")
            try:
                return function(self._reader)
            except sqlite3.Error as error:
                raise StoreError(f"reading {self.path} failed: {error}") from error

    def _put(self, kind: int, payload: Any, done: Done | None, *, always: bool = False) -> None:
        if self._thread is None:
            raise StoreError("the store is not running")
        if not always and self._queue.qsize() >= self._queue_limit:
            self.refused += 1
            raise StoreOverloaded(f"{self._queue_limit} writes are waiting")
        self._queue.put((kind, payload, done))
        if done is not None and not self._awaited.is_set():
            self._awaited.set()

    def _work(self, database: Database, chain: AuditChain) -> None:
        """The writer thread."""
        running = True
        while running:
            items = [self._queue.get()]
            if items[0][0] != _STOP and self._group_s > 0:
                self._wait_for_company()
            waiting = min(self._queue.qsize(), self._group_limit - 1)
            items.extend([self._queue.get() for _ in range(waiting)])
            if any(item[0] == _STOP for item in items):
                running = False
                items = [item for item in items if item[0] != _STOP]
            if items:
                self._commit(database, chain, items)

    def _wait_for_company(self) -> None:
        """Let a group grow: long while nobody waits for its commit, shortly once somebody does."""
        if self._awaited.wait(self._patience_s):
            self._awaited.clear()
            time.sleep(self._group_s)

    def _commit(self, database: Database, chain: AuditChain, items: list[_Item]) -> None:
        """Write one group; when one write spoils it, the others are written one by one."""
        errors: dict[int, BaseException] = {}
        try:
            errors = self._transaction(database, chain, items)
        except sqlite3.OperationalError as error:  # the disk or the file, not a single write: no use in trying again
            errors = dict.fromkeys(range(len(items)), error)
        except Exception:
            errors = self._commit_singly(database, chain, items)
        self.failures += len(errors)
        self.written += len(items) - len(errors)
        for index, reason in errors.items():
            if items[index][2] is None:
                logger.error("a write was lost", extra={"reason": str(reason)})
        results = [(item[2], errors.get(index)) for index, item in enumerate(items) if item[2] is not None]
        # Who waits in another thread is told from here: `deliver` may need that very thread.
        direct = [result for result in results if isinstance(result[0], _Waiter)]
        if others := [result for result in results if not isinstance(result[0], _Waiter)]:
            self._deliver(others)
        call_in_place(direct)

    def _commit_singly(self, database: Database, chain: AuditChain, items: list[_Item]) -> dict[int, BaseException]:
        errors: dict[int, BaseException] = {}
        for index, item in enumerate(items):
            try:
                alone = self._transaction(database, chain, [item])
            except Exception as error:
                errors[index] = error
            else:
                if alone:
                    errors[index] = alone[0]
        return errors

    def _transaction(self, database: Database, chain: AuditChain, items: list[_Item]) -> dict[int, BaseException]:
        """Write in one transaction; returns the errors of single functions, raises when nothing was written."""
        connection = database.conn
        batch = Batch(database, chain)
        try:
            connection.execute("BEGIN IMMEDIATE")
            for index, (kind, payload, _) in enumerate(items):
                if kind == _CHANGES:
                    batch.add_changes(payload)
                elif kind == _OPEN:
                    batch.open_call(payload)
                elif kind == _CLOSE:
                    batch.close_call(payload)
                elif kind == _AUDIT:
                    batch.add_audit(payload)
                else:
                    batch.run(payload, index)
            batch.flush()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            chain.reload()
            raise
        self.commits += 1
        return batch.failed
