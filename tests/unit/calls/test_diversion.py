"""Calls that go elsewhere: forwarding, do-not-disturb, redirection, and the guard against circles."""

from __future__ import annotations

from typing import Any

import pytest

from dialplan import ClassOfService, Emergency, HuntGroup, Rule
from dialplan import Target as To
from softswitch.calls.host import CallSettings
from tests.unit.calls.phone import PhoneCall
from tests.unit.calls.world import World, trunk


def diversions(call: PhoneCall) -> list[tuple[str, str]]:
    """(number, reason) of each Diversion field, the latest first."""
    found = []
    for value in call.session.invite.get_all("Diversion"):
        number = value.split("sip:")[1].split("@")[0]
        found.append((number, value.split("reason=")[1].split(";")[0]))
    return found


def world_with(**options: Any) -> World:
    return World(subscribers={"1002": options})


def test_all_calls_forwarded_never_ring_the_number_itself() -> None:
    world = world_with(forward_all="1003")
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    assert not bob.called
    assert diversions(carol.ringing) == [("1002", "unconditional")]
    carol.ringing.answer()
    call.hang_up()
    assert world.record["callee"] == "1002"
    world.check_over()


def test_a_busy_number_forwards() -> None:
    world = world_with(forward_busy="1003")
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.reject(486)
    assert diversions(carol.ringing) == [("1002", "user-busy")]
    carol.ringing.answer()
    call.hang_up()
    world.check_over()


def test_busy_everywhere_forwards_too() -> None:
    world = world_with(forward_busy="1003")
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.reject(600)
    assert carol.called
    call.hang_up()
    world.check_over()


def test_one_busy_device_of_two_counts_when_the_other_fails() -> None:
    world = world_with(forward_busy="1003")
    alice, carol = world.phones("1001", "1003")
    desk, mobile = world.phone("1002"), world.phone("1002")
    call = alice.call("1002")
    desk.ringing.reject(486)
    assert not carol.called, "the other device still rings"
    mobile.ringing.reject(480)
    assert carol.called
    call.hang_up()
    world.check_over()


def test_all_lines_in_use_count_as_busy() -> None:
    world = world_with(forward_busy="1003", max_calls=1)
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    first = alice.call("1002")
    bob.ringing.answer()
    second = dave.call("1002")
    assert len(bob.calls) == 1 and diversions(carol.ringing) == [("1002", "user-busy")]
    first.hang_up()
    second.hang_up()
    world.check_over()


def test_two_devices_ringing_are_one_call_of_the_line() -> None:
    world = world_with(max_calls=2)
    alice, dave = world.phones("1001", "1004")
    desk, mobile = world.phone("1002"), world.phone("1002")
    first, second = alice.call("1002"), dave.call("1002")
    assert len(desk.calls) == len(mobile.calls) == 2, "two calls of at most two"
    first.hang_up()
    second.hang_up()
    world.check_over()


def test_all_lines_in_use_without_forwarding_are_486() -> None:
    world = world_with(max_calls=1)
    alice, bob, dave = world.phones("1001", "1002", "1004")
    first = alice.call("1002")
    bob.ringing.answer()
    assert dave.call("1002").status == 486
    first.hang_up()
    world.check_over()


def test_no_answer_forwards_after_the_time_of_the_subscriber() -> None:
    world = world_with(forward_no_answer="1003", no_answer_s=12.0)
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.ring()
    world.advance(11)
    assert not carol.called
    world.advance(2)
    assert bob.ringing.over and diversions(carol.ringing) == [("1002", "no-answer")]
    carol.ringing.answer()
    call.hang_up()
    assert world.record["disposition"] == "answered"
    world.check_over()


def test_who_is_not_registered_forwards_as_unavailable() -> None:
    world = world_with(forward_no_answer="1003")
    alice, carol = world.phones("1001", "1003")
    call = alice.call("1002")
    assert diversions(carol.ringing) == [("1002", "unavailable")]
    call.hang_up()
    world.check_over()


