"""The end of a call, a restart in the middle of one, and settings that make no sense."""

from __future__ import annotations

import json

import pytest

from softswitch.floor import (
    Arbiter,
    ArbiterSettings,
    CancelReason,
    Denied,
    FloorError,
    FloorState,
    Granted,
    MediaGate,
    Member,
    Override,
    QueueCancelled,
    Taken,
)
from tests.unit.floor.arbiter_group import drain, group, only, run


def test_close_stops_everything_and_a_new_call_may_begin() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.close(1.0)
    assert drain(arbiter) == [MediaGate("a", False), QueueCancelled("b", CancelReason.CLOSED)]
    assert (arbiter.state, arbiter.next_timer()) == (FloorState.RELEASING, None)
    arbiter.request("a", 1.5)
    assert only(drain(arbiter), Denied)
    arbiter.finish()
    arbiter.start(2.0)
    arbiter.request("a", 3.0)
    assert only(drain(arbiter), Granted)
    with pytest.raises(FloorError, match="call starts"):
        arbiter.start(4.0)


def test_a_restart_goes_on_where_it_was() -> None:
    settings = ArbiterSettings(t2=20.0, queue_wait=30.0)
    arbiter = group(settings, {"a": Member(priority=7)})
    arbiter.request("a", 0.0, user="sip:x@y")
    arbiter.media_heard("a", 1.0)
    for name in "bc":
        arbiter.request(name, 2.0)
    drain(arbiter)
    document = json.loads(json.dumps(arbiter.export_state(5.0)))
    again = Arbiter.restore(settings, document, 1005.0)
    gate, taken = drain(again)
    assert gate == MediaGate("a", True)
    assert isinstance(taken, Taken) and taken.sequence == arbiter.sequence and taken.talkers == arbiter.talkers
    assert again.waiting == ("b", "c") and again.state is FloorState.TAKEN
    old, new = run(arbiter, 5.0, 60.0, "a"), run(again, 1005.0, 1060.0, "a")
    assert [(at + 1000.0, event) for at, event in old] == [(pytest.approx(at), event) for at, event in new]
    assert [event.participant for _, event in new if isinstance(event, Granted) and not event.repeated] == ["b", "c"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": 2},
        {"version": 1},
        {"version": 1, "rest": "IDLE", "sequence": 0, "c7": 0, "idle_s": 0, "seats": [], "bursts": [], "waiting": []},
        {"version": 1, "rest": "IDLE", "sequence": 0, "c7": 0, "idle_s": 0, "seats": {}, "bursts": [], "waiting": [],
         "timers": [["T99", "", 1]]},
    ],
)  # fmt: skip
def test_a_broken_state_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(FloorError):
        Arbiter.restore(ArbiterSettings(), document, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"t1": 0.0},
        {"t3": -1.0},
        {"queue_limit": -1},
        {"max_talkers": 0},
        {"max_talkers": 2, "override": Override.DUAL},
        {"cut_in": True, "override": Override.DUAL},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FloorError):
        ArbiterSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(FloorError):
        Member(priority=256)
