"""A call between two phones: set-up, talk, release from either side, and what is recorded of it."""

from __future__ import annotations

import gc

import pytest

from dialplan import ClassOfService, Rule
from dialplan import Target as To
from softswitch.calls.call import Call
from softswitch.calls.sip.leg import SipLeg
from softswitch.events import CallStateChanged
from tests.unit.calls.world import SWITCH, World, sdp, trunk


@pytest.mark.parametrize("releasing", ["caller", "callee"])
def test_two_phones_talk_until_one_hangs_up(releasing: str) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    assert call.progress == [], "nothing has rung yet"
    bob.ringing.ring()
    assert call.progress == [180]
    world.advance(2)
    bob.ringing.answer()
    assert call.talking and bob.ringing.talking
    assert call.remote_host == SWITCH == bob.ringing.remote_host, "media goes through the switch"
    assert world.engine.joined() == [{alice.host, bob.host}]
    world.advance(10)
    (call if releasing == "caller" else bob.ringing).hang_up()
    assert call.over and bob.ringing.over
    record = world.record
    assert (record["disposition"], record["sip_code"], record["q850_cause"]) == ("answered", 200, 16)
    assert record["released_by"] == releasing
    assert (record["duration_ms"], record["billsec_ms"]) == (12_000, 10_000)
    assert [(leg["party"], leg["direction"], leg["codec"]) for leg in record["legs"]] == [
        ("1001", "in", "PCMA"),
        ("1002", "out", "PCMA"),
    ]
    assert all(leg["packets_received"] == 50 for leg in record["legs"])
    world.check_over()


@pytest.mark.parametrize("answered", [True, False])
def test_a_call_that_is_over_needs_no_garbage_collector(answered: bool) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    gc.collect()
    gc.disable()
    try:
        call = alice.call("1002")
        if answered:
            bob.ringing.answer()
            call.hang_up()
        else:
            bob.ringing.reject(486)
        world.check_over()
        left = [each for each in gc.get_objects() if isinstance(each, Call | SipLeg)]
    finally:
        gc.enable()
    assert not left, "neither call nor legs hold on to each other once they are over"


def test_every_step_of_the_machine_is_an_event() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.ring()
    bob.ringing.answer()
    call.hang_up()
    steps = [(event.method, event.state) for event in world.told(CallStateChanged)]
    assert steps == [
        ("originate", "caller_setup"),
        ("proceed", "caller_setup"),
        ("notify_incoming", "callee_setup"),
        ("ring", "callee_setup"),
        ("answer", "active"),
        ("disconnect", "disconnected"),
    ]
    world.check_over()


def test_reason_of_the_one_who_hangs_up_reaches_the_record_and_the_other() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    call.hang_up([("Reason", 'Q.850;cause=31;text="whatever"')])
    assert "Q.850;cause=31" in bob.ringing.reason
    assert world.record["q850_cause"] == 31
    world.check_over()


@pytest.mark.parametrize(
    ("status", "disposition", "q850"),
    [
        (486, "busy", 17),
        (600, "busy", 17),
        (603, "failed", 21),
        (404, "failed", 1),
        (480, "no_answer", 18),
        (488, "failed", 31),
        (500, "failed", 41),
        (503, "failed", 41),
    ],
)
def test_what_the_callee_refuses_with_is_what_the_caller_hears(status: int, disposition: str, q850: int) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.reject(status)
    assert call.status == status
    assert f"Q.850;cause={q850}" in call.reason, "the refusal says why"
    record = world.record
    assert (record["disposition"], record["sip_code"], record["q850_cause"]) == (disposition, status, q850)
    assert record["billsec_ms"] == 0
    assert record["legs"][1]["sip_code"] == status
    world.check_over()


def test_a_number_that_does_not_exist_is_404() -> None:
    world = World()
    call = world.phone("1001").call("4711")
    assert call.status == 404
    assert world.record["disposition"] == "failed"
    assert [leg["party"] for leg in world.record["legs"]] == ["1001"]
    world.check_over()


def test_a_subscriber_who_is_not_registered_is_480_subscriber_absent() -> None:
    world = World()
    call = world.phone("1001").call("1002")
    assert (call.status, world.record["disposition"]) == (480, "no_answer")
    assert "Q.850;cause=20" in call.reason
    world.check_over()


