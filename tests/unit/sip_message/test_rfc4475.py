"""The 49 torture messages of RFC 4475: each gets the action it deserves, and the valid ones mean what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from softswitch.sip.admission import admit
from softswitch.sip.digest import Authenticator, Nonces, Rejected
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request, Response
from softswitch.sip.multipart import parse_multipart
from softswitch.sip.parser import MalformedMessage, parse_message, validate
from softswitch.sip.uri import OpaqueUri, SipUri
from tests.unit.sip_message.torture import TortureMessage, load

MESSAGES = load("rfc4475")
BY_NAME = {message.name: message for message in MESSAGES}
METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE")


def refusal(request: Request) -> Response | None:
    """What a switch of ordinary abilities answers at once."""
    authenticator = Authenticator("example.com", Nonces(b"0123456789abcdef"))
    if request.has("Authorization"):
        verdict = authenticator.verify_message(request.method, request, lambda user: None, 0.0)
        if isinstance(verdict, Rejected):
            return Response.to_request(request, 401)
    return admit(request, methods=METHODS, content_types=("application/sdp", "multipart/mixed", "text/plain"))


def action(data: bytes) -> str:
    """accept, a status code, or drop."""
    try:
        message = parse_message(data)
        validate(message)
    except ProtocolError as error:
        return str(error.status) if error.status else "drop"
    if isinstance(message, Request):
        response = refusal(message)
        if response is not None:
            return str(response.status)
    return "accept"


def request(name: str) -> Request:
    message = parse_message(BY_NAME[name].data)
    assert isinstance(message, Request)
    return message


def test_all_messages_of_the_rfc_are_here() -> None:
    assert len(MESSAGES) == len(BY_NAME) == 49


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_action(message: TortureMessage) -> None:
    assert action(message.data) == message.action, f"{message.name} (RFC 4475 §{message.section})"


@pytest.mark.parametrize(
    "message", [message for message in MESSAGES if message.action == "400"], ids=lambda message: message.name
)
def test_a_400_can_be_addressed(message: TortureMessage) -> None:
    """Whatever is wrong with the request, Via and Call-ID are made out well enough to answer it."""
    try:
        parsed = parse_message(message.data)
    except MalformedMessage as error:
        assert error.message is not None, "no message to answer"
        parsed = error.message
    assert isinstance(parsed, Request)
    answer = parse_message(Response.to_request(parsed, 400, to_tag="x").serialize())
    assert isinstance(answer, Response) and answer.status == 400
    assert answer.get_all("Via") == parsed.get_all("Via") != []


@pytest.mark.parametrize(
    "message",
    [message for message in MESSAGES if message.action in ("accept", "501", "415", "416", "420", "401", "406")],
    ids=lambda message: message.name,
)
def test_well_formed_messages_survive_a_round_trip(message: TortureMessage) -> None:
    first = parse_message(message.data)
    again = parse_message(first.serialize())
    assert again.start_line() == first.start_line()
    assert again.body == first.body
    expected = [item for item in first.fields if item[0] != "Content-Length"]
    assert [item for item in again.fields if item[0] != "Content-Length"] == expected


def wsinv() -> None:
    message = request("wsinv")
    assert message.max_forwards == 68
    assert message.cseq == (9, "INVITE")
    assert message.to.tag == "1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_.tag == "98asjd8"
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert message.get("Subject") == ""
    assert message.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert message.contact is not None
    assert message.contact.display == 'Quoted string ""'
    assert message.contact.params == (("newparam", "newvalue"), ("secondparam", None), ("q", "0.33"))
    assert len(message.body) == 150
    assert isinstance(message.uri, SipUri) and message.uri.params == (("unknownparam", None),)
    assert isinstance(message.routes[0].uri, SipUri) and message.routes[0].uri.has_param("lr")


def intmeth() -> None:
    message = request("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert isinstance(message.uri, SipUri)
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.uri.host == "example.com"
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.param("fromparam''~+*_!.-%") == "работающий"
    assert message.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def esc01() -> None:
    message = request("esc01")
    assert isinstance(message.uri, SipUri)
    assert (message.uri.username, message.uri.host) == ("sips:user@example.com", "example.net")
    assert isinstance(message.from_.uri, SipUri) and message.from_.uri.username == "I have spaces"
    assert message.contact is not None and isinstance(message.contact.uri, SipUri)
    assert message.contact.uri.username == "caller"
    expected = SipUri.parse("sip:caller@host5.example.net;lr;name=value%2541")
    assert message.contact.uri.equivalent(expected), "escaped parameters mean what they spell"


def escnull() -> None:
    message = request("escnull")
    users = [contact.uri.username for contact in message.contacts if isinstance(contact.uri, SipUri)]
    assert users == ["\x00", "\x00\x00"], "two bindings, none cut short"
    assert isinstance(message.to.uri, SipUri)
    assert message.to.uri.address_of_record() == "null-\x00-null@example.com"


def esc02() -> None:
    message = request("esc02")
    assert message.method == "RE%47IST%45R", "a method is no place for escapes"
    assert message.to.display == "%Z%45"
    assert [contact.uri_text for contact in message.contacts] == [
        "sip:alias1@host1.example.com",
        "sip:alias3@host3.example.com",
    ]
    assert message.via.branch == "z9hG4bK209%fzsnel234"


def lwsdisp() -> None:
    assert request("lwsdisp").from_.display == "caller"


def longreq() -> None:
    message = request("longreq")
    assert len(message.vias) == 34
    assert message.vias[0].host == "sip33.example.com" and message.vias[-1].received == "192.0.2.5"
    assert message.to.display is not None and len(message.to.display) > 100
    assert message.from_.tag is not None and len(message.from_.tag) > 150


def dblreq() -> None:
    message = request("dblreq")
    assert (message.method, message.body) == ("REGISTER", b""), "what follows in the datagram is ignored"


def semiuri() -> None:
    message = request("semiuri")
    assert isinstance(message.uri, SipUri)
    assert (message.uri.username, message.uri.params) == ("user;par=u@example.net", ())
    assert len(message.values("Accept")) == 6


def transports() -> None:
    assert [via.transport for via in request("transports").vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def mpart01() -> None:
    message = request("mpart01")
    assert message.content_type is not None
    text, binary = parse_multipart(message.content_type, message.body)
    assert text.body == b"Hello"
    assert binary.content_type.essence == "application/octet-stream"
    assert (binary.body[:2], len(binary.body)) == (b"0\x82", 342)


def unreason() -> None:
    message = parse_message(BY_NAME["unreason"].data)
    assert isinstance(message, Response)
    assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"


def noreason() -> None:
    message = parse_message(BY_NAME["noreason"].data)
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (100, "")


def lwsstart() -> None:
    assert request("lwsstart").start_line() == "INVITE sip:user@example.com SIP/2.0", "not passed on unrepaired"


def trws() -> None:
    assert request("trws").start_line() == "OPTIONS sip:remote-target@example.com SIP/2.0", "not passed on unrepaired"


def badaspec() -> None:
    assert str(request("badaspec").to) == '"Watson, Thomas" <sip:t.watson@example.org>', "not passed on unrepaired"


def baddate() -> None:
    assert request("baddate").get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"


def unksm2() -> None:
    message = request("unksm2")
    assert message.to.uri == OpaqueUri("isbn", "2983792873")
    assert message.from_.uri.scheme == "http" and message.from_.tag == "3234233"
    assert message.contact is not None and message.contact.uri.scheme == "name"


def cparam01() -> None:
    contact = request("cparam01").contact
    assert contact is not None and contact.has_param("unknownparam")
    assert str(contact.uri) == "sip:+19725552222@gw1.example.net"


def cparam02() -> None:
    contact = request("cparam02").contact
    assert contact is not None and not contact.has_param("unknownparam")
    assert isinstance(contact.uri, SipUri) and contact.uri.has_param("unknownparam")


def regescrt() -> None:
    contact = request("regescrt").contact
    assert contact is not None and isinstance(contact.uri, SipUri)
    assert contact.uri.headers == (("Route", "%3Csip:sip.example.com%3E"),)
    assert str(contact.uri) == contact.uri_text


def inv2543() -> None:
    message = request("inv2543")
    assert (message.via.branch, message.from_.tag, message.max_forwards) == ("", None, None)
    assert message.body.startswith(b"v=0") and message.body.endswith(b"m=audio 49217 RTP/AVP 0\r\n")
    assert message.to.params == (("user", "phone"),), "without <> the parameter is the header's"


def bext01() -> None:
    response = refusal(request("bext01"))
    assert response is not None
    assert response.values("Unsupported") == ["nothingSupportsThis", "nothingSupportsThisEither"]


def invut() -> None:
    response = refusal(request("invut"))
    assert response is not None and "application/sdp" in response.values("Accept")


def zeromf() -> None:
    message = request("zeromf")
    assert refusal(message) is None, "the user agent it reached may answer"
    forwarded = admit(message, methods=METHODS, forwarding=True)
    assert forwarded is not None and forwarded.status == 483, "a proxy may not pass it on"


def badvers() -> None:
    with pytest.raises(MalformedMessage) as caught:
        parse_message(BY_NAME["badvers"].data)
    assert caught.value.message is not None and caught.value.message.get("Call-ID") == "badvers.31417@c.example.com"


def baddn() -> None:
    # The message ends without an empty line too: the display name is at fault all the same once it has one.
    with pytest.raises(ProtocolError, match="display name"):
        validate(parse_message(BY_NAME["baddn"].data + b"\r\n"))


MEANINGS = (
    wsinv, intmeth, esc01, escnull, esc02, lwsdisp, longreq, dblreq, semiuri, transports, mpart01, unreason, noreason,
    lwsstart, trws, badaspec, baddate, unksm2, cparam01, cparam02, regescrt, inv2543, bext01, invut, zeromf, badvers,
    baddn,
)  # fmt: skip


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.__name__)
def test_meaning(meaning: Callable[[], None]) -> None:
    meaning()


def test_every_accepted_message_has_its_meaning_checked() -> None:
    accepted = {message.name for message in MESSAGES if message.action == "accept"}
    assert accepted <= {meaning.__name__ for meaning in MEANINGS}
