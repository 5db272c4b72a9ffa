"""URIs: parts, escapes, comparison (RFC 3261 §19.1, RFC 3966)."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import ProtocolError
from softswitch.sip.uri import OpaqueUri, SipUri, TelUri, escape_user, parse_uri, unescape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:alice@atlanta.com", SipUri("alice", "atlanta.com")),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            SipUri("alice", "atlanta.com", None, "sip", "secretword", (("transport", "tcp"),)),
        ),
        ("sip:alice:@h", SipUri("alice", "h", password="")),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            SipUri("alice", "atlanta.com", scheme="sips", headers=(("subject", "project%20x"), ("priority", "urgent"))),
        ),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            SipUri("+1-212-555-1212", "gateway.com", password="1234", params=(("user", "phone"),)),
        ),
        ("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", None),
        ("sip:alice;day=tuesday@atlanta.com", SipUri("alice;day=tuesday", "atlanta.com")),
        ("sip:[2001:db8::1]:5060;lr", SipUri(None, "2001:db8::1", 5060, params=(("lr", None),))),
        ("sip:192.0.2.4:5070", SipUri(None, "192.0.2.4", 5070)),
        ("sip:a_b-c.example.com", SipUri(None, "a_b-c.example.com")),
        (
            "tel:+1-201-555-0123;phone-context=example.com",
            TelUri("+1-201-555-0123", (("phone-context", "example.com"),)),
        ),
        ("tel:7042;phone-context=example.com", TelUri("7042", (("phone-context", "example.com"),))),
        ("urn:service:sos", OpaqueUri("urn", "service:sos")),
        ("soap.beep://192.0.2.103:3002", OpaqueUri("soap.beep", "//192.0.2.103:3002")),
    ],
)
def test_parse_and_write_back(text: str, expected: object) -> None:
    uri = parse_uri(text)
    if expected is not None:
        assert uri == expected
    assert str(uri) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "sip", "sip:", "sip:@h", "sip:u@", "sip:u@h:99999", "sip:u@h:-1", "sip:u@h:5x", "sip:u@[::1", "sip:u@[::g]",
        "sip:u@[fe80::1%eth0]", "sip:u@[::1]x", "sip:2001:db8::10", "sip:a b@h", "sip:<u>@h", 'sip:"u"@h',
        "sip:u@h\x00",
        "sip:u@-h", "sip:u@h?a", "sip:u@h?=b", "sip:u@v@h", "sip:u@h;a=b@c", "tel:", "tel:+", "tel:xyz", "tel:1+2",
        "1x:y", "x y:z", "http:", "sip:u@h\r\nVia: x", "sip:ü@münchen",
    ],
)  # fmt: skip
def test_malformed_uris_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_uri(text)


def test_a_sip_uri_is_asked_for_and_another_scheme_comes() -> None:
    with pytest.raises(ProtocolError) as caught:
        SipUri.parse("tel:123")
    assert caught.value.status == 416


def test_scheme_host_and_parameter_names_take_any_case() -> None:
    uri = SipUri.parse("SIP:Alice@EXAMPLE.com;Transport=TCP;LR")
    assert (uri.scheme, uri.transport, uri.has_param("lr"), uri.param("TRANSPORT")) == ("sip", "tcp", True, "TCP")
    assert uri.address_of_record() == "Alice@example.com", "the user part keeps its case"


def test_address_of_record_drops_port_and_parameters_and_unescapes() -> None:
    assert SipUri.parse("sip:%31001@Example.com:5060;x=y").address_of_record() == "1001@example.com"
    assert SipUri.parse("sip:example.com").address_of_record() == "example.com"


def test_a_null_octet_does_not_cut() -> None:
    assert SipUri.parse("sip:a%00b@h").username == "a\x00b"
    assert unescape("%00%00") == "\x00\x00"


def test_octets_that_are_no_utf8_survive_unescaping() -> None:
    assert unescape("%FF").encode("utf-8", "surrogateescape") == b"\xff"
    assert unescape("%E5%A4%A7%ZZ%4") == "大%ZZ%4"


def test_user_names_are_escaped_for_the_wire() -> None:
    assert escape_user("I have spaces") == "I%20have%20spaces"
    assert escape_user("大@x") == "%E5%A4%A7%40x"
    assert unescape(escape_user("a\x00é%<>")) == "a\x00é%<>"


def test_changes_make_new_values() -> None:
    uri = SipUri.parse("sip:a@h;lr;transport=udp")
    assert str(uri.with_param("transport", "tcp")) == "sip:a@h;lr;transport=tcp"
    assert str(uri.with_param("ob")) == "sip:a@h;lr;transport=udp;ob"
    assert str(uri.without_params("LR")) == "sip:a@h;transport=udp"
    assert str(uri.without_params()) == "sip:a@h"
    assert str(uri.replace(user=None, host="::1", port=5062)) == "sip:[::1]:5062;lr;transport=udp"
    assert str(uri) == "sip:a@h;lr;transport=udp", "the original stays"


def test_telephone_numbers() -> None:
    assert parse_uri("tel:+44-(20).7946-0000") == TelUri("+44-(20).7946-0000")
    assert TelUri("+44-(20).7946-0000").digits == "+442079460000"
    assert TelUri("911", (("phone-context", "+1"),)).param("Phone-Context") == "+1"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # RFC 3261 §19.1.4, the examples of the standard
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", True),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", True),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            True,
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            True,
        ),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", False),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
        ("sip:a@h", "sips:a@h", False),
        ("sip:a@h", "sip:h", False),
        ("sip:a:p@h", "sip:a@h", False),
    ],
)
def test_equivalence(one: str, other: str, same: bool) -> None:
    first, second = SipUri.parse(one), SipUri.parse(other)
    assert first.equivalent(second) is same
    assert second.equivalent(first) is same
