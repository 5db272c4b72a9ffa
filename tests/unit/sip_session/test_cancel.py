"""CANCEL in every state of a call, and its races (RFC 3261 §9, §15)."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import SessionAnswered, SessionEnded, SessionRejected
from softswitch.sip.session import SessionState
from tests.unit.sip_session.netem import ANSWER, Net, answer_at_once, ignore_invite, is_request, is_response, ring


def test_cancel_before_any_response_is_deferred_until_the_first() -> None:
    net = Net(delay=0.1)
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ignore_invite
    session = alice.call(bob)
    net.run(0.05)
    session.cancel(net.now)
    net.run(0.1)
    assert not net.sent(alice, "CANCEL"), "no CANCEL before a provisional response (RFC 3261 §9.1)"
    net.run(1)
    assert len(net.sent(alice, "CANCEL")) == 1
    assert (alice.only(SessionEnded).status, alice.only(SessionEnded).by) == (487, "local")
    ended = bob.only(SessionEnded)
    assert (ended.status, ended.by) == (487, "remote") and ended.request is not None
    net.run(60)
    assert net.is_empty()


def test_cancel_while_ringing() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    session = alice.call(bob)
    net.settle()
    session.cancel(net.now, [("Reason", "SIP;cause=200")])
    assert session.state is SessionState.ENDING
    net.settle()
    _, cancel = net.sent(alice, "CANCEL")[0]
    _, invite = net.sent(alice, "INVITE")[0]
    assert cancel.get("Via") == invite.get("Via"), "the CANCEL goes with the branch of its INVITE"
    assert cancel.cseq.number == invite.cseq.number and cancel.get("To") == invite.get("To")
    assert cancel.get("Reason") == "SIP;cause=200"
    assert len(net.sent(bob, 200, "CANCEL")) == 1 and len(net.sent(bob, 487, "INVITE")) == 1
    assert alice.only(SessionEnded).by == "local"
    assert not alice.take(SessionRejected)


def test_cancel_that_crosses_the_answer_ends_the_call_with_a_bye() -> None:
    net = Net(delay=0.1)
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    session = alice.call(bob)
    net.run(0.25)
    assert bob.session is not None
    bob.session.accept(ANSWER, net.now)
    session.cancel(net.now)
    net.run(2)
    assert len(net.sent(alice, "ACK")) == 1 and len(net.sent(alice, "BYE")) == 1
    assert not alice.take(SessionAnswered)
    assert alice.only(SessionEnded).by == "local"
    assert bob.only(SessionEnded).by == "remote"
    net.run(60)
    assert net.is_empty()


def test_cancel_after_the_answer_is_refused_to_the_owner_and_harmless_on_the_wire() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob)
    net.settle()
    with pytest.raises(LocalProtocolError):
        session.cancel(net.now)
    invite = net.log[0][3]
    cancel = invite.replace(b"INVITE sip", b"CANCEL sip").replace(b"CSeq: 1 INVITE", b"CSeq: 1 CANCEL")
    net.inject(cancel.split(b"Content-Type")[0] + b"Content-Length: 0\r\n\r\n", alice.address, bob)
    assert len(net.sent(bob, 200, "CANCEL")) == 1
    assert not bob.endings(), "a CANCEL for an answered INVITE changes nothing"


def test_cancel_of_an_unknown_invite_is_481() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    alice.call(bob)
    net.settle()
    invite = net.log[0][3]
    cancel = invite.replace(b"INVITE", b"CANCEL").replace(b"branch=z9hG4bK", b"branch=z9hG4bKother")
    net.inject(cancel, alice.address, bob)
    assert len(net.sent(bob, 481, "CANCEL")) == 1
    assert not bob.endings()


def test_cancel_without_a_final_response_gives_up_after_64_t1() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    session = alice.call(bob)
    net.settle()
    net.drop = lambda data, sender: sender is bob
    session.cancel(net.now)
    net.run(31)
    assert not alice.endings()
    net.run(2)
    assert (alice.only(SessionEnded).status, alice.only(SessionEnded).by) == (408, "local")


@pytest.mark.parametrize("lost", ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"])
def test_cancel_survives_the_loss_of_any_message(lost: str) -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    session = alice.call(bob)
    net.settle()
    losses: list[bytes] = []

    def drop(data: bytes, sender: object) -> bool:
        status, _, method = lost.partition(" ")
        hit = is_response(data, int(status), method) if method else is_request(data, lost)
        if hit and not losses:
            losses.append(data)
            return True
        return False

    net.drop = drop
    session.cancel(net.now)
    net.run(5)
    assert losses, f"{lost} was never sent"
    assert alice.only(SessionEnded).status == 487
    assert bob.only(SessionEnded).status == 487
    net.run(60)
    assert net.is_empty()


def test_end_does_what_fits_each_state() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    session = alice.call(bob)
    net.settle()
    assert bob.session is not None
    bob.session.end(net.now, 603)
    net.settle()
    assert alice.only(SessionRejected).response.status == 603
    session.end(net.now)  # over already: nothing happens
    assert len(alice.endings()) == 1
    bob.on_invite = answer_at_once
    alice.events.clear()
    session = alice.call(bob)
    net.settle()
    session.end(net.now)
    session.end(net.now)
    net.settle()
    assert len(net.sent(alice, "BYE")) == 1
    assert len(alice.endings()) == 1


def test_cancelled_reinvite_leaves_the_session_as_it_was() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob)
    net.settle()
    bob.on_offer = lambda event, now: None
    session.reinvite(ANSWER, net.now)
    net.settle()
    _, invite = net.sent(alice, "INVITE")[1]
    data = next(d for _, _, _, d in reversed(net.log) if is_request(d, "INVITE"))
    cancel = data.replace(b"INVITE sip", b"CANCEL sip").replace(b"CSeq: 2 INVITE", b"CSeq: 2 CANCEL")
    net.inject(cancel, alice.address, bob)
    assert invite.cseq.number == 2
    assert len(net.sent(bob, 487, "INVITE")) == 1
    assert not bob.endings() and bob.session is not None and bob.session.can_offer
