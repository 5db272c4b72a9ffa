"""Packets copied for the capture of a call: whole, in the plain, both ways, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from softswitch.media import MediaEngine, PortSettings, SrtpKeys
from softswitch.media.layouts.capture import (
    CAPTURE_KIND,
    CAPTURE_PLACES,
    CAPTURE_SIZE,
    CAPTURE_SSRC,
    RTCP_RECEIVED,
    RTP_RECEIVED,
    RTP_SENT,
)
from softswitch.observing.captures import CallCaptures, CaptureLimits, TooManyCaptures

Wait = Callable[..., Any]


def captured(engine: MediaEngine, wait_for: Wait, count: int) -> list[tuple[int, int, bytes]]:
    """SSRC of the port, kind and octets of what was captured, once there are so many."""
    found: list[tuple[int, int, bytes]] = []

    def look() -> bool:
        for chunk in engine.captured():
            at = 0
            for head in chunk.heads:
                size = int(head[CAPTURE_SIZE])
                octets = chunk.octets[at : at + size].tobytes()
                found.append((int(head[CAPTURE_SSRC]), int(head[CAPTURE_KIND]), octets))
                at += size
        return len(found) >= count

    wait_for(look, f"{count} packets captured")
    return found


def test_both_ways_are_copied_with_their_headers(engine: MediaEngine, make_leg: Any, wait_for: Wait) -> None:
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    engine.capture(one.port)
    extended = b"\xbe\xde\x00\x01\x10\xff\x00\x00"
    one.phone.send(one.port, b"\x11" * 160, first=0x90, extra=extended, sequence=7)
    other.phone.receive()
    other.phone.send(other.port, b"\x22" * 160)
    back = one.phone.receive()
    one.phone.send_rtcp(one.port, b"\x80\xc9\x00\x01\x11\x22\x33\x44")
    heard, said, report = captured(engine, wait_for, 3)
    assert heard[:2] == (one.port.ssrc, RTP_RECEIVED)
    assert heard[2][2:4] == b"\x00\x07" and heard[2][12:] == extended + b"\x11" * 160, "as it was received"
    assert said[:2] == (one.port.ssrc, RTP_SENT)
    assert said[2][8:12] == back.ssrc.to_bytes(4, "big") and said[2][12:] == back.payload
    assert report[1:] == (RTCP_RECEIVED, b"\x80\xc9\x00\x01\x11\x22\x33\x44")
    engine.capture(one.port, False)
    one.phone.send(one.port)
    other.phone.receive()
    assert engine.captured() == [], "nobody asks any more"


def test_secured_packets_are_copied_in_the_plain(engine: MediaEngine, make_leg: Any, wait_for: Wait) -> None:
    secured, other = make_leg(engine), make_leg(engine)
    keys = SrtpKeys("AES_CM_128_HMAC_SHA1_80", b"k" * 16, b"s" * 14, b"K" * 16, b"S" * 14)
    secured.port.configure(PortSettings(remote=secured.phone.address, formats=other.port.settings.formats, srtp=keys))
    engine.connect(secured.port, other.port)
    engine.capture(secured.port)
    other.phone.send(other.port, b"\x33" * 160)
    assert secured.phone.receive().payload[:160] != b"\x33" * 160
    ((_, kind, octets),) = captured(engine, wait_for, 1)
    assert (kind, octets[12:]) == (RTP_SENT, b"\x33" * 160)


def test_a_full_ring_costs_the_capture_alone(make_engine: Any, make_leg: Any) -> None:
    engine = make_engine()
    leg = make_leg(engine)
    engine.echo(leg.port)
    engine.capture(leg.port)
    for _ in range(CAPTURE_PLACES // 2 + 50):
        leg.phone.send(leg.port)
        leg.phone.receive()
    (chunk,) = engine.captured()
    assert len(chunk.heads) == CAPTURE_PLACES
    leg.phone.send(leg.port)
    leg.phone.receive()
    (chunk,) = engine.captured()
    assert chunk.lost == 100, "both ways of fifty packets found no room"


@pytest.fixture
def kept(make_engine: Any, make_leg: Any) -> tuple[CallCaptures, Any, dict[str, list[Any]]]:
    """Captures of an engine, a telephone that hears itself, and which ports each call has."""
    engine = make_engine()
    leg = make_leg(engine)
    engine.echo(leg.port)
    calls = {"call": [leg.port]}
    return CallCaptures(engine, lambda call: calls.get(call, []), CaptureLimits(20_000, 60.0)), leg, calls


def talk(leg: Any, packets: int = 1) -> None:
    for _ in range(packets):
        leg.phone.send(leg.port)
        leg.phone.receive()


def test_a_call_is_captured_for_as_long_as_was_asked_and_kept_for_a_while(kept: Any, wait_for: Wait) -> None:
    captures, leg, _ = kept
    capture = captures.start("call", 10, 100.0)
    talk(leg)
    wait_for(lambda: captures.get("call", 105.0).packets == 2, "both ways are kept")
    there, back = capture.datagrams()
    assert (there.source, there.destination) == (leg.phone.address, leg.port.local)
    assert (back.source, back.destination) == (leg.port.local, leg.phone.address)
    captures.handle_timer(110.5)
    assert not leg.port.captured, "the time is over"
    leg.port.close()
    assert captures.get("call", 169.0) is capture
    assert captures.get("call", 171.0) is None, "what is old is let go of"
    assert captures.get("another", 171.0) is None


def test_memory_and_number_of_captures_are_bounded(kept: Any, wait_for: Wait) -> None:
    captures, leg, _ = kept
    capture = captures.start("call", 10, 100.0)
    talk(leg, 60)
    wait_for(lambda: captures.get("call", 101.0).full, "there is room for 20 000 octets")
    captures.handle_timer(102.0)
    assert not leg.port.captured
    assert capture.packets == 120, "what had come is kept"
    for number in range(7):
        captures.start(f"other {number}", 10, 103.0)
    with pytest.raises(TooManyCaptures):
        captures.start("one too many", 10, 103.0)
