"""REFER: blind and attended transfer, success, failure, and parties who leave in the middle (RFC 3515, RFC 5589)."""

from __future__ import annotations

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.events import CallTransferFailed, CallTransferred
from tests.unit.calls.phone import Phone, PhoneCall
from tests.unit.calls.world import World, trunk


def three() -> tuple[World, Phone, Phone, Phone, PhoneCall]:
    """1001 talks to 1002; 1003 is idle."""
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    return world, alice, bob, carol, call


@pytest.mark.parametrize("referring", ["caller", "callee"])
def test_blind_transfer_connects_the_other_party_when_the_target_answers(referring: str) -> None:
    world, _alice, bob, carol, call = three()
    leaving, staying = (call, bob.ringing) if referring == "caller" else (bob.ringing, call)
    leaving.refer("1003")
    assert leaving.responses[-1].status == 202 and leaving.reports == ["100 Trying"]
    assert carol.ringing.session.remote.uri.username == staying.phone.number  # type: ignore[union-attr]
    carol.ringing.ring()
    assert leaving.talking, "until the target answers, everything stays"
    carol.ringing.answer()
    assert leaving.reports == ["100 Trying", "180 Ringing", "200 OK"]
    assert leaving.over and staying.talking and carol.ringing.talking
    assert "terminated" in (leaving.notifies[-1].get("Subscription-State") or "")
    assert world.engine.joined() == [{staying.phone.host, carol.host}]
    assert len(world.engine.ports) == 2
    staying.hang_up()
    record = world.record
    assert record["disposition"] == "answered"
    assert sorted(leg["party"] for leg in record["legs"]) == ["1001", "1002", "1003"]
    transferred = world.told(CallTransferred)
    assert [(event.kind, event.by, event.target) for event in transferred] == [("blind", leaving.phone.number, "1003")]
    world.check_over()


def test_blind_transfer_of_a_held_party_takes_it_off_hold() -> None:
    world, _alice, bob, carol, call = three()
    call.hold()
    assert bob.ringing.remote_direction == "sendonly"
    call.refer("1003")
    carol.ringing.answer()
    world.advance(1)
    assert bob.ringing.remote_direction == "sendrecv" and carol.ringing.remote_direction == "sendrecv"
    assert world.engine.joined() == [{bob.host, carol.host}]
    assert all(port.settings.send and port.settings.receive for port in world.engine.ports.values())
    bob.ringing.hang_up()
    assert carol.ringing.over
    world.check_over()


@pytest.mark.parametrize("status", [486, 603, 480])
def test_a_transfer_that_fails_leaves_the_call_as_it_was(status: int) -> None:
    world, alice, bob, carol, call = three()
    call.refer("1003")
    carol.ringing.reject(status)
    assert call.reports[-1].startswith(str(status)) and call.talking and bob.ringing.talking
    assert world.engine.joined() == [{alice.host, bob.host}]
    (failed,) = world.told(CallTransferFailed)
    assert (failed.by, failed.party) == ("1001", "1002"), "who wanted it, and who stays"
    call.refer("1003")
    assert carol.ringing.session.invite is not None and len(carol.calls) == 2, "it may be tried again"
    assert (
        call.notifies[-1].get(
            "Event",
        )
        != "refer"
    ), "a second REFER of a dialog is told apart by its id"
    carol.ringing.answer()
    bob.ringing.hang_up()
    world.check_over()


@pytest.mark.parametrize(("target", "status"), [("4711", 404), ("1004", 480)])
def test_a_transfer_to_nobody_is_refused_at_once(target: str, status: int) -> None:
    world, _alice, _bob, _carol, call = three()
    call.refer(target)
    assert call.responses[-1].status == status and call.talking
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize(
    ("refer_to", "status"),
    [("<mailto:x@example.net>", 416), ("<sip:example.net>", 400), ("<sip:1003@example.net?Replaces=x>", 400)],
)
def test_a_malformed_refer_is_refused(refer_to: str, status: int) -> None:
    world, _alice, _bob, _carol, call = three()
    call.refer(refer_to)
    assert call.responses[-1].status == status and call.talking
    call.hang_up()
    world.check_over()


