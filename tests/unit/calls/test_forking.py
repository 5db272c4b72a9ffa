"""Whom a number rings: all devices, one after the other, hunt groups, trunks in turn."""

from __future__ import annotations

import pytest

from dialplan import HuntGroup, Rule, Schedule
from dialplan import Target as To
from tests.unit.calls.world import World, trunk


def test_all_devices_ring_and_the_first_to_answer_wins() -> None:
    world = World()
    alice = world.phone("1001")
    desk, mobile = world.phone("1002"), world.phone("1002")
    call = alice.call("1002")
    desk.ringing.ring()
    mobile.ringing.ring()
    mobile.ringing.answer()
    assert call.talking and mobile.ringing.talking
    cancel = world.requests_to(desk, "CANCEL")
    assert len(cancel) == 1 and (cancel[0].get("Reason") or "").startswith("SIP;cause=200"), "no missed call there"
    assert desk.ringing.over
    assert world.engine.joined() == [{alice.host, mobile.host}]
    assert len(world.engine.ports) == 2, "the loser's port is given back at once"
    call.hang_up()
    ends = {leg["sip_call_id"]: leg["q850_cause"] for leg in world.record["legs"]}
    assert sorted(ends.values()) == [16, 16, 26]
    world.check_over()


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    world = World()
    alice = world.phone("1001")
    desk, mobile = world.phone("1002"), world.phone("1002")
    call = alice.call("1002")
    world.lost = lambda sent: sent.line.startswith("CANCEL")
    desk.ringing.ring()
    mobile.ringing.answer()
    desk.ringing.answer()
    assert desk.ringing.over and "BYE" in {m.method for m in desk.received if hasattr(m, "method")}
    assert call.talking
    world.lost = lambda sent: False
    call.hang_up()
    world.check_over()


def test_devices_of_lower_preference_ring_when_the_better_ones_refuse() -> None:
    world = World()
    alice = world.phone("1001")
    second, first = world.phone("1002", q="0.2"), world.phone("1002", q="0.9")
    call = alice.call("1002")
    assert first.called and not second.called
    first.ringing.reject(486)
    assert second.called and not call.over
    second.ringing.answer()
    call.hang_up()
    assert world.record["disposition"] == "answered"
    world.check_over()


def test_devices_of_lower_preference_ring_when_the_better_ones_do_not_answer() -> None:
    world = World()
    alice = world.phone("1001")
    second, first = world.phone("1002", q="0.2"), world.phone("1002", q="0.9")
    call = alice.call("1002")
    first.ringing.ring()
    world.advance(26)
    assert first.ringing.over and second.called
    world.advance(26)
    assert call.status == 480 and "Q.850;cause=19" in call.reason
    assert world.record["disposition"] == "no_answer"
    world.check_over()


def test_a_decline_for_everyone_stops_the_hunt() -> None:
    world = World()
    alice = world.phone("1001")
    other, first = world.phone("1002", q="0.2"), world.phone("1002", q="0.9")
    beside = world.phone("1002", q="0.9")
    call = alice.call("1002")
    first.ringing.reject(603)
    assert call.status == 603 and beside.ringing.over and not other.called
    world.check_over()


def test_the_best_refusal_of_all_branches_is_heard() -> None:
    world = World()
    alice = world.phone("1001")
    one, two = world.phone("1002"), world.phone("1002")
    call = alice.call("1002")
    one.ringing.reject(503)
    assert not call.over
    two.ringing.reject(486)
    assert call.status == 486
    world.check_over()


def group(strategy: str, *members: str, ring_s: float = 10.0) -> HuntGroup:
    return HuntGroup("desk", members, strategy, ring_s, "8500")


def test_a_parallel_hunt_group_rings_everyone() -> None:
    world = World(hunt_groups=[group("parallel", "1002", "1003", "1004")])
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("8500")
    assert bob.called and carol.called, "1004 is not registered and left out"
    carol.ringing.answer()
    assert bob.ringing.over and call.talking
    call.hang_up()
    assert world.record["callee"] == "8500"
    world.check_over()


def test_a_serial_hunt_group_rings_one_after_the_other() -> None:
    world = World(hunt_groups=[group("serial", "1002", "1003", "1004")])
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("8500")
    assert bob.called and not carol.called
    world.advance(11)
    assert bob.ringing.over and carol.called and not dave.called
    carol.ringing.reject(486)
    assert dave.called
    dave.ringing.answer()
    call.hang_up()
    assert [leg["q850_cause"] for leg in world.record["legs"]] == [16, 19, 17, 16]
    world.check_over()


def test_a_round_robin_hunt_group_begins_with_the_next_member_each_time() -> None:
    world = World(hunt_groups=[group("round-robin", "1002", "1003")])
    alice, bob, carol = world.phones("1001", "1002", "1003")
    for expected in (bob, carol, bob):
        call = alice.call("8500")
        expected.ringing.answer()
        assert expected.ringing.talking, f"{expected} is next"
        call.hang_up()
    world.check_over()