def test_a_class_of_service_that_denies_the_number_is_403() -> None:
    world = World(
        subscribers={"1001": {"class_of_service": "internal"}},
        classes=[ClassOfService("internal", ("10XX",), ())],
    )
    alice, bob = world.phones("1001", "1002")
    assert alice.call("601").status == 403
    assert world.record["q850_cause"] == 21
    alice.call("1002")
    bob.ringing.reject(486)
    world.check_over()


@pytest.mark.parametrize("number", ["7001", "8001"])
def test_a_conference_or_talkgroup_that_nobody_serves_is_503_and_says_so(number: str) -> None:
    world = World()
    call = world.phone("1001").call(number)
    assert call.status == 503
    assert f"{number} is not served by this node" in call.reason
    assert f"{number} is not served by this node" in world.record["reason"]
    world.check_over()


def test_a_challenge_of_a_peer_is_not_passed_to_the_caller() -> None:
    world = World(trunks=[trunk("peer", "203.0.113.9")], rules=[Rule("out", To("trunk", ("peer",)), prefix="9")])
    alice, peer = world.phone("1001"), world.peer("peer")
    call = alice.call("9110")
    peer.ringing.reject(401, [("WWW-Authenticate", 'Digest realm="peer", nonce="x"')])
    assert call.status == 503, "the caller has no credentials for our peer"
    world.check_over()


def test_a_call_without_an_offer_gets_the_callees_and_answers_in_its_ack() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", body=None)
    assert bob.ringing.remote is None
    bob.ringing.ring()
    assert "100rel" not in (world.requests_to(bob, "INVITE")[0].get("Supported") or "")
    bob.ringing.answer()
    assert call.remote_host == SWITCH and call.talking
    assert bob.ringing.remote_host == SWITCH, "the answer of the caller's ACK reached the callee"
    assert world.engine.joined() == [{alice.host, bob.host}]
    call.hang_up()
    assert world.record["disposition"] == "answered"
    world.check_over()


def test_a_caller_that_leaves_our_offer_unanswered_is_released() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", body=None)
    call.answer_offers = False
    bob.ringing.answer()
    call.session.refuse_offer(488, world.now)
    world.settle()
    assert call.over and bob.ringing.over
    world.check_over()


def test_early_media_of_the_only_callee_is_heard() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.ring(183, bob.sdp())
    assert call.progress == [183] and call.remote_host == SWITCH
    assert world.engine.joined() == [{alice.host, bob.host}]
    bob.ringing.answer()
    assert call.talking
    call.hang_up()
    world.check_over()


def test_early_media_that_cannot_be_heard_becomes_ringing() -> None:
    world = World()
    alice = world.phone("1001")
    desk, mobile = world.phone("1002"), world.phone("1002")
    call = alice.call("1002")
    desk.ringing.ring(183, desk.sdp())
    assert call.progress == [180] and call.remote is None, "of two branches nobody's media is passed on"
    mobile.ringing.ring(180)
    assert call.progress == [180], "ringing once is enough"
    mobile.ringing.answer()
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize(("status", "heard"), [(181, [181]), (182, [182]), (199, []), (180, [180])])
def test_provisional_answers_are_passed_on_but_for_those_of_a_branch_alone(status: int, heard: list[int]) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.ring(status)
    assert call.progress == heard
    call.hang_up()
    world.check_over()


def test_reliable_provisionals_on_both_sides_are_acknowledged_separately() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", fields=[("Require", "100rel")])
    bob.ringing.ring(183, bob.sdp(), reliable=True)
    assert world.requests_to(bob, "PRACK") and "PRACK" in " ".join(world.sent_by(alice))
    bob.ringing.answer(None)
    assert call.talking and world.engine.joined() == [{alice.host, bob.host}]
    call.hang_up()
    world.check_over()


def test_a_secured_offer_alone_is_refused() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", body=sdp(alice.host, protocol="RTP/SAVP"))
    assert call.status == 488 and not bob.called
    world.check_over()


def test_when_the_engine_has_no_port_left_the_call_is_503() -> None:
    world = World()
    world.engine.capacity = 1
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    assert call.status == 503 and bob.ringing.over, "the callee's 200 came, and was taken back"
    assert world.record["q850_cause"] == 34
    world.check_over()


def test_two_calls_at_once_do_not_touch_each_other() -> None:
    world = World()
    one, two, three, four = world.phones("1001", "1002", "1003", "1004")
    first, second = one.call("1002"), three.call("1004")
    two.ringing.answer()
    four.ringing.answer()
    first.hang_up()
    assert second.talking and four.ringing.talking
    second.hang_up()
    assert [record["caller"] for record in world.records] == ["1001", "1003"]
    world.check_over()
