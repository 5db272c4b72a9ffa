"""re-INVITE and UPDATE: placement of offers and answers, glare, refusal, and what keeps a session alive."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import (
    AnswerReceived,
    DialogRequest,
    OfferFailed,
    OfferReceived,
    ResponseReceived,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
)
from softswitch.sip.message import Response
from softswitch.sip.session import Session
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
    ring,
)


def established(**faults: float) -> tuple[Net, Phone, Phone, Session, Session]:
    net = Net(**faults)  # type: ignore[arg-type]
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob)
    net.run(3)
    assert bob.session is not None
    return net, alice, bob, session, bob.session


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("from_caller", [True, False])
def test_offer_gets_its_answer(method: str, from_caller: bool) -> None:
    net, alice, bob, mine, theirs = established()
    offerer, answerer, session = (alice, bob, mine) if from_caller else (bob, alice, theirs)
    (session.reinvite if method == "INVITE" else session.update)(SECOND_OFFER, net.now)
    assert not session.can_offer
    net.settle()
    offer = answerer.only(OfferReceived)
    assert (offer.sdp, offer.method) == (SECOND_OFFER, method)
    assert offerer.only(AnswerReceived).sdp == SECOND_ANSWER
    assert session.can_offer
    assert len(net.sent(offerer, "ACK")) == (1 if from_caller else 0) + (1 if method == "INVITE" else 0)
    assert len(answerer.take(SessionConfirmed)) == (0 if answerer is alice else 1), "confirmed is said once"


def test_reinvite_without_offer_asks_the_peer_for_one() -> None:
    net, alice, bob, mine, _ = established()
    alice.on_offer = lambda event, now: event.session.answer(SECOND_ANSWER, now)
    mine.reinvite(None, net.now)
    net.settle()
    assert bob.only(OfferReceived).sdp is None
    offered = alice.only(OfferReceived)
    assert (offered.sdp, offered.method) == (SECOND_OFFER, "ACK")
    assert bob.only(AnswerReceived).sdp == SECOND_ANSWER, "the ACK carries the answer"
    assert mine.can_offer


def test_call_without_offer_takes_the_one_in_the_answer() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    alice.on_offer = ignore_offer
    session = alice.call(bob, b"")
    net.settle()
    assert alice.only(SessionAnswered).sdp == OFFER
    assert alice.only(OfferReceived).method == "ACK"
    assert not net.sent(alice, "ACK"), "the ACK waits for the answer"
    net.run(1)
    assert len(net.sent(bob, 200)) == 2
    session.answer(ANSWER, net.now)
    net.settle()
    assert bob.only(SessionConfirmed).sdp == ANSWER
    assert bob.session is not None and bob.session.can_offer and session.can_offer


def test_refused_delayed_offer_ends_the_call() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    alice.on_offer = lambda event, now: event.session.refuse_offer(488, now)
    alice.call(bob, b"")
    net.settle()
    assert alice.only(SessionEnded).status == 488
    assert bob.only(SessionEnded).by == "remote"
    net.run(60)
    assert net.is_empty()


def test_refused_offer_leaves_the_session() -> None:
    net, alice, bob, mine, _ = established()
    bob.on_offer = lambda event, now: event.session.refuse_offer(488, now)
    mine.reinvite(SECOND_OFFER, net.now)
    net.settle()
    assert (alice.only(OfferFailed).status, alice.only(OfferFailed).retry_after) == (488, 0.0)
    assert mine.can_offer and not alice.endings()
    assert len(net.sent(alice, "ACK")) == 2


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_glare_is_resolved_by_different_waits(method: str) -> None:
    net, alice, bob, mine, theirs = established()
    net.delay = 0.1
    for session in (mine, theirs):
        (session.reinvite if method == "INVITE" else session.update)(SECOND_OFFER, net.now)
    began = net.now
    net.run(10)
    assert len(net.sent(alice, 491)) == 1 and len(net.sent(bob, 491)) == 1
    assert alice.only(AnswerReceived).sdp == bob.only(AnswerReceived).sdp == SECOND_ANSWER
    assert not alice.take(OfferFailed) and not bob.take(OfferFailed)
    for phone, low, high in ((alice, 2.1, 4.0), (bob, 0.0, 2.0)):
        tries = [at - began for at, message in net.sent(phone, method) if at >= began]
        waited = tries[1] - 0.2
        assert low <= waited <= high + 0.02, f"{phone.name} waited {waited}, due {low} to {high} (RFC 3261 §14.1)"


def test_second_reinvite_before_the_answer_to_the_first_is_500() -> None:
    net, alice, bob, mine, _ = established()
    bob.on_offer = ignore_offer
    mine.reinvite(SECOND_OFFER, net.now)
    net.settle()
    data = next(data for _, _, _, data in reversed(net.log) if is_request(data, "INVITE"))
    again = data.replace(b"CSeq: 2 ", b"CSeq: 3 ").replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
    net.inject(again, alice.address, bob)
    _, refusal = net.sent(bob, 500, "INVITE")[0]
    assert 0 <= int(refusal.get("Retry-After") or "-1") <= 10


def test_update_with_an_offer_before_the_first_answer_is_500() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    alice.call(bob)
    net.settle()
    _, ringing = net.sent(bob, 180)[0]
    update = (
        "UPDATE sip:127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKu1\r\n"
        f"From: {ringing.get('From')}\r\nTo: {ringing.get('To')}\r\nCall-ID: {ringing.call_id}\r\nCSeq: 2 UPDATE\r\n"
        "Contact: <sip:127.0.0.1:5080>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\r\n"
    ).encode() + SECOND_OFFER
    net.inject(update, alice.address, bob)
    assert len(net.sent(bob, 500, "UPDATE")) == 1


def test_lower_cseq_is_refused() -> None:
    net, alice, bob, mine, _ = established()
    mine.request("INFO", net.now)
    net.settle()
    data = next(data for _, _, _, data in net.log if is_request(data, "INFO"))
    old = data.replace(b"CSeq: 2 ", b"CSeq: 1 ").replace(b"branch=z9hG4bK", b"branch=z9hG4bKold")
    net.inject(old, alice.address, bob)
    assert len(net.sent(bob, 500, "INFO")) == 1
    assert len(bob.take(DialogRequest)) == 1


def test_target_refresh_moves_the_peer() -> None:
    net, _alice, _bob, mine, theirs = established()
    mine.contact = "<sip:alice@127.0.0.1:5081>"
    net.phone("moved", 5081)
    mine.reinvite(SECOND_OFFER, net.now)
    net.settle()
    assert theirs.remote_target == "sip:alice@127.0.0.1:5081"
    theirs.bye(net.now)
    net.settle()
    assert any(port == 5081 and is_request(data, "BYE") for _, _, port, data in net.log)


def test_requests_inside_the_dialog_reach_the_owner_and_their_answers_come_back() -> None:
    net, alice, bob, mine, _ = established()
    owner = object()
    mine.request("INFO", net.now, body=b"Signal=5\r\n", content_type="application/dtmf-relay", owner=owner)
    mine.request("REFER", net.now, fields=[("Refer-To", "<sip:carol@127.0.0.1>")])
    net.settle()
    info, refer = bob.take(DialogRequest)
    assert info.request.body == b"Signal=5\r\n" and refer.request.get("Refer-To") == "<sip:carol@127.0.0.1>"
    assert refer.request.contact is not None
    first, second = alice.take(ResponseReceived)
    assert first.transaction.owner is owner
    assert (first.response.status, second.response.status) == (200, 200)


@pytest.mark.parametrize(("method", "ends"), [("INFO", True), ("NOTIFY", False)])
def test_481_to_a_request_ends_only_its_own_usage(method: str, ends: bool) -> None:
    net, alice, bob, mine, _ = established()
    bob.on_request = lambda phone, event, now: phone.agent.respond(event.transaction, 481, now)  # type: ignore[arg-type,union-attr]
    mine.request(method, net.now)
    net.settle()
    assert bool(alice.endings()) is ends


def test_reinvite_that_nobody_answers_ends_the_session() -> None:
    net, alice, bob, mine, _ = established()
    net.drop = lambda data, sender: is_request(data, "INVITE")
    mine.reinvite(SECOND_OFFER, net.now)
    net.run(33)
    ended = alice.only(SessionEnded)
    assert (ended.status, ended.by) == (408, "timeout")
    assert bob.only(SessionEnded).by == "remote", "the BYE came through"


def test_bye_while_a_reinvite_is_pending_refuses_it() -> None:
    net, _alice, bob, mine, _ = established()
    bob.on_offer = ignore_offer
    mine.reinvite(SECOND_OFFER, net.now)
    net.settle()
    mine.bye(net.now)
    net.settle()
    assert len(net.sent(bob, 487, "INVITE")) == 1
    assert bob.only(SessionEnded).by == "remote"
    net.run(60)
    assert net.is_empty()


def test_unknown_dialog_is_481() -> None:
    net, alice, bob, mine, _ = established()
    mine.request("INFO", net.now)
    net.settle()
    data = next(data for _, _, _, data in net.log if is_request(data, "INFO"))
    tag = (bob.session.id if bob.session else "").encode()
    for number, method in enumerate(("INFO", "BYE", "INVITE", "UPDATE", "PRACK", "OPTIONS")):
        stray = data.replace(b"INFO", method.encode()).replace(tag, b"nobody")
        stray = stray.replace(b"branch=z9hG4bK", b"branch=z9hG4bK%d" % number)
        net.inject(stray, alice.address, bob)
        assert len(net.sent(bob, 481, method)) == 1, f"{method} for a dialog nobody knows"
    assert not bob.endings()


def test_session_that_is_over_takes_no_requests_from_its_owner() -> None:
    net, _alice, _bob, mine, theirs = established()
    mine.bye(net.now)
    net.settle()
    with pytest.raises(LocalProtocolError):
        mine.request("INFO", net.now)
    mine.reinvite(OFFER, net.now)
    theirs.update(OFFER, net.now)
    mine.answer(ANSWER, net.now)
    theirs.accept(ANSWER, net.now)
    theirs.progress(180, net.now)
    count = len(net.log)
    net.settle()
    assert len(net.log) == count, "an operation that comes too late sends nothing"


def test_only_one_offer_at_a_time() -> None:
    net, _alice, _bob, mine, _ = established()
    mine.reinvite(SECOND_OFFER, net.now)
    with pytest.raises(LocalProtocolError):
        mine.update(SECOND_OFFER, net.now)
    net.settle()
    assert mine.can_offer


def test_reinvite_survives_loss_of_its_200_and_its_ack() -> None:
    net, alice, bob, mine, _ = established()
    lost: list[str] = []

    def drop(data: bytes, sender: object) -> bool:
        for name, hit in (("200", is_response(data, 200, "INVITE")), ("ACK", is_request(data, "ACK"))):
            if hit and name not in lost:
                lost.append(name)
                return True
        return False

    net.drop = drop
    mine.reinvite(SECOND_OFFER, net.now)
    net.run(5)
    assert lost == ["200", "ACK"]
    assert alice.only(AnswerReceived).sdp == SECOND_ANSWER
    assert bob.session is not None and bob.session.can_offer


def test_offer_refused_with_retry_after_says_when() -> None:
    net, alice, bob, mine, _ = established()

    def refuse(event: OfferReceived, now: float) -> None:
        offer = event.session.remote_offer
        assert offer is not None and offer.server is not None
        event.session.remote_offer = None
        response = Response.to_request(offer.server.request, 503)
        response.add("Retry-After", "7 (busy)")
        bob.agent.respond(offer.server, response, now)

    bob.on_offer = refuse
    mine.update(SECOND_OFFER, net.now)
    net.settle()
    assert (alice.only(OfferFailed).status, alice.only(OfferFailed).retry_after) == (503, 7.0)
