"""One party in place of another: INVITE with Replaces, call pick-up, call park (RFC 3891)."""

from __future__ import annotations

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.events import CallTransferred
from tests.unit.calls.phone import PhoneCall
from tests.unit.calls.world import World, trunk


def kinds(world: World) -> list[tuple[str, str, str]]:
    return [(event.kind, event.by, event.target) for event in world.told(CallTransferred)]


# -- Replaces ---------------------------------------------------------


def replacing(call: PhoneCall, early_only: bool = False) -> list[tuple[str, str]]:
    return [("Replaces", call.replaces + (";early-only" if early_only else ""))]


@pytest.mark.parametrize("replaced", ["caller", "callee"])
def test_an_invite_with_replaces_takes_the_place_of_a_talking_party(replaced: str) -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    leaving, staying = (call, bob.ringing) if replaced == "caller" else (bob.ringing, call)
    joining = carol.call("1002", fields=replacing(leaving))
    assert joining.talking and staying.talking and leaving.over
    assert world.engine.joined() == [{staying.phone.host, carol.host}]
    assert len(world.engine.ports) == 2
    assert world.record["disposition"] == "merged" and kinds(world)[0][0] == "replace"
    joining.hang_up()
    assert staying.over
    first = world.records[1]
    assert sorted(leg["party"] for leg in first["legs"]) == ["1001", "1002", "1003"]
    assert world.records[0]["merged_into"] == first["call_id"]
    world.check_over()


def test_a_party_that_was_held_is_resumed_when_another_takes_the_holders_place() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    call.hold()
    joining = carol.call("1002", fields=replacing(call))
    world.advance(2)
    assert bob.ringing.remote_direction == "sendrecv" and joining.remote_direction == "sendrecv"
    assert world.engine.joined() == [{bob.host, carol.host}]
    joining.hang_up()
    world.check_over()


def test_replaces_of_a_passed_through_call_makes_both_agree_anew() -> None:
    world = World(
        trunks=[trunk("peer", "203.0.113.1", media="passthrough")],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
    )
    alice, carol, peer = world.phone("1001"), world.phone("1003"), world.peer("peer")
    call = alice.call("9100")
    peer.ringing.answer()
    joining = carol.call("9100", fields=replacing(call))
    world.advance(2)
    assert joining.talking and peer.ringing.talking
    assert (joining.remote_host, peer.ringing.remote_host) == (peer.host, carol.host)
    assert not world.engine.ports, "their media flows directly, nothing is left in the engine"
    joining.hang_up()
    world.check_over()


def test_replaces_of_a_ringing_call_is_a_pick_up() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.ring()
    early = bob.ringing.session
    fields = [("Replaces", f"{early.call_id};to-tag={early.remote_tag};from-tag={early.id};early-only")]
    joining = carol.call("1002", fields=fields)
    assert joining.talking and call.talking and bob.ringing.over
    joining.hang_up()
    world.check_over()


@pytest.mark.parametrize(
    ("value", "status"),
    [("none;to-tag=a;from-tag=b", 481), ("broken", 400)],
)
def test_replaces_of_nothing_is_refused(value: str, status: int) -> None:
    world = World()
    call = world.phone("1003").call("1002", fields=[("Replaces", value)])
    assert call.status == status
    world.check_over()


def test_replaces_early_only_of_a_talking_call_is_486() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    assert carol.call("1002", fields=replacing(call, early_only=True)).status == 486
    assert call.talking
    call.hang_up()
    world.check_over()


def test_replaces_without_an_offer_is_488() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.answer()
    assert carol.call("1002", body=None, fields=replacing(call)).status == 488
    assert call.talking and world.engine.joined() == [{alice.host, bob.host}]
    call.hang_up()
    world.check_over()


def test_replaces_by_a_phone_without_a_common_codec_is_488_and_changes_nothing() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    carol = world.phone("1003", codecs=("G729",))
    call = alice.call("1002")
    bob.ringing.answer()
    assert carol.call("1002", fields=replacing(call)).status == 488
    assert call.talking and world.engine.joined() == [{alice.host, bob.host}]
    call.hang_up()
    world.check_over()


# -- pick-up ----------------------------------------------------------


def office() -> World:
    group = {"pickup_group": "desk"}
    return World(subscribers={"1002": group, "1003": group, "1005": {"roles": frozenset({"dispatcher"})}})


