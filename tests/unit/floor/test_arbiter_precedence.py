"""Who takes the floor from whom: tiers, dispatchers, priorities, cut-in, dual floor and several talkers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from softswitch.floor import (
    ArbiterSettings,
    Denied,
    DenyCause,
    FloorState,
    Granted,
    Idle,
    Indicator,
    MediaGate,
    Member,
    Override,
    Queued,
    RevokeCause,
    Revoked,
    Taken,
    TalkerStopped,
    Tier,
)
from tests.unit.floor.arbiter_group import drain, group, names, only, run


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


def test_an_emergency_talker_may_be_without_limit() -> None:
    arbiter = group(ArbiterSettings(t2=5.0, emergency_unlimited=True))
    arbiter.request("a", 0.0, tier=Tier.EMERGENCY)
    assert only(drain(arbiter), Granted)[0].duration_s == 65535
    arbiter.media_heard("a", 0.0)
    assert [event for _, event in run(arbiter, 0.0, 60.0, "a") if isinstance(event, Revoked)] == []


def test_more_talkers_allowed_let_the_queue_in() -> None:
    arbiter = group()
    arbiter.request("a", 0.0)
    arbiter.request("b", 0.0)
    drain(arbiter)
    arbiter.configure(replace(arbiter.settings, max_talkers=2), 1.0)
    assert [event.participant for event in only(drain(arbiter), Granted)] == ["b"]


def test_cut_in_goes_to_the_most_urgent_of_those_who_wait_and_who_asked_is_answered() -> None:
    arbiter = group(ArbiterSettings(cut_in=True, max_talkers=2))
    for name in "ab":
        arbiter.request(name, 0.0, tier=Tier.EMERGENCY)
    arbiter.request("c", 1.0, tier=Tier.PERIL)
    arbiter.request("b", 2.0)  # it has the floor and is less urgent now than who waits
    drain(arbiter)
    arbiter.request("d", 3.0)
    events = drain(arbiter)
    assert [event.participant for event in only(events, Granted)] == ["c"]
    assert [(event.participant, event.position) for event in only(events, Queued)] == [("d", 1)]


def test_cut_in_denies_who_cannot_wait_when_somebody_more_urgent_does() -> None:
    arbiter = group(ArbiterSettings(cut_in=True, max_talkers=2), {"d": Member(queueing=False)})
    for name in "ab":
        arbiter.request(name, 0.0, tier=Tier.EMERGENCY)
    arbiter.request("c", 1.0, tier=Tier.PERIL)
    arbiter.request("b", 2.0)
    drain(arbiter)
    arbiter.request("d", 3.0)
    assert [event.cause for event in only(drain(arbiter), Denied)] == [DenyCause.ANOTHER_TALKS]
    assert arbiter.waiting == ()
