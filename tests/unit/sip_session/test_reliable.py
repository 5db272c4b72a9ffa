"""Reliable provisional responses and PRACK (RFC 3262)."""

from __future__ import annotations

import pytest

from softswitch.sip.events import (
    AnswerReceived,
    OfferReceived,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionProgress,
    SessionRejected,
)
from softswitch.sip.headers import RAck
from softswitch.sip.session import Session
from softswitch.sip.settings import UserAgentSettings
from tests.unit.sip_session.netem import (
    ANSWER,
    OFFER,
    SECOND_ANSWER,
    SECOND_OFFER,
    Net,
    Phone,
    ignore_offer,
    is_request,
    is_response,
)


def early_media(session: Session, now: float) -> None:
    session.progress(183, now, ANSWER if session.offered else OFFER, reliable=True)


def phones(reliable: str = "supported") -> tuple[Net, Phone, Phone]:
    net = Net()
    bob_settings = UserAgentSettings(session_expires=0, reliable=reliable)
    return net, net.phone("alice", 5080), net.phone("bob", 5090, bob_settings)


def test_reliable_provisional_carries_the_answer_and_is_acknowledged() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    alice.call(bob)
    net.settle()
    _, response = net.sent(bob, 183)[0]
    assert response.get("Require") == "100rel"
    _, prack = net.sent(alice, "PRACK")[0]
    number = int(response.get("RSeq") or "0")
    assert RAck.parse(prack.get("RAck") or "") == RAck(number, 1, "INVITE")
    assert len(net.sent(bob, 200, "PRACK")) == 1
    assert alice.only(SessionProgress).sdp == ANSWER
    assert alice.only(AnswerReceived).sdp == ANSWER
    assert bob.session is not None
    bob.session.accept(None, net.now)
    net.settle()
    assert alice.only(SessionAnswered).sdp is None
    assert bob.only(SessionConfirmed).sdp is None


def test_lost_reliable_provisional_is_repeated_and_its_copies_are_dropped() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    net.drop = lambda data, sender: is_request(data, "PRACK") and net.now < 1.4
    alice.call(bob)
    net.run(5)
    assert [at for at, _ in net.sent(bob, 183)] == [0.0, 0.5, 1.5]
    assert len(alice.take(SessionProgress)) == 1, "copies of a provisional response are not told"
    assert len({message.get("Via") for _, message in net.sent(alice, "PRACK")}) == 1


def test_missing_prack_refuses_the_call() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    net.drop = lambda data, sender: is_request(data, "PRACK")
    alice.call(bob)
    net.run(33)
    assert alice.only(SessionRejected).response.status == 504
    assert (bob.only(SessionEnded).by, bob.only(SessionEnded).status) == ("timeout", 504)
    net.run(60)
    assert net.is_empty()


def test_second_reliable_provisional_waits_for_the_first_prack() -> None:
    net, alice, bob = phones()
    net.delay = 0.1

    def twice(session: Session, now: float) -> None:
        session.progress(180, now, reliable=True)
        session.progress(183, now, ANSWER, reliable=True)

    bob.on_invite = twice
    alice.call(bob)
    net.run(3)
    first, second = net.sent(bob, 180)[0], net.sent(bob, 183)[0]
    assert second[0] - first[0] == pytest.approx(0.2, abs=0.02), "the second left before the PRACK of the first"
    assert int(second[1].get("RSeq") or "0") == int(first[1].get("RSeq") or "0") + 1
    assert [event.response.status for event in alice.take(SessionProgress)] == [180, 183]


def test_answer_waits_for_the_prack_of_a_description() -> None:
    net, alice, bob = phones()
    net.delay = 0.1

    def at_once(session: Session, now: float) -> None:
        session.progress(183, now, ANSWER, reliable=True)
        session.accept(None, now)

    bob.on_invite = at_once
    alice.call(bob)
    net.run(3)
    (acknowledged, _), (answered, _) = net.sent(bob, 200, "PRACK")[0], net.sent(bob, 200, "INVITE")[0]
    assert answered == acknowledged, "a 200 may not overtake the PRACK (RFC 3262 §5)"
    assert not alice.endings()


def test_overtaking_provisional_is_dropped_until_its_turn() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    alice.call(bob)
    net.settle()
    data = next(data for _, _, _, data in net.log if is_response(data, 183, "INVITE"))
    number = int(net.sent(bob, 183)[0][1].get("RSeq") or "0")
    early = data.replace(b"RSeq: %d" % number, b"RSeq: %d" % (number + 2))
    net.inject(early, bob.address, alice)
    assert len(net.sent(alice, "PRACK")) == 1
    in_turn = data.replace(b"RSeq: %d" % number, b"RSeq: %d" % (number + 1))
    net.inject(in_turn, bob.address, alice)
    assert len(net.sent(alice, "PRACK")) == 2


def test_prack_that_matches_nothing_is_481() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    alice.call(bob)
    net.settle()
    data = next(data for _, _, _, data in net.log if is_request(data, "PRACK"))
    again = data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKagain").replace(b"CSeq: 2 ", b"CSeq: 3 ")
    net.inject(again, alice.address, bob)
    assert len(net.sent(bob, 481, "PRACK")) == 1


