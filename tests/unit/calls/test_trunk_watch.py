"""Trunks kept alive: OPTIONS, our registration at a peer, and what a state change is told."""

from __future__ import annotations

import pytest

from softswitch.events import TrunkStateChanged
from softswitch.sip.message import Request
from softswitch.sip.settings import Login
from tests.unit.calls.phone import Phone
from tests.unit.calls.world import World, trunk


def states(world: World) -> list[str]:
    return [event.state for event in world.told(TrunkStateChanged)]


def asked(peer: Phone, method: str) -> list[Request]:
    return [request for request in peer.requests if request.method == method]


def pinged() -> tuple[World, Phone]:
    world = World(trunks=[trunk("peer", "203.0.113.1", options_ping_s=30.0)])
    return world, world.peer("peer")


def test_options_are_sent_at_their_pace_and_an_answer_of_any_kind_is_life() -> None:
    world, peer = pinged()
    peer.answer_requests["OPTIONS"] = 404
    world.trunk_watch.start(world.now)
    world.settle()
    assert len(asked(peer, "OPTIONS")) == 1 and states(world) == []
    world.advance(61)
    assert len(asked(peer, "OPTIONS")) == 3
    assert world.trunks.by_name["peer"].up


@pytest.mark.parametrize("failure", ["silent", "overloaded"])
def test_a_trunk_that_does_not_answer_is_down_and_up_again(failure: str) -> None:
    world, peer = pinged()
    if failure == "silent":
        world.lost = lambda sent: sent.destination.startswith(peer.host)
    else:
        peer.answer_requests["OPTIONS"] = 503
    world.trunk_watch.start(world.now)
    world.settle()
    world.advance(95)
    assert states(world) == ["down"], "said once, however often it is true"
    assert not world.trunks.by_name["peer"].up
    world.lost = lambda sent: False
    peer.answer_requests.clear()
    world.advance(61)
    assert states(world) == ["down", "up"] and world.trunks.by_name["peer"].up


def registering(**options: object) -> tuple[World, Phone]:
    login = Login("us", "secret")
    world = World(trunks=[trunk("peer", "203.0.113.1", register=True, login=login, register_expires_s=600, **options)])
    return world, world.peer("peer")


def test_a_registration_is_refreshed_at_half_its_time_and_ended() -> None:
    world, peer = registering()
    world.trunk_watch.start(world.now)
    world.settle()
    first = asked(peer, "REGISTER")[0]
    assert first.request_uri == "sip:203.0.113.1" and first.expires == 600
    assert first.contact is not None and first.contact.uri_text == "sip:us@192.0.2.1:5060"
    assert states(world) == ["registered"]
    world.advance(301)
    again = asked(peer, "REGISTER")[1]
    assert again.call_id == first.call_id and again.cseq.number > first.cseq.number
    assert states(world) == ["registered"], "a refresh is no news"
    world.trunk_watch.stop()
    world.settle()
    assert asked(peer, "REGISTER")[-1].expires == 0
    world.advance(1000)
    assert len(asked(peer, "REGISTER")) == 3


def test_a_registration_that_is_refused_is_tried_again() -> None:
    world, peer = registering()
    peer.answer_requests["REGISTER"] = 403
    world.trunk_watch.start(world.now)
    world.settle()
    assert states(world) == ["refused"] and not world.trunks.by_name["peer"].up
    world.advance(31)
    peer.answer_requests.clear()
    world.advance(31)
    assert states(world) == ["refused", "registered"] and world.trunks.by_name["peer"].up


def test_a_registrar_that_says_nothing_is_down_and_asked_again() -> None:
    world, peer = registering()
    world.lost = lambda sent: sent.destination.startswith(peer.host)
    world.trunk_watch.start(world.now)
    world.settle()
    world.advance(33)
    assert states(world) == ["down"]
    world.lost = lambda sent: False
    world.advance(40)
    assert states(world) == ["down", "registered"]


def test_trunks_taken_out_of_force_are_watched_no_more() -> None:
    world, peer = registering(options_ping_s=30.0)
    world.trunk_watch.start(world.now)
    world.settle()
    before = len(peer.requests)
    world.trunks.replace([])
    world.trunk_watch.start(world.now)
    world.settle()
    assert asked(peer, "REGISTER")[-1].expires == 0
    world.advance(1000)
    assert len(peer.requests) == before + 1


def test_a_trunk_that_stays_keeps_its_state_and_its_calls() -> None:
    world = World(trunks=[trunk("peer", "203.0.113.1")])
    bob, peer = world.phone("1002"), world.peer("peer")
    call = peer.call("1002")
    world.trunks.by_name["peer"].up = False
    world.trunks.replace([trunk("peer", "203.0.113.1", max_calls=5)])
    kept = world.trunks.by_name["peer"]
    assert (kept.active, kept.up, kept.max_calls) == (1, False, 5)
    call.hang_up()
    assert kept.active == 0 and bob.ringing.over
    world.check_over()


def test_a_registrar_that_grants_less_is_asked_sooner() -> None:
    world, peer = registering()
    granted = [("Contact", "<sip:other@198.51.100.9>;expires=9, <sip:us@192.0.2.1:5060>;expires=100")]
    peer.answer_fields["REGISTER"] = granted
    world.trunk_watch.start(world.now)
    world.settle()
    world.advance(49)
    assert len(asked(peer, "REGISTER")) == 1
    world.advance(2)
    assert len(asked(peer, "REGISTER")) == 2


def test_a_registrar_that_wants_longer_intervals_gets_them() -> None:
    world, peer = registering()
    peer.answer_requests["REGISTER"] = 423
    peer.answer_fields["REGISTER"] = [("Min-Expires", "1800")]
    world.trunk_watch.start(world.now)
    world.advance(0.1)
    assert [request.expires for request in asked(peer, "REGISTER")] == [600, 1800]
    assert states(world) == ["refused"], "a registrar that is never content is not asked without end"
