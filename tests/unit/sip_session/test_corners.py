"""Old peers, unusual bodies, and ends of sessions that no ordinary call sees."""

from __future__ import annotations

from itertools import count

import pytest

from softswitch.sip.address import Address
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import (
    AckReceived,
    AnswerReceived,
    CancelReceived,
    IncomingInvite,
    OfferFailed,
    OfferReceived,
    RequestReceived,
    SessionConfirmed,
    SessionEnded,
    SessionRejected,
)
from softswitch.sip.locate import numeric_address
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.session import Session
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.transactions import TransactionLayer
from tests.unit.sip_session.netem import (
    ANSWER,
    OFFER,
    SECOND_OFFER,
    Net,
    ignore_invite,
    ignore_offer,
    is_request,
    ring,
    uri,
)

PEER = Address("udp", "127.0.0.1", 5090)


def old_request(method: str, tag: str = "") -> bytes:
    """A request of RFC 2543 days: no magic cookie, no Max-Forwards."""
    to = f"<sip:alice@x>;tag={tag}" if tag else "<sip:alice@x>"
    return (
        f"{method} sip:alice@127.0.0.1:5080 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090\r\nFrom: <sip:old@y>;tag=1\r\n"
        f"To: {to}\r\nCall-ID: old-call\r\nCSeq: 1 {method}\r\nContact: <sip:old@127.0.0.1:5090>\r\n\r\n"
    ).encode()


def test_peer_without_branches_is_matched_by_the_rest() -> None:
    net = Net()
    alice, old = net.phone("alice", 5080), net.phone("old", 5090)
    alice.on_invite = ring
    for _ in range(2):
        net.inject(old_request("INVITE"), PEER, alice)
    session = alice.only(IncomingInvite).session
    session.reject(486, net.now)
    net.settle()
    net.inject(old_request("ACK", session.id), PEER, alice)
    net.run(3)
    assert len(net.sent(alice, 486)) == 1, "the ACK found its INVITE, nothing is repeated"
    assert old.agent.counters["responses_stray"] > 0
    net.run(60)
    assert not any(alice.agent.gauges().values())


def test_peer_without_branches_may_cancel() -> None:
    net = Net()
    alice = net.phone("alice", 5080)
    net.phone("old", 5090)
    alice.on_invite = ring
    net.inject(old_request("INVITE"), PEER, alice)
    net.inject(old_request("CANCEL"), PEER, alice)
    assert alice.only(SessionEnded).status == 487


def test_caller_may_end_an_early_session_with_bye() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    session = alice.call(bob)
    net.settle()
    _, ringing = net.sent(bob, 180)[0]
    assert isinstance(ringing, Response)
    dialog = session.dialog_with(ringing.to.tag or "")
    assert dialog is not None
    alice.agent.send(dialog.request("BYE", 2, [("Max-Forwards", "70")]), bob.address, net.now)
    net.settle()
    assert len(net.sent(bob, 200, "BYE")) == 1 and len(net.sent(bob, 487, "INVITE")) == 1
    assert bob.only(SessionEnded).by == "remote"
    assert alice.only(SessionRejected).response.status == 487


def test_bye_of_the_called_before_its_answer_cancels_the_invite() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    alice.call(bob)
    net.settle()
    assert bob.session is not None and bob.session.dialog is not None
    bye = bob.session.dialog.request("BYE", 1, [("Max-Forwards", "70")])
    bob.agent.send(bye, alice.address, net.now)
    net.settle()
    assert alice.only(SessionEnded).by == "remote"
    assert len(net.sent(alice, "CANCEL")) == 1
    net.run(60)
    assert net.is_empty(), f"left: {alice.agent.gauges()} {bob.agent.gauges()}"


@pytest.mark.parametrize("side", ["caller", "called"])
def test_early_dialog_that_the_peer_forgot_is_given_up(side: str) -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = lambda session, now: session.progress(183, now, ANSWER, reliable=True)
    mine = alice.call(bob)
    net.settle()
    theirs = bob.session
    assert theirs is not None
    session, forgetful = (mine, bob) if side == "caller" else (theirs, alice)
    forgetful.on_request = lambda phone, event, now: phone.agent.respond(event.transaction, 481, now)  # type: ignore[arg-type,union-attr]
    session.request("INFO", net.now)
    net.run(2)
    assert len(alice.endings()) == 1 and len(bob.endings()) == 1
    net.run(60)
    assert net.is_empty()


def test_description_is_found_in_a_multipart_body() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    body = (
        b"--part\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n--part\r\nContent-Type: application/sdp\r\n\r\n"
        + OFFER
        + b"\r\n--part--\r\n"
    )
    bob.on_invite = ring
    session = alice.call(bob, body, content_type="multipart/mixed;boundary=part")
    net.settle()
    assert session.offered and bob.session is not None and bob.session.offered
    bob.session.accept(ANSWER, net.now)
    net.settle()
    assert not alice.take(OfferReceived), "the 200 answers the offer in the part"


