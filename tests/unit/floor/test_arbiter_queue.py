"""Who waits, who is refused, and who moves up."""

from __future__ import annotations

import pytest

from softswitch.floor import (
    Arbiter,
    ArbiterSettings,
    CancelReason,
    Denied,
    DenyCause,
    Granted,
    Member,
    QueueCancelled,
    Queued,
    RevokeCause,
    Revoked,
    Taken,
)
from tests.unit.floor.arbiter_group import drain, group, only, run


def test_without_queueing_the_second_is_denied() -> None:
    arbiter = group(members={"b": Member(queueing=False)})
    arbiter.request("a", 1.0)
    drain(arbiter)
    arbiter.request("b", 1.0)
    assert drain(arbiter) == [Denied("b", DenyCause.ANOTHER_TALKS, "another user talks")]
    arbiter.request("c", 1.0, queueing=False)
    assert only(drain(arbiter), Denied)


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
