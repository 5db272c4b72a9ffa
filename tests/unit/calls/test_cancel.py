"""A caller who gives up, at every state, and what crosses on the wire."""

from __future__ import annotations

import pytest

from tests.unit.calls.world import World


@pytest.mark.parametrize("state", ["trying", "ringing", "early media", "reliable"])
def test_the_callee_is_cancelled_and_the_record_says_cancelled(state: str) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", fields=[("Supported", "100rel")])
    if state == "ringing":
        bob.ringing.ring()
    elif state == "early media":
        bob.ringing.ring(183, bob.sdp())
    elif state == "reliable":
        bob.ringing.ring(183, bob.sdp(), reliable=True)
    call.hang_up()
    assert bob.ringing.over
    assert len(world.requests_to(bob, "CANCEL")) == 1
    assert call.ended is not None and call.ended.status == 487
    record = world.record
    assert (record["disposition"], record["sip_code"], record["released_by"]) == ("cancelled", 487, "caller")
    world.check_over()


def test_a_cancel_before_the_callee_has_said_anything_waits_for_its_first_word() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    world.lost = lambda sent: sent.source.startswith(bob.host)
    call = alice.call("1002")
    call.hang_up()
    assert not world.requests_to(bob, "CANCEL"), "no CANCEL before a provisional answer (RFC 3261 §9.1)"
    assert world.record["disposition"] == "cancelled", "for the caller it is over at once"
    world.lost = lambda sent: False
    world.advance(1)
    assert world.requests_to(bob, "CANCEL") and bob.ringing.over
    world.check_over()


def test_an_answer_that_crosses_the_callers_cancel_is_taken_back() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.ring()
    held: list[object] = []
    world.lost = lambda sent: sent.destination.startswith(bob.host) and sent.line.startswith("CANCEL")
    call.hang_up()
    assert not held and not bob.ringing.over
    bob.ringing.answer()
    world.lost = lambda sent: False
    world.advance(1)
    assert bob.ringing.over, "the switch acknowledges the 200 and hangs up"
    assert world.record["disposition"] == "cancelled"
    world.check_over()


def test_a_cancel_that_comes_after_the_answer_changes_nothing() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    world.lost = lambda sent: sent.destination.startswith(alice.host) and " 200 " in sent.line
    call = alice.call("1002")
    bob.ringing.ring()
    bob.ringing.answer()
    call.session.cancel(world.now)
    world.lost = lambda sent: False
    world.settle()
    world.advance(2)
    assert bob.ringing.over, "the caller got the repeated 200, acknowledged it and hung up"
    assert world.record["disposition"] == "answered"
    world.check_over()


def test_a_call_completed_elsewhere_at_the_caller_is_no_missed_call_at_the_callee() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.ring()
    call.hang_up([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    cancel = world.requests_to(bob, "CANCEL")[0]
    assert (cancel.get("Reason") or "").startswith("SIP;cause=200")
    world.check_over()


def test_a_caller_who_gives_up_cancels_every_branch_and_every_later_stage() -> None:
    world = World()
    alice = world.phone("1001")
    one, two, later = world.phone("1002"), world.phone("1002"), world.phone("1002", q="0.1")
    call = alice.call("1002")
    call.hang_up()
    world.advance(60)
    assert one.ringing.over and two.ringing.over and not later.called
    assert {leg["q850_cause"] for leg in world.record["legs"]} == {16}
    world.check_over()


def test_the_caller_of_an_unanswered_call_that_vanishes_is_found_out_by_its_missing_ack() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    world.lost = lambda sent: alice.host in (sent.source.split(":")[0], sent.destination.split(":")[0])
    bob.ringing.answer()
    world.advance(33)
    assert bob.ringing.over
    assert (world.record["sip_code"], world.record["released_by"]) == (408, "caller")
    world.lost = lambda sent: False
    call.hang_up()
    world.check_over()