def test_a_service_in_a_hunt_group_answers_at_once_and_rings_nobody() -> None:
    world = World(hunt_groups=[group("parallel", "1002", "602")])
    alice, bob = world.phones("1001", "1002")
    call = alice.call("8500")
    assert call.talking and not bob.called
    call.hang_up()
    world.check_over()


def trunk_world(up: bool = True) -> World:
    world = World(
        trunks=[trunk("first", "203.0.113.1"), trunk("second", "203.0.113.2")],
        rules=[Rule("out", To("trunk", ("first", "second")), prefix="9", strip=1)],
    )
    world.trunks.by_name["first"].up = up
    return world


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_trunk_that_fails_is_followed_by_the_next(status: int) -> None:
    world = trunk_world()
    alice, first, second = world.phone("1001"), world.peer("first"), world.peer("second")
    call = alice.call("95551234")
    assert first.ringing.session.invite.request_uri == "sip:5551234@203.0.113.1:5060"
    first.ringing.reject(status)
    second.ringing.answer()
    assert call.talking
    assert world.trunks.by_name["second"].active == 1
    call.hang_up()
    assert [leg["party"] for leg in world.record["legs"]] == ["1001", "5551234", "5551234"]
    world.check_over()


def test_a_trunk_that_says_nothing_is_followed_by_the_next() -> None:
    world = trunk_world()
    alice, second = world.phone("1001"), world.peer("second")
    call = alice.call("95551234")
    world.advance(33)
    assert second.called, "timer B has run out at the first"
    second.ringing.answer()
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize("status", [486, 404, 480, 403, 603])
def test_what_the_callee_behind_a_trunk_says_is_final(status: int) -> None:
    world = trunk_world()
    alice, first, second = world.phone("1001"), world.peer("first"), world.peer("second")
    call = alice.call("95551234")
    first.ringing.reject(status)
    assert call.status == status and not second.called
    world.check_over()


def test_a_trunk_that_is_down_is_tried_last_but_tried() -> None:
    world = trunk_world(up=False)
    alice, first, second = world.phone("1001"), world.peer("first"), world.peer("second")
    call = alice.call("95551234")
    assert second.called and not first.called
    second.ringing.reject(503)
    assert first.called
    first.ringing.answer()
    call.hang_up()
    world.check_over()


def test_a_full_trunk_is_passed_over_and_a_full_node_says_503() -> None:
    world = trunk_world()
    world.trunks.by_name["first"].max_calls = 1
    world.trunks.by_name["second"].max_calls = 1
    first, second = world.peer("first"), world.peer("second")
    phones = world.phones("1001", "1002", "1003")
    calls = [phone.call("95551234") for phone in phones]
    assert (len(first.calls), len(second.calls)) == (1, 1)
    assert calls[2].status == 503 and world.record["q850_cause"] == 34
    for call in calls[:2]:
        call.hang_up()
    world.check_over()


def test_a_call_from_a_trunk_that_is_full_is_refused_and_recorded() -> None:
    world = World(trunks=[trunk("peer", "203.0.113.1", max_calls=1)])
    bob, peer = world.phone("1002"), world.peer("peer")
    first = peer.call("1002")
    bob.ringing.answer()
    second = peer.call("1002")
    assert second.status == 503 and (second.rejected.get("Retry-After") if second.rejected else "") == "5"
    first.hang_up()
    assert [record["disposition"] for record in world.records] == ["failed", "answered"]
    world.check_over()


def test_a_busy_member_of_a_parallel_group_does_not_forward() -> None:
    world = World(subscribers={"1002": {"forward_busy": "1004"}}, hunt_groups=[group("parallel", "1002", "1003")])
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("8500")
    bob.ringing.reject(486)
    carol.ringing.reject(486)
    assert call.status == 486 and not dave.called
    world.check_over()


def test_a_route_follows_the_time_of_day() -> None:
    schedule = Schedule.create("minute", start="00:00", end="12:00", zone="UTC")
    world = World(
        trunks=[trunk("day", "203.0.113.1")],
        rules=[Rule("day", To("trunk", ("day",)), prefix="9", schedule="minute")],
        schedules=[schedule],
    )
    alice, day = world.phone("1001"), world.peer("day")
    world.advance(0.5)
    noon = 43_200 - world.wall() % 86_400
    if noon < 0:
        world.advance(noon + 86_400 - 30_000)
        noon = 43_200 - world.wall() % 86_400
    call = alice.call("9100")
    assert day.called
    call.hang_up()
    world.advance(noon + 1)
    alice.register()
    assert alice.call("9100").status == 404, "after noon the rule does not apply"
    world.check_over()
