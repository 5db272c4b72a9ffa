"""Whatever the network sends: nothing raises, requests get the answer they deserve, ACKs and responses none."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from softswitch.config.models import Settings, SipSettings
from softswitch.sip.address import Address
from softswitch.sip.events import IncomingInvite, RequestReceived
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.settings import UserAgentSettings
from softswitch.wiring.sip_values import agent_settings
from tests.unit.sip_session.netem import ANSWER, Net, Phone, ignore_invite, ring

PEER = Address("udp", "127.0.0.1", 5090)


def request(method: str = "OPTIONS", **changes: str | None) -> bytes:
    fields: dict[str, str | None] = {
        "Via": "SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1",
        "From": "<sip:x@y>;tag=1",
        "To": "<sip:z@y>",
        "Call-ID": "call",
        "CSeq": f"1 {method}",
        "Max-Forwards": "70",
        "Contact": "<sip:x@127.0.0.1:5090>",
    }
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"{method} sip:alice@127.0.0.1 SIP/2.0\r\n{lines}\r\n".encode()


def answer_to(data: bytes, settings: UserAgentSettings | None = None) -> tuple[Phone, list[Response]]:
    net = Net()
    alice = net.phone("alice", 5080, settings)
    alice.on_invite = ignore_invite
    alice.agent.receive_data(data, PEER, 0.0)
    alice.drain()
    responses = [parse_message(out) for out, _ in alice.agent.data_to_send()]
    return alice, [response for response in responses if isinstance(response, Response)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(CSeq="x OPTIONS"), 400),
        (request(CSeq="1 INVITE"), 400),
        (request(CSeq="99999999999 OPTIONS"), 400),
        (request(Call_ID=None), 400),
        (request(From=None), 400),
        (request(To="<sip:z@y"), 400),
        (request(Max_Forwards="999"), 400),
        (request(Content_Length="500"), 400),
        (request("INVITE", Contact=None), 400),
        (request("INVITE", Contact="*"), 400),
        (request("INVITE", Record_Route="<sip:p;lr"), 400),
        (request(Max_Forwards="0"), 200),
        (request("INVITE", Max_Forwards="0"), 483),
        (request(Require="nothing-we-know"), 420),
        (request("INVITE", Content_Type="text/html", Content_Length=None) + b"<p>", 415),
        (request("BREW", CSeq="1 BREW"), 501),
        (request("BYE"), 481),
        (request("PRACK"), 481),
        (request("UPDATE"), 481),
        (request().replace(b"sip:alice@", b"unknown:alice@"), 416),
        (request().replace(b" SIP/2.0\r\nVia", b" SIP/3.0\r\nVia"), 505),
        (request("INVITE", Content_Type="multipart/mixed;boundary=x", Content_Length=None) + b"--y", 400),
        (request("INVITE", Session_Expires="soon", Supported="timer"), 400),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_request_gets_the_answer_it_deserves(data: bytes, status: int) -> None:
    alice, responses = answer_to(data)
    assert [r.status for r in responses if r.status > 100] == [status]
    assert b"<sip:z@y\r" in data or responses[-1].to.tag, "a response above 100 has a To tag"
    assert not alice.agent.sessions


@pytest.mark.parametrize(
    "data",
    [
        request("ACK", CSeq="1 OPTIONS"),
        request("ACK"),
        request("ACK", Call_ID=None),
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKunknown\r\nCSeq: 1 INVITE\r\n\r\n",
        b"SIP/2.0 999 What\r\nVia: nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"\xff\xfe" * 1000,
        request(Via=None),
        request()[:40],
    ],
)
def test_noise_is_dropped_without_an_answer(data: bytes) -> None:
    alice, responses = answer_to(data)
    assert not responses and not alice.events
    assert not any(alice.agent.gauges().values())


def test_malformed_via_is_answered_to_where_it_came_from() -> None:
    net = Net()
    alice = net.phone("alice", 5080)
    alice.agent.receive_data(request(Via="SIP/2.0/UDP"), PEER, 0.0)
    assert [address for _, address in alice.agent.data_to_send()] == [PEER]


def test_the_same_bad_request_gets_the_same_answer() -> None:
    net = Net()
    alice = net.phone("alice", 5080)
    for _ in range(2):
        alice.agent.receive_data(request(CSeq="1 INVITE"), PEER, 0.0)
    first, second = alice.agent.data_to_send()
    assert first == second, "a stateless answer repeats itself (RFC 3261 §8.2.7)"
    assert not any(alice.agent.gauges().values())


def test_transactions_are_bounded_and_refused_with_503() -> None:
    net = Net()
    alice = net.phone("alice", 5080, UserAgentSettings(max_transactions=5))
    for number in range(8):
        data = request(Via=f"SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK{number}", Call_ID=f"call{number}")
        alice.agent.receive_data(data, PEER, 0.0)
    alice.drain()
    statuses = [parse_message(data).status for data, _ in alice.agent.data_to_send()]  # type: ignore[union-attr]
    assert statuses.count(503) == 3 and statuses.count(200) == 5
    assert len(alice.take(RequestReceived)) == 5


def test_sessions_are_bounded_and_calls_in_progress_go_on() -> None:
    net = Net()
    settings = UserAgentSettings(session_expires=0, max_sessions=2)
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090, settings)
    sessions = []
    for _ in range(3):
        sessions.append(alice.call(bob))
        net.settle()
    _, refused = net.sent(bob, 503)[0]
    assert int(refused.get("Retry-After") or "0") > 0
    assert len(bob.agent.sessions) == 2
    sessions[0].bye(net.now)
    net.settle()
    assert len(bob.agent.sessions) == 1
    alice.call(bob)
    net.settle()
    assert len(bob.take(IncomingInvite)) == 3


def test_response_with_two_vias_is_dropped() -> None:
    net = Net()
    alice = net.phone("alice", 5080)
    outgoing = Request("OPTIONS", "sip:b@127.0.0.1:5090", [("From", "<sip:a@x>"), ("To", "<sip:b@x>")])
    alice.agent.send(outgoing, PEER, 0.0)
    ((data, _),) = alice.agent.data_to_send()
    sent = parse_message(data)
    assert isinstance(sent, Request)
    response = Response.to_request(sent, 200, to_tag="t")
    for extra in ("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKsecond",):
        response.add("Via", extra)
    alice.agent.receive_data(response.serialize(), PEER, 0.0)
    alice.drain()
    assert not alice.events
    response.set("Via", f"{sent.get('Via')}, SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKsecond")
    alice.agent.receive_data(response.serialize(), PEER, 0.0)
    alice.drain()
    assert not alice.events


def good_messages() -> list[bytes]:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = lambda session, now: session.progress(183, now, ANSWER, reliable=True)
    session = alice.call(bob)
    net.settle()
    assert bob.session is not None
    bob.session.accept(None, net.now)
    net.settle()
    session.update(ANSWER, net.now)
    net.settle()
    session.reinvite(None, net.now)
    net.settle()
    session.request("INFO", net.now, body=b"x", content_type="text/plain")
    session.bye(net.now)
    net.settle()
    return [data for _, _, _, data in net.log]


MESSAGES = good_messages()


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(range(len(MESSAGES))),
            st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 12), st.binary(max_size=12)), max_size=3),
        ),
        max_size=12,
    )
)
@example([(0, []), (0, [(300, 5, b"")])])
@example([(5, [(20, 9, b"\0"), (1999, 0, b"\0")])])
def test_mangled_messages_never_raise(plan: list[tuple[int, list[tuple[int, int, bytes]]]]) -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    bob.on_invite = ring
    alice.call(bob)
    net.settle()
    for index, edits in plan:
        data = MESSAGES[index]
        for at, length, insert in edits:
            at %= len(data) + 1
            data = data[:at] + insert + data[at + length :]
        for phone in (alice, bob):
            net.inject(data, PEER, phone)
    net.run(200)
    for phone in (alice, bob):
        for session in list(phone.agent.sessions.values()):
            session.end(net.now)
    net.run(200)
    assert net.is_empty(), f"left: {alice.agent.gauges()} {bob.agent.gauges()}"
    for phone in (alice, bob):
        begun = {event.session.id for event in phone.take(IncomingInvite)}
        ended = [event.session.id for event in phone.endings()]
        assert len(ended) == len(set(ended)), "a session ended twice"
        assert begun <= set(ended), "a session never ended"


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_octets_are_dropped_or_refused_and_leave_nothing(data: bytes) -> None:
    net = Net()
    alice = net.phone("alice", 5080)
    net.inject(data, PEER, alice)
    net.inject(b"INVITE sip:a SIP/2.0\r\n" + data + b"\r\n\r\n", PEER, alice)
    assert alice.agent.counters["messages_malformed"] >= 1, f"an INVITE of chance is counted: {alice.agent.counters}"
    net.run(200)
    assert net.is_empty(), f"left: {alice.agent.gauges()}"


def test_a_longer_message_than_the_configuration_allows_is_513() -> None:
    settings = agent_settings(Settings(sip=SipSettings(max_message_octets=1500)))
    long = request(Subject="x" * 1500)
    assert [answer.status for answer in answer_to(long, settings)[1]] == [513]
    assert [answer.status for answer in answer_to(long)[1]] == [200], "the default takes 65 536 octets"
