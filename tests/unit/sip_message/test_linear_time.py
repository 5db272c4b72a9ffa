"""No input costs more than linear time: sixteen times the octets may not cost a hundred times the work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import thread_time

import pytest

from softswitch.sip.digest import Authenticator, Nonces
from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import split_list
from softswitch.sip.headers import Challenge, MediaType, NameAddr, Via
from softswitch.sip.multipart import parse_multipart
from softswitch.sip.parser import Limits
from softswitch.sip.stream import StreamFramer
from softswitch.sip.uri import SipUri, parse_uri
from tests.fuzz.exercise import exercise_sip

SMALL, LARGE = 1 << 12, 1 << 16
WIDE = Limits(message=1 << 24, fields=1 << 20, line=1 << 22)
HEAD = b"OPTIONS sip:a SIP/2.0\r\n"


def message(line: bytes, unit: bytes) -> Callable[[int], object]:
    return lambda size: exercise_sip(HEAD + line + unit * (size // len(unit)) + b"\r\n\r\n", WIDE)


def value(parse: Callable[[str], object], prefix: str, unit: str, suffix: str = "") -> Callable[[int], object]:
    return lambda size: parse(prefix + unit * (size // len(unit)) + suffix)


def framed(slice_size: int, unit: bytes) -> Callable[[int], object]:
    def run(size: int) -> None:
        framer = StreamFramer(WIDE)
        stream = unit * (size // len(unit))
        for start in range(0, len(stream), slice_size):
            framer.receive_data(stream[start : start + slice_size])

    return run


def equivalent(size: int) -> bool:
    uri = SipUri.parse("sip:a@h;" + ";".join(f"p{number}=1" for number in range(size // 8)))
    return uri.equivalent(uri)


def digest(size: int) -> object:
    asker = Authenticator("r", Nonces(b"0123456789abcdef"))
    return asker.verify(
        "INVITE", "Digest " + ",".join(f'p{number}="x"' for number in range(size // 8)), lambda user: None, 0.0
    )


CASES: dict[str, Callable[[int], object]] = {
    "many fields": message(b"X: ", b"\r\nX: y"),
    "many different fields": lambda size: exercise_sip(
        HEAD + b"".join(b"X%d: y\r\n" % number for number in range(size // 8)) + b"\r\n", WIDE
    ),
    "many folds": message(b"X: ", b"\r\n y"),
    "spaces": message(b"X:", b" "),
    "commas": message(b"Contact: ", b","),
    "contacts": message(b"Contact: ", b"<sip:a>,"),
    "quoted contacts": message(b"Contact: ", b'"," <sip:a>,'),
    "open brackets": message(b"Contact: ", b"<,"),
    "open quotes": message(b"Contact: ", b'",'),
    "escaped quotes": message(b'From: "', b'\\"'),
    "backslashes": message(b'From: "', b"\\"),
    "semicolons": message(b"From: <sip:a>", b";"),
    "parameters": message(b"From: <sip:a>", b";a=b"),
    "quoted parameters": message(b"From: <sip:a>", b';a=";"'),
    "quotes before one semicolon": lambda size: exercise_sip(
        HEAD + b"From: <sip:a>;x=" + b'"a"' * (size // 3) + b";\r\n\r\n", WIDE
    ),
    "vias": message(b"Via: ", b"SIP/2.0/UDP a,"),
    "slashes": message(b"Via: SIP", b"/"),
    "colons": message(b"Via: SIP/2.0/UDP [", b":"),
    "digits": message(b"CSeq: ", b"9"),
    "digits of a length": message(b"Content-Length: ", b"1"),
    "dots": message(b"To: sip:a@", b"a."),
    "escapes": message(b"To: sip:", b"%00"),
    "not utf-8": message(b"To: ", b"\xff"),
    "empty lines first": lambda size: exercise_sip(b"\r\n" * (size // 2) + HEAD + b"\r\n", WIDE),
    "no end": lambda size: exercise_sip(HEAD + b"X: y\r\n" * (size // 6), WIDE),
    "long request line": lambda size: exercise_sip(b"A " + b" a" * (size // 2) + b" SIP/2.0\r\n\r\n", WIDE),
    "uri parameters": value(parse_uri, "sip:a@h", ";a=b"),
    "uri headers": value(parse_uri, "sip:a@h?", "a=b&", "a=b"),
    "uri user": value(lambda text: SipUri.parse(text).address_of_record(), "sip:", "%41", "@h"),
    "uri comparison": equivalent,
    "telephone number": value(parse_uri, "tel:", "1-"),
    "list": value(split_list, "", '"\\\\",<a,b>,'),
    "address parameters": value(lambda text: NameAddr.parse(text).with_param("z", "1"), "<sip:a>", ";a=b"),
    "via parameters": value(lambda text: str(Via.parse(text)), "SIP/2.0/UDP h", ";a=b"),
    "media type": value(MediaType.parse, "a/b", ';a="b"'),
    "challenge": value(Challenge.parse, "Digest a=", '"\\"', '"'),
    "many credentials": digest,
    "stream by the octet": framed(1, b"X: y\r\n"),
    "keep-alives": framed(1 << 20, b"\r\n\r\n"),
    "small messages": framed(1 << 20, b"A b SIP/2.0\r\n\r\n"),
    "small messages by the octet": framed(1, b"A b SIP/2.0\r\n\r\n"),
    "body parts": lambda size: parse_multipart(
        MediaType.parse("multipart/mixed;boundary=b"), b"--b\r\n\r\n" * (size // 7) + b"--b--", part_limit=1 << 20
    ),
    "almost boundaries": lambda size: parse_multipart(
        MediaType.parse("multipart/mixed;boundary=b"), b"--b\r\n\r\n" + b"\r\n--bb" * (size // 6) + b"\r\n--b--"
    ),
}  # fmt: skip


def cost(run: Callable[[int], object], size: int) -> float:
    best = float("inf")
    for _ in range(3):
        start = thread_time()
        with suppress(ProtocolError):
            run(size)
        best = min(best, thread_time() - start)
    return best


@pytest.mark.parametrize("name", CASES)
def test_cost_grows_with_the_octets_and_not_their_square(name: str) -> None:
    run = CASES[name]
    cost(run, SMALL)
    small, large = max(cost(run, SMALL), 100e-6), cost(run, LARGE)
    # Linear is 16, square is 256; what is too quick to measure counts as a tenth of a millisecond.
    assert large / small < 100, f"{LARGE // SMALL} times the octets cost {large / small:.0f} times the time"
