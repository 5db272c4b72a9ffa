"""Writing and reading: group commit, call-backs, back-pressure, failures that hurt nobody else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from softswitch.keeping.call_records import CallRecords
from softswitch.sip.address import Address
from softswitch.sip.binding import Binding, BindingChange
from softswitch.store import CallRecord, Store, StoreError, StoreOverloaded, queries
from softswitch.store.batch import Done
from softswitch.store.records import SubscriberRecord
from softswitch.store.store import call_in_place
from tests.waiting import PATIENCE_S

NOW = 1_780_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "data" / "s.db", "batch", group_s=0)
    store.start()
    yield store
    store.close()


def bound(number: int, expires_at: float = NOW + 60, cseq: int = 1) -> BindingChange:
    source = Address("udp", "192.0.2.1", 5060)
    binding = Binding(f"{number}@x", f"sip:{number}@192.0.2.1", source, expires_at, updated_at=NOW, cseq=cseq)
    return BindingChange("created", binding)


def gone(number: int) -> BindingChange:
    return BindingChange("unregistered", bound(number).binding)


def calls_kept(store: Store) -> list[str]:
    return [row["id"] for row in store.read(lambda database: list(database["cdrs"].rows_where(order_by="id")))]


def call(identifier: str, **changes: Any) -> CallRecord:
    values: dict[str, Any] = {
        "id": identifier,
        "node": "node1",
        "caller": "1001",
        "callee": "1002",
        "started_at": NOW,
        "answered_at": NOW + 2.5,
        "ended_at": NOW + 12.5,
        "disposition": "answered",
        "sip_code": 200,
        "q850_cause": 16,
        "legs": [{"leg_id": "a", "codec": "PCMA"}],
        "details": {"emergency": False},
    }
    return CallRecord(**{**values, **changes})


def block_writer(store: Store) -> threading.Event:
    """Hold the writer thread inside a write until the returned event is set."""
    inside, go_on = threading.Event(), threading.Event()

    def wait(_database: Database) -> None:
        inside.set()
        assert go_on.wait(PATIENCE_S)

    store.write(wait)
    assert inside.wait(PATIENCE_S), "the writer should take the first write"
    return go_on


def test_done_is_called_after_the_commit(store: Store) -> None:
    seen: list[int] = []
    finished = threading.Event()

    def done(error: BaseException | None) -> None:
        assert error is None
        other = sqlite3.connect(store.path)
        seen.append(other.execute("SELECT count(*) FROM bindings").fetchone()[0])
        other.close()
        finished.set()

    store.save_changes([bound(1)], done)
    assert finished.wait(PATIENCE_S)
    assert seen == [1], "another connection must see the row when done is called"


def test_writes_that_wait_are_committed_together(store: Store) -> None:
    go_on = block_writer(store)
    for number in range(500):
        store.save_changes([bound(number)])
    before = store.commits
    go_on.set()
    store.flush()
    assert store.commits - before <= 3, "500 writes should need one transaction besides those around it"
    assert len(store.read(lambda database: list(queries.load_bindings(database, NOW)))) == 500


def test_last_state_of_a_contact_wins_within_a_group(store: Store) -> None:
    go_on = block_writer(store)
    store.save_changes([bound(1, cseq=1), bound(2)])
    store.save_changes([gone(1)])
    store.save_changes([bound(1, cseq=3)])
    store.save_changes([gone(2)])
    go_on.set()
    store.flush()
    rows = store.read(lambda database: list(queries.load_bindings(database, NOW)))
    assert [(row.aor, row.cseq) for row in rows] == [("1@x", 3)]


def test_expired_bindings_are_neither_loaded_nor_kept(store: Store) -> None:
    store.save_changes([bound(1, NOW - 1), bound(2, NOW + 1)])
    store.flush()
    assert [binding.aor for binding in store.load_bindings(NOW)] == ["2@x"]
    store.flush()
    rows = store.read(lambda database: list(queries.load_bindings(database, 0)))
    assert [row.aor for row in rows] == ["2@x"], "what has expired must not stay in the file"


def test_too_many_waiting_writes_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db", "batch", queue_limit=3, group_s=0)
    store.start()
    go_on = block_writer(store)
    for number in range(3):
        store.save_changes([bound(number)])
    with pytest.raises(StoreOverloaded, match="3 writes are waiting"):
        store.save_changes([bound(9)])
    assert store.refused == 1
    go_on.set()
    store.flush()
    store.save_changes([bound(9)])
    store.close()


def test_failing_function_undoes_its_own_work_only(store: Store) -> None:
    results: dict[str, BaseException | None] = {}
    go_on = block_writer(store)

    def fail(database: Database) -> None:
        queries.put_meta("half", "done")(database)
        raise LookupError("no")

    store.write(queries.put_meta("before", "1"), lambda error: results.update(before=error))
    store.write(fail, lambda error: results.update(fail=error))
    store.write(queries.put_meta("after", "1"), lambda error: results.update(after=error))
    go_on.set()
    store.flush()
    assert results["before"] is None and results["after"] is None
    assert isinstance(results["fail"], LookupError)
    kept = [store.read(partial(queries.get_meta, key=key)) for key in ("before", "half", "after")]
    assert kept == ["1", None, "1"]


def test_record_that_cannot_be_written_does_not_take_others_along(store: Store) -> None:
    store.close_call(call("a"))
    store.flush()
    results: list[tuple[str, bool]] = []
    go_on = block_writer(store)
    store.close_call(call("b"), lambda error: results.append(("b", error is None)))
    store.close_call(call("a"), lambda error: results.append(("a again", error is None)))
    store.close_call(call("c"), lambda error: results.append(("c", error is None)))
    go_on.set()
    store.flush()
    assert results == [("b", True), ("a again", False), ("c", True)]
    assert store.failures == 1


def test_callback_that_raises_does_not_stop_the_writer(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def done(error: BaseException | None) -> None:
        raise RuntimeError("bad callback")

    store.save_changes([bound(1)], done)
    store.flush()
    assert "a callback after a commit failed" in caplog.text


def test_callbacks_of_a_group_are_delivered_at_once(tmp_path: Path) -> None:
    groups: list[int] = []

    def deliver(results: list[tuple[Done, BaseException | None]]) -> None:
        groups.append(len(results))
        call_in_place(results)

    store = Store(tmp_path / "s.db", "batch", group_s=0, deliver=deliver)
    store.start()
    go_on = block_writer(store)
    for number in range(10):
        store.save_changes([bound(number)], lambda error: None)
    go_on.set()
    store.flush()
    store.close()
    assert 10 in groups, "ten bindings should come back with one wake-up, and the flush by itself"


def test_close_writes_what_waits(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db", "batch", group_s=0)
    store.start()
    go_on = block_writer(store)
    for number in range(100):
        store.save_changes([bound(number)])
    threading.Timer(0.05, go_on.set).start()
    store.close()
    store = Store(tmp_path / "s.db", "batch")
    store.start()
    assert len(store.read(lambda database: list(queries.load_bindings(database, NOW)))) == 100
    store.close()


def test_store_that_is_not_running_refuses(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    with pytest.raises(StoreError, match="not running"):
        store.save_changes([])
    with pytest.raises(StoreError, match="not running"):
        store.read(lambda database: None)
    store.close()


def test_reading_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError, match=r"readonly|read-only"):
        store.read(lambda database: database.conn.execute("DELETE FROM bindings"))


def test_call_record_keeps_everything(store: Store) -> None:
    store.close_call(call("a"))
    store.flush()
    found = store.read(lambda database: queries.get_cdr(database, "a"))
    assert found is not None
    assert (found["duration_ms"], found["billsec_ms"]) == (12500, 10000)
    assert found["legs"] == [{"leg_id": "a", "codec": "PCMA"}] and found["details"] == {"emergency": False}
    assert store.read(lambda database: queries.get_cdr(database, "none")) is None


def test_call_that_was_not_answered_has_no_billed_time() -> None:
    assert call("a", answered_at=None).billsec_ms == 0


def test_searches_for_calls_use_an_index(store: Store) -> None:
    def explain(database: Database, condition: str) -> list[Any]:
        query = f"EXPLAIN QUERY PLAN SELECT * FROM cdrs WHERE {condition} ORDER BY started_at DESC"
        return database.conn.execute(query).fetchall()

    for condition in ("started_at > 1", "caller = '1' AND started_at > 1", "callee = '1' AND started_at > 1"):
        plan = store.read(partial(explain, condition=condition))
        assert "USING INDEX" in str(plan) and "TEMP B-TREE" not in str(plan), condition


def test_records_of_calls_cannot_be_changed_but_outlive_their_use(store: Store) -> None:
    store.close_call(call("a"))
    errors: list[BaseException | None] = []

    def change(database: Database) -> None:
        database.conn.execute("UPDATE cdrs SET caller = 'x'")

    store.write(change, errors.append)
    store.write(queries.delete_cdrs_before(NOW + 100), errors.append)
    store.flush()
    assert "append-only" in str(errors[0]) and errors[1] is None
    assert calls_kept(store) == []


def test_call_cut_by_a_crash_gets_its_record(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db", "batch", group_s=0)
    store.start()
    for identifier in ("cut", "over"):
        store.open_call(call(identifier, disposition="", legs=[{"leg_id": "a"}]))
    store.flush()
    store.close_call(call("over"))
    store.flush()
    store.close()
    store = Store(tmp_path / "s.db", "batch", group_s=0)
    store.start()
    assert store.interrupted_calls(NOW + 86400) == 1
    assert store.interrupted_calls(NOW + 86400) == 0, "once only"
    found = store.read(lambda database: queries.get_cdr(database, "cut"))
    store.close()
    assert found is not None
    assert (found["disposition"], found["q850_cause"], found["released_by"]) == ("interrupted", 41, "restart")
    assert found["legs"] == [{"leg_id": "a"}] and found["ended_at"] >= NOW + 2.5


def test_call_that_begins_and_ends_in_one_group_is_never_open(store: Store) -> None:
    go_on = block_writer(store)
    store.open_call(call("a"))
    store.close_call(call("a"))
    go_on.set()
    store.flush()
    assert store.interrupted_calls(NOW) == 0
    assert calls_kept(store) == ["a"]


def test_subscribers_come_and_go(store: Store) -> None:
    record = SubscriberRecord("2001", "a" * 32, "b" * 64, "Desk", {"class_of_service": "office"})
    store.write(queries.put_subscriber(record, NOW))
    store.write(queries.put_subscriber(record._replace(display_name="Door"), NOW))
    store.save_features("2001", {"do_not_disturb": True}, NOW)
    store.flush()
    assert store.list_subscribers() == [record._replace(display_name="Door")]
    assert store.load_features() == {"2001": {"do_not_disturb": True}}
    errors: list[BaseException | None] = []
    store.write(queries.delete_subscriber("2001"))
    store.write(queries.delete_subscriber("2001"), errors.append)
    store.flush()
    assert store.list_subscribers() == [] and store.load_features() == {}
    assert isinstance(errors[0], LookupError)


def test_features_without_choice_leave_nothing(store: Store) -> None:
    store.save_features("1", {"forward_all": "2"}, NOW)
    store.save_features("1", {}, NOW)
    store.flush()
    assert store.load_features() == {}


def test_database_is_for_its_owner_only(store: Store) -> None:
    assert store.path.stat().st_mode & 0o077 == 0


def test_flush_works_on_the_thread_that_callbacks_are_delivered_to(tmp_path: Path) -> None:
    """A switch that starts has not begun to run its loop: what it flushes must not wait for the loop."""
    store = Store(tmp_path / "s.db", "batch", group_s=0, deliver=lambda results: None)
    store.start()
    store.flush(timeout=PATIENCE_S)
    store.close()


def test_a_call_noted_twice_and_closed_leaves_no_call_in_progress(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db", "batch", group_s=0)
    store.start()
    record = CallRecord("c1", "n", "1001", "1002", 1.0, None, 1.0, "open")
    store.open_call(record)
    store.flush()
    store.open_call(record)
    store.close_call(CallRecord("c1", "n", "1001", "1002", 1.0, 2.0, 3.0, "answered"))
    store.flush()
    assert store.interrupted_calls(10.0) == 0, "the call ended in order: nothing was interrupted"
    store.close()


def test_records_of_calls_are_kept_for_as_long_as_laid_down(store: Store) -> None:
    for number in range(3):
        store.close_call(call(f"c{number}", ended_at=NOW + 100 * number))
    CallRecords(store, "n1").forget_before(NOW + 150)
    store.flush()
    assert calls_kept(store) == ["c2"], "those that ended before are gone"


def test_octets_that_were_no_utf8_cost_no_row(store: Store) -> None:
    stray = "Zo\udceb"  # how the SIP stack keeps the Latin-1 octets of "Zoë"
    bad = call("a", caller=stray, callee="王", legs=[{"display_name": stray, "codec": "王"}])
    store.open_call(bad)
    store.flush()
    store.close_call(bad)
    source = Address("udp", "192.0.2.1", 5060)
    binding = Binding(
        "1@x", "sip:1@192.0.2.1", source, NOW + 60, updated_at=NOW, cseq=1, call_id=stray, user_agent=stray
    )
    store.save_changes([BindingChange("created", binding)])
    store.add_audit(stray, "", "access.refused", stray, {"reason": stray}, NOW)
    store.flush()
    assert store.failures == 0, "a peer must not be able to keep its calls, bindings and refusals out of the database"
    found = store.read(lambda database: queries.get_cdr(database, "a"))
    assert found is not None and (found["caller"], found["callee"]) == ("Zo?", "王")
    assert found["legs"] == [{"display_name": "Zo?", "codec": "王"}]
    assert [each.user_agent for each in store.load_bindings(NOW)] == ["Zo?"]
    assert store.read(lambda database: list(database["audit"].rows))[-1]["subject"] == "Zo?"