@pytest.mark.parametrize("dialled", ["*81002", "*8"])
def test_a_ringing_call_is_picked_up_by_number_or_by_group(dialled: str) -> None:
    world = office()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.ring()
    taking = carol.call(dialled)
    assert taking.talking and call.talking and bob.ringing.over
    assert (world.requests_to(bob, "CANCEL")[0].get("Reason") or "").startswith("SIP;cause=200")
    assert world.engine.joined() == [{alice.host, carol.host}]
    assert kinds(world) == [("pickup", "1003", "1002")]
    assert (world.record["disposition"], world.record["callee"]) == ("merged", dialled)
    taking.hang_up()
    assert call.over
    record = world.records[1]
    assert record["disposition"] == "answered" and record["call_id"] == world.records[0]["merged_into"]
    assert sorted(leg["party"] for leg in record["legs"]) == ["1001", "1002", "1003"]
    world.check_over()


@pytest.mark.parametrize(("picker", "dialled", "status"), [("1004", "*81002", 403), ("1004", "*8", 404)])
def test_a_stranger_to_the_group_may_not_pick_up(picker: str, dialled: str, status: int) -> None:
    world = office()
    alice, bob, stranger = world.phones("1001", "1002", picker)
    call = alice.call("1002")
    assert stranger.call(dialled).status == status
    assert not bob.ringing.over and not call.over
    call.hang_up()
    world.check_over()


def test_a_dispatcher_picks_up_anything() -> None:
    world = office()
    alice, bob, dispatcher = world.phones("1001", "1004", "1005")
    call = alice.call("1004")
    assert dispatcher.call("*81004").talking and call.talking and bob.ringing.over
    call.hang_up()
    world.check_over()


def test_nothing_to_pick_up_is_404() -> None:
    world = office()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    assert carol.call("*8").status == 404
    call = alice.call("1002")
    bob.ringing.answer()
    assert carol.call("*81002").status == 404, "it rings no longer"
    call.hang_up()
    world.check_over()


def test_a_pick_up_chooses_a_codec_both_phones_have() -> None:
    world = office()
    alice = world.phone("1001", codecs=("PCMU", "PCMA"))
    world.phone("1002")
    carol = world.phone("1003", codecs=("PCMA",))
    call = alice.call("1002")
    taking = carol.call("*8")
    assert taking.talking
    assert "PCMA" in call.remote_codecs and "PCMU" not in call.remote_codecs[:1]
    call.hang_up()
    world.check_over()


def test_a_talking_party_may_be_transferred_to_a_pick_up() -> None:
    world = office()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = carol.call("1004")
    dave.ringing.answer()
    ringing = alice.call("1002")
    dave.ringing.refer("*81002")
    world.advance(2)
    assert ringing.talking and bob.ringing.over
    assert call.talking, "1003, whom 1004 sent there, may pick up for its own group"
    assert world.engine.joined() == [{alice.host, carol.host}]
    assert dave.ringing.over and dave.ringing.reports[-1] == "200 OK"
    call.hang_up()
    assert ringing.over
    world.check_over()


def test_the_ringing_target_of_a_transfer_is_picked_up_too() -> None:
    world = office()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("1004")
    dave.ringing.answer()
    call.refer("1002")
    taking = carol.call("*81002")
    world.advance(1)
    assert taking.talking and dave.ringing.talking and bob.ringing.over and call.over
    assert call.reports[-1] == "200 OK"
    assert world.engine.joined() == [{carol.host, dave.host}]
    taking.hang_up()
    assert dave.ringing.over
    world.check_over()


def test_replaces_of_the_ringing_target_of_a_transfer() -> None:
    world = World()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("1004")
    dave.ringing.answer()
    call.refer("1002")
    bob.ringing.ring()
    early = bob.ringing.session
    value = f"{early.call_id};to-tag={early.remote_tag};from-tag={early.id}"
    taking = carol.call("1002", fields=[("Replaces", value)])
    world.advance(1)
    assert taking.talking and dave.ringing.talking and bob.ringing.over and call.over
    dave.ringing.hang_up()
    world.check_over()


# -- park -------------------------------------------------------------


def parked() -> tuple[World, PhoneCall, PhoneCall]:
    """1001 has parked 1002."""
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    call.refer("700")
    assert call.over and bob.ringing.talking
    return world, call, bob.ringing


