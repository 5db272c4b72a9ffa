"""Limits that end or refuse calls: load, number of calls, duration, silence."""

from __future__ import annotations

from softswitch.calls.host import CallSettings
from softswitch.calls.leg import Cause
from tests.unit.calls.world import World


def test_above_the_load_a_new_call_is_503_and_calls_in_progress_go_on() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    world.overloaded = 7
    refused = carol.call("1002")
    assert refused.status == 503 and refused.rejected is not None
    assert refused.rejected.get("Retry-After") == "7"
    assert call.talking
    call.hold()
    assert bob.ringing.remote_direction == "sendonly"
    call.hang_up()
    assert world.record["caller"] == "1001", "a call refused for load leaves no record"
    world.check_over()


def test_more_calls_than_allowed_are_503_and_recorded() -> None:
    world = World(settings=CallSettings(max_duration_s=0, max_calls=1))
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    refused = carol.call("1002")
    assert refused.status == 503 and refused.rejected is not None
    assert refused.rejected.get("Retry-After") == "5"
    assert (world.record["caller"], world.record["sip_code"]) == ("1003", 503)
    call.hang_up()
    world.check_over()


def test_the_longest_duration_ends_both_legs() -> None:
    world = World(settings=CallSettings(max_duration_s=30.0))
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    world.advance(20)
    bob.ringing.answer()
    world.advance(29)
    assert call.talking, "it counts from the answer"
    world.advance(2)
    assert call.over and bob.ringing.over
    assert "Q.850;cause=102" in call.reason
    record = world.record
    assert (record["sip_code"], record["q850_cause"], record["released_by"]) == (408, 102, "switch")
    world.check_over()


def test_a_party_whose_media_stops_is_released() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    port = world.engine.port_to(bob.host)
    assert port.settings.timeout_s == 60.0
    world.exchange.media_event(world.engine.timeout(port))
    world.settle()
    assert call.over and bob.ringing.over
    assert (world.record["sip_code"], world.record["q850_cause"]) == (408, 27)
    world.check_over()


def test_silence_of_a_held_call_and_of_a_ringing_one_means_nothing() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.ring(183, bob.sdp())
    world.exchange.media_event(world.engine.timeout(world.engine.port_to(alice.host)))
    world.settle()
    assert not call.over
    bob.ringing.answer()
    call.hold()
    assert {port.settings.timeout_s for port in world.engine.ports.values()} == {0.0}
    call.resume()
    assert {port.settings.timeout_s for port in world.engine.ports.values()} == {60.0}
    call.hang_up()
    world.check_over()


def test_a_shutdown_ends_ringing_and_talking_calls() -> None:
    world = World()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    talking, ringing = alice.call("1002"), carol.call("1004")
    bob.ringing.answer()
    dave.ringing.ring()
    world.exchange.disconnect_all(Cause(503, 41, "the switch is shutting down"))
    world.settle()
    assert talking.over and bob.ringing.over and dave.ringing.over
    assert ringing.status == 503
    assert [record["q850_cause"] for record in world.records] == [41, 41]
    world.check_over()
