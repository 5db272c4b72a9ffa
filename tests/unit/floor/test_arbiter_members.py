"""Members who come, go, are muted, or send what they may not; broadcasts."""

from __future__ import annotations

from softswitch.floor import (
    ArbiterSettings,
    CancelReason,
    Event,
    Granted,
    Idle,
    Indicator,
    Member,
    QueueCancelled,
    Queued,
    RevokeCause,
    Revoked,
    Taken,
    Violation,
)
from tests.unit.floor.arbiter_group import drain, group, names, only


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