def test_forwarding_outside_tells_the_trunk_by_whom() -> None:
    world = World(
        subscribers={"1002": {"forward_all": "95551234"}},
        trunks=[trunk("peer", "203.0.113.1")],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9", strip=1)],
    )
    alice, peer = world.phone("1001"), world.peer("peer")
    call = alice.call("1002")
    assert diversions(peer.ringing) == [("1002", "unconditional")]
    call.hang_up()
    world.check_over()


def test_forwarding_dials_with_the_rights_of_the_one_who_forwards() -> None:
    world = World(
        subscribers={"1002": {"forward_all": "601", "class_of_service": "internal"}},
        classes=[ClassOfService("internal", ("10XX",), ())],
    )
    call = world.phone("1001").call("1002")
    assert call.status == 403
    world.check_over()


@pytest.mark.parametrize(
    "options",
    [
        {"1002": {"forward_all": "1003"}, "1003": {"forward_all": "1002"}},
        {"1002": {"forward_all": "1002"}},
        {"1002": {"forward_no_answer": "1003"}, "1003": {"forward_no_answer": "1002"}},
    ],
)
def test_forwarding_in_a_circle_ends(options: dict[str, Any]) -> None:
    world = World(subscribers=options)
    call = world.phone("1001").call("1002")
    assert call.status == 482 and world.record["q850_cause"] == 25
    world.check_over()


def test_no_answer_in_a_circle_of_ringing_phones_ends() -> None:
    world = World(subscribers={"1002": {"forward_no_answer": "1003"}, "1003": {"forward_no_answer": "1002"}})
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    world.advance(60)
    assert call.status == 480 and len(bob.calls) == len(carol.calls) == 1
    world.check_over()


def test_a_chain_of_forwarding_longer_than_allowed_ends() -> None:
    chain = {str(number): {"forward_all": str(number + 1)} for number in range(1002, 1009)}
    world = World(subscribers=chain)
    world.phone("1009")
    call = world.phone("1001").call("1002")
    assert call.status == 482
    world.check_over()


def test_a_chain_of_forwarding_is_told_latest_first() -> None:
    world = World(subscribers={"1002": {"forward_all": "1003"}, "1003": {"forward_busy": "1004"}})
    alice, carol, dave = world.phones("1001", "1003", "1004")
    call = alice.call("1002")
    carol.ringing.reject(486)
    assert diversions(dave.ringing) == [("1003", "user-busy"), ("1002", "unconditional")]
    call.hang_up()
    world.check_over()


def test_do_not_disturb_is_480_and_rings_nothing() -> None:
    world = world_with(do_not_disturb=True)
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    assert call.status == 480 and "do not disturb" in call.reason and not bob.called
    world.check_over()


def test_do_not_disturb_leaves_the_rest_of_the_group_ringing() -> None:
    world = World(
        subscribers={"1002": {"do_not_disturb": True}},
        hunt_groups=[HuntGroup("desk", ("1002", "1003"), "parallel", 10.0, "8500")],
    )
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("8500")
    assert carol.called and not bob.called
    call.hang_up()
    world.check_over()


# -- 3xx --------------------


def test_a_redirection_is_followed_and_the_caller_does_not_notice() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    elsewhere = world.phone("5601", register=False)
    call = alice.call("1002")
    bob.ringing.reject(302, [("Contact", f"<sip:5601@{elsewhere.host}:5060>")])
    assert elsewhere.ringing.session.invite.request_uri == f"sip:5601@{elsewhere.host}:5060"
    assert diversions(elsewhere.ringing) == [("1002", "deflection")]
    assert not call.over
    elsewhere.ringing.answer()
    assert call.talking
    call.hang_up()
    assert [leg["sip_code"] for leg in world.record["legs"]] == [200, 302, 200]
    world.check_over()


