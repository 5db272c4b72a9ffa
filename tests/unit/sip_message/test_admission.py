"""What a user agent server refuses before it looks any further."""

from __future__ import annotations

import pytest

from softswitch.sip.admission import admit
from softswitch.sip.message import Request, Response

BASE = [
    ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
    ("From", "<sip:a@h>;tag=1"),
    ("To", "<sip:b@h>"),
    ("Call-ID", "c"),
    ("CSeq", "1 X"),
]


def judge(
    method: str = "INVITE",
    uri: str = "sip:b@h",
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    forwarding: bool = False,
) -> Response | None:
    return admit(
        Request(method, uri, [*BASE, *fields], body),
        methods=("INVITE", "ACK", "CANCEL", "OPTIONS"),
        extensions=("100rel", "timer"),
        content_types=("application/sdp", "message/*"),
        forwarding=forwarding,
    )


SDP = ("Content-Type", "application/sdp")


@pytest.mark.parametrize(
    "admitted",
    [
        judge(),
        judge(uri="sips:b@h"),
        judge(uri="tel:+123"),
        judge(fields=(("Require", "100rel, TIMER"),)),
        judge(fields=(SDP,), body=b"v=0"),
        judge(fields=(("Content-Type", "message/sipfrag"),), body=b"x"),
        judge(body=b"no type"),
        judge(fields=(("Content-Type", "text/html"),)),
        judge(fields=(("Content-Type", "text/html"), ("Content-Disposition", "render; handling=optional")), body=b"x"),
        judge(fields=(SDP, ("Content-Encoding", "identity")), body=b"v=0"),
        judge(fields=(("Accept", "text/plain, application/*;q=0.2"),)),
        judge(fields=(("Accept", "no type, */*"),)),
        judge("OPTIONS", fields=(("Accept", "text/plain"),)),
        judge("OPTIONS", fields=(("Max-Forwards", "0"),)),
        judge("ACK", uri="x:y", fields=(("Require", "unknown"),), body=b"x"),
        judge("CANCEL", fields=(("Require", "unknown"),), body=b"x"),
        judge(fields=(("Max-Forwards", "1"), ("Proxy-Require", "unknown"))),
    ],
)
def test_admitted(admitted: Response | None) -> None:
    assert admitted is None


@pytest.mark.parametrize(
    ("refusal", "status", "header", "value"),
    [
        (judge("REFER"), 405, "Allow", "INVITE, ACK, CANCEL, OPTIONS"),
        (judge("BREW"), 501, "Allow", "INVITE, ACK, CANCEL, OPTIONS"),
        (judge(uri="http://h/"), 416, "Call-ID", "c"),
        (judge(fields=(("Max-Forwards", "0"),)), 483, "Call-ID", "c"),
        (judge("OPTIONS", fields=(("Max-Forwards", "0"),), forwarding=True), 483, "Call-ID", "c"),
        (judge(fields=(("Require", "timer, foo"), ("Require", "bar"))), 420, "Unsupported", "foo, bar"),
        (judge(fields=(("Content-Type", "text/html"),), body=b"x"), 415, "Accept", "application/sdp, message/*"),
        (judge(fields=(SDP, ("Content-Encoding", "gzip")), body=b"x"), 415, "Accept-Encoding", "identity"),
        (judge(fields=(("Accept", "text/plain"),)), 406, "Call-ID", "c"),
        (judge(fields=(("Accept", ""),)), 406, "Call-ID", "c"),
        (judge(fields=(("Accept", "*/*;q=0"),)), 406, "Call-ID", "c"),
    ],
)
def test_refused(refusal: Response | None, status: int, header: str, value: str) -> None:
    assert refusal is not None
    assert (refusal.status, refusal.get(header)) == (status, value)


def test_any_content_can_be_admitted() -> None:
    request = Request("MESSAGE", "sip:b@h", [*BASE, ("Content-Type", "image/png")], b"x")
    assert admit(request, methods=("MESSAGE",), content_types=("*/*",)) is None
