"""The participant's machine: what the user sees and what is sent (TS 24.380 §6.2.4)."""

from __future__ import annotations

import pytest

from softswitch.floor import FloorError, Tier
from softswitch.floor.messages import FloorMessage, Kind, Source
from softswitch.floor.participant import Participant
from softswitch.floor.participant_events import (
    Ended,
    Free,
    GrantOffered,
    Listening,
    ParticipantEvent,
    ParticipantSettings,
    Permitted,
    Refused,
    Stopped,
    Unanswered,
    Waiting,
)
from softswitch.floor.states import ParticipantState


def member(settings: ParticipantSettings | None = None) -> Participant:
    one = Participant(7, settings)
    one.join(0.0)
    return one


def sent(one: Participant) -> list[Kind]:
    return [message.kind for message in one.messages_to_send()]


def told(one: Participant) -> list[ParticipantEvent]:
    events = []
    while (event := one.next_event()) is not None:
        events.append(event)
    return events


def give(one: Participant, kind: Kind, now: float, **fields: object) -> None:
    one.receive(FloorMessage(kind, 1, **fields), now)  # type: ignore[arg-type]


def run(one: Participant, until: float) -> list[tuple[float, Kind]]:
    """Let time pass; what was sent, and when."""
    seen = []
    while (due := one.next_timer()) is not None and due <= until:
        one.handle_timer(due)
        seen += [(due, kind) for kind in sent(one)]
    return seen


def test_pressing_asks_and_a_grant_opens_the_microphone() -> None:
    one = member(ParticipantSettings(priority=5))
    one.press(1.0, Tier.EMERGENCY)
    (request,) = one.messages_to_send()
    assert (request.kind, request.ssrc, request.priority, request.indicator) == (Kind.REQUEST, 7, 5, 0x1000)
    give(one, Kind.GRANTED, 1.1, duration_s=30, indicator=0x9000)
    assert one.transmitting and told(one) == [Permitted(30, 0x9000)]
    assert one.next_timer() is None


def test_an_unanswered_request_is_sent_c101_times() -> None:
    one = member()
    one.press(0.0)
    assert sent(one) == [Kind.REQUEST]
    assert run(one, 10.0) == [(1.0, Kind.REQUEST), (2.0, Kind.REQUEST)]
    assert told(one) == [Unanswered()] and one.state is ParticipantState.NO_PERMISSION


def test_an_unanswered_release_is_sent_c100_times() -> None:
    one = member()
    one.press(0.0)
    give(one, Kind.GRANTED, 0.1)
    one.let_go(1.0)
    assert not one.transmitting and sent(one) == [Kind.REQUEST, Kind.RELEASE]
    assert run(one, 10.0) == [(2.0, Kind.RELEASE), (3.0, Kind.RELEASE)]
    assert one.state is ParticipantState.NO_PERMISSION


def test_a_refusal_is_shown() -> None:
    one = member()
    one.press(0.0)
    give(one, Kind.DENY, 0.1, cause=1, phrase="another user talks")
    assert told(one) == [Refused(1, "another user talks")] and run(one, 10.0) == [(0.0, Kind.REQUEST)][1:]


def test_a_revoked_talker_stops_and_releases() -> None:
    one = member()
    one.press(0.0)
    give(one, Kind.GRANTED, 0.1)
    sent(one)
    give(one, Kind.REVOKE, 5.0, cause=4)
    assert told(one)[-1] == Stopped(4) and sent(one) == [Kind.RELEASE] and not one.transmitting
    give(one, Kind.TAKEN, 5.1, granted_party="sip:b", sequence=3)
    assert one.state is ParticipantState.NO_PERMISSION, "holding PTT asks for nothing by itself"
    assert sent(one) == []


def test_pressing_again_while_the_release_is_open_asks_after_it() -> None:
    one = member()
    one.press(0.0)
    give(one, Kind.GRANTED, 0.1)
    one.let_go(1.0)
    one.press(1.1)
    sent(one)
    give(one, Kind.IDLE, 1.2, sequence=4)
    assert sent(one) == [Kind.REQUEST] and one.state is ParticipantState.PENDING_REQUEST


