"""Browsers come in by the same door as every other call of a gateway: admission, limits, routing, record."""

from __future__ import annotations

from gateways.webrtc.gateway import BrowserSession, WebRtcGateway
from tests.unit.calls.world import World

OFFER = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n"


def called(world: World, callee: str) -> BrowserSession:
    gateway = WebRtcGateway(world.exchange, lambda: world.new_id("w"), world.exchange.soon)
    session = gateway.call("1001", callee, OFFER, "desk")
    assert isinstance(session, BrowserSession)
    world.advance(0.1)
    return session


def test_an_overloaded_switch_turns_browsers_away() -> None:
    world = World()
    world.overloaded = 7
    cause = called(world, "1002").leg.cause
    assert cause is not None and (cause.status, cause.retry_after) == (503, 7)
    assert world.record["source"] == "webrtc:desk", "the attempt is on record"
    world.check_over()


def test_a_number_that_is_none_is_refused_and_on_record() -> None:
    world = World()
    session = called(world, "5555")
    assert session.leg.cause is not None and session.leg.cause.status == 404
    assert world.record["call_id"] == session.call_id
    world.check_over()
