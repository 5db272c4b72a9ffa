"""Messages as values: fields, typed access and its cache, writing, responses."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers import NameAddr, Via
from softswitch.sip.message import REASONS, Message, Request, Response, reason_phrase
from softswitch.sip.parser import parse_message

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"v: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b\r\n"
    b"Via: SIP/2.0/TLS c\r\n"
    b"f: \"Al\" <sip:al@example.com>;tag=1\r\n"
    b"t: <sip:bob@example.com>\r\n"
    b"i: c1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"m: <sip:al@h1>;q=0.5, <sip:al@h2>\r\n"
    b"Route: <sip:p1;lr>\r\n"
    b"Route: <sip:p2;lr>,<sip:p3;lr>\r\n"
    b"Record-Route: <sip:r1;lr>\r\n"
    b"Max-Forwards: 70\r\n"
    b"k: timer, 100rel\r\n"
    b"Require: 100rel\r\n"
    b"Allow: INVITE,ACK\r\n"
    b"c: application/sdp\r\n"
    b"X-Odd: 1\r\n"
    b"x-odd: 2\r\n"
    b"Subject: one, two\r\n"
    b"Expires: 180\r\n"
    b"Timestamp: 54\r\n"
    b"l: 4\r\n\r\nv=0\n"
)  # fmt: skip


@pytest.fixture
def invite() -> Request:
    message = parse_message(INVITE)
    assert isinstance(message, Request)
    return message


def test_typed_access(invite: Request) -> None:
    assert (invite.via.transport, [via.transport for via in invite.vias]) == ("UDP", ["UDP", "TCP", "TLS"])
    assert (invite.from_.tag, invite.from_.display, invite.to.tag) == ("1", "Al", None)
    assert (invite.call_id, invite.cseq, invite.max_forwards, invite.expires) == ("c1", (7, "INVITE"), 70, 180)
    assert invite.contact == NameAddr("sip:al@h1", None, (("q", "0.5"),))
    assert [contact.uri_text for contact in invite.contacts] == ["sip:al@h1", "sip:al@h2"]
    assert [route.uri_text for route in invite.routes] == ["sip:p1;lr", "sip:p2;lr", "sip:p3;lr"]
    assert [route.uri_text for route in invite.record_routes] == ["sip:r1;lr"]
    assert (invite.supported, invite.require, invite.allow) == (["timer", "100rel"], ["100rel"], ["INVITE", "ACK"])
    assert str(invite.content_type) == "application/sdp"
    assert invite.body == b"v=0\n"


def test_raw_access_ignores_case_and_knows_compact_names(invite: Request) -> None:
    assert invite.get("i") == invite.get("CALL-ID") == invite.get("Call-ID") == "c1"
    assert invite.get_all("X-ODD") == ["1", "2"]
    assert invite.get("X-Odd") == "1"
    assert invite.get("Absent") is invite.get("Event") is None
    assert invite.has("X-oDD") and not invite.has("Event")
    assert invite.get_all("v") == ["SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b", "SIP/2.0/TLS c"]
    assert len(invite.values("Via")) == 3


def test_values_with_commas_of_their_own_stay_whole(invite: Request) -> None:
    assert invite.values("Subject") == ["one, two"]
    response = Response(401)
    response.add("WWW-Authenticate", 'Digest realm="a", nonce="b"')
    response.add("WWW-Authenticate", 'Digest realm="c", nonce="d"')
    assert response.values("WWW-Authenticate") == ['Digest realm="a", nonce="b"', 'Digest realm="c", nonce="d"']


def test_absent_fields(invite: Request) -> None:
    empty = Request("OPTIONS", "sip:h")
    for name in ("contact", "max_forwards", "expires", "content_type"):
        assert getattr(empty, name) is None
    for name in ("contacts", "routes", "record_routes", "vias", "require", "supported", "allow"):
        assert getattr(empty, name) == []
    for name in ("via", "from_", "to", "cseq", "call_id"):
        with pytest.raises(ProtocolError, match="missing"):
            getattr(empty, name)


@pytest.mark.parametrize(
    ("name", "value", "attribute"),
    [
        ("Via", "SIP/2.0/UDP", "via"), ("Via", "SIP/2.0/UDP a, b", "vias"), ("From", "x y", "from_"), ("To", "<", "to"),
        ("CSeq", "1", "cseq"), ("Contact", "<sip:a", "contact"), ("Contact", "<sip:a>, *x", "contacts"),
        ("Route", "x", "routes"),
        ("Record-Route", ",", "record_routes"), ("Max-Forwards", "256", "max_forwards"),
        ("Max-Forwards", "-1", "max_forwards"),
        ("Expires", "soon", "expires"),
        ("Content-Type", "sdp", "content_type"), ("Require", '"', "require"),
    ],
)  # fmt: skip
def test_typed_access_to_malformed_fields(name: str, value: str, attribute: str) -> None:
    message = Request("OPTIONS", "sip:h", [(name, value)])
    if name == "Require":
        assert getattr(message, attribute) == ['"']
        return
    with pytest.raises(ProtocolError):
        getattr(message, attribute)


def test_endless_expiry_counts_as_the_longest() -> None:
    for text in ("4294967296", "9" * 200):
        assert Request("REGISTER", "sip:h", [("Expires", text)]).expires == 2**32 - 1


def test_changing_a_field_changes_what_is_read(invite: Request) -> None:
    assert invite.from_.tag == "1"
    invite.set("From", "<sip:x@y>;tag=2")
    assert invite.from_.tag == "2"
    assert len(invite.vias) == 3
    invite.prepend("Via", "SIP/2.0/UDP new;branch=z9hG4bK9")
    assert (invite.via.host, len(invite.vias)) == ("new", 4)
    invite.remove("Via")
    assert invite.vias == []
    invite.add("Via", "SIP/2.0/UDP last")
    assert invite.via.host == "last"
    assert invite.contacts
    invite.set("m", "<sip:only>")
    assert [contact.uri_text for contact in invite.contacts] == ["sip:only"]
    invite.remove("Subject")
    invite.remove("Subject")
    assert not invite.has("Subject")


def test_several_fields_are_appended_at_once(invite: Request) -> None:
    assert not invite.has("Event") and len(invite.contacts) == 2
    invite.extend([("Event", "presence"), ("Contact", "<sip:third>")])
    assert invite.get("Event") == "presence"
    assert [contact.uri_text for contact in invite.contacts] == ["sip:al@h1", "sip:al@h2", "sip:third"]


def test_set_keeps_the_place_and_drops_the_others(invite: Request) -> None:
    names = [name for name, _ in invite.fields]
    invite.set("X-ODD", "3")
    assert invite.get_all("x-odd") == ["3"]
    assert [name for name, _ in invite.fields].index("X-ODD") == names.index("X-Odd")
    invite.set("New", "1")
    assert invite.fields[-1] == ("New", "1")


def test_prepend_goes_before_its_kind_or_before_all(invite: Request) -> None:
    invite.prepend("Route", "<sip:p0;lr>")
    assert [route.uri_text for route in invite.routes][:2] == ["sip:p0;lr", "sip:p1;lr"]
    invite.prepend("Path", "<sip:edge>")
    assert invite.fields[0] == ("Path", "<sip:edge>")


def test_the_first_element_of_a_list_is_replaced_or_dropped(invite: Request) -> None:
    invite.replace_first("Via", str(invite.via.with_param("received", "192.0.2.1")))
    assert [via.received for via in invite.vias] == ["192.0.2.1", None, None]
    invite.replace_first("Via", None)
    assert [via.transport for via in invite.vias] == ["TCP", "TLS"]
    invite.replace_first("Via", None)
    invite.replace_first("Via", None)
    assert not invite.has("Via")
    with pytest.raises(LocalProtocolError):
        invite.replace_first("Via", None)


def test_writing_puts_canonical_names_and_counts_the_body(invite: Request) -> None:
    text = invite.serialize()
    assert text.startswith(
        b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b\r\n"
    )
    assert text.endswith(b"\r\nContent-Length: 4\r\n\r\nv=0\n")
    assert text.count(b"Content-Length") == 1
    invite.body = b"longer body"
    assert b"Content-Length: 11\r\n\r\nlonger body" in invite.serialize()


def test_a_message_without_fields_can_be_written() -> None:
    assert Request("OPTIONS", "sip:h").serialize() == b"OPTIONS sip:h SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def test_octets_that_are_no_utf8_go_through() -> None:
    data = b"OPTIONS sip:h SIP/2.0\r\nSubject: \xff\xfe\xe5\xa4\xa7\r\nContent-Length: 0\r\n\r\n"
    assert parse_message(data).serialize() == data


@pytest.mark.parametrize(
    "message",
    [
        Request("OPTIONS", "sip:h\r\nVia: x"),
        Request("OPTIONS", "sip:h", [("Subject", "a\r\nVia: evil")]),
        Request("OPTIONS", "sip:h", [("Subject", "a\nb")]),
        Request("OPTIONS", "sip:h", [("Subject", "a\rb")]),
        Response(200, "OK\r\nVia: evil"),
        Request("OPTIONS", "sip:h", [("Subject", "\ud800")]),
    ],
)
def test_nothing_is_smuggled_into_the_header(message: Message) -> None:
    with pytest.raises(LocalProtocolError):
        message.serialize()


def test_a_response_copies_what_the_standard_says(invite: Request) -> None:
    response = Response.to_request(invite, 180, to_tag="t9")
    assert [name for name, _ in response.fields] == ["Via", "Via", "From", "To", "Call-ID", "CSeq"]
    assert response.start_line() == "SIP/2.0 180 Ringing"
    assert (response.to.tag, response.vias) == ("t9", invite.vias)
    assert invite.to.tag is None, "the request stays as it is"
    assert Response.to_request(invite, 200, record_route=True).record_routes == invite.record_routes
    assert Response.to_request(invite, 100).get("Timestamp") == "54"
    assert Response.to_request(invite, 180).get("Timestamp") is None
    assert Response.to_request(invite, 403, "Go away").reason == "Go away"


def test_a_to_tag_is_never_replaced(invite: Request) -> None:
    invite.set("To", "<sip:bob@example.com>;tag=there")
    assert Response.to_request(invite, 200, to_tag="new").to.tag == "there"


@pytest.mark.parametrize("to", ['"Bob <sip:bob@example.com>', "", "<sip:x"])
def test_a_malformed_to_is_echoed(invite: Request, to: str) -> None:
    invite.set("To", to)
    assert Response.to_request(invite, 400, to_tag="new").get("To") == to


def test_a_copy_is_independent(invite: Request) -> None:
    assert invite.via.host == "a"
    twin = invite.copy()
    twin.set("Via", str(Via("UDP", "z")))
    twin.method = "BYE"
    assert (invite.via.host, twin.via.host, invite.method) == ("a", "z", "INVITE")
    answer = Response(200, None, [("Call-ID", "c")], b"x")
    assert answer.copy().serialize() == answer.serialize()


def test_reason_phrases() -> None:
    assert Response(486).reason == "Busy Here" == REASONS[486]
    assert [reason_phrase(status) for status in (199, 299, 499, 999)] == [
        "Early Dialog Terminated", "Success", "Client Error", "Unknown",
    ]  # fmt: skip
    assert Response(200, "").serialize().startswith(b"SIP/2.0 200 \r\n")


def test_kinds_of_messages() -> None:
    assert Request("INVITE", "sip:h").is_request and not Response(200).is_request
    assert Response(183).provisional and not Response(200).provisional
    assert Response(299).success and not Response(300).success
    assert repr(Request("INVITE", "sip:h")) == "<Request INVITE sip:h>"
    assert repr(Response(200)) == "<Response 200 OK>"