def test_a_queued_user_sees_the_place_and_is_granted_while_holding() -> None:
    one = member()
    one.press(0.0)
    give(one, Kind.QUEUE_POSITION_INFO, 0.1, position=2)
    give(one, Kind.QUEUE_POSITION_INFO, 0.2, position=254)
    assert told(one) == [Waiting(2), Waiting(None)]
    give(one, Kind.GRANTED, 3.0, duration_s=30)
    assert one.transmitting


def test_a_queued_user_polls_so_that_no_loss_leaves_him_waiting() -> None:
    one = member(ParticipantSettings(queue_poll=5.0))
    one.press(0.0)
    give(one, Kind.QUEUE_POSITION_INFO, 0.0, position=1)
    sent(one)
    assert run(one, 8.0) == [(5.0, Kind.QUEUE_POSITION_REQUEST), (6.0, Kind.QUEUE_POSITION_REQUEST),
                             (7.0, Kind.QUEUE_POSITION_REQUEST)]  # fmt: skip
    give(one, Kind.DENY, 8.1, cause=255, phrase="not queued")
    assert one.state is ParticipantState.NO_PERMISSION


def test_a_grant_out_of_the_queue_waits_for_ptt_until_t132() -> None:
    for press_at, final in ((4.0, ParticipantState.HAS_PERMISSION), (None, ParticipantState.PENDING_RELEASE)):
        one = member(ParticipantSettings(hold=False))
        one.press(0.0)
        give(one, Kind.QUEUE_POSITION_INFO, 0.1, position=1)
        one.let_go(1.0)
        give(one, Kind.GRANTED, 3.0, duration_s=30)
        assert told(one)[-1] == GrantOffered(2.0)
        if press_at is not None:
            one.press(press_at)
        run(one, 5.0)
        assert one.state is final


def test_a_grant_nobody_asked_for_is_given_back() -> None:
    one = member()
    give(one, Kind.GRANTED, 1.0)
    assert sent(one) == [Kind.RELEASE] and not one.transmitting


def test_talkers_are_shown_until_their_media_ends() -> None:
    one = member()
    give(one, Kind.TAKEN, 1.0, talkers=("sip:a", "sip:b"), sequence=1)
    give(one, Kind.RELEASE_MULTI_TALKER, 1.5, user="sip:a", sequence=2)
    assert told(one) == [Listening(("sip:a", "sip:b"), 0), Listening(("sip:b",), 0)]
    one.media_received(2.0)
    run(one, 5.9)
    assert told(one) == []
    run(one, 6.0)
    assert told(one) == [Free()]


def test_old_copies_are_not_believed() -> None:
    one = member()
    give(one, Kind.TAKEN, 1.0, granted_party="sip:a", sequence=5)
    give(one, Kind.IDLE, 1.1, sequence=4)
    assert told(one) == [Listening(("sip:a",), 0)]
    one.press(1.2)
    give(one, Kind.TAKEN, 1.3, granted_party="sip:a", sequence=5)
    assert one.state is ParticipantState.PENDING_REQUEST
    give(one, Kind.IDLE, 1.4, sequence=5 - 0x10000 & 0xFFFF)
    give(one, Kind.TAKEN, 1.5, granted_party="sip:b", sequence=6)
    assert one.state is ParticipantState.NO_PERMISSION


def test_what_asks_for_acknowledgement_gets_it() -> None:
    one = member()
    give(one, Kind.TAKEN, 1.0, ack_required=True, granted_party="sip:a", sequence=5)
    assert one.messages_to_send() == [FloorMessage(Kind.ACK, 7, source=Source.PARTICIPANT, acknowledged=Kind.TAKEN)]


def test_messages_before_the_call_is_confirmed_are_kept() -> None:
    one = Participant(7)
    give(one, Kind.GRANTED, 0.1, duration_s=30)
    assert not one.transmitting
    one.join(0.2, implicit_request=True)
    assert one.transmitting
    with pytest.raises(FloorError):
        one.join(0.3)


def test_the_end_of_a_broadcast_ends_the_call_of_its_talker() -> None:
    one = member()
    one.press(0.0)
    give(one, Kind.GRANTED, 0.1)
    one.let_go(1.0)
    give(one, Kind.IDLE, 1.1, sequence=3, indicator=0x4000)
    assert told(one)[-1] == Ended() and one.state is ParticipantState.RELEASING
    one.press(2.0)
    give(one, Kind.GRANTED, 2.1)
    assert not one.transmitting and one.next_timer() is None