def test_a_parked_party_hears_music_until_somebody_dials_the_place() -> None:
    world, _, waiting = parked()
    assert world.engine.port_to(waiting.phone.host).playing == "music loop"
    assert ("park", "1001", "701") in kinds(world)
    carol = world.phone("1003")
    taking = carol.call("701")
    assert taking.talking and world.engine.joined() == [{waiting.phone.host, carol.host}]
    assert world.engine.port_to(waiting.phone.host).playing == ""
    assert kinds(world)[-1] == ("retrieve", "", "1003")
    world.advance(300)
    assert taking.talking, "the time limit of the place is over with it"
    taking.hang_up()
    assert waiting.over
    world.check_over()


def test_the_next_free_place_is_taken_and_a_place_is_free_again() -> None:
    world, _, first = parked()
    carol, dave = world.phones("1003", "1004")
    second = carol.call("700")
    assert second.talking and ("park", "", "702") in kinds(world)
    third = dave.call("700")
    assert third.talking
    assert world.phone("1005").call("700").status == 486, "all three places are taken"
    first.hang_up()
    fourth = world.phone("1006").call("700")
    assert kinds(world)[-1][2] == "701"
    for call in (second, third, fourth):
        call.hang_up()
    world.check_over()


def test_an_empty_place_is_404() -> None:
    world = World()
    assert world.phone("1003").call("702").status == 404
    world.check_over()


def test_a_party_parked_too_long_is_put_through_to_whoever_parked_it() -> None:
    world, call, waiting = parked()
    alice = call.phone
    world.advance(121)
    assert alice.ringing.session.role == "uas" and not alice.ringing.talking
    assert world.engine.port_to(waiting.phone.host).playing == "music loop", "with music until then"
    assert world.phone("1003").call("701").status == 404, "the place is free"
    alice.ringing.answer()
    assert waiting.talking and world.engine.joined() == [{waiting.phone.host, alice.host}]
    assert kinds(world)[-1] == ("ring_back", "", "1001")
    alice.ringing.hang_up()
    assert waiting.over
    world.check_over()


def test_a_parked_party_whose_parker_does_not_answer_is_released() -> None:
    world, call, waiting = parked()
    world.advance(121)
    call.phone.ringing.reject(486)
    assert waiting.over
    assert world.record["sip_code"] == 486
    world.check_over()


def test_a_parked_party_may_hang_up_while_its_parker_is_rung() -> None:
    world, call, waiting = parked()
    world.advance(121)
    waiting.hang_up()
    assert call.phone.ringing.over
    world.check_over()


def test_a_held_party_is_parked_and_resumed() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    call.hold()
    call.refer("700")
    assert call.over and bob.ringing.remote_direction == "sendrecv"
    assert world.engine.port_to(bob.host).playing == "music loop"
    bob.ringing.hang_up()
    world.check_over()


def test_a_talking_party_may_be_sent_to_a_parking_place() -> None:
    world, _, waiting = parked()
    carol, dave = world.phones("1003", "1004")
    call = carol.call("1004")
    dave.ringing.answer()
    call.refer("701")
    world.advance(2)
    assert dave.ringing.talking and waiting.talking and call.over
    assert call.reports[-1] == "200 OK"
    assert world.engine.joined() == [{waiting.phone.host, dave.host}]
    dave.ringing.hang_up()
    assert waiting.over
    world.check_over()


def test_taking_the_place_of_a_party_that_is_transferring_ends_the_transfer() -> None:
    world = World()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("1002")
    bob.ringing.answer()
    call.refer("1004")
    joining = carol.call("1002", fields=replacing(call))
    assert joining.talking and bob.ringing.talking and call.over
    assert dave.ringing.over, "nobody waits for the target any more"
    assert call.reports[-1].startswith("487")
    joining.refer("1004")
    dave.ringing.answer()
    assert joining.over and bob.ringing.talking
    bob.ringing.hang_up()
    world.check_over()


def test_a_parked_party_that_holds_the_music_is_heard_again_when_retrieved() -> None:
    world, _, waiting = parked()
    waiting.hold("inactive")
    carol = world.phone("1003")
    taking = carol.call("701")
    waiting.resume()
    world.advance(1)
    assert taking.talking and taking.remote_direction == "sendrecv"
    assert all(port.settings.send and port.settings.receive for port in world.engine.ports.values())
    taking.hang_up()
    world.check_over()