def test_delayed_offer_is_made_in_the_provisional_and_answered_in_the_prack() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    alice.on_offer = lambda event, now: event.session.answer(ANSWER, now)
    alice.call(bob, b"")
    net.settle()
    assert (alice.only(OfferReceived).sdp, alice.only(OfferReceived).method) == (OFFER, "PRACK")
    assert bob.only(AnswerReceived).sdp == ANSWER
    assert bob.session is not None
    bob.session.accept(None, net.now)
    net.settle()
    assert len(alice.take(OfferReceived)) == 1
    assert bob.only(SessionConfirmed).sdp is None


def test_new_offer_in_a_prack_is_the_owners_to_answer() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    bob.on_offer = ignore_offer
    alice.call(bob)
    net.run(0.1)
    data = next(data for _, _, _, data in net.log if is_request(data, "PRACK"))
    assert bob.session is not None
    bob.session.progress(180, net.now, reliable=True)
    net.settle()
    number = int(net.sent(bob, 180)[0][1].get("RSeq") or "0")
    # The peer's second PRACK would carry its new offer; ours sent one without, so it is made by hand for a third.
    bob.session.progress(183, net.now, reliable=True)
    net.drop = lambda data, sender: is_request(data, "PRACK")
    net.settle()
    head = data.split(b"\r\nContent-Length")[0].replace(b"branch=z9hG4bK", b"branch=z9hG4bKby_hand")
    head = head.replace(b"CSeq: 2 ", b"CSeq: 9 ").replace(b"RAck: %d" % (number - 1), b"RAck: %d" % (number + 1))
    net.inject(head + b"\r\nContent-Type: application/sdp\r\n\r\n" + SECOND_OFFER, alice.address, bob)
    assert (bob.only(OfferReceived).sdp, bob.only(OfferReceived).method) == (SECOND_OFFER, "PRACK")
    bob.session.accept(None, net.now)
    net.settle()
    assert not net.sent(bob, 200, "INVITE"), "the 200 waits for the answer to the offer"
    bob.session.answer(SECOND_ANSWER, net.now)
    net.settle()
    _, answered = net.sent(bob, 200, "PRACK")[-1]
    assert answered.body == SECOND_ANSWER
    assert len(net.sent(bob, 200, "INVITE")) == 1


@pytest.mark.parametrize(
    ("policy", "invite_field", "wish", "reliable"),
    [
        ("supported", ("Supported", "100rel"), None, False),
        ("supported", ("Supported", "100rel"), True, True),
        ("supported", ("Require", "100rel"), None, True),
        ("supported", ("Supported", "timer"), True, False),
        ("always", ("Supported", "100rel"), None, True),
        ("always", ("Supported", "100rel"), False, False),
        ("always", ("Supported", "timer"), None, False),
        ("off", ("Supported", "100rel"), True, False),
        ("required", ("Supported", "100rel"), None, True),
    ],
)
def test_who_gets_reliable_provisionals(
    policy: str, invite_field: tuple[str, str], wish: bool | None, reliable: bool
) -> None:
    net, alice, bob = phones(policy)
    bob.on_invite = lambda session, now: session.progress(183, now, ANSWER, reliable=wish)
    extra = [invite_field] if invite_field[0] == "Supported" else [("Supported", "timer"), invite_field]
    alice.call(bob, fields=extra)
    net.settle()
    assert bool(net.sent(alice, "PRACK")) is reliable


def test_peer_without_reliable_provisionals_gets_421_where_they_are_required() -> None:
    net, alice, bob = phones("required")
    alice.call(bob, fields=[("Supported", "timer")])
    net.settle()
    assert alice.only(SessionRejected).response.status == 421
    assert alice.only(SessionRejected).response.get("Require") == "100rel"
    net.run(60)
    assert net.is_empty()


def test_peer_that_requires_them_of_one_without_gets_420() -> None:
    net, alice, bob = phones("off")
    alice.call(bob, fields=[("Require", "100rel")])
    net.settle()
    refused = alice.only(SessionRejected).response
    assert (refused.status, refused.get("Unsupported")) == (420, "100rel")


def test_update_in_an_early_dialog() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    session = alice.call(bob)
    net.settle()
    session.update(SECOND_OFFER, net.now)
    net.settle()
    assert bob.only(OfferReceived).method == "UPDATE"
    assert [event.sdp for event in alice.take(AnswerReceived)] == [ANSWER, SECOND_ANSWER]


def test_cancel_while_a_prack_is_due() -> None:
    net, alice, bob = phones()
    bob.on_invite = early_media
    net.drop = lambda data, sender: is_request(data, "PRACK")
    session = alice.call(bob)
    net.settle()
    session.cancel(net.now)
    net.run(3)
    assert alice.only(SessionEnded).status == 487
    assert len(net.sent(bob, 183)) == 1, "nothing is repeated for a cancelled call"
    net.run(60)
    assert net.is_empty()
