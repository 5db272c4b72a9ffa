"""What is kept of calls: records that nobody turns into plain values before somebody wants them."""

from __future__ import annotations

import json
from typing import Any, cast

from softswitch.calls.record import CallRecord
from softswitch.events import AccessRefused, CallOpened, CallRecorded, Event, EventBus
from softswitch.keeping.call_records import CallRecords
from softswitch.store import records as stored
from softswitch.store.store import Store
from tests.unit.calls.world import World


class FakeStore:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.opened: list[stored.CallRecord] = []
        self.closed: list[stored.CallRecord] = []
        self.audit: list[tuple[Any, ...]] = []

    def open_call(self, record: stored.CallRecord) -> None:
        self.opened.append(record)

    def close_call(self, record: stored.CallRecord) -> None:
        self.closed.append(record)

    def add_audit(self, *entry: Any) -> None:
        self.audit.append(entry)


def talk(world: World) -> None:
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    world.advance(5)
    call.hang_up()


def test_the_store_is_told_of_a_call_when_it_begins_and_when_it_is_over() -> None:
    world, store = World(), FakeStore()
    records = CallRecords(cast(Store, store), "n1")
    world.bus.subscribe(records.on_event, *records.types)
    talk(world)
    opened, closed = store.opened[0], store.closed[0]
    assert (opened.id, opened.disposition, opened.answered_at) == (closed.id, "open", None)
    assert (closed.node, closed.caller, closed.callee, closed.disposition) == ("n1", "1001", "1002", "answered")
    assert (closed.billsec_ms, closed.sip_code, closed.q850_cause, closed.released_by) == (5000, 200, 16, "caller")
    assert [leg["party"] for leg in closed.legs] == ["1001", "1002"]
    assert closed.details["source"] == "udp:198.51.100.1:5060" and closed.details["emergency"] is False
    json.dumps([closed.legs, closed.details])


def test_refusals_are_audited() -> None:
    store, bus = FakeStore(), EventBus(lambda: 7.0)
    records = CallRecords(cast(Store, store), "n1")
    bus.subscribe(records.on_event, *records.types)
    bus.publish(AccessRefused("198.51.100.1", "1001", "INVITE", "denied"))
    assert store.audit == [
        ("1001", "", "access.refused", "198.51.100.1", {"method": "INVITE", "reason": "denied"}, 7.0)
    ]


def test_an_opening_shown_late_still_says_what_was_known_then() -> None:
    world = World()
    seen: list[Event] = []
    world.bus.subscribe(seen.append, CallOpened.type, CallRecorded.type)
    talk(world)
    opened, recorded = (event.to_dict() for event in seen)
    assert opened["type"] == "call.opened" and "ended_at" not in opened["record"]
    assert opened["record"]["callee"] == "1002"
    assert recorded["record"]["disposition"] == "answered" and recorded["time"].endswith("Z")
    json.dumps([opened, recorded])


def test_a_record_keeps_no_session_alive() -> None:
    world = World()
    seen: list[CallRecorded] = []
    world.bus.subscribe(cast(Any, seen.append), CallRecorded.type)
    talk(world)
    record = seen[0].record
    assert isinstance(record, CallRecord)
    for leg in record.legs.values():
        kept = [getattr(leg, name) for name in leg.__slots__]
        assert not any("softswitch.sip" in type(value).__module__ or "Leg" in type(value).__name__ for value in kept)


def test_events_nobody_listens_to_are_not_made() -> None:
    made: list[str] = []

    class Costly(Event):
        type = "costly"

        def __init__(self, name: str) -> None:
            super().__init__()
            made.append(name)

    bus = EventBus(lambda: 0.0)
    bus.tell(Costly, "unheard")
    leave = bus.subscribe(lambda event: None, "costly")
    bus.tell(Costly, "heard")
    leave()
    bus.tell(Costly, "unheard again")
    assert made == ["heard"]


def test_a_subscriber_that_fails_does_not_keep_the_others_from_hearing() -> None:
    bus = EventBus(lambda: 0.0)
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("broken")

    bus.subscribe(broken)
    bus.subscribe(heard.append)
    bus.publish(AccessRefused("", "", "", ""))
    assert len(heard) == 1
