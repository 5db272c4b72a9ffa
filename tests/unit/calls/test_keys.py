"""How keys reach a party, and what becomes of them between parties who take them in different ways."""

from __future__ import annotations

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.calls.media.digits import Key
from softswitch.events import CallIsFax, DigitReceived, SpeechChanged
from softswitch.media import FaxDetected, KeyPressed, SpeechStarted, SpeechStopped
from tests.unit.calls.phone import PhoneCall
from tests.unit.calls.world import World, trunk

EVENTS = ("PCMA", "telephone-event")


def talk(dtmf: str = "", **options) -> tuple[World, PhoneCall, PhoneCall]:
    """Two parties who talk and both take telephone-events, the callee behind a trunk configured with `dtmf`."""
    world = World(
        trunks=[trunk("peer", "203.0.113.1", dtmf=dtmf, **options)],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
    )
    alice, peer = world.phone("1001", codecs=EVENTS), world.peer("peer", codecs=EVENTS)
    call = alice.call("9100")
    peer.ringing.ring()
    peer.ringing.answer()
    assert call.talking
    return world, call, peer.ringing


def ports(world: World, call: PhoneCall, other: PhoneCall):
    return world.engine.port_to(call.phone.host), world.engine.port_to(other.phone.host)


def press(world: World, port, event: int, *, inband: bool = False) -> None:
    world.exchange.media_event(KeyPressed(port, event, 0.0, inband))
    world.settle()


@pytest.mark.parametrize(
    ("dtmf", "pressed", "infos"),
    [("", [], []), ("rfc4733", [], []), ("inband", ["5"], []), ("info", [], ["Signal=5"])],
)
def test_an_event_is_brought_to_the_other_in_its_own_way(dtmf, pressed, infos):
    world, call, other = talk(dtmf)
    ours, theirs = ports(world, call, other)
    press(world, ours, 5)
    world.advance(0.1)
    assert theirs.pressed == pressed, "what goes by RTP as it is is not pressed again"
    assert [r.body.decode().splitlines()[0] for r in world.requests_to(other.phone, "INFO")] == infos
    events = [entry for entry in theirs.settings.sendable if entry.encoding == "telephone-event"]
    assert bool(events) is (dtmf in ("", "rfc4733")), "no key comes twice: events go only to who shall get them"
    assert [told.digit for told in world.told(DigitReceived)] == ["5"]


def test_tones_are_listened_for_and_become_events():
    world, call, other = talk("inband")
    ours, theirs = ports(world, call, other)
    assert (ours.heard, theirs.heard) == (set(), {"keys", "hush"}), "the party of the trunk presses tones"
    press(world, theirs, 7, inband=True)
    assert ours.pressed == ["7"]


def test_a_key_by_info_becomes_tones_where_that_is_configured():
    world, call, other = talk("inband")
    _, theirs = ports(world, call, other)
    out = world.exchange.media.leg_of(theirs)
    assert world.exchange.keys.informed(out, Key("8", 160))
    assert theirs.pressed == ["8"]


def test_speech_and_fax_are_told_to_the_bus():
    world, call, other = talk()
    ours, _ = ports(world, call, other)
    for event in (SpeechStarted(ours, 0.0), SpeechStopped(ours, 0.0), FaxDetected(ours, 0.0)):
        world.exchange.media_event(event)
    assert [told.speaking for told in world.told(SpeechChanged)] == [True, False]
    assert len(world.told(CallIsFax)) == 1


def image(host: str) -> bytes:
    """A session of T.38 alone."""
    lines = ["v=0", f"o=- 1 9 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", "m=image 6000 udptl t38", ""]
    return "\r\n".join(lines).encode()


def test_a_change_to_t38_is_refused_and_the_call_goes_on():
    world, call, other = talk()
    call.offer(image(call.phone.host))
    assert world.responses_to(call.phone)[-1] == 488, "fax stays in G.711"
    assert call.talking and other.talking
    assert not other.offers, "the other party is not asked"


def test_t38_beside_sound_is_refused_in_the_answer():
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", body=alice.sdp() + b"m=image 6000 udptl t38\r\n")
    bob.ringing.ring()
    bob.ringing.answer(bob.sdp() + b"m=image 0 udptl t38\r\n")
    assert call.talking
    assert call.remote is not None and b"m=image 0 udptl t38" in call.remote
    service = alice.call("600", body=alice.sdp() + b"m=image 6000 udptl t38\r\n")
    assert service.remote is None or b"m=image 0 udptl t38" in service.remote