def test_body_that_is_no_description_is_no_offer() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090, UserAgentSettings(accept=("text/plain",)))
    bob.on_invite = ring
    session = alice.call(bob, b"hello", content_type="text/plain")
    net.settle()
    assert not session.offered and bob.session is not None and not bob.session.offered


@pytest.mark.parametrize("broken", [b"multipart/mixed;boundary=x", b"nonsense"])
def test_answer_with_a_broken_body_still_gets_its_ack(broken: bytes) -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)

    def spoil(data: bytes, sender: object) -> bool:
        if data.startswith(b"SIP/2.0 200") and b"application/sdp" in data:
            net.inject(data.replace(b"application/sdp", broken), bob.address, alice)
            return True
        return False

    net.drop = spoil
    alice.call(bob)
    net.settle()
    bob.only(SessionConfirmed)


def test_answer_that_brings_no_description_fails_the_offer() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    session = alice.call(bob)
    net.settle()
    bob.on_offer = lambda event, now: event.session.answer(b"", now)
    session.update(SECOND_OFFER, net.now)
    net.settle()
    assert alice.only(OfferFailed).status == 488
    assert session.can_offer


def test_ack_that_brings_no_answer_fails_the_offer_in_the_200() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    alice.on_offer = ignore_offer
    session = alice.call(bob)
    net.settle()
    session.reinvite(None, net.now)
    net.settle()
    session.answer(b"", net.now)
    net.settle()
    assert bob.only(OfferFailed).status == 488 and not bob.take(AnswerReceived)


def test_too_short_interval_in_a_reinvite_is_refused_and_repeated() -> None:
    net = Net()
    alice = net.phone("alice", 5080, UserAgentSettings(session_expires=200))
    bob = net.phone("bob", 5090, UserAgentSettings(session_expires=0))
    session = alice.call(bob)
    net.settle()
    strict = UserAgentSettings(session_expires=0, min_se=300)
    bob.agent.settings = strict
    session.reinvite(SECOND_OFFER, net.now)
    net.settle()
    assert len(net.sent(bob, 422, "INVITE")) == 1
    alice.only(AnswerReceived)
    assert net.sent(alice, "INVITE")[-1][1].get("Min-SE") == "300"


def test_refused_offer_in_a_reliable_provisional_gives_the_call_up() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = lambda session, now: session.progress(183, now, OFFER, reliable=True)
    alice.on_offer = lambda event, now: event.session.refuse_offer(488, now)
    alice.call(bob, b"")
    net.settle()
    assert len(net.sent(alice, "PRACK")) == 1 and len(net.sent(alice, "CANCEL")) == 1
    assert alice.only(SessionEnded).by == "local"


def test_name_in_a_contact_is_looked_up_for_the_ack() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    net.lookups["bob.example"] = [bob.address]

    def answer(session: Session, now: float) -> None:
        session.contact = "<sip:bob@bob.example>"
        session.accept(ANSWER, now)

    bob.on_invite = answer
    session = alice.call(bob)
    net.settle()
    bob.only(SessionConfirmed)
    session.bye(net.now)
    net.settle()
    assert bob.only(SessionEnded).by == "remote"


def test_ack_that_can_go_nowhere_is_counted() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)

    def answer(session: Session, now: float) -> None:
        session.contact = "<sip:bob@nowhere.example>"
        session.accept(ANSWER, now)

    bob.on_invite = answer
    alice.call(bob)
    net.run(40)
    assert alice.agent.counters["acks_undeliverable"] == 1
    assert bob.only(SessionEnded).by == "timeout"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip:a@127.0.0.1", Address("udp", "127.0.0.1", 5060)),
        ("sip:a@127.0.0.1:5070;transport=TCP", Address("tcp", "127.0.0.1", 5070)),
        ("sips:a@127.0.0.1", Address("tls", "127.0.0.1", 5061)),
        ("sips:a@127.0.0.1;transport=tcp", Address("tls", "127.0.0.1", 5061)),
        ("sip:a@[2001:DB8:0::1]", Address("udp", "2001:db8::1", 5060)),
        ("sip:a@example.net;maddr=127.0.0.7", Address("udp", "127.0.0.7", 5060)),
        ("sip:a@example.net", None),
        ("sip:a@127.0.0.1;transport=pigeon", None),
    ],
)
def test_numeric_uris_need_no_lookup(text: str, address: Address | None) -> None:
    assert numeric_address(uri(text)) == address


def test_requests_of_other_dialogs_go_up_to_their_owner() -> None:
    net = Net()
    alice = net.phone("alice", 5080)
    for method in ("SUBSCRIBE", "NOTIFY"):
        data = old_request(method, "theirs").replace(
            b"5090\r\nFrom", b"5090;branch=z9hG4bK" + method.encode() + b"\r\nFrom"
        )
        net.inject(data, PEER, alice)
    assert [event.request.method for event in alice.take(RequestReceived)] == ["SUBSCRIBE", "NOTIFY"]


