"""A port without sockets, as a gateway brings it, talks to the switch itself: the real engine, no network."""

from __future__ import annotations

from softswitch.calls.leg import Party
from softswitch.calls.media.path import MediaPath
from softswitch.media import MediaEngine
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.formats import Codec
from tests.unit.calls.test_gateways import LineLeg


def test_the_switch_answers_a_port_without_sockets() -> None:
    with MediaEngine(first_port=20200, last_port=20299) as engine:
        internal = engine.open_internal_port("line")
        leg = LineLeg("l1", "in", Party("8110"), internal.port, codecs=(Codec("PCMA"),), soon=lambda action: action())
        media = MediaPath(engine, random=bytes, session_id=lambda: 4711)
        answer = SessionDescription.parse(media.answer_locally(leg, leg.own_offer()))
        assert answer.media[0].port, "the stream is taken, though it goes through no UDP port"
        assert [f.encoding for f in internal.port.settings.formats] == ["PCMA"]
        engine.echo(internal.port)
        media.release(leg)
        internal.close()
