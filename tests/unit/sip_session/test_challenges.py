"""The client's answers to 401 and 407, inside and outside a session (RFC 3261 §22)."""

from __future__ import annotations

from softswitch.sip.digest import HA1s, ha1
from softswitch.sip.events import (
    RequestReceived,
    ResponseReceived,
    SessionAnswered,
    SessionEnded,
    SessionRejected,
)
from softswitch.sip.headers import Credentials
from softswitch.sip.message import Request, Response
from softswitch.sip.session import Session
from softswitch.sip.settings import Login
from tests.unit.sip_session.netem import ANSWER, Net, Phone, is_request

LOGIN = Login("alice", "secret")
CHALLENGE = ("Proxy-Authenticate", 'Digest realm="here", nonce="abc", algorithm=MD5, qop="auth"')


def challenging(session: Session, now: float) -> None:
    if session.invite.has("Proxy-Authorization"):
        session.accept(ANSWER, now)
    else:
        session.reject(407, now, fields=[CHALLENGE])


def test_invite_is_repeated_with_credentials() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = challenging
    session = alice.call(bob, credentials=LOGIN)
    net.settle()
    (_, first), (_, second) = net.sent(alice, "INVITE")
    assert (first.cseq.number, second.cseq.number) == (1, 2)
    assert (first.call_id, first.from_.tag) == (second.call_id, second.from_.tag)
    assert first.via.branch != second.via.branch
    assert Credentials.parse(second.get("Proxy-Authorization") or "").param("username") == "alice"
    alice.only(SessionAnswered)
    _, ack = net.sent(alice, "ACK")[-1]
    assert ack.get("Proxy-Authorization") == second.get("Proxy-Authorization"), "the ACK repeats them (§13.2.2.4)"
    session.bye(net.now)
    net.settle()
    assert net.sent(alice, "BYE")[0][1].cseq.number == 3


def test_ha1_serves_in_place_of_the_password() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = challenging
    alice.call(bob, credentials=Login("alice", HA1s(md5=ha1("alice", "here", "secret", "MD5"))))
    net.settle()
    alice.only(SessionAnswered)


def test_wrong_credentials_are_tried_once() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = lambda session, now: session.reject(407, now, fields=[CHALLENGE])
    alice.call(bob, credentials=LOGIN)
    net.settle()
    assert len(net.sent(alice, "INVITE")) == 2
    assert alice.only(SessionRejected).response.status == 407


def test_stale_nonce_is_tried_again() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    tries = []

    def stale(session: Session, now: float) -> None:
        tries.append(session)
        if len(tries) == 3:
            session.accept(ANSWER, now)
            return
        extra = ", stale=TRUE" if len(tries) == 2 else ""
        session.reject(407, now, fields=[(CHALLENGE[0], CHALLENGE[1].replace("abc", f"n{len(tries)}") + extra)])

    bob.on_invite = stale
    alice.call(bob, credentials=LOGIN)
    net.settle()
    alice.only(SessionAnswered)
    assert len(tries) == 3


def test_without_credentials_the_challenge_is_passed_up() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = challenging
    alice.call(bob)
    net.settle()
    assert alice.only(SessionRejected).response.has("Proxy-Authenticate")


def test_cancelled_call_does_not_answer_the_challenge() -> None:
    net = Net(delay=0.1)
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = challenging
    session = alice.call(bob, credentials=LOGIN)
    net.run(0.05)
    session.cancel(net.now)
    net.run(2)
    assert len(net.sent(alice, "INVITE")) == 1
    assert alice.only(SessionEnded).by == "local"


def challenge_requests(phone: Phone, event: object, now: float) -> None:
    assert isinstance(event, RequestReceived)
    if event.request.has("Authorization"):
        phone.agent.respond(event.transaction, 200, now)
    else:
        value = ("WWW-Authenticate", CHALLENGE[1])
        phone.agent.respond(event.transaction, 401, now, fields=[value])


def test_request_outside_a_session_is_repeated_with_credentials() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_request = challenge_requests
    owner = object()
    request = Request("REGISTER", "sip:example.net", [("From", "<sip:a@x>"), ("To", "<sip:a@x>")])
    alice.agent.send(request, bob.address, 0.0, owner, LOGIN)
    net.settle()
    answered = alice.only(ResponseReceived)
    assert (answered.response.status, answered.transaction.owner) == (200, owner)
    assert [m.cseq.number for _, m in net.sent(alice, "REGISTER")] == [1, 2]


def test_request_inside_a_session_is_repeated_with_credentials() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob, credentials=LOGIN)
    net.settle()

    def refuse(data: bytes, sender: object) -> bool:
        if is_request(data, "BYE") and b"Authorization" not in data:
            from softswitch.sip.parser import parse_message

            request = parse_message(data)
            assert isinstance(request, Request)
            response = Response.to_request(request, 407)
            response.add(*CHALLENGE)
            net.inject(response.serialize(), bob.address, alice)
            return True
        return False

    net.drop = refuse
    session.bye(net.now)
    net.settle()
    assert [m.cseq.number for _, m in net.sent(alice, "BYE")] == [2, 3]
    assert bob.only(SessionEnded).by == "remote"