def test_what_the_owner_may_not_do_is_said_to_it() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ignore_invite
    mine = alice.call(bob)
    net.settle()
    theirs = bob.session
    assert theirs is not None
    attempts = [
        lambda: theirs.progress(200, net.now),
        lambda: theirs.progress(180, net.now, reason="a\r\nb: c", fields=[("X", "a\r\nb")]),
        lambda: theirs.accept(ANSWER, net.now, [("X", "a\r\nb")]),
        lambda: theirs.reject(180, net.now),
        lambda: theirs.bye(net.now),
        lambda: theirs.cancel(net.now),
        lambda: theirs.reinvite(OFFER, net.now),
        lambda: theirs.update(OFFER, net.now),
        lambda: theirs.request("INFO", net.now),
        lambda: mine.accept(ANSWER, net.now),
        lambda: mine.progress(180, net.now),
        lambda: mine.bye(net.now),
        lambda: alice.agent.layer.send_request(Request("ACK", "sip:x"), PEER, net.now),
    ]
    for number, attempt in enumerate(attempts):
        with pytest.raises(LocalProtocolError):
            attempt()  # type: ignore[no-untyped-call]
            pytest.fail(f"attempt {number} was allowed")
    assert not alice.endings() and not bob.endings()


def test_line_break_in_a_reason_is_refused() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ignore_invite
    alice.call(bob)
    net.settle()
    assert bob.session is not None
    with pytest.raises(LocalProtocolError):
        bob.session.reject(486, net.now, reason="Busy\r\nX: y")
    with pytest.raises(LocalProtocolError):
        bob.session.progress(180, net.now, reason="Ringing\r\nX: y")


def test_user_agent_names_itself() -> None:
    net = Net()
    named = UserAgentSettings(session_expires=0, user_agent="switch/1")
    alice, bob = net.phone("alice", 5080, named), net.phone("bob", 5090, named)
    session = alice.call(bob)
    net.settle()
    session.bye(net.now)
    net.settle()
    for _, message in net.messages():
        name = "User-Agent" if message.is_request else "Server"
        due = message.is_request or message.status > 100  # type: ignore[union-attr]
        assert message.get(name) == ("switch/1" if due else None), f"{message} says {message.get(name)}"


def test_new_listener_addresses_are_taken_over() -> None:
    port = [5080]
    numbers = count()
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.useragent import UserAgent

    agent = UserAgent(
        timers=TimerWheel(),
        new_id=lambda: f"n{next(numbers)}",
        sent_by=lambda listener, transport: ("2001:db8::1", port[0]),
    )

    def invite() -> Request:
        agent.invite(request_uri="sip:b@x", next_hop=PEER, from_=NameAddr("sip:a@x"), to=NameAddr("sip:b@x"), now=0.0)
        ((data, _),) = agent.data_to_send()
        message = parse_message(data)
        assert isinstance(message, Request)
        return message

    first = invite()
    port[0] = 5081
    assert invite().via.port == 5080
    agent.forget_addresses()
    second = invite()
    assert (first.via.port, second.via.port) == (5080, 5081)
    assert second.contact is not None and second.contact.uri_text == "sip:[2001:db8::1]:5081"


def test_layer_alone_tells_of_acks_and_cancels() -> None:
    numbers = count()
    layer = TransactionLayer(
        timers=TimerWheel(),
        new_id=lambda: f"id{next(numbers)}",
        sent_by=lambda listener, transport: ("127.0.0.1", 5080),
    )
    layer.receive_data(old_request("INVITE"), PEER, 0.0)
    event = layer.next_event()
    assert isinstance(event, RequestReceived)
    layer.receive_data(old_request("CANCEL"), PEER, 0.0)
    cancelled = layer.next_event()
    assert isinstance(cancelled, CancelReceived) and cancelled.transaction is event.transaction
    layer.respond(event.transaction, Response.to_request(event.request, 487), 0.0)
    layer.receive_data(old_request("ACK", "x").replace(b"old-call", b"other-call"), PEER, 0.0)
    assert isinstance(layer.next_event(), AckReceived)
    request = Request(
        "INVITE", "sip:b@x", [("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>"), ("Call-ID", "c"), ("CSeq", "1 INVITE")]
    )
    transaction = layer.send_request(request, PEER, 0.0)
    layer.data_to_send()
    layer.receive_data(Response.to_request(request, 200, to_tag="t").serialize(), PEER, 0.0)
    ack = Request(
        "ACK", "sip:b@x", [("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>;tag=t"), ("Call-ID", "c"), ("CSeq", "1 ACK")]
    )
    layer.send_ack(ack, PEER, 0.0, transaction, "t")
    layer.receive_data(Response.to_request(request, 200, to_tag="t").serialize(), PEER, 0.1)
    first, second = layer.data_to_send()
    assert first == second and is_request(first[0], "ACK"), "a copy of the 200 gets the same ACK"
