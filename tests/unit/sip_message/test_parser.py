"""The parser: framing of datagrams, limits, tolerance, best effort on bad input, and validation."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import DEFAULT_LIMITS, Limits, MalformedMessage, parse_message, validate

HEAD = (
    "OPTIONS sip:bob@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    "From: <sip:al@example.com>;tag=1\r\n"
    "To: <sip:bob@example.com>\r\n"
    "Call-ID: c1\r\n"
    "CSeq: 7 OPTIONS\r\n"
    "Max-Forwards: 70\r\n"
)
ANSWER = HEAD.replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK")


def refused(data: bytes, limits: Limits = DEFAULT_LIMITS) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        parse_message(data, limits)
    return caught.value


@pytest.mark.parametrize(
    ("tail", "body"),
    [
        (b"\r\n", b""),
        (b"\r\nall the rest", b"all the rest"),
        (b"Content-Length: 4\r\n\r\nbodybeyond", b"body"),
        (b"l: 4\r\n\r\nbody", b"body"),
        (b"Content-Length:0\r\n\r\nbeyond", b""),
        (b"CONTENT-LENGTH : 0004\r\n\r\nbody", b"body"),
        (b"Content-Length:\r\n 4\r\n\r\nbody", b"body"),
    ],
)
def test_the_body_is_cut_at_content_length(tail: bytes, body: bytes) -> None:
    assert parse_message(HEAD.encode() + tail).body == body


@pytest.mark.parametrize(
    "length", [b"5", b"-1", b"", b"x", b"4 4", b"4,4", b"4;a", b"0x4", b"9" * 5000, b"4\r\nl: 4", "\u0664".encode()]
)
def test_a_wrong_content_length_is_a_400(length: bytes) -> None:
    error = refused(HEAD.encode() + b"Content-Length: " + length + b"\r\n\r\nbody")
    assert error.status == 400
    assert isinstance(error.message, Request) and error.message.call_id == "c1"


def test_empty_lines_before_the_start_line_are_skipped() -> None:
    assert parse_message(b"\r\n\r\n" + HEAD.encode() + b"\r\n").cseq.number == 7


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\r\n", b"\r\n\r\n", b"\x00", b"hello", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n",
        b"INVITE sip:a\r\n\r\n", b"INVITE  SIP\r\n\r\n", b" \r\n\r\n", b"SIP/2.0\r\n\r\n", b"a b c\r\n\r\n",
        ANSWER.encode() + b"Content-Length: 3\r\n\r\n", ANSWER.encode() + b"No colon\r\n\r\n", ANSWER.encode(),
        b"SIP/2.0 99 Low\r\n\r\n", b"SIP/2.0 700 High\r\n\r\n", b"SIP/2.0 2000 Long\r\n\r\n",
        b"SIP/2.0 2x0 Odd\r\n\r\n", b"SIP/2.0 50\r\n\r\n", b"SIP/2.0  200 OK\r\n\r\n", b"SIP/2.0 \r\n\r\n",
        b"sip/2.0 200 OK\r\n\r\n",
    ],
)  # fmt: skip
def test_noise_and_bad_responses_are_dropped(data: bytes) -> None:
    error = refused(data)
    assert (error.status, error.message) == (0, None)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("OPTIONS sip:bob@example.com SIP/3.0", 505),
        ("OPTIONS sip:bob@example.com SIP/2.00", 505),
        ("OPTIONS <sip:bob@example.com> SIP/2.0", 400),
        ("OPTIONS sip:bob @example.com SIP/2.0", 400),
        (" OPTIONS sip:bob@example.com SIP/2.0", 400),
        ("OPTIONS  SIP/2.0", 400),
        ("OPT<IONS sip:bob@example.com SIP/2.0", 0),
    ],
)
def test_bad_request_lines(line: str, status: int) -> None:
    error = refused(HEAD.replace("OPTIONS sip:bob@example.com SIP/2.0", line).encode() + b"\r\n")
    assert error.status == status
    assert (error.message is not None) == bool(status), "what is answered can be addressed"


@pytest.mark.parametrize(
    "line",
    [
        "OPTIONS  sip:bob@example.com  SIP/2.0",
        "OPTIONS sip:bob@example.com SIP/2.0 \t",
        "OPTIONS sip:bob@example.com sip/2.0",
    ],
)
def test_sloppy_request_lines_are_mended(line: str) -> None:
    message = parse_message(HEAD.replace("OPTIONS sip:bob@example.com SIP/2.0", line).encode() + b"\r\n")
    assert message.start_line() == "OPTIONS sip:bob@example.com SIP/2.0"


@pytest.mark.parametrize(
    "line",
    [
        b"No colon here",
        b": no name",
        b"a b: space in name",
        b"caf\xc3\xa9: x",
        b"X: lone\rcarriage",
        b"X: lone\nfeed",
        b"X: a\n\rb",
    ],
)
def test_bad_header_lines_are_a_400(line: bytes) -> None:
    error = refused(HEAD.encode() + line + b"\r\n\r\n")
    assert error.status == 400
    assert error.message is not None
    answer = Response.to_request(error.message, 400).serialize() if isinstance(error.message, Request) else b""
    assert b"Call-ID: c1\r\n" in answer


def test_a_message_of_bare_line_feeds_is_dropped() -> None:
    assert refused(HEAD.replace("\r\n", "\n").encode() + b"\n").status in (0, 400)


def test_a_header_that_does_not_end_is_a_400() -> None:
    error = refused(HEAD.encode())
    assert error.status == 400 and error.message is not None and error.message.call_id == "c1"


def test_folded_lines_are_joined_by_one_space() -> None:
    message = parse_message((HEAD + "Subject: one\r\n \t two\r\n\tthree\r\nX: 1\r\n \r\n\r\n").encode())
    assert message.get("Subject") == "one two three"
    assert message.get("X") == "1", "a fold of nothing adds nothing"
    assert len(message.fields) == 8


def test_a_fold_after_the_start_line_is_a_400() -> None:
    assert refused(HEAD.replace("SIP/2.0\r\n", "SIP/2.0\r\n folded\r\n", 1).encode() + b"\r\n").status == 400


def test_names_are_recognised_in_any_spelling() -> None:
    message = parse_message(HEAD.replace("Call-ID:", "cAlL-iD  :").replace("To:", "t\t:").encode() + b"\r\n")
    assert message.call_id == "c1" and message.to.uri_text == "sip:bob@example.com"
    assert [name for name, _ in message.fields] == ["Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards"]


def fields(count: int) -> bytes:
    return HEAD.encode() + b"X: y\r\n" * (count - 6) + b"\r\n"


def test_the_number_of_fields_is_limited() -> None:
    assert len(parse_message(fields(128)).fields) == 128
    error = refused(fields(129))
    assert error.status == 513
    assert isinstance(error.message, Request) and error.message.call_id == "c1"


def test_the_length_of_a_line_is_limited_folds_included() -> None:
    room = DEFAULT_LIMITS.line - len("X: ")
    parse_message(HEAD.encode() + b"X: " + b"y" * room + b"\r\n\r\n")
    assert refused(HEAD.encode() + b"X: " + b"y" * (room + 1) + b"\r\n\r\n").status == 513
    folded = b"X: " + b"y" * 4000 + (b"\r\n " + b"y" * 2200) * 2
    assert refused(HEAD.encode() + folded + b"\r\n\r\n").status == 513


def test_a_request_line_as_long_as_the_limit() -> None:
    uri = "sip:" + "u" * DEFAULT_LIMITS.line + "@h"
    assert refused(HEAD.replace("sip:bob@example.com", uri, 1).encode() + b"\r\n").status == 513


def test_the_size_of_a_message_is_limited() -> None:
    head = HEAD.encode() + b"\r\n"
    body = b"b" * (DEFAULT_LIMITS.message - len(head))
    assert parse_message(head + body).body == body
    error = refused(head + body + b"b")
    assert error.status == 513 and error.message is not None


def test_limits_are_arguments() -> None:
    tight = Limits(message=300, fields=6, line=60)
    parse_message(HEAD.encode() + b"\r\n", tight)
    for data in (HEAD.encode() + b"X: y\r\n\r\n", HEAD.encode() + b"\r\n" + b"b" * 300):
        assert refused(data, tight).status == 513
    assert refused(HEAD.encode() + b"\r\n", tight._replace(line=20)).status == 513


def test_remembered_lines_stay_bounded() -> None:
    from softswitch.sip import parser

    for number in range(200):
        parse_message((HEAD + "".join(f"X-{number}-{field}: y\r\n" for field in range(100)) + "\r\n").encode())
    assert len(parser._PARSED_LINES) <= parser._REMEMBERED_LINES


def test_a_valid_message_passes() -> None:
    validate(parse_message(HEAD.encode() + b"\r\n"))
    validate(parse_message(ANSWER.encode() + b"\r\n"))


INVALID = {
    "no Via": HEAD.replace("Via", "X-Via"),
    "no From": HEAD.replace("From", "X-From"),
    "no To": HEAD.replace("To:", "X-To:"),
    "no Call-ID": HEAD.replace("Call-ID", "X-Call"),
    "empty Call-ID": HEAD.replace("c1", ""),
    "no CSeq": HEAD.replace("CSeq", "X-CSeq"),
    "bad Via": HEAD.replace("192.0.2.1;", ";"),
    "bad second Via": HEAD + "Via: SIP/2.0/UDP\r\n",
    "magic cookie alone": HEAD.replace("z9hG4bK1", "z9hG4bK"),
    "bad From": HEAD.replace("<sip:al", "x, y <sip:al"),
    "bad From URI": HEAD.replace("al@example.com", "al@exa^mple.com"),
    "bad To URI": HEAD.replace("To: <sip:bob@", "To: <sip:bob@@"),
    "CSeq too large": HEAD.replace("7 OPTIONS", "2147483648 OPTIONS"),
    "two From": HEAD + "From: <sip:al@example.com>;tag=1\r\n",
    "two To": HEAD + "t: <sip:bob@example.com>\r\n",
    "two Call-ID": HEAD + "i: c1\r\n",
    "two CSeq": HEAD + "CSeq: 7 OPTIONS\r\n",
    "two Max-Forwards": HEAD + "Max-Forwards: 70\r\n",
    "bad Contact": HEAD + "Contact: <sip:a\r\n",
    "bad Content-Type": HEAD + "Content-Type: sdp\r\n",
}
INVALID_REQUEST = {
    "CSeq of another method": HEAD.replace("7 OPTIONS", "7 INVITE"),
    "bad Request-URI": HEAD.replace("sip:bob@example.com SIP", "sip:bob@@ SIP", 1),
    "tab in Request-URI": HEAD.replace("sip:bob@example.com SIP", "sip:bob@example.com\t;x SIP", 1),
    "no Request-URI scheme": HEAD.replace("sip:bob@example.com SIP", "bob SIP", 1),
    "headers in Request-URI": HEAD.replace("sip:bob@example.com SIP", "sip:bob@example.com?Route=%3C SIP", 1),
    "Max-Forwards too large": HEAD.replace("70", "256"),
    "bad Expires": HEAD + "Expires: never\r\n",
    "bad Contact URI": HEAD + "Contact: <sip:a@>\r\n",
    "bad Route": HEAD + "Route: <sip:a;lr>, x\r\n",
    "bad Route URI": HEAD + "Route: <sip:;lr>\r\n",
    "bad Record-Route": HEAD + "Record-Route: <sip:a;lr>;\r\n",
}


@pytest.mark.parametrize("case", [*INVALID, *INVALID_REQUEST])
def test_invalid_requests_get_a_400(case: str) -> None:
    message = parse_message((INVALID | INVALID_REQUEST)[case].encode() + b"\r\n")
    with pytest.raises(ProtocolError) as caught:
        validate(message)
    assert caught.value.status == 400, case
    assert caught.value.section, "the rule is named"


@pytest.mark.parametrize("case", INVALID)
def test_invalid_responses_are_dropped(case: str) -> None:
    text = INVALID[case].replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK")
    with pytest.raises(ProtocolError) as caught:
        validate(parse_message(text.encode() + b"\r\n"))
    assert caught.value.status == 0, case


def test_a_response_meant_for_another_is_dropped() -> None:
    with pytest.raises(ProtocolError) as caught:
        validate(parse_message(ANSWER.encode() + b"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n\r\n"))
    assert caught.value.status == 0


def test_wildcard_contacts_and_old_peers_pass() -> None:
    old = HEAD.replace(";branch=z9hG4bK1", "").replace(";tag=1", "").replace("Max-Forwards: 70\r\n", "")
    validate(parse_message(old.encode() + b"Contact: *\r\n\r\n"))
