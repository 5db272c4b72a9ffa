"""Where messages go: Via and rport, routes, streams that break, large requests, several addresses (RFC 3261 §18)."""

from __future__ import annotations

import pytest

from softswitch.sip.address import Address
from softswitch.sip.dialog import Dialog
from softswitch.sip.events import (
    IncomingInvite,
    RequestReceived,
    ResponseReceived,
    SessionAnswered,
    SessionEnded,
    TransactionFailed,
)
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.uri import SipUri
from tests.unit.sip_session.netem import ANSWER, OFFER, Net, Phone, ignore_invite, is_request, uri


def one(transport: str = "udp", settings: UserAgentSettings | None = None) -> tuple[Net, Phone]:
    net = Net()
    return net, net.phone("alice", 5080, settings, transport)


def options(via: str, extra: str = "") -> bytes:
    return (
        f"OPTIONS sip:alice@127.0.0.1:5080 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:z@y>\r\n"
        f"Call-ID: call\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n{extra}\r\n"
    ).encode()


def simple_request(method: str = "OPTIONS") -> Request:
    return Request(method, "sip:bob@example.net", [("From", "<sip:a@x>"), ("To", "<sip:b@x>")])


@pytest.mark.parametrize(
    ("via", "source", "destination", "stamped"),
    [
        ("127.0.0.1:5090;branch=z9hG4bK1", ("127.0.0.1", 5090), ("127.0.0.1", 5090), None),
        ("127.0.0.1:5090;branch=z9hG4bK1", ("127.0.0.1", 6000), ("127.0.0.1", 5090), None),
        ("127.0.0.1:5090;branch=z9hG4bK1;rport", ("127.0.0.1", 6000), ("127.0.0.1", 6000), "127.0.0.1"),
        ("127.0.0.1:5090;rport;branch=z9hG4bK1", ("127.0.0.1", 6000), ("127.0.0.1", 6000), "127.0.0.1"),
        ("10.0.0.1:5090;branch=z9hG4bK1", ("127.0.0.1", 6000), ("127.0.0.1", 5090), "127.0.0.1"),
        ("phone.example;branch=z9hG4bK1", ("127.0.0.1", 6000), ("127.0.0.1", 5060), "127.0.0.1"),
        ("phone.example;branch=z9hG4bK1;maddr=10.9.9.9", ("127.0.0.1", 6000), ("127.0.0.1", 5060), "127.0.0.1"),
        ("[2001:db8::9]:5070;branch=z9hG4bK1;rport", ("::1", 6000), ("::1", 6000), "::1"),
        ('127.0.0.1:1;x=";rport";branch=z9hG4bK1;rport', ("127.0.0.1", 6000), ("127.0.0.1", 6000), "127.0.0.1"),
    ],
)
def test_response_goes_where_the_request_came_from(
    via: str, source: tuple[str, int], destination: tuple[str, int], stamped: str | None
) -> None:
    _net, alice = one()
    alice.agent.receive_data(options(f"SIP/2.0/UDP {via}"), Address("udp", *source), 0.0)
    alice.drain()
    ((data, address),) = alice.agent.data_to_send()
    assert (address.host, address.port) == destination
    top = parse_message(data).via
    assert top.received == stamped
    if "rport" in via:
        assert top.rport == source[1]


def test_all_vias_are_returned_in_order() -> None:
    _net, alice = one()
    vias = "SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1;rport, SIP/2.0/UDP a.b;branch=z9hG4bK2\r\nVia: SIP/2.0/TCP c.d"
    alice.agent.receive_data(options(vias), Address("udp", "127.0.0.1", 7000), 0.0)
    alice.drain()
    ((data, address),) = alice.agent.data_to_send()
    assert address.port == 7000
    assert [via.host for via in parse_message(data).vias] == ["127.0.0.1", "a.b", "c.d"]


