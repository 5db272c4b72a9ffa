"""Header values: what is read, what is refused, what is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import quote, unquote
from softswitch.sip.headers import (
    Challenge,
    Credentials,
    CSeq,
    Event,
    MediaType,
    NameAddr,
    RAck,
    Reason,
    Replaces,
    SessionExpires,
    SubscriptionState,
    Via,
    canonical_name,
    split_list,
)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a", ["a"]),
        (" a , b ", ["a", "b"]),
        ("a,,b", ["a", "", "b"]),
        ('"a,b" <sip:x>, c', ['"a,b" <sip:x>', "c"]),
        ("<sip:a,b@h>, <sip:c>", ["<sip:a,b@h>", "<sip:c>"]),
        ("<sip:a,b,c@h>,<sip:d>", ["<sip:a,b,c@h>", "<sip:d>"]),
        ('"\\"," <sip:x>,y', ['"\\"," <sip:x>', "y"]),
        ('<sip:a">,"b<" <sip:c>', ['<sip:a">', '"b<" <sip:c>']),
    ],
)
def test_lists_split_outside_quotes_and_brackets(text: str, items: list[str]) -> None:
    assert split_list(text) == items


@pytest.mark.parametrize("text", ['"a,b', "<sip:a, <sip:b>,<c", '"x" <sip:a,b'])
def test_unbalanced_lists_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        split_list(text)


@pytest.mark.parametrize("text", ["", "plain", 'with "quotes"', "back\\slash", "大停電", 'end\\"'])
def test_quoting_round_trip(text: str) -> None:
    assert unquote(quote(text)) == text


def test_line_breaks_cannot_be_quoted_in() -> None:
    assert quote("a\r\nVia: b") == '"a  Via: b"'


@pytest.mark.parametrize(
    ("text", "uri", "display", "params"),
    [
        ("<sip:a@h>", "sip:a@h", None, ()),
        ("sip:a@h;tag=1", "sip:a@h", None, (("tag", "1"),)),
        ("tel:+123;tag=1", "tel:+123", None, (("tag", "1"),)),
        ("<sip:a@h;lr>;tag=1", "sip:a@h;lr", None, (("tag", "1"),)),
        ('"A. B." <sip:a@h>', "sip:a@h", "A. B.", ()),
        ("A B <sip:a@h>", "sip:a@h", "A B", ()),
        ('"Bell, \\"Al\\"" <sip:a@h>;x="y;z";q', "sip:a@h", 'Bell, "Al"', (("x", '"y;z"'), ("q", None))),
        ('"<fake>"<sip:a@h>', "sip:a@h", "<fake>", ()),
        ("张三 <sip:a@h>", "sip:a@h", "张三", ()),
        ("<sip:a@h> ; tag = 1", "sip:a@h", None, (("tag", "1"),)),
        ("<sip:a@h>;tag=a b", None, None, ()),
        ("< sip:a@h >", "sip:a@h", None, ()),
        ("*", "*", None, ()),
        ('"" <sip:a@h>', "sip:a@h", "", ()),
    ],
)
def test_addresses(text: str, uri: str | None, display: str | None, params: tuple[tuple[str, str | None], ...]) -> None:
    if uri is None:
        assert NameAddr.parse(text).tag == "a b", "a stray space in a value is the peer's own"
        return
    address = NameAddr.parse(text)
    assert address == (uri, display, params)
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "<>", "<sip:a@h", "sip:a@h>", '"x <sip:a@h>', '"x" y <sip:a@h>', "x, y <sip:a@h>", "<a>", "a b",
        "sip:a@h?x=y", "sip:a,b@h", "<sip:a@h>;", "<sip:a@h>;;tag=1", "<sip:a@h>x", "<sip:a@h>;=1", "<sip:a b@h>",
        "sip:a b@h", 'x;y" <sip:a@h>', "x\\ <sip:a@h>", "<sip:a@h>;a b=c",
    ],
)  # fmt: skip
def test_malformed_addresses_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        NameAddr.parse(text)


def test_address_parameters() -> None:
    address = NameAddr.parse('<sip:a@h>;+sip.instance="<urn:uuid:1>";q=0.5;Tag=X')
    assert (address.param("+SIP.instance"), address.param("q"), address.tag) == ("<urn:uuid:1>", "0.5", "X")
    assert address.param("expires") is None and not address.has_param("expires")
    assert str(address.with_param("q", "1").without_params("tag")) == '<sip:a@h>;+sip.instance="<urn:uuid:1>";q=1'
    assert str(address.without_params()) == "<sip:a@h>"
    assert str(NameAddr("sip:a@h", "Al").with_param("text", "two words")) == '"Al" <sip:a@h>;text="two words"'
    assert str(NameAddr("sip:a@h").with_tag("t1").with_tag("t2")) == "<sip:a@h>;tag=t2"
    assert NameAddr.parse("*").wildcard and str(NameAddr("*")) == "*"
    assert [item.uri_text for item in NameAddr.parse_list("<sip:a,b@h>, sip:c@h")] == ["sip:a,b@h", "sip:c@h"]


def test_a_parameter_given_twice_is_set_once() -> None:
    assert str(NameAddr.parse("<sip:a@h>;x=1;x=2").with_param("x", "3")) == "<sip:a@h>;x=3"


def test_a_long_address_is_read_like_a_short_one() -> None:
    long = "x" * 1000
    address = NameAddr.parse(f"<sip:{long}@h>;tag={long}")
    assert (address.uri_text, address.tag) == (f"sip:{long}@h", long)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SIP/2.0/UDP h;branch=z9hG4bK1", None),
        ("SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport", None),
        ("SIP/2.0/TCP [2001:db8::1]:5060;branch=b;received=192.0.2.1", None),
        ("sip / 2.0 /\tudp   h : 5060 ; branch = b", "SIP/2.0/UDP h:5060;branch=b"),
        ("SIP/2.0/tls h", "SIP/2.0/TLS h"),
        ("SIP/2.0/ UDP h", "SIP/2.0/UDP h"),
    ],
)
def test_vias(text: str, written: str | None) -> None:
    assert str(Via.parse(text)) == (written or text)


@pytest.mark.parametrize(
    "text",
    [
        "", "SIP/2.0/UDP", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0 h", "SIP/2.0/UDP ", "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h;", "SIP/2.0/UDP h;;branch=1", "SIP/2.0/U DP/x h", "SIP/2.0/UDP [::1;branch=1", "SIP/2.0/UDP h i",
    ],
)  # fmt: skip
def test_malformed_vias_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        Via.parse(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SIP/2.0/UDP 192.0.2.1;branch=b", "SIP/2.0/UDP 192.0.2.1;branch=b"),
        ("SIP/2.0/UDP h;branch=b", "SIP/2.0/UDP h;branch=b;received=192.0.2.1"),
        ("SIP/2.0/UDP 192.0.2.1;rport;branch=b", "SIP/2.0/UDP 192.0.2.1;rport=5071;branch=b;received=192.0.2.1"),
        ("SIP/2.0/UDP h;received=10.0.0.1", "SIP/2.0/UDP h;received=192.0.2.1"),
    ],
)
def test_a_via_is_stamped_with_its_source(text: str, written: str) -> None:
    stamped = Via.parse(text).stamped("192.0.2.1", 5071)
    assert str(stamped) == written
    assert stamped.branch == Via.parse(text).branch


def test_via_parameters() -> None:
    via = Via.parse("SIP/2.0/UDP h;branch=b;rport=5071;received=[::1];maddr=m")
    assert (via.branch, via.rport, via.received, via.param("MADDR")) == ("b", 5071, "::1", "m")
    assert str(via.with_param("branch", "c")).startswith("SIP/2.0/UDP h;branch=c;rport=5071")
    empty = Via.parse("SIP/2.0/UDP h;rport")
    assert (empty.branch, empty.rport, empty.received, empty.has_param("rport")) == ("", None, None, True)
    assert Via.parse("SIP/2.0/UDP h;rport=x").rport is None


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (CSeq.parse, "1 INVITE", (1, "INVITE")),
        (CSeq.parse, "0009  \t INVITE", (9, "INVITE")),
        (CSeq.parse, "2147483647 ACK", (2147483647, "ACK")),
        (RAck.parse, "776656 1 INVITE", (776656, 1, "INVITE")),
        (MediaType.parse, "Application/SDP", ("application", "sdp", ())),
        (MediaType.parse, "text/plain ; charset=utf-8", ("text", "plain", (("charset", "utf-8"),))),
        (SessionExpires.parse, "1800", (1800, None)),
        (SessionExpires.parse, "1800 ;refresher=UAS", (1800, "uas")),
        (Reason.parse, 'Q.850 ;cause=16 ;text="Terminated"', ("Q.850", 16, "Terminated")),
        (Reason.parse, "SIP", ("SIP", None, "")),
        (
            Replaces.parse,
            "98732@sip.example.com;from-tag=r33;to-tag=ff87",
            ("98732@sip.example.com", "ff87", "r33", False),
        ),
        (Replaces.parse, "c;to-tag=a;from-tag=b;early-only", ("c", "a", "b", True)),
        (Event.parse, "presence.winfo;id=7;x=y", ("presence.winfo", "7", (("x", "y"),))),
        (SubscriptionState.parse, "Active;expires=60", ("active", 60, None, None)),
        (
            SubscriptionState.parse,
            "terminated;reason=timeout;retry-after=5",
            ("terminated", None, "timeout", 5),
        ),
    ],
)
def test_small_headers(parse: Callable[[str], object], text: str, expected: object) -> None:
    value = parse(text)
    assert value == expected
    assert parse(str(value)) == expected, "what is written reads the same"


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (CSeq.parse, ""), (CSeq.parse, "1"), (CSeq.parse, "x INVITE"), (CSeq.parse, "-1 INVITE"),
        (CSeq.parse, "2147483648 INVITE"), (CSeq.parse, "1 IN VITE"), (CSeq.parse, "1 IN\x00VITE"),
        (CSeq.parse, "١ ACK"),        (CSeq.parse, "9" * 5000 + " INVITE"),
        (RAck.parse, "1 INVITE"), (RAck.parse, "4294967296 1 INVITE"), (RAck.parse, "1 1 I,"),
        (MediaType.parse, "sdp"), (MediaType.parse, "application/"), (MediaType.parse, "a/b;"),
        (SessionExpires.parse, "x"), (SessionExpires.parse, "90;refresher=me"),
        (Reason.parse, ""), (Reason.parse, "SIP;cause=x"),
        (Replaces.parse, "c;to-tag=a"), (Replaces.parse, ";to-tag=a;from-tag=b"),
        (Replaces.parse, "c;to-tag=a;to-tag=b;from-tag=d"),
        (Event.parse, ""), (Event.parse, "a b"),
        (SubscriptionState.parse, ";expires=3"), (SubscriptionState.parse, "active;expires=never"),
        (Challenge.parse, ""), (Challenge.parse, "Digest realm"), (Challenge.parse, 'Digest realm="x'),
        (Challenge.parse, 'Digest realm="x", realm="y"'),
    ],
)  # fmt: skip
def test_malformed_small_headers_are_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ProtocolError):
        parse(text)


def test_reasons_come_in_lists() -> None:
    text = 'SIP;cause=487;text="Cancelled, by user", Q.850;cause=31'
    assert [str(reason) for reason in Reason.parse_list(text)] == [
        'SIP;cause=487;text="Cancelled, by user"',
        "Q.850;cause=31",
    ]


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("application/sdp", True),
        ("application/*", True),
        ("*/*", True),
        ("*/*;q=0.0", False),
        ("application/sdp;q=0.3", True),
        ("text/plain", False),
        ("text/*", False),
    ],
)
def test_accept_ranges(accept: str, taken: bool) -> None:
    assert MediaType.parse(accept).accepts("application/sdp") is taken


def test_challenges_are_read_as_phones_and_servers_write_them() -> None:
    challenge = Challenge.parse(
        'Digest  realm="a, b",nonce = "x\\"y",\tqop="auth,auth-int", stale=TRUE , algorithm="MD5",'
    )
    assert dict(challenge.params) == {
        "realm": "a, b", "nonce": 'x"y', "qop": "auth,auth-int", "stale": "TRUE", "algorithm": "MD5",
    }  # fmt: skip
    assert str(challenge).endswith("stale=TRUE, algorithm=MD5")
    assert Challenge.parse("Negotiate").params == ()
    assert str(Credentials.parse("Bearer abc.def==")) == "Bearer abc.def=="


def test_credentials_quote_what_the_standard_quotes() -> None:
    credentials = Credentials("Digest", (("username", "a"), ("qop", "auth"), ("nc", "00000001"), ("algorithm", "MD5")))
    assert str(credentials) == 'Digest username="a", qop=auth, nc=00000001, algorithm=MD5'
    assert Credentials.parse(str(credentials)) == credentials
    assert credentials.param("nc") == "00000001" and credentials.param("uri") is None


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("i", "Call-ID"), ("CALL-id", "Call-ID"), ("v ", "Via"), ("cseq", "CSeq"), ("x", "Session-Expires"),
        ("www-authenticate", "WWW-Authenticate"), ("r", "Refer-To"), ("X-Mine", "X-Mine"),
        ("x-" + "y" * 99, "x-" + "y" * 99),
    ],
)  # fmt: skip
def test_header_names(spelled: str, canonical: str) -> None:
    assert canonical_name(spelled) == canonical


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "ä", "x" * 99 + " y"])
def test_header_names_that_are_no_token(name: str) -> None:
    with pytest.raises(ProtocolError):
        canonical_name(name)
