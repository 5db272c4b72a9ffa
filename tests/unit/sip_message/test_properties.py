"""Properties: any octets are a message or a ProtocolError, and what is written is read."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from softswitch.sip.grammar import quote, split_list, unquote
from softswitch.sip.headers import MediaType, NameAddr, Reason, Via
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.uri import SipUri, escape_user, parse_uri, unescape
from tests.fuzz.exercise import exercise_sip, exercise_stream, exercise_value

TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
PLAIN = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30)
HOST = st.sampled_from(["example.com", "192.0.2.1", "2001:db8::1", "a-b.c", "::1"])
PORT = st.none() | st.integers(0, 65535)
PARAMS = st.lists(st.tuples(TOKEN.map(str.lower), st.none() | TOKEN), max_size=3, unique_by=lambda item: item[0]).map(
    tuple
)

SIP_URIS = st.builds(
    SipUri,
    st.none() | PLAIN.filter(bool).map(escape_user).map(lambda text: text.replace(":", "%3A")),
    HOST,
    PORT,
    st.sampled_from(["sip", "sips"]),
    st.none(),
    PARAMS.map(lambda params: tuple((name.replace("%", ""), value) for name, value in params if name.replace("%", ""))),
    st.just(()),
)
VIAS = st.builds(Via, st.sampled_from(["UDP", "TCP", "TLS", "WSS"]), HOST, PORT, PARAMS)
ADDRESSES = st.builds(NameAddr, SIP_URIS.map(str), st.none() | PLAIN, PARAMS)

LINE = st.one_of(
    st.builds(lambda name, value: f"{name}: {value}".encode(), TOKEN, PLAIN),
    st.builds(
        lambda name, value: f"{name}: {value}".encode(),
        st.sampled_from(
            ["Via", "v", "From", "To", "CSeq", "Contact", "Route", "Content-Length", "Content-Type", "Require"]
        ),
        st.text(' \t"<>;,=:@\\/[]?%*sip2.0UDP1', max_size=40),
    ),
    st.binary(max_size=40),
)
START = st.sampled_from([b"INVITE sip:a@b SIP/2.0", b"SIP/2.0 200 OK", b"X y SIP/2.0"]) | st.binary(max_size=30)


@settings(max_examples=300)
@given(st.binary(max_size=300))
@example(b"INVITE sip:a SIP/2.0\r\n :\r\n\r\n")
def test_any_octets_are_a_message_or_a_protocol_error(data: bytes) -> None:
    exercise_sip(data)
    exercise_stream(data)


@settings(max_examples=500)
@given(START, st.lists(LINE, max_size=8), st.binary(max_size=20))
def test_anything_that_looks_like_a_message_is_one_or_a_protocol_error(
    start: bytes, lines: list[bytes], body: bytes
) -> None:
    data = b"\r\n".join([start, *lines, b"", body])
    exercise_sip(data)
    exercise_stream(data)


@given(st.text(max_size=60))
def test_any_text_is_a_value_or_a_protocol_error(text: str) -> None:
    for parse in (NameAddr.parse, Via.parse, MediaType.parse, Reason.parse, parse_uri):
        exercise_value(parse, text)


@given(SIP_URIS)
def test_uris_are_read_as_written(uri: SipUri) -> None:
    assert parse_uri(str(uri)) == uri
    assert uri.equivalent(uri)


@given(VIAS)
def test_vias_are_read_as_written(via: Via) -> None:
    assert Via.parse(str(via)) == via


@given(ADDRESSES)
def test_addresses_are_read_as_written(address: NameAddr) -> None:
    assert NameAddr.parse(str(address)) == address


@given(st.lists(ADDRESSES, min_size=1, max_size=5))
def test_lists_of_addresses_are_read_as_written(addresses: list[NameAddr]) -> None:
    assert NameAddr.parse_list(", ".join(map(str, addresses))) == addresses


@given(PLAIN)
def test_texts_survive_quoting_and_escaping(text: str) -> None:
    assert unquote(quote(text)) == text
    assert unescape(escape_user(text)) == text
    assert split_list(quote(text) + "," + quote(text)) == [quote(text)] * 2


VALUE = PLAIN.map(lambda text: text.strip(" \t"))


@given(
    st.lists(st.tuples(TOKEN.map(lambda name: f"X-{name}"), VALUE), max_size=8), st.binary(max_size=50), st.booleans()
)
def test_messages_are_read_as_written(fields: list[tuple[str, str]], body: bytes, request: bool) -> None:
    message = Request("MESSAGE", "sip:a@b", fields, body) if request else Response(200, "Fine so", fields, body)
    again = parse_message(message.serialize())
    assert again.fields == [*fields, ("Content-Length", str(len(body)))]
    assert (again.body, again.start_line()) == (body, message.start_line())
    assert again.serialize() == message.serialize()