def test_response_uses_the_connection_and_then_the_sent_by() -> None:
    _net, alice = one("tcp")
    alice.on_invite = ignore_invite
    source = Address("tcp", "127.0.0.1", 41234, "", 7)
    invite = options("SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK1", "Contact: <sip:x@127.0.0.1:5070;transport=tcp>\r\n")
    alice.agent.receive_data(invite.replace(b"OPTIONS", b"INVITE"), source, 0.0)
    alice.drain()
    assert [address for _, address in alice.agent.data_to_send()] == [source]
    alice.agent.transport_failed(source, 0.0)
    ((trying, address),) = alice.agent.data_to_send()
    assert address == Address("tcp", "127.0.0.1", 5070), "the response goes to the sent-by (RFC 3261 §18.2.2)"
    assert parse_message(trying).status == 100  # type: ignore[union-attr]
    assert alice.session is not None
    alice.session.progress(180, 0.0)
    ((_, address),) = alice.agent.data_to_send()
    assert address.port == 5070
    alice.agent.transport_failed(address, 0.0)
    assert not alice.agent.data_to_send(), "there is no third way"


def test_dialog_of_a_stream_peer_keeps_to_its_connection_and_falls_back_to_its_contact() -> None:
    _net, alice = one("tcp")
    source = Address("tcp", "127.0.0.1", 41234, "", 7)
    invite = options("SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK1", "Contact: <sip:x@127.0.0.1:5070;transport=tcp>\r\n")
    alice.agent.receive_data(invite.replace(b"OPTIONS", b"INVITE"), source, 0.0)
    alice.drain()
    session = alice.only(IncomingInvite).session
    tag = session.id
    ack = options("SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK2").replace(b"OPTIONS", b"ACK")
    alice.agent.receive_data(ack.replace(b"<sip:z@y>", b"<sip:z@y>;tag=" + tag.encode()), source, 0.0)
    alice.drain()
    alice.agent.data_to_send()
    session.bye(0.0)
    ((_, address),) = alice.agent.data_to_send()
    assert address == source
    alice.agent.transport_failed(source, 0.1)
    sent = alice.agent.data_to_send()
    assert [(address.connection, address.port) for data, address in sent if is_request(data, "BYE")] == [(0, 5070)]


def test_peer_behind_nat_is_reached_where_it_sends_from() -> None:
    _net, alice = one()
    source = Address("udp", "127.0.0.9", 33333)
    invite = options("SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bK1;rport", "Contact: <sip:x@192.168.1.5:5060>\r\n")
    alice.agent.receive_data(invite.replace(b"OPTIONS", b"INVITE"), source, 0.0)
    alice.drain()
    assert alice.session is not None and alice.session.dialog is not None
    assert alice.session.dialog.hop() == source


def test_keep_flow_holds_the_dialog_to_the_address_of_the_invite() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)

    def answer(session, now):  # type: ignore[no-untyped-def]
        session.contact = "<sip:bob@192.168.1.77:5060>"
        session.accept(ANSWER, now)

    bob.on_invite = answer
    session = alice.call(bob, keep_flow=True)
    net.settle()
    session.bye(net.now)
    net.settle()
    assert session.remote_target == "sip:bob@192.168.1.77:5060"
    assert bob.only(SessionEnded).by == "remote"


def test_large_request_goes_by_tcp_and_by_udp_when_that_is_refused() -> None:
    _net, alice = one()
    request = simple_request("MESSAGE")
    request.body = b"x" * 2000
    alice.agent.send(request, Address("udp", "127.0.0.1", 5090), 0.0)
    ((data, address),) = alice.agent.data_to_send()
    assert (address.transport, address.port) == ("tcp", 5090)
    assert parse_message(data).via.transport == "TCP"
    alice.agent.transport_failed(address, 0.1)
    ((data, address),) = alice.agent.data_to_send()
    assert address == Address("udp", "127.0.0.1", 5090)
    again = parse_message(data)
    assert again.via.transport == "UDP" and len(again.vias) == 1
    response = Response.to_request(again, 200, to_tag="t")  # type: ignore[arg-type]
    alice.agent.receive_data(response.serialize(), address, 0.2)
    alice.drain()
    assert alice.only(ResponseReceived).response.status == 200


def test_large_request_stays_with_udp_where_there_is_no_tcp_listener() -> None:
    from itertools import count

    from softswitch.sip.timerwheel import TimerWheel
    from softswitch.sip.useragent import UserAgent

    def sent_by(listener: str, transport: str) -> tuple[str, int]:
        if transport != "udp":
            raise LookupError(transport)
        return "127.0.0.1", 5080

    numbers = count()
    agent = UserAgent(timers=TimerWheel(), new_id=lambda: f"i{next(numbers)}", sent_by=sent_by)
    request = simple_request("MESSAGE")
    request.body = b"x" * 2000
    agent.send(request, Address("udp", "127.0.0.1", 5090), 0.0)
    assert [address.transport for _, address in agent.data_to_send()] == ["udp"]
    agent.send(simple_request(), Address("tls", "127.0.0.1", 5090), 0.0)
    assert not agent.data_to_send()
    agent.handle_timer(0.1)
    failed = agent.next_event()
    assert isinstance(failed, TransactionFailed) and failed.status == 503


