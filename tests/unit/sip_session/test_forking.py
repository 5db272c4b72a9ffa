"""One INVITE that reaches several: early dialogs, a second 2xx, merged requests (RFC 3261 §8.2.2.2, §13.2.2.4)."""

from __future__ import annotations

from softswitch.sip.address import Address
from softswitch.sip.events import IncomingInvite, SessionAnswered, SessionEnded, SessionProgress
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from tests.unit.sip_session.netem import ANSWER, Net, Phone, ignore_invite

FORK_A = Address("udp", "127.0.0.1", 6001)
FORK_B = Address("udp", "127.0.0.1", 6002)


def forked_response(invite: Request, status: int, tag: str, port: int, body: bytes = b"") -> bytes:
    response = Response.to_request(invite, status, to_tag=tag)
    response.add("Contact", f"<sip:bob@127.0.0.1:{port}>")
    if body:
        response.add("Content-Type", "application/sdp")
        response.body = body
    return response.serialize()


def calling() -> tuple[Net, Phone, Request]:
    net = Net()
    alice, proxy = net.phone("alice", 5080), net.phone("proxy", 5060)
    proxy.on_invite = ignore_invite
    alice.call(proxy)
    net.settle()
    invite = parse_message(net.log[0][3])
    assert isinstance(invite, Request)
    return net, alice, invite


def test_early_dialogs_are_told_apart() -> None:
    net, alice, invite = calling()
    net.inject(forked_response(invite, 180, "forkA", 6001), FORK_A, alice)
    net.inject(forked_response(invite, 183, "forkB", 6002, ANSWER), FORK_B, alice)
    assert [event.early_id for event in alice.take(SessionProgress)] == ["forkA", "forkB"]
    assert alice.take(SessionProgress)[1].sdp == ANSWER


def test_second_success_is_acknowledged_and_ended() -> None:
    net, alice, invite = calling()
    first, second = net.phone("forkA", 6001), net.phone("forkB", 6002)
    net.inject(forked_response(invite, 200, "forkA", 6001, ANSWER), FORK_A, alice)
    net.inject(forked_response(invite, 200, "forkB", 6002, ANSWER), FORK_B, alice)
    sent = [(port, parse_message(data)) for _, source, port, data in net.log if source == 5080][1:]
    lines = [(port, m.method, m.to.tag) for port, m in sent if isinstance(m, Request)]
    assert lines == [(6001, "ACK", "forkA"), (6002, "ACK", "forkB"), (6002, "BYE", "forkB")]
    assert alice.only(SessionAnswered).response.to.tag == "forkA"
    assert not alice.endings(), "the first branch stays"
    for _ in range(2):
        net.inject(forked_response(invite, 200, "forkB", 6002, ANSWER), FORK_B, alice)
    again = [m for _, source, port, data in net.log if port == 6002 and isinstance(m := parse_message(data), Request)]
    assert [m.method for m in again] == ["ACK", "BYE", "ACK", "ACK"], "copies get the same ACK and no second BYE"
    assert alice.session is not None
    alice.session.bye(net.now)
    net.settle()
    assert alice.only(SessionEnded).by == "local"
    assert first.agent.counters["acks_stray"] == 1 and second.agent.counters["acks_stray"] == 3


def test_late_second_success_is_ended_even_when_the_session_is_over() -> None:
    net, alice, invite = calling()
    net.phone("forkA", 6001)
    net.phone("forkB", 6002)
    net.inject(forked_response(invite, 200, "forkA", 6001, ANSWER), FORK_A, alice)
    assert alice.session is not None
    alice.session.bye(net.now)
    net.run(10)
    assert not alice.agent.sessions
    net.inject(forked_response(invite, 200, "forkB", 6002, ANSWER), FORK_B, alice)
    to_second = [parse_message(data) for _, source, port, data in net.log if source == 5080 and port == 6002]
    assert [m.method for m in to_second if isinstance(m, Request)] == ["ACK", "BYE"]


def test_early_dialogs_are_bounded() -> None:
    net, alice, invite = calling()
    for number in range(100):
        net.inject(forked_response(invite, 180, f"fork{number}", 6001), FORK_A, alice)
    limit = alice.agent.settings.max_early_dialogs
    assert len(alice.take(SessionProgress)) == limit
    assert alice.session is not None and len(alice.session.early) == limit


def test_request_that_comes_by_two_ways_is_merged() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    alice.call(bob)
    net.settle()
    copy = net.log[0][3].replace(b"branch=z9hG4bK", b"branch=z9hG4bKother")
    net.inject(copy, alice.address, bob)
    assert len(net.sent(bob, 482, "INVITE")) == 1
    assert len(bob.take(IncomingInvite)) == 1
