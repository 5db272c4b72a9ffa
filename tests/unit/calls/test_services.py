"""Numbers that the switch answers itself."""

from __future__ import annotations

import pytest

from softswitch.calls.media.side import own_capabilities
from softswitch.sdp.capabilities import LocalMedia, LocalSession
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.fields import Origin
from softswitch.sdp.offer_answer import answer
from tests.unit.calls.world import World, sdp

SERVICES = [("600", "echo"), ("601", "tone 1004 -16"), ("602", "announcement")]


@pytest.mark.parametrize(("number", "playing"), SERVICES)
def test_a_service_answers_at_once(number: str, playing: str) -> None:
    world = World()
    alice = world.phone("1001")
    call = alice.call(number)
    assert call.talking and world.engine.port_to(alice.host).playing == playing
    world.advance(3)
    call.hang_up()
    record = world.record
    assert (record["disposition"], record["billsec_ms"]) == ("answered", 3000)
    assert [leg["codec"] for leg in record["legs"]] == ["PCMA"]
    world.check_over()


@pytest.mark.parametrize(("number", "playing"), SERVICES)
def test_a_service_offers_to_a_caller_without_an_offer(number: str, playing: str) -> None:
    world = World()
    alice = world.phone("1001")
    call = alice.call(number, body=None)
    assert call.talking and world.engine.port_to(alice.host).playing == playing
    call.hang_up()
    world.check_over()


def test_at_its_end_an_announcement_hangs_up() -> None:
    world = World()
    alice = world.phone("1001")
    call = alice.call("602")
    world.exchange.media_event(world.engine.played(world.engine.port_to(alice.host)))
    world.settle()
    assert call.over and world.record["released_by"] == "switch"
    world.check_over()


@pytest.mark.parametrize(("number", "_"), SERVICES)
def test_without_a_codec_that_is_coded_here_a_service_is_488(number: str, _: str) -> None:
    world = World()
    call = world.phone("1001", codecs=("iLBC", "speex")).call(number)
    assert call.status == 488 and world.record["q850_cause"] == 88
    world.check_over()


def test_who_has_no_g711_is_answered_with_a_codec_of_its_own() -> None:
    world = World()
    phone = world.phone("1001", codecs=("speex", "G726-32", "G722"))
    call = phone.call("600")
    formats = world.engine.port_to(phone.host).settings.formats
    assert [entry.encoding for entry in formats] == ["G726-32", "telephone-event"], "its first one alone, and keys"
    call.hang_up()
    world.check_over()


def test_without_a_free_port_a_service_is_503() -> None:
    world = World()
    world.engine.capacity = 0
    assert world.phone("1001").call("600").status == 503
    world.check_over()


@pytest.mark.parametrize("error", [OSError("no such file"), ValueError("no WAV file")])
def test_an_announcement_that_cannot_be_read_is_503(error: Exception) -> None:
    world = World()

    def broken(file: object) -> object:
        raise error

    world.services._sound = broken  # type: ignore[assignment]
    assert world.phone("1001").call("602").status == 503
    world.check_over()


def test_a_party_holds_and_resumes_a_service() -> None:
    world = World()
    alice = world.phone("1001")
    call = alice.call("601")
    call.hold()
    assert call.remote_direction == "recvonly"
    call.resume()
    assert call.remote_direction == "sendrecv"
    call.offer(None)
    assert call.talking and call.offers
    call.update(alice.sdp(version=7))
    assert call.talking
    call.hang_up()
    world.check_over()


def test_a_service_is_still_refused_what_it_cannot_speak() -> None:
    world = World()
    alice = world.phone("1001")
    call = alice.call("600")
    alice.codecs = ("G729",)
    call.offer(alice.sdp(version=2))
    assert call.offer_failed == [488] and call.talking
    call.hang_up()
    world.check_over()


def test_keys_pressed_at_a_service_are_accepted() -> None:
    world = World()
    call = world.phone("1001").call("600")
    call.request("INFO", body=b"Signal=5\r\nDuration=100", content_type="application/dtmf-relay")
    assert call.responses[-1].status == 200
    call.hang_up()
    world.check_over()


def test_a_switch_without_a_media_engine_passes_calls_through_and_serves_nothing() -> None:
    world = World(without_engine=True)
    alice, bob = world.phones("1001", "1002")
    assert alice.call("600").status == 488
    call = alice.call("1002")
    bob.ringing.answer()
    assert (call.remote_host, bob.ringing.remote_host) == (bob.host, alice.host)
    call.hold()
    assert bob.ringing.remote_direction == "sendonly"
    call.hang_up()
    world.check_over()


def test_a_service_that_cannot_start_once_the_caller_has_agreed_releases_it() -> None:
    world = World()

    def broken(file: object) -> object:
        raise OSError("no such file")

    world.services._sound = broken  # type: ignore[assignment]
    call = world.phone("1001").call("602", body=None)
    assert call.over and world.record["sip_code"] == 503
    world.check_over()


def test_an_operators_hold_keeps_the_parties_apart_whatever_they_agree_on() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    leg = next(leg for leg in world.exchange._legs if leg.direction == "in")
    world.media.hold(leg)
    assert world.engine.joined() == []
    call.offer(alice.sdp(version=2))
    assert call.talking and world.engine.joined() == [], "a change of media does not end the hold"
    assert world.media.resume(leg, bob.ringing and world.exchange.call_of(leg).other(leg))  # type: ignore[union-attr]
    assert world.engine.joined() == [{alice.host, bob.host}]
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize("wanted", [True, False])
def test_services_agree_to_comfort_noise_where_that_is_wanted(wanted: bool) -> None:
    offered = SessionDescription.parse(sdp("192.0.2.9", codecs=("PCMU", "CN"), keys=False))
    session = LocalSession(Origin.create("192.0.2.1", 1), [LocalMedia("192.0.2.1", 4000)])
    agreed = answer(offered, own_capabilities(comfort_noise=wanted), session).media[0]
    assert [mapping.encoding for mapping in agreed.rtpmaps.values()] == (["PCMU", "CN"] if wanted else ["PCMU"])
