"""The ordinary call and what must be left of it: nothing."""

from __future__ import annotations

import pytest

from softswitch.sip.events import SessionAnswered, SessionConfirmed, SessionEnded, SessionProgress, SessionRejected
from softswitch.sip.message import Request
from softswitch.sip.session import SessionState
from tests.unit.sip_session.netem import ANSWER, OFFER, Net, is_request, is_response, ring


def test_call_is_set_up_and_ended_by_the_caller() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob)
    net.settle()
    assert session.state is SessionState.CONFIRMED
    assert alice.only(SessionProgress).response.status == 180
    assert alice.only(SessionAnswered).sdp == ANSWER
    assert bob.only(SessionConfirmed).sdp is None
    assert bob.session is not None and bob.session.invite.body == OFFER
    session.bye(net.now)
    net.settle()
    assert (alice.only(SessionEnded).by, bob.only(SessionEnded).by) == ("local", "remote")
    lines = [m.start_line().split(" SIP/2.0")[0] for _, m in net.messages()]
    assert lines == [
        "INVITE sip:bob@127.0.0.1:5090",
        "SIP/2.0 100 Trying",
        "SIP/2.0 180 Ringing",
        "SIP/2.0 200 OK",
        "ACK sip:127.0.0.1:5090",
        "BYE sip:127.0.0.1:5090",
        "SIP/2.0 200 OK",
    ]


def test_call_is_ended_by_the_called() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    alice.call(bob)
    net.settle()
    assert bob.session is not None
    bob.session.bye(net.now, [("Reason", 'Q.850;cause=16;text="Normal"')])
    net.settle()
    ended = alice.only(SessionEnded)
    assert ended.by == "remote"
    assert isinstance(ended.request, Request) and (ended.request.get("Reason") or "").startswith("Q.850")


@pytest.mark.slow
def test_nothing_stays_behind_after_ten_thousand_calls() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    for number in range(10_000):
        session = alice.call(bob)
        net.settle()
        if number % 3:
            session.bye(net.now)
        else:
            assert bob.session is not None
            bob.session.bye(net.now)
        net.settle()
        net.log.clear()
        alice.events.clear()
        bob.events.clear()
        net.run(0.05)
    net.run(60)
    assert net.is_empty(), f"left: {alice.agent.gauges()} {bob.agent.gauges()}"
    for phone in (alice, bob):
        assert len(phone.agent.timers) == 0, "a timer waits for a call that is over"
        assert not phone.agent.layer.servers.merged and not len(phone.agent.layer.servers.flows)


def test_refused_call_ends_with_one_event_on_each_side() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = lambda session, now: session.reject(486, now)
    alice.call(bob)
    net.settle()
    assert alice.only(SessionRejected).response.status == 486
    ended = bob.only(SessionEnded)
    assert (ended.status, ended.by) == (486, "local")
    assert len(net.sent(alice, "ACK")) == 1, "a failure is acknowledged within its transaction"
    net.run(60)
    assert net.is_empty()


def test_redirection_is_passed_up_with_its_contacts() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = lambda session, now: session.reject(302, now, fields=[("Contact", "<sip:carol@127.0.0.1:5070>")])
    alice.call(bob)
    net.settle()
    contact = alice.only(SessionRejected).response.contact
    assert contact is not None and contact.uri_text == "sip:carol@127.0.0.1:5070"


def test_retransmitted_invite_is_absorbed_and_answered_alike() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    alice.call(bob)
    net.settle()
    invite = net.log[0][3]
    net.inject(invite, alice.address, bob)
    assert len(net.sent(bob, 180)) == 2, "the latest provisional response is repeated"
    assert bob.session is not None
    bob.session.accept(ANSWER, net.now)
    net.settle()
    net.inject(invite, alice.address, bob)
    assert len(net.sent(bob, 200)) == 1, "an accepted INVITE swallows copies (RFC 6026)"


def test_lost_invite_is_retransmitted_with_doubling_gaps() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    net.drop = lambda data, sender: sender is alice
    alice.call(bob)
    net.run(40)
    times = [at for at, _ in net.sent(alice, "INVITE")]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    ended = alice.only(SessionEnded)
    assert (ended.status, ended.by) == (408, "timeout")
    assert net.is_empty()


def test_two_hundred_is_repeated_until_its_ack_comes() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    net.drop = lambda data, sender: is_request(data, "ACK") and net.now < 3
    alice.call(bob)
    net.run(2.9)
    assert [at for at, _ in net.sent(bob, 200)] == [0.0, 0.5, 1.5], "T1, doubling"
    assert len(net.sent(alice, "ACK")) == 3, "each copy of the 200 is acknowledged"
    assert not bob.take(SessionConfirmed)
    net.run(1)
    bob.only(SessionConfirmed)
    net.run(10)
    assert len(net.sent(bob, 200)) == 4
    assert len({message.get("Via") for _, message in net.sent(alice, "ACK")}) == 1, "copies are the same ACK"


def test_missing_ack_ends_the_session_with_a_bye() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    net.drop = lambda data, sender: is_request(data, "ACK")
    alice.call(bob)
    net.run(40)
    ended = bob.only(SessionEnded)
    assert (ended.by, ended.status) == ("timeout", 408)
    times = [at for at, _ in net.sent(bob, 200, "INVITE")]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [at for at, _ in net.sent(bob, "BYE")] == [32.0]
    assert alice.only(SessionEnded).by == "remote"


def test_bye_of_the_called_waits_for_the_ack() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    net.drop = lambda data, sender: is_request(data, "ACK") and net.now < 1

    def answer_and_hang_up(session, now):  # type: ignore[no-untyped-def]
        session.accept(ANSWER, now)
        session.bye(now)

    bob.on_invite = answer_and_hang_up
    alice.call(bob)
    net.run(1.0)
    assert bob.only(SessionEnded).by == "local", "the owner is told at once"
    assert not net.sent(bob, "BYE"), "no BYE before the ACK (RFC 3261 §15)"
    net.run(5)
    assert len(net.sent(bob, "BYE")) == 1
    assert alice.only(SessionEnded).by == "remote"
    net.run(60)
    assert net.is_empty()


def test_ringing_is_repeated_every_minute() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    alice.call(bob)
    net.run(150)
    assert [at for at, _ in net.sent(bob, 180)] == [0.0, 60.0, 120.0]


def test_lost_bye_answer_is_given_again() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob)
    net.settle()
    net.drop = lambda data, sender: is_response(data, 200, "BYE") and net.now < 1.2
    session.bye(net.now)
    net.run(10)
    assert [at for at, _ in net.sent(alice, "BYE")] == [0.0, 0.5, 1.5]
    assert len(net.sent(bob, 200, "BYE")) == 3
    bob.only(SessionEnded)


def test_no_timer_retransmits_over_a_stream() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080, transport="tcp"), net.phone("bob", 5090, transport="tcp")
    bob.on_invite = ring
    net.drop = lambda data, sender: sender is bob
    alice.call(bob)
    net.run(31)
    assert len(net.sent(alice, "INVITE")) == 1
    net.run(2)
    assert alice.only(SessionEnded).status == 408, "timer B runs over streams as well"
