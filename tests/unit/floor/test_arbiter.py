"""What the arbiter decides: one test per rule of TS 24.380 §6.3 and of the group's settings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TypeVar

import pytest

from softswitch.floor import (
    Arbiter,
    ArbiterSettings,
    CancelReason,
    Denied,
    DenyCause,
    Event,
    FloorError,
    FloorState,
    Granted,
    Idle,
    Inactive,
    Indicator,
    MediaGate,
    Member,
    Override,
    QueueCancelled,
    Queued,
    RevokeCause,
    Revoked,
    Taken,
    TalkerStopped,
    TalkTimeWarning,
    Tier,
    Violation,
)


def drain(arbiter: Arbiter) -> list[Event]:
    events = []
    while (event := arbiter.next_event()) is not None:
        events.append(event)
    return events


def group(
    settings: ArbiterSettings | None = None, members: dict[str, Member] | None = None, names: str = "abcd"
) -> Arbiter:
    """A started group of the participants a, b, c, d, nothing of it left to read."""
    arbiter = Arbiter(settings)
    for name in names:
        arbiter.participant_joined(name, 0.0, (members or {}).get(name))
    arbiter.start(0.0)
    drain(arbiter)
    return arbiter


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


_Kind = TypeVar("_Kind")


def only(events: list[Event], kind: type[_Kind]) -> list[_Kind]:
    return [event for event in events if isinstance(event, kind)]


def run(arbiter: Arbiter, start: float, end: float, talking: str = "") -> list[tuple[float, Event]]:
    """Let time pass until `end` with media of `talking` every 0.5 s; what happened, and when."""
    seen: list[tuple[float, Event]] = []
    now = start
    while now < end:
        due = arbiter.next_timer()
        now = min(end, now + 0.5 if due is None else max(now, min(due, now + 0.5)))
        if talking:
            arbiter.media_heard(talking, now)
        arbiter.handle_timer(now)
        seen += [(now, event) for event in drain(arbiter)]
    return seen


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


def test_without_queueing_the_second_is_denied() -> None:
    arbiter = group(members={"b": Member(queueing=False)})
    arbiter.request("a", 1.0)
    drain(arbiter)
    arbiter.request("b", 1.0)
    assert drain(arbiter) == [Denied("b", DenyCause.ANOTHER_TALKS, "another user talks")]
    arbiter.request("c", 1.0, queueing=False)
    assert only(drain(arbiter), Denied)


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


def test_who_waits_and_asks_again_keeps_the_place() -> None:
    arbiter = group()
    for name in "abc":
        arbiter.request(name, 0.0)
    drain(arbiter)
    arbiter.request("b", 1.0)
    assert drain(arbiter) == [Queued("b", 1, 4, 2, True)]


def test_a_waiting_request_that_becomes_more_urgent_moves_up() -> None:
    arbiter = group(members=dict.fromkeys("abcd", Member(priority=9)))
    arbiter.request("a", 0.0, priority=5)
    arbiter.request("b", 0.0, priority=5)
    arbiter.request("c", 0.0, priority=5)
    drain(arbiter)
    arbiter.request("c", 1.0, priority=6)
    assert arbiter.waiting == ("c", "b")
    assert only(drain(arbiter), Queued) == [Queued("c", 1, 6, 2, False), Queued("b", 2, 5, 2, False)]


@pytest.mark.parametrize(
    ("settings", "member", "cause"),
    [
        (ArbiterSettings(), Member(may_request=False), DenyCause.RECEIVE_ONLY),
        (ArbiterSettings(broadcast_by="a"), Member(), DenyCause.RECEIVE_ONLY),
    ],
)
def test_who_may_not_talk_is_denied(settings: ArbiterSettings, member: Member, cause: DenyCause) -> None:
    arbiter = group(settings, {"b": member})
    arbiter.request("b", 1.0)
    (event,) = drain(arbiter)
    assert isinstance(event, Denied) and event.cause is cause


def test_one_alone_is_denied_unless_the_group_allows_it() -> None:
    arbiter = group(names="a")
    arbiter.request("a", 1.0)
    assert drain(arbiter)[0][:2] == ("a", DenyCause.ONLY_ONE)
    arbiter = group(ArbiterSettings(allow_alone=True), names="a")
    arbiter.request("a", 1.0)
    assert only(drain(arbiter), Granted)


def test_strangers_and_requests_without_a_call_are_answered_too() -> None:
    arbiter = Arbiter()
    arbiter.participant_joined("a", 0.0)
    arbiter.request("a", 0.0)
    arbiter.request("x", 0.0)
    assert [event.participant for event in only(drain(arbiter), Denied)] == ["a", "x"]


def test_a_full_queue_denies_unless_somebody_less_urgent_can_go() -> None:
    arbiter = group(ArbiterSettings(queue_limit=1), {"d": Member(priority=8)})
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.request("c", 1.0)
    assert drain(arbiter) == [Denied("c", DenyCause.QUEUE_FULL, "queue full")]
    arbiter.request("d", 1.0)
    assert drain(arbiter)[:2] == [QueueCancelled("b", CancelReason.DISPLACED), Queued("d", 1, 8, 1, False)]


def test_a_request_waits_no_longer_than_allowed() -> None:
    arbiter = group(ArbiterSettings(queue_wait=5.0, t1=50.0))
    arbiter.request("a", 0.0)
    arbiter.request("b", 1.0)
    drain(arbiter)
    arbiter.handle_timer(5.9)
    assert only(drain(arbiter), QueueCancelled) == []
    arbiter.handle_timer(6.0)
    assert only(drain(arbiter), QueueCancelled) == [QueueCancelled("b", CancelReason.TIMED_OUT)]


def test_letting_go_in_the_queue_takes_the_request_back() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    number = only(drain(arbiter), Taken)[0].sequence
    arbiter.release("b", 1.0)
    cancelled, taken = drain(arbiter)
    assert cancelled == QueueCancelled("b", CancelReason.RELEASED)
    assert isinstance(taken, Taken) and (taken.to, taken.sequence, taken.repeated) == ("b", number, True)


@pytest.mark.parametrize(
    ("holder", "asker", "settings", "takes"),
    [
        ({}, {"tier": Tier.EMERGENCY}, ArbiterSettings(), True),
        ({}, {"tier": Tier.PERIL}, ArbiterSettings(), True),
        ({"tier": Tier.PERIL}, {"tier": Tier.EMERGENCY}, ArbiterSettings(), True),
        ({"tier": Tier.EMERGENCY}, {"tier": Tier.EMERGENCY}, ArbiterSettings(), False),
        ({"tier": Tier.EMERGENCY}, {"tier": Tier.PERIL, "priority": 200}, ArbiterSettings(), False),
        ({"priority": 5}, {"priority": 6}, ArbiterSettings(), False),
        ({"priority": 5}, {"priority": 6}, ArbiterSettings(priority_preemption=True), True),
        ({"priority": 5}, {"priority": 5}, ArbiterSettings(priority_preemption=True), False),
        ({"priority": 200}, {"priority": 5, "override": True}, ArbiterSettings(), True),
        ({"tier": Tier.EMERGENCY}, {"override": True}, ArbiterSettings(), False),
        ({"tier": Tier.EMERGENCY}, {"tier": Tier.EMERGENCY, "override": True}, ArbiterSettings(), True),
        ({"override": True, "priority": 5}, {"override": True, "priority": 6}, ArbiterSettings(), True),
        ({"override": True, "priority": 5}, {"override": True, "priority": 5}, ArbiterSettings(), False),
        ({}, {"tier": Tier.EMERGENCY}, ArbiterSettings(tier=Tier.EMERGENCY), False),
        ({}, {}, ArbiterSettings(cut_in=True), True),
        ({"tier": Tier.EMERGENCY}, {}, ArbiterSettings(cut_in=True), False),
    ],
)
def test_who_takes_the_floor_from_whom(
    holder: dict[str, object], asker: dict[str, object], settings: ArbiterSettings, takes: bool
) -> None:
    arbiter = group(settings, dict.fromkeys("ab", Member(priority=255, may_override=True)))
    arbiter.request("a", 0.0, **holder)  # type: ignore[arg-type]
    drain(arbiter)
    arbiter.request("b", 1.0, **asker)  # type: ignore[arg-type]
    revoked = only(drain(arbiter), Revoked)
    assert revoked == ([Revoked("a", RevokeCause.PREEMPTED, 0, False)] if takes else [])


def test_rights_of_a_member_cap_what_it_asks() -> None:
    member = Member(priority=3, may_emergency=False)
    arbiter = group(ArbiterSettings(priority_preemption=True), {"b": member})
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.request("b", 1.0, priority=250, tier=Tier.EMERGENCY, override=True)
    assert drain(arbiter) == [Queued("b", 1, 3, 1, False)]


def test_a_dispatcher_needs_not_ask_for_override() -> None:
    arbiter = group(members={"d": Member(dispatcher=True)})
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.request("d", 1.0)
    assert only(drain(arbiter), Revoked)
    arbiter.release("a", 1.1)
    assert arbiter.talkers[0].participant == "d"


def test_preemption_puts_the_asker_first_even_without_queueing() -> None:
    arbiter = group(members={"b": Member(queueing=False)})
    arbiter.request("a", 0.0)
    arbiter.request("c", 0.5)
    drain(arbiter)
    arbiter.request("b", 1.0, tier=Tier.EMERGENCY)
    assert names(drain(arbiter)) == ["Queued", "Revoked"], "only c, who has moved down, and a are told"
    arbiter.request("d", 1.1)
    assert arbiter.waiting == ("b", "c", "d")
    arbiter.release("a", 1.2)
    assert only(drain(arbiter), Granted)[0].participant == "b"


def test_an_emergency_waits_only_for_its_own_grace() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 1.0, tier=Tier.EMERGENCY)
    drain(arbiter)
    seen = run(arbiter, 1.0, 2.0, "a")
    assert [(at, event.participant) for at, event in seen if isinstance(event, Granted)] == [(1.3, "b")]


def test_an_emergency_shortens_a_grace_that_runs() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.revoke("a", 1.0)
    arbiter.request("b", 1.5, tier=Tier.EMERGENCY)
    drain(arbiter)
    seen = run(arbiter, 1.5, 3.0, "a")
    assert [at for at, event in seen if isinstance(event, Granted) and not event.repeated] == [1.8]


def test_cut_in_grants_at_once() -> None:
    arbiter = group(ArbiterSettings(cut_in=True))
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.request("b", 1.0)
    events = drain(arbiter)
    assert names(events)[:3] == ["Revoked", "MediaGate", "MediaGate"]
    assert [event.participant for event in only(events, Granted)] == ["b"]
    assert only(events, Idle) == []


def test_an_emergency_talker_asking_anew_as_normal_is_told_to_all() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.request("a", 1.0, tier=Tier.EMERGENCY)
    granted, taken = drain(arbiter)
    assert isinstance(granted, Granted) and granted.indicator & Indicator.EMERGENCY
    assert isinstance(taken, Taken) and taken.indicator & Indicator.EMERGENCY and not taken.repeated


def test_dual_floor_lets_both_talk_and_goes_back_to_one() -> None:
    arbiter = group(ArbiterSettings(override=Override.DUAL))
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.request("b", 1.0, tier=Tier.EMERGENCY)
    events = drain(arbiter)
    assert [event.participant for event in only(events, Granted)] == ["b"]
    taken = only(events, Taken)[0]
    assert taken.indicator & Indicator.DUAL_FLOOR and taken.excluding == "b", "the overridden talker is told as well"
    assert arbiter.media_heard("a", 1.1) and arbiter.media_heard("b", 1.1)
    arbiter.release("b", 2.0)
    taken = only(drain(arbiter), Taken)[0]
    assert [talker.participant for talker in taken.talkers] == ["a"] and not taken.indicator & Indicator.DUAL_FLOOR
    assert arbiter.state is FloorState.TAKEN


def test_an_overridden_talker_may_go_unheard_until_the_other_ends() -> None:
    arbiter = group(ArbiterSettings(override=Override.DUAL_UNHEARD))
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.request("b", 1.0, tier=Tier.EMERGENCY)
    assert only(drain(arbiter), MediaGate) == [MediaGate("a", False), MediaGate("b", True)]
    assert not arbiter.media_heard("a", 1.1)
    arbiter.release("b", 2.0)
    assert only(drain(arbiter), MediaGate) == [MediaGate("b", False), MediaGate("a", True)]


def test_the_second_floor_has_t11_and_t12_and_can_be_overridden_itself() -> None:
    settings = ArbiterSettings(override=Override.DUAL, t2=20.0, warn_before=0.0)
    arbiter = group(settings, dict.fromkeys("bc", Member(priority=9, dispatcher=True)))
    arbiter.request("a", 0.0)
    arbiter.request("b", 1.0, priority=5)
    arbiter.media_heard("b", 1.5)
    assert {("T11", "b"), ("T12", "b"), ("T1", "a")} <= {(t[0], t[1]) for t in arbiter.export_state(1.5)["timers"]}  # type: ignore[attr-defined]
    drain(arbiter)
    arbiter.request("c", 2.0, priority=9)
    assert only(drain(arbiter), Revoked) == [Revoked("b", RevokeCause.PREEMPTED, 0, False)]
    arbiter.release("b", 2.1)
    assert [talker.participant for talker in arbiter.talkers] == ["a", "c"]
    arbiter.release("a", 2.2)
    assert ("T1", "c") in {(t[0], t[1]) for t in arbiter.export_state(2.2)["timers"]}, "one floor again"  # type: ignore[attr-defined]


def test_multi_talker_grants_up_to_its_number() -> None:
    arbiter = group(ArbiterSettings(max_talkers=2))
    for name in "abc":
        arbiter.request(name, 0.0)
    events = drain(arbiter)
    assert [event.participant for event in only(events, Granted)] == ["a", "b"]
    assert [event.participant for event in only(events, Queued)] == ["c"]
    arbiter.release("c", 0.5)
    drain(arbiter)
    arbiter.release("a", 1.0)
    events = drain(arbiter)
    assert [event.participant for event in only(events, TalkerStopped)] == ["a"]
    assert only(events, Taken)[0].to == "a", "who has stopped learns that others talk"
    arbiter.release("b", 2.0)
    assert only(drain(arbiter), Idle)


def test_a_broadcast_marks_its_messages_and_forbids_requests() -> None:
    arbiter = group(ArbiterSettings(broadcast_by="a"))
    arbiter.request("a", 0.0)
    taken = only(drain(arbiter), Taken)[0]
    assert not taken.may_request and taken.indicator == Indicator.BROADCAST
    arbiter.release("a", 1.0)
    assert only(drain(arbiter), Idle)[0].indicator & Indicator.BROADCAST


def test_media_without_the_floor_is_not_passed_on_and_revoked_once_per_t8() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    drain(arbiter)
    seen: list[tuple[float, Event]] = []
    for tenth in range(1, 25):
        now = tenth / 10
        arbiter.handle_timer(now)
        assert not arbiter.media_heard("b", now)
        seen += [(now, event) for event in drain(arbiter)]
    assert [event for _, event in seen if isinstance(event, Violation)] == [Violation("b")]
    assert [at for at, event in seen if isinstance(event, Revoked)] == [0.1, 1.1, 2.1]
    assert arbiter.counters["violations"] == 1
    arbiter.release("b", 2.5)
    arbiter.media_heard("a", 3.5)
    drain(arbiter)
    arbiter.handle_timer(5.0)
    assert drain(arbiter) == [], "T8 has stopped with the release"


def test_media_that_was_under_way_is_no_offence() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.release("a", 1.0)
    drain(arbiter)
    arbiter.media_heard("a", 1.4)
    assert drain(arbiter) == []
    arbiter.media_heard("a", 1.6)
    assert names(drain(arbiter)) == ["Violation", "Revoked"]


def test_a_telephone_that_always_sends_commits_no_offence() -> None:
    arbiter = group(members={"b": Member(continuous=True)})
    assert not arbiter.media_heard("b", 1.0)
    assert drain(arbiter) == []


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


def test_who_joins_late_is_told_at_once_with_the_same_number() -> None:
    arbiter = group()
    arbiter.participant_joined("e", 0.5)
    (idle,) = drain(arbiter)
    assert isinstance(idle, Idle) and idle.to == "e"
    arbiter.request("a", 1.0)
    number = only(drain(arbiter), Taken)[0].sequence
    arbiter.participant_joined("f", 2.0)
    (taken,) = drain(arbiter)
    assert isinstance(taken, Taken) and (taken.to, taken.sequence) == ("f", number)


def test_the_leg_of_the_talker_dies() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.participant_left("a", 1.0)
    events = drain(arbiter)
    assert only(events, Revoked) == [] and only(events, Granted)[0].participant == "b"
    arbiter.participant_left("a", 1.1)
    assert drain(arbiter) == []


def test_a_waiting_participant_that_leaves_is_out_of_the_queue() -> None:
    arbiter = group()
    for name in "abc":
        arbiter.request(name, 0.0)
    drain(arbiter)
    arbiter.participant_left("b", 1.0)
    assert drain(arbiter) == [QueueCancelled("b", CancelReason.LEFT), Queued("c", 1, 4, 1, False)]


def test_the_last_one_is_stopped() -> None:
    arbiter = group(names="ab")
    arbiter.request("a", 0.0)
    drain(arbiter)
    arbiter.participant_left("b", 1.0)
    assert drain(arbiter) == [Revoked("a", RevokeCause.ONLY_ONE, 0, False)]
    arbiter = group(names="ab")
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.participant_left("a", 1.0)
    events = drain(arbiter)
    assert QueueCancelled("b", CancelReason.ONLY_ONE) in events and only(events, Granted) == []


def test_a_member_muted_while_talking_is_stopped() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.member_changed("a", Member(may_request=False), 1.0)
    arbiter.member_changed("b", Member(may_request=False), 1.0)
    assert drain(arbiter) == [
        Revoked("a", RevokeCause.NO_PERMISSION, 0, False),
        QueueCancelled("b", CancelReason.RECEIVE_ONLY),
    ]


def test_a_dispatcher_revokes_and_cancels() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    assert arbiter.cancel_request("b") and not arbiter.cancel_request("b")
    assert arbiter.revoke("a", 1.0) and not arbiter.revoke("b", 1.0)
    assert drain(arbiter) == [QueueCancelled("b", CancelReason.OPERATOR), Revoked("a", RevokeCause.OTHER, 0, False)]


def test_after_talking_too_long_one_must_wait() -> None:
    arbiter = group(ArbiterSettings(t2=5.0, t3=0.0, retry_after=10.0, warn_before=0.0))
    arbiter.request("a", 0.0)
    arbiter.media_heard("a", 0.0)
    drain(arbiter)
    revoked = [event for _, event in run(arbiter, 0.0, 6.0, "a") if isinstance(event, Revoked)]
    assert revoked[0] == Revoked("a", RevokeCause.TOO_LONG, 10, False)
    arbiter.request("a", 14.9)
    assert drain(arbiter)[-1][:2] == ("a", DenyCause.RETRY_AFTER)
    arbiter.request("a", 15.1)
    assert only(drain(arbiter), Granted)


def test_an_emergency_talker_may_be_without_limit() -> None:
    arbiter = group(ArbiterSettings(t2=5.0, emergency_unlimited=True))
    arbiter.request("a", 0.0, tier=Tier.EMERGENCY)
    assert only(drain(arbiter), Granted)[0].duration_s == 65535
    arbiter.media_heard("a", 0.0)
    assert [event for _, event in run(arbiter, 0.0, 60.0, "a") if isinstance(event, Revoked)] == []


def test_who_asks_for_its_place_is_always_answered() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    for name in "abc":
        arbiter.ask_position(name, 1.0)
    granted, queued, denied = drain(arbiter)
    assert isinstance(granted, Granted) and granted.repeated
    assert queued == Queued("b", 1, 4, 1, True)
    assert denied == Denied("c", DenyCause.OTHER, "not queued")


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


def test_more_talkers_allowed_let_the_queue_in() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.configure(replace(arbiter.settings, max_talkers=2), 1.0)
    assert [event.participant for event in only(drain(arbiter), Granted)] == ["b"]


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