def test_the_referrer_may_hang_up_early() -> None:
    world, _alice, bob, carol, call = three()
    call.refer("1003")
    carol.ringing.ring()
    call.hang_up()
    assert bob.ringing.talking and not carol.ringing.over, "the transfer goes on"
    assert not world.records
    carol.ringing.answer()
    assert bob.ringing.talking and carol.ringing.talking
    assert world.engine.joined() == [{bob.host, carol.host}]
    carol.ringing.hang_up()
    assert bob.ringing.over
    assert world.record["disposition"] == "answered"
    world.check_over()


def test_when_the_referrer_left_and_the_target_refuses_the_party_left_is_released() -> None:
    world, _alice, bob, carol, call = three()
    call.refer("1003")
    call.hang_up()
    carol.ringing.reject(486)
    assert bob.ringing.over
    assert (world.record["disposition"], world.record["sip_code"]) == ("answered", 486)
    world.check_over()


def test_the_party_to_be_transferred_may_hang_up() -> None:
    world, _alice, bob, carol, call = three()
    call.refer("1003")
    carol.ringing.ring()
    bob.ringing.hang_up()
    assert call.over and carol.ringing.over
    assert call.reports[-1].startswith("487")
    world.check_over()


def test_a_second_refer_while_one_is_under_way_is_491() -> None:
    world, _alice, bob, carol, call = three()
    call.refer("1003")
    bob.ringing.refer("1004")
    assert bob.ringing.responses[-1].status == 491
    carol.ringing.answer()
    bob.ringing.hang_up()
    world.check_over()


def test_reports_are_left_out_when_the_referrer_does_not_want_them() -> None:
    world, _alice, bob, carol, call = three()
    call.refer("1003", [("Refer-Sub", "false")])
    assert call.responses[-1].get("Refer-Sub") == "false"
    carol.ringing.answer()
    assert call.over and not call.notifies
    bob.ringing.hang_up()
    world.check_over()


def test_a_party_of_a_service_cannot_be_transferred_away_from_it() -> None:
    world = World()
    call = world.phone("1001").call("600")
    call.refer("1002")
    assert call.responses[-1].status == 603 and call.talking
    call.hang_up()
    world.check_over()


def test_a_transfer_follows_forwarding_of_its_target() -> None:
    world = World(subscribers={"1003": {"forward_busy": "1004"}})
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("1002")
    bob.ringing.answer()
    call.refer("1003")
    carol.ringing.reject(486)
    dave.ringing.answer()
    assert call.over and bob.ringing.talking and dave.ringing.talking
    dave.ringing.hang_up()
    world.check_over()


@pytest.mark.parametrize(("number", "playing"), [("600", "echo"), ("601", "tone 1004 -16"), ("602", "announcement")])
def test_a_blind_transfer_to_a_service(number: str, playing: str) -> None:
    world, _alice, bob, _carol, call = three()
    call.refer(number)
    assert call.reports[-1] == "200 OK" and call.over and bob.ringing.talking
    port = world.engine.port_to(bob.host)
    assert port.playing == playing and port.peer is None
    assert len(world.engine.ports) == 1
    if number == "602":
        world.exchange.media_event(world.engine.played(port))
        world.settle()
        assert bob.ringing.over, "at its end the announcement hangs up"
    else:
        bob.ringing.hang_up()
    world.check_over()


def test_a_held_party_hears_the_service_when_it_has_resumed() -> None:
    world, _alice, bob, _carol, call = three()
    call.hold()
    call.refer("601")
    assert call.over and bob.ringing.remote_direction == "sendrecv"
    assert world.engine.port_to(bob.host).playing == "tone 1004 -16"
    bob.ringing.hang_up()
    world.check_over()


def test_a_passed_through_party_is_brought_to_the_engine_for_a_service() -> None:
    world = World(
        trunks=[trunk("peer", "203.0.113.1", media="passthrough")],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
    )
    alice, peer = world.phone("1001"), world.peer("peer")
    call = alice.call("9100")
    peer.ringing.answer()
    assert not world.engine.ports
    call.refer("601")
    assert call.over and peer.ringing.talking
    assert world.engine.port_to(peer.host).playing == "tone 1004 -16"
    peer.ringing.hang_up()
    world.check_over()


def test_a_service_that_does_not_take_the_call_leaves_it_as_it_was() -> None:
    world, alice, bob, _carol, call = three()
    call.refer("701")
    assert call.reports[-1].startswith("404"), "nobody is parked there"
    assert call.talking and world.engine.joined() == [{alice.host, bob.host}]
    call.hang_up()
    world.check_over()


