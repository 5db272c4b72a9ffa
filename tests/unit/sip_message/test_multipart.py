"""Multipart bodies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers import MediaType
from softswitch.sip.multipart import Part, parse_multipart, serialize_multipart

MIXED = MediaType.parse('multipart/mixed;boundary="b b"')
SDP_AND_ISUP = (
    b"preamble\r\n--b b \r\n"
    b"content-type: application/sdp\r\nc: ignored\r\n\r\nv=0\r\n\r\n"
    b"--b b\r\n"
    b"Content-Type: application/isup;\r\n version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n"
    b"\x01\x00\r\n--b bee\r\n--b"
    b"\r\n--b b\r\n\r\nplain"
    b"\r\n--b b--\r\nepilogue\r\n--b b\r\n"
)


def test_parts_come_out_untouched() -> None:
    sdp, isup, plain = parse_multipart(MIXED, SDP_AND_ISUP)
    assert (sdp.content_type.essence, sdp.body) == ("application/sdp", b"v=0\r\n")
    assert isup.get("content-type") == "application/isup; version=itu-t92+"
    assert isup.body == b"\x01\x00\r\n--b bee\r\n--b", "what only looks like a delimiter is content"
    assert (plain.content_type.essence, plain.fields, plain.body) == ("text/plain", [], b"plain")
    assert plain.get("X") is None


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/sdp", b"", 415),
        ("multipart/mixed", b"--b\r\n\r\n\r\n--b--", 400),
        ("multipart/mixed;boundary=" + "b" * 71, b"", 400),
        ('multipart/mixed;boundary=""', b"", 400),
        ("multipart/mixed;boundary=b", b"", 400),
        ("multipart/mixed;boundary=b", b"--b\r\n\r\nnever closed", 400),
        ("multipart/mixed;boundary=b", b"--b\r\nX: no empty line\r\n--b--", 400),
        ("multipart/mixed;boundary=b", b"--b\r\nno colon\r\n\r\n\r\n--b--", 400),
        ("multipart/mixed;boundary=b", b"--b\r\nX: lone\nfeed\r\n\r\n\r\n--b--", 400),
        ("multipart/mixed;boundary=b", b"--b\r\n\r\n\r\n" * 33 + b"--b--", 513),
        ("multipart/mixed;boundary=b", b"--b\r\n" + b"X: y\r\n" * 33 + b"\r\n\r\n--b--", 513),
    ],
)
def test_malformed_bodies(content_type: str, body: bytes, status: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_multipart(MediaType.parse(content_type), body)
    assert caught.value.status == status


def test_a_body_without_parts_is_empty() -> None:
    assert parse_multipart(MIXED, b"--b b--") == []


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_what_is_written_is_read(bodies: list[bytes]) -> None:
    parts = [Part([("Content-Type", "application/octet-stream")] if body else [], body) for body in bodies]
    boundary = "a-boundary-longer-than-any-part-of-fifty-octets-could-ever-hold"
    assert (
        parse_multipart(
            MediaType("multipart", "mixed", (("boundary", boundary),)), serialize_multipart(parts, boundary)
        )
        == parts
    )


@pytest.mark.parametrize(
    ("parts", "boundary"),
    [
        ([], ""),
        ([], "b" * 71),
        ([], "bö"),
        ([], "b\r\n"),
        ([Part([], b"--b")], "b"),
        ([Part([], b"x\r\n--bc")], "b"),
        ([Part([("X", "a\r\nY: b")], b"")], "b"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(parts: list[Part], boundary: str) -> None:
    with pytest.raises(LocalProtocolError):
        serialize_multipart(parts, boundary)


@given(st.binary(max_size=200))
def test_any_octets_are_parts_or_a_protocol_error(body: bytes) -> None:
    try:
        parts = parse_multipart(MIXED, body.replace(b"\x00", b"--b b\r\n"))
    except ProtocolError:
        return
    assert all(isinstance(part, Part) for part in parts)