def test_a_redirection_to_a_number_of_ours_goes_through_the_dialplan() -> None:
    world = World(
        subscribers={"1002": {"class_of_service": "internal"}},
        classes=[ClassOfService("internal", ("10XX",), ())],
    )
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002")
    bob.ringing.reject(302, [("Contact", f"<sip:1003@{world.domain}>")])
    assert carol.called and diversions(carol.ringing) == [("1002", "deflection")]
    call.hang_up()
    call = alice.call("1002")
    bob.ringing.reject(302, [("Contact", "<sip:601@192.0.2.1:5060>")])
    assert call.status == 403, "the one who redirects may not dial 601"
    world.check_over()


def test_several_redirections_are_tried_in_order_of_preference() -> None:
    world = World()
    alice, bob, carol, dave = world.phones("1001", "1002", "1003", "1004")
    call = alice.call("1002")
    contacts = f"<sip:1003@{world.domain}>;q=0.1, <sip:1004@{world.domain}>;q=0.9"
    bob.ringing.reject(300, [("Contact", contacts)])
    assert dave.called and not carol.called
    dave.ringing.reject(480)
    assert carol.called
    carol.ringing.answer()
    call.hang_up()
    world.check_over()


def test_redirections_in_a_circle_end() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    for _ in range(3):
        if call.over:
            break
        bob.ringing.reject(302, [("Contact", f"<sip:1002@{bob.host}:5060>")])
    assert call.status == 480, "the same contact is tried once more at the most"
    world.check_over()


@pytest.mark.parametrize("contact", ["<mailto:bob@example.net>", "<sips:1003@example.net>", "", "<sip:>"])
def test_a_redirection_that_cannot_be_followed_is_480(contact: str) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.reject(302, [("Contact", contact)] if contact else [])
    assert call.status == 480
    world.check_over()


def test_redirections_are_not_followed_where_so_configured() -> None:
    world = World(settings=CallSettings(max_duration_s=0, follow_redirects=False))
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.reject(302, [("Contact", f"<sip:1003@{world.domain}>")])
    assert call.status == 480
    world.check_over()


# -- emergency --------------------


def test_an_emergency_call_passes_every_block() -> None:
    world = World(
        subscribers={
            "1001": {"class_of_service": "internal"},
            "1009": {"do_not_disturb": True, "max_calls": 1},
        },
        classes=[ClassOfService("internal", ("10XX",), ())],
        emergency=Emergency(("110",), To("subscriber", ("1009",))),
        settings=CallSettings(max_duration_s=5.0, max_calls=1),
    )
    alice, centre, other = world.phones("1001", "1009", "1002")
    busy = centre.call("1002")
    other.ringing.answer()
    world.overloaded = 7
    call = alice.call("110")
    assert centre.called, "neither class, do-not-disturb, lines, calls nor load keep an emergency call out"
    centre.ringing.answer()
    world.advance(6)
    assert busy.over and call.talking, "the longest duration does not cut an emergency call"
    call.hang_up()
    assert [record["emergency"] for record in world.records] == [False, True]
    world.check_over()


def test_an_emergency_call_takes_a_full_trunk() -> None:
    world = World(
        trunks=[trunk("peer", "203.0.113.1", max_calls=1)],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
        emergency=Emergency(("110",), To("trunk", ("peer",))),
    )
    alice, bob, peer = world.phone("1001"), world.phone("1002"), world.peer("peer")
    first = bob.call("95551234")
    second = alice.call("110")
    assert [call.session.invite.request_uri for call in peer.calls] == [
        "sip:95551234@203.0.113.1:5060",
        "sip:110@203.0.113.1:5060",
    ]
    first.hang_up()
    second.hang_up()
    world.check_over()


def test_a_phone_may_ask_for_help_by_the_service_urn() -> None:
    """RFC 5031: the URN is an emergency number of its own, wherever emergency calls go."""
    world = World(emergency=Emergency(("110",), To("subscriber", ("1009",))))
    alice, centre = world.phone("1001"), world.phone("1009")
    call = alice.call("urn:service:sos.police")
    assert centre.called, "urn:service:sos.police goes where 110 goes"
    call.hang_up()
    assert world.records[0]["emergency"]
    world.check_over()
