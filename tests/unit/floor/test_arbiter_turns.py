"""The course of a talk: granted, released, queued, and what T1, T2, T4, T7 and T20 do about it (TS 24.380 §6.3.4)."""

from __future__ import annotations

import json

from softswitch.floor import (
    Arbiter,
    ArbiterSettings,
    FloorState,
    Granted,
    Idle,
    Inactive,
    Indicator,
    MediaGate,
    Member,
    Queued,
    RevokeCause,
    Revoked,
    Taken,
    TalkTimeWarning,
    Tier,
)
from tests.unit.floor.arbiter_group import drain, group, names, only, run


def test_a_free_floor_is_granted_and_all_others_are_told() -> None:
    arbiter = group()
    arbiter.request("a", 1.0)
    gate, granted, taken = drain(arbiter)
    assert gate == MediaGate("a", True), "media must be passed on before the talker is told"
    assert isinstance(granted, Granted) and (granted.participant, granted.duration_s) == ("a", 30)
    assert isinstance(taken, Taken)
    assert (taken.to, taken.excluding, taken.talkers[0].participant, taken.may_request) == (None, "a", "a", True)
    assert arbiter.state is FloorState.TAKEN


def test_two_who_press_at_once_get_one_floor_and_one_place() -> None:
    arbiter = group()
    arbiter.request("a", 1.0)
    arbiter.request("b", 1.0005)
    events = drain(arbiter)
    assert [event.participant for event in only(events, Granted)] == ["a"]
    assert only(events, Queued) == [Queued("b", 1, 4, 1, False)]


def test_release_makes_the_floor_idle_with_the_next_number() -> None:
    arbiter = group()
    arbiter.request("a", 1.0)
    number = only(drain(arbiter), Taken)[0].sequence
    arbiter.release("a", 2.0)
    assert drain(arbiter) == [MediaGate("a", False), Idle(None, number + 1, Indicator.NORMAL, False)]


def test_release_grants_the_head_of_the_queue_without_idle_between() -> None:
    arbiter = group()
    arbiter.request("a", 1.0)
    arbiter.request("b", 1.5)
    arbiter.request("c", 1.6)
    drain(arbiter)
    arbiter.release("a", 3.0)
    events = drain(arbiter)
    assert names(events) == ["MediaGate", "MediaGate", "Granted", "Taken", "Queued"]
    granted = only(events, Granted)[0]
    assert (granted.participant, granted.waited_s) == ("b", 1.5)
    assert only(events, Queued) == [Queued("c", 1, 4, 1, False)]


def test_t20_grants_again_until_c20_and_stops_with_the_first_media() -> None:
    settings = ArbiterSettings(t1=6.0)
    for media_at, wanted in ((None, [2.0, 3.0]), (2.5, [2.0])):
        arbiter = group(settings)
        arbiter.request("a", 0.0)
        arbiter.request("b", 0.5)
        arbiter.release("a", 1.0)
        drain(arbiter)
        repeats = []
        for now in (2.0, 2.5, 3.0, 4.0, 5.0):
            if now == media_at:
                arbiter.media_heard("b", now)
            arbiter.handle_timer(now)
            repeats += [now for event in only(drain(arbiter), Granted) if event.repeated]
        assert repeats == wanted


def test_t1_ends_a_talk_without_media_and_revokes_nobody() -> None:
    arbiter = group()
    arbiter.request("a", 1.0)
    drain(arbiter)
    arbiter.media_heard("a", 2.0)
    arbiter.handle_timer(5.9)
    assert drain(arbiter) == []
    arbiter.handle_timer(6.0)
    assert names(drain(arbiter)) == ["MediaGate", "Idle"]


def test_t2_counts_from_the_first_media_warns_and_revokes() -> None:
    arbiter = group(ArbiterSettings(t2=10.0, warn_before=3.0))
    arbiter.request("a", 1.0)
    arbiter.media_heard("a", 2.0)
    drain(arbiter)
    seen = run(arbiter, 2.0, 20.0, "a")
    first = {type(event): (at, event) for at, event in reversed(seen)}
    assert first[TalkTimeWarning] == (9.0, TalkTimeWarning("a", 3.0))
    assert first[Revoked] == (12.0, Revoked("a", RevokeCause.TOO_LONG, 0, False))
    assert [at for at, event in seen if isinstance(event, Revoked) and event.repeated][:2] == [13.0, 14.0], "T8"
    assert first[Idle][0] == 15.0, "T3"


def test_a_repeated_request_of_the_talker_is_granted_with_the_time_left() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("a", 1.0)
    assert [event.duration_s for event in only(drain(arbiter), Granted)] == [30, 30], "no media yet"
    arbiter.media_heard("a", 2.0)
    arbiter.request("a", 12.0)
    assert only(drain(arbiter), Granted) == [Granted("a", 20, 4, Tier.NORMAL, 0x8400, "", 0.0, 0, True)]


def test_a_talker_being_revoked_who_asks_is_revoked_again() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.revoke("a", 1.0)
    drain(arbiter)
    arbiter.request("a", 1.5)
    assert drain(arbiter) == [Revoked("a", RevokeCause.OTHER, 0, True)]


def test_a_member_without_reports_talks_from_the_grant_on() -> None:
    arbiter = group(ArbiterSettings(t2=10.0, warn_before=0.0), {"a": Member(monitored=False)})
    arbiter.request("a", 1.0)
    drain(arbiter)
    seen = run(arbiter, 1.0, 12.0)
    assert [(at, event.cause) for at, event in seen if isinstance(event, Revoked) and not event.repeated] == [
        (11.0, RevokeCause.TOO_LONG)
    ]


def test_idle_is_told_c7_times() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.release("a", 1.0)
    number = only(drain(arbiter), Idle)[0].sequence
    seen = run(arbiter, 1.0, 10.0)
    assert [(at, event.sequence, event.repeated) for at, event in seen if isinstance(event, Idle)] == [
        (2.0, number, True),
        (3.0, number, True),
    ]


def test_the_hang_time_ends_an_idle_group() -> None:
    arbiter = group(ArbiterSettings(t4=20.0))
    seen = run(arbiter, 0.0, 30.0)
    assert [(at, event) for at, event in seen if isinstance(event, Inactive)] == [(20.0, Inactive(20.0))]
    assert arbiter.next_timer() is None
    arbiter = group(ArbiterSettings(t4=0.0))
    assert [event for _, event in run(arbiter, 0.0, 100.0) if isinstance(event, Inactive)] == []


def test_the_user_behind_a_gateway_is_told() -> None:
    arbiter = group()
    arbiter.request("a", 0.0, user="sip:201@radio.example")
    assert only(drain(arbiter), Taken)[0].talkers[0].user == "sip:201@radio.example"


def test_the_sequence_number_wraps() -> None:
    arbiter = group()
    state = json.loads(json.dumps(arbiter.export_state(0.0)))
    state["sequence"] = 0xFFFF
    arbiter = Arbiter.restore(ArbiterSettings(), state, 0.0)
    drain(arbiter)
    arbiter.request("a", 0.0)
    assert only(drain(arbiter), Taken)[0].sequence == 0
