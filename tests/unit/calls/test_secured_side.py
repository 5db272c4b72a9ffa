"""Lines of a browser: which of them share a transport, and what the browser is told of it (RFC 9143)."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from softswitch.calls.media.secured_side import SecuredSide
from softswitch.media import Name, Port
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.media import MediaDescription

FINGERPRINT = ":".join(["AB"] * 32)
ANY = ("sha-256", bytes(32))


@dataclass(eq=False)
class FakePort:
    """As much of a port as a description tells."""

    local: tuple[str, int]
    bundle: object = None
    ssrc: int = 1234
    cname: str = "abcd"

    def open_transport(self) -> Any:
        return SimpleNamespace(ice=SimpleNamespace(ufrag="ours", password="ours-too"))


def line(kind: str, mid: str, types: str, port: int = 9, *more: str) -> str:
    names = "".join(f"a=rtpmap:{number} {kind}{number}/90000\r\n" for number in types.split())
    rest = "".join(f"a={each}\r\n" for each in more)
    return (
        f"m={kind} {port} UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=rtcp-mux\r\n{names}{rest}"
    )


OWN = ("ice-ufrag:abcd", "ice-pwd:abcdefghijklmnopqrstuvwx", f"fingerprint:sha-256 {FINGERPRINT}", "setup:actpass")


def offer(*lines: str, bundle: str = "0 1") -> SessionDescription:
    head = f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {bundle}\r\n"
    return SessionDescription.parse((head + "".join(lines)).encode())


SOUND, PICTURES = line("audio", "0", "111 0", 9, *OWN), line("video", "1", "96", 9, *OWN)


def ports(count: int, *, shared: bool) -> list[Port | None]:
    bundle = object() if shared else None
    return [cast(Port, FakePort(("192.0.2.1", 30000 if shared else 30000 + 2 * i), bundle)) for i in range(count)]


def carrier_of_second(side: SecuredSide, plain: SessionDescription) -> bool:
    first = ports(1, shared=False)
    found = side.carrier(1, plain.media, [*first, None])
    assert found in (None, first[0])
    return found is not None


def lines_of(side: SecuredSide, plain: SessionDescription, *, shared: bool, as_offer: bool = False) -> tuple[str, ...]:
    text = side.give(plain, ports(2, shared=shared), offer=as_offer).serialize().decode()
    head, *rest = text.split("m=")
    return head, *rest


def test_a_line_that_lives_in_the_bundle_alone_is_taken_with_the_transport_of_the_first() -> None:
    side = SecuredSide(ANY)
    plain = side.take(offer(SOUND, line("video", "1", "96", 0, "bundle-only")))
    assert plain.media[1].port, "bundle-only is no refusal (RFC 9143 §6)"
    assert carrier_of_second(side, plain)
    head, sound, pictures = lines_of(side, plain, shared=True)
    assert "a=group:BUNDLE 0 1\r\n" in head
    assert "a=candidate" in sound
    assert "a=candidate" not in pictures, "it is found where the first is"
    assert "a=ssrc:1234 cname:abcd" in pictures
    assert "a=setup:passive" in pictures


def test_a_line_outside_the_bundle_has_its_own_transport() -> None:
    side = SecuredSide(ANY)
    plain = side.take(offer(SOUND, PICTURES, bundle="0"))
    assert not carrier_of_second(side, plain)
    head, _, pictures = lines_of(side, plain, shared=False)
    assert "a=group:BUNDLE 0\r\n" in head
    assert "a=candidate" in pictures
    refused = side.take(offer(SOUND, line("video", "1", "96", 0, "bundle-only"), bundle="0"))
    assert not refused.media[1].port, "a line that is in no bundle and has no port is refused"


@pytest.mark.parametrize(
    ("said", "expected"), [((), False), (("ssrc:5 cname:x", "ssrc:5 msid:a b", "ssrc:6 cname:x"), True)]
)
def test_lines_of_the_same_payload_types_share_only_when_sources_are_named(
    said: tuple[str, ...], expected: bool
) -> None:
    side = SecuredSide(ANY)
    plain = side.take(offer(line("video", "0", "96", 9, *OWN), line("video", "1", "96", 9, *OWN, *said)))
    assert carrier_of_second(side, plain) is expected
    assert side.sources(1) == ((5, 6) if expected else ())


MID = "urn:ietf:params:rtp-hdrext:sdes:mid"


@pytest.mark.parametrize(
    ("extension", "name"),
    [
        (f"extmap:4 {MID}", Name(4, "1")),
        (f"extmap:17 {MID}", None),
        ("extmap:4 urn:ietf:params:rtp-hdrext:toffset", None),
    ],
)
def test_lines_of_the_same_payload_types_share_when_packets_say_whose_they_are(
    extension: str, name: Name | None
) -> None:
    side = SecuredSide(ANY)
    plain = side.take(offer(*(line("video", mid, "96", 9, *OWN, extension) for mid in "01")))
    assert carrier_of_second(side, plain) is (name is not None)
    assert side.name(1) == name
    lines = lines_of(side, plain, shared=True)[1:]
    agreed = "a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    assert [agreed in each for each in lines] == [name is not None] * 2, "we name our own packets by SSRC"
    apart = lines_of(side, plain, shared=False)[1:]
    assert not any("extmap" in each for each in apart), "who is alone needs no name"


def test_a_phone_is_offered_keys_by_dtls_and_no_ice_and_a_transport_for_each_line() -> None:
    side = SecuredSide(ANY, by_ice=False)
    plain = SessionDescription.parse(
        b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 30000 RTP/AVP 0\r\nm=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    )
    assert not carrier_of_second(side, plain)
    head, *lines = lines_of(side, plain, shared=False, as_offer=True)
    for text, said in zip(lines, ("audio 30000", "video 30002"), strict=True):
        assert text.startswith(f"{said} UDP/TLS/RTP/SAVP ")
        assert "a=setup:actpass\r\n" in text and "a=fingerprint:sha-256 " in text
    whole = "".join((head, *lines))
    assert not [word for word in ("ice-", "candidate", "BUNDLE") if word in whole]


def test_a_browser_is_offered_further_lines_in_the_bundle_alone_until_it_has_agreed() -> None:
    side = SecuredSide(ANY)
    plain = SessionDescription.parse(
        b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 30000 RTP/AVP 0\r\nm=video 30000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    )
    assert carrier_of_second(side, plain)
    head, sound, pictures = lines_of(side, plain, shared=True, as_offer=True)
    assert "a=group:BUNDLE 0 1\r\n" in head
    assert sound.startswith("audio 30000 ")
    assert pictures.startswith("video 0 ") and "a=bundle-only" in pictures
    side.take(offer(SOUND, PICTURES))
    again = lines_of(side, plain, shared=True, as_offer=True)[2]
    assert again.startswith("video 30000 ") and "bundle-only" not in again


def test_formats_that_two_lines_of_ours_have_in_common_keep_them_apart() -> None:
    side = SecuredSide(ANY)
    lines = [MediaDescription("audio", 1, "RTP/AVP", ["96"]), MediaDescription("video", 1, "RTP/AVP", ["96"])]
    assert side.carrier(1, lines, [*ports(1, shared=False), None]) is None


@pytest.mark.parametrize("multiplexed", [True, False])
def test_only_who_multiplexes_is_met_by_ice_and_told_to(multiplexed: bool) -> None:
    """RFC 5761 §5.1.1: an answer has rtcp-mux where the offer has it; without it ICE wants a second component."""
    side, met = SecuredSide(ANY), []
    sound = line("audio", "0", "0", 9, *OWN).replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\n" if multiplexed else "")
    plain = side.take(offer(sound, bundle="0"))
    port = FakePort(("192.0.2.1", 30000))
    text = side.give(plain, [cast(Port, port)], offer=False).serialize().decode()
    assert ("a=rtcp-mux" in text, "a=ice-ufrag" in text, "a=ice-lite" in text) == (multiplexed,) * 3
    assert "a=fingerprint" in text, "secured it is in either case"
    port.meet = met.append  # type: ignore[attr-defined]
    side.introduce(0, cast(Port, port), ("192.0.2.9", 4000))
    (remote,) = met
    assert (remote.ufrag, remote.address) == (("abcd", None) if multiplexed else ("", ("192.0.2.9", 4000)))