# -- attended ---------------------------------------------------------


def consult() -> tuple[World, Phone, Phone, Phone, PhoneCall, PhoneCall]:
    """1001 holds 1002 and talks to 1003."""
    world, alice, bob, carol, call = three()
    call.hold()
    second = alice.call("1003")
    carol.ringing.answer()
    return world, alice, bob, carol, call, second


def test_attended_transfer_merges_both_calls() -> None:
    world, _alice, bob, carol, call, second = consult()
    call.refer_to_call(second)
    assert call.responses[-1].status == 202 and call.reports[-1] == "200 OK"
    world.advance(2)
    assert call.over and second.over
    assert bob.ringing.talking and carol.ringing.talking
    assert bob.ringing.remote_direction == carol.ringing.remote_direction == "sendrecv"
    assert world.engine.joined() == [{bob.host, carol.host}]
    assert len(world.engine.ports) == 2
    merged = world.record
    assert (merged["callee"], merged["disposition"]) == ("1003", "answered")
    bob.ringing.hang_up()
    assert carol.ringing.over
    first = world.records[1]
    assert merged["merged_into"] == first["call_id"]
    assert sorted(leg["party"] for leg in first["legs"]) == ["1001", "1002", "1003"]
    world.check_over()


def test_attended_transfer_by_the_called_party() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    bob.ringing.hold()
    second = bob.call("1003")
    carol.ringing.answer()
    bob.ringing.refer_to_call(second)
    world.advance(2)
    assert call.talking and carol.ringing.talking and second.over
    assert world.engine.joined() == [{alice.host, carol.host}]
    call.hang_up()
    world.check_over()


def test_attended_transfer_while_the_consulted_party_still_rings_it_anew() -> None:
    world, alice, bob, carol, call = three()
    call.hold()
    second = alice.call("1003")
    carol.ringing.ring()
    call.refer_to_call(second)
    assert second.over and len(carol.calls) == 2
    carol.ringing.answer()
    world.advance(1)
    assert call.reports[-1] == "200 OK" and call.over
    assert bob.ringing.talking and carol.ringing.talking
    carol.ringing.hang_up()
    world.check_over()


def test_attended_transfer_of_a_call_that_is_gone_is_481() -> None:
    world, _alice, _bob, _carol, call, second = consult()
    second.hang_up()
    call.refer_to_call(second)
    assert call.responses[-1].status == 481 and call.talking
    call.hang_up()
    world.check_over()


def test_attended_transfer_of_a_call_to_itself_is_481() -> None:
    world, _alice, _bob, _carol, call = three()
    call.refer_to_call(call)
    assert call.responses[-1].status == 481 and call.talking
    call.hang_up()
    world.check_over()


def test_attended_transfer_across_passthrough_and_relay() -> None:
    world = World(
        trunks=[trunk("peer", "203.0.113.1", media="passthrough")],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
    )
    alice, bob, peer = world.phone("1001"), world.phone("1002"), world.peer("peer")
    call = alice.call("1002")
    bob.ringing.answer()
    call.hold()
    second = alice.call("9100")
    peer.ringing.answer()
    call.refer_to_call(second)
    world.advance(2)
    assert bob.ringing.talking and peer.ringing.talking
    hosts = (bob.ringing.remote_host, peer.ringing.remote_host)
    if world.engine.ports:
        assert world.engine.joined() == [{bob.host, peer.host}]
    else:
        assert hosts == (peer.host, bob.host), "their media flows directly"
    bob.ringing.hang_up()
    world.check_over()


def test_the_two_agree_as_soon_as_a_change_that_was_under_way_is_over() -> None:
    world, alice, bob, carol, call, second = consult()
    carol.ringing.session.reinvite(carol.sdp(version=5), world.now)
    world.lost = lambda sent: sent.source.startswith(alice.host) and " 200 " in sent.line
    world.settle()
    world.lost = lambda sent: False
    call.refer_to_call(second)
    world.advance(5)
    assert bob.ringing.talking and carol.ringing.talking
    assert world.engine.joined() == [{bob.host, carol.host}]
    assert bob.ringing.remote_direction == "sendrecv"
    bob.ringing.hang_up()
    world.check_over()