def test_small_request_stays_with_udp() -> None:
    _net, alice = one()
    alice.agent.send(simple_request(), Address("udp", "127.0.0.1", 5090), 0.0)
    assert [address.transport for _, address in alice.agent.data_to_send()] == ["udp"]


ADDRESSES = [Address("udp", "127.0.0.1", 6001), Address("udp", "127.0.0.1", 6002), Address("udp", "127.0.0.1", 6003)]


def test_name_is_looked_up_and_the_next_address_tried_after_each_failure() -> None:
    net, alice = one()
    net.lookups["example.net"] = ADDRESSES
    transaction = alice.agent.send(simple_request(), None, 0.0)
    question = alice.agent.next_lookup()
    assert question is not None and question.host == "example.net"
    alice.agent.lookup_done(question, ADDRESSES, 0.0)
    ((first, address),) = alice.agent.data_to_send()
    assert address == ADDRESSES[0]
    alice.agent.transport_failed(ADDRESSES[0], 1.0)
    ((second, address),) = alice.agent.data_to_send()
    assert address == ADDRESSES[1]
    branches = [parse_message(data).via.branch for data in (first, second)]
    assert branches[0] != branches[1], "another address is another transaction (RFC 3263 §4.3)"
    busy = Response.to_request(parse_message(second), 503, to_tag="t")  # type: ignore[arg-type]
    alice.agent.receive_data(busy.serialize(), ADDRESSES[1], 2.0)
    ((_third, address),) = alice.agent.data_to_send()
    assert address == ADDRESSES[2] and alice.agent.next_event() is None
    net.now = 2.0
    net.run(40)
    assert (alice.only(TransactionFailed).status, alice.only(TransactionFailed).transaction) == (408, transaction)


def test_503_to_an_invite_is_acknowledged_before_the_next_address() -> None:
    net, alice = one()
    first, second = net.phone("first", 6001), net.phone("second", 6002)
    first.on_invite = lambda session, now: session.reject(503, now)
    net.lookups["example.net"] = ADDRESSES[:2]
    alice.call(first, next_hop=uri("sip:example.net"))
    net.settle()
    assert [port for _, _, port, data in net.log if is_request(data, "ACK")] == [6001, 6002]
    assert alice.only(SessionAnswered).response.status == 200
    assert second.session is not None


@pytest.mark.parametrize("answered", [True, False])
def test_name_that_leads_nowhere_fails(answered: bool) -> None:
    net, alice = one()
    alice.agent.send(simple_request(), None, 0.0)
    if answered:
        net.run(1)
    else:
        alice.agent.next_lookup()
        net.run(alice.agent.settings.lookup_timeout + 1)
    failed = alice.only(TransactionFailed)
    assert failed.status == 503
    assert net.is_empty()


def test_lookups_are_shared_and_bounded() -> None:
    _net, alice = one(settings=UserAgentSettings(max_lookups=1))
    for _ in range(3):
        alice.agent.send(simple_request(), None, 0.0)
    other = simple_request()
    other.request_uri = "sip:bob@example.org"
    alice.agent.send(other, None, 0.0)
    question = alice.agent.next_lookup()
    assert question is not None and alice.agent.next_lookup() is None, "one question for all who ask the same"
    alice.agent.handle_timer(0.1)
    alice.agent.handle_timer(0.2)
    alice.drain()
    assert alice.only(TransactionFailed).transaction.request is other
    alice.agent.lookup_done(question, ADDRESSES, 0.2)
    assert len(alice.agent.data_to_send()) == 3


def test_session_cancelled_during_its_lookup_sends_nothing() -> None:
    net, alice = one()
    bob = net.phone("bob", 5090)
    session = alice.call(bob, next_hop=uri("sip:example.net"))
    question = alice.agent.next_lookup()
    assert question is not None
    session.cancel(0.0)
    alice.agent.handle_timer(0.1)
    alice.agent.lookup_done(question, ADDRESSES, 0.2)
    alice.drain()
    assert not alice.agent.data_to_send()
    assert (alice.only(SessionEnded).status, alice.only(SessionEnded).by) == (487, "local")


def dialog(routes: tuple[str, ...]) -> Dialog:
    source = Address("udp", "127.0.0.1", 5060, "lan")
    return Dialog("call", "<sip:a@x>;tag=1", "1", "<sip:b@y>;tag=2", "2", "sip:b@127.0.0.2:5070", routes, source)


@pytest.mark.parametrize(
    ("routes", "request_uri", "sent_routes", "hop"),
    [
        ((), "sip:b@127.0.0.2:5070", [], Address("udp", "127.0.0.2", 5070, "lan")),
        (
            ("<sip:127.0.0.3;lr>", "<sip:127.0.0.4;lr>"),
            "sip:b@127.0.0.2:5070",
            ["<sip:127.0.0.3;lr>", "<sip:127.0.0.4;lr>"],
            Address("udp", "127.0.0.3", 5060, "lan"),
        ),
        (
            ("<sip:127.0.0.3;method=INVITE?x=y>", "<sip:127.0.0.4;lr>"),
            "sip:127.0.0.3",
            ["<sip:127.0.0.4;lr>", "<sip:b@127.0.0.2:5070>"],
            Address("udp", "127.0.0.3", 5060, "lan"),
        ),
        (
            ("<sip:127.0.0.3:5061;transport=tls;lr>",),
            "sip:b@127.0.0.2:5070",
            ["<sip:127.0.0.3:5061;transport=tls;lr>"],
            Address("tls", "127.0.0.3", 5061),
        ),
        (("<sip:proxy.example;lr>",), "sip:b@127.0.0.2:5070", ["<sip:proxy.example;lr>"], "proxy.example"),
    ],
)
def test_loose_and_strict_routes(
    routes: tuple[str, ...], request_uri: str, sent_routes: list[str], hop: Address | str
) -> None:
    subject = dialog(routes)
    request = subject.request("BYE", 2)
    assert request.request_uri == request_uri
    assert request.get_all("Route") == sent_routes
    found = subject.hop()
    assert (found.host if isinstance(found, SipUri) else found) == hop


def test_route_set_is_reversed_for_the_caller_and_kept_for_the_called() -> None:
    fields = [
        ("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"),
        ("From", "<sip:a@x>;tag=1"),
        ("To", "<sip:b@y>;tag=2"),
        ("Call-ID", "call"),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:b@127.0.0.2>"),
        ("Record-Route", "<sip:p2;lr>, <sip:p1;lr>"),
    ]
    source = Address("udp", "127.0.0.1", 5060)
    assert Dialog.from_response(Response(200, None, fields), source).route_set == ("<sip:p1;lr>", "<sip:p2;lr>")
    called = Dialog.from_request(Request("INVITE", "sip:b@y", fields), source, "2")
    assert called.route_set == ("<sip:p2;lr>", "<sip:p1;lr>")


def test_record_route_is_returned_in_responses_that_make_the_dialog() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    net.phone("proxy", 5060)
    alice.call(bob, fields=[("Record-Route", "<sip:127.0.0.1:5060;lr>")])
    net.settle()
    for status in (180, 200):
        assert net.sent(bob, status)[0][1].get("Record-Route") == "<sip:127.0.0.1:5060;lr>"
    assert net.sent(alice, "ACK")[0][1].get("Route") == "<sip:127.0.0.1:5060;lr>"
    assert [port for _, _, port, data in net.log if is_request(data, "ACK")] == [5060]


def test_options_gets_the_capabilities() -> None:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    alice.call(bob)
    net.settle()
    assert alice.session is not None
    alice.session.request("OPTIONS", net.now)
    net.settle()
    response = alice.only(ResponseReceived).response
    assert response.status == 200 and "UPDATE" in response.allow and "100rel" in response.supported
    assert not bob.take(RequestReceived), "inside a session it is answered without the owner"


def test_offer_is_in_the_invite() -> None:
    net, alice = one()
    bob = net.phone("bob", 5090)
    alice.call(bob, fields=[("Max-Forwards", "12"), ("Supported", "timer")])
    net.settle()
    _, invite = net.sent(alice, "INVITE")[0]
    assert invite.body == OFFER
    assert invite.get_all("Max-Forwards") == ["12"] and invite.get_all("Supported") == ["timer"]
