"""Watchers: lamps beside keys, registrations, presence, waiting messages (RFC 6665, 4235, 3680, 3856, 3842, 3903)."""

from __future__ import annotations

import re

import pytest

from dialplan import HuntGroup
from softswitch.sip.message import Request
from tests.unit.calls.phone import Phone
from tests.unit.calls.world import World


def watch(phone: Phone, number: str, package: str, expires: int = 3600) -> int:
    """SUBSCRIBE; returns the status."""
    phone.send("SUBSCRIBE", number, [("Event", package), ("Expires", str(expires))])
    return phone.responses[-1].status


def notified(phone: Phone) -> list[Request]:
    return [request for request in phone.requests if request.method == "NOTIFY"]


def lamp(phone: Phone) -> list[str]:
    """States and directions of the dialogs in the latest NOTIFY."""
    text = notified(phone)[-1].body.decode()
    directions = re.findall(r'direction="(\w+)"', text)
    return [f"{d} {s}" for d, s in zip(directions, re.findall(r"<state>(\w+)</state>", text), strict=True)]


def test_a_lamp_follows_a_call_from_both_sides() -> None:
    world = World()
    alice, bob, watcher = world.phones("1001", "1002", "1003")
    assert watch(watcher, "1002", "dialog") == 200
    assert lamp(watcher) == []
    call = alice.call("1002")
    world.advance(1)
    bob.ringing.ring()
    world.advance(1)
    assert lamp(watcher) == ["recipient early"]
    bob.ringing.answer()
    world.advance(1)
    assert lamp(watcher) == ["recipient confirmed"]
    call.hang_up()
    world.advance(1)
    assert lamp(watcher) == []
    bob.call("1001")
    world.advance(1)
    assert lamp(watcher) == ["initiator early"]
    bob.calls[-1].hang_up()
    world.check_over()


def test_the_lamp_of_a_group_member_shows_that_the_group_rings() -> None:
    world = World(hunt_groups=[HuntGroup("desk", ("1002", "1003"), "serial", 10.0, "8500")])
    alice, bob, carol, watcher = world.phones("1001", "1002", "1003", "1004")
    watch(watcher, "1003", "dialog")
    call = alice.call("8500")
    world.advance(1)
    assert lamp(watcher) == []
    bob.ringing.reject(486)
    world.advance(1)
    assert lamp(watcher) == ["recipient early"]
    carol.ringing.answer()
    world.advance(1)
    assert lamp(watcher) == ["recipient confirmed"]
    call.hang_up()
    world.advance(1)
    assert lamp(watcher) == []
    world.check_over()


def test_a_lamp_goes_dark_for_the_party_that_was_transferred_away() -> None:
    world = World()
    alice, bob, carol, watcher = world.phones("1001", "1002", "1003", "1004")
    watch(watcher, "1001", "dialog")
    call = alice.call("1002")
    bob.ringing.answer()
    call.refer("1003")
    carol.ringing.answer()
    world.advance(1)
    assert lamp(watcher) == [], "1001 talks no more"
    bob.ringing.hang_up()
    world.check_over()


def test_registrations_are_told_to_their_owner_and_to_dispatchers_alone() -> None:
    world = World(subscribers={"1005": {"roles": frozenset({"dispatcher"})}})
    bob, stranger, dispatcher = world.phones("1002", "1003", "1005")
    assert watch(stranger, "1002", "reg") == 403
    assert watch(dispatcher, "1002", "reg") == watch(bob, "1002", "reg") == 200
    world.phone("1002")
    world.advance(6)
    assert notified(dispatcher)[-1].body.count(b"<contact ") == 2


def test_waiting_messages_are_told_to_their_owner() -> None:
    world = World()
    bob, stranger = world.phones("1002", "1003")
    assert watch(stranger, "1002", "message-summary") == 403
    assert watch(bob, "1002", "message-summary") == 200
    assert b"Messages-Waiting: no" in notified(bob)[-1].body


PIDF = (
    b'<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:1002@example.net">'
    b'<tuple id="a"><status><basic>closed</basic></status><note>at lunch</note></tuple></presence>'
)


def publish(phone: Phone, number: str, body: bytes = PIDF) -> int:
    fields = [("Event", "presence"), ("Content-Type", "application/pidf+xml"), ("Expires", "600")]
    phone.send("PUBLISH", number, fields, body)
    return phone.responses[-1].status


def test_presence_follows_registration_and_what_is_published() -> None:
    world = World()
    watcher = world.phone("1003")
    assert watch(watcher, "1002", "presence") == 200
    assert b"<basic>closed</basic>" in notified(watcher)[-1].body
    bob = world.phone("1002")
    world.advance(2)
    assert b"<basic>open</basic>" in notified(watcher)[-1].body
    assert publish(bob, "1002") == 200
    world.advance(2)
    assert b"at lunch" in notified(watcher)[-1].body
    world.advance(700)
    assert b"at lunch" not in notified(watcher)[-1].body, "what was published ends by itself"


def test_nobody_publishes_for_another() -> None:
    world = World()
    assert publish(world.phone("1003"), "1002") == 403


def test_watching_needs_credentials() -> None:
    world = World(authenticate=True)
    watcher = world.phone("1003")
    assert watch(watcher, "1002", "dialog") == 401
    watcher.send("SUBSCRIBE", "1002", [("Event", "dialog"), ("Expires", "600")], login=True)
    assert watcher.responses[-1].status == 200
    assert publish(watcher, "1003") == 401


@pytest.mark.parametrize(
    ("number", "package", "status"), [("1002", "weather", 489), ("4711", "dialog", 404), ("4711", "presence", 404)]
)
def test_what_cannot_be_watched_is_refused(number: str, package: str, status: int) -> None:
    world = World()
    assert watch(world.phone("1003"), number, package) == status


def test_a_watcher_that_is_gone_is_forgotten() -> None:
    world = World()
    watcher = world.phone("1003")
    bob = world.phone("1002")
    watch(watcher, "1002", "dialog")
    assert len(world.presence.notifier) == 1
    watcher.answer_requests["NOTIFY"] = 481
    bob.call("600").hang_up()
    world.advance(1)
    assert len(world.presence.notifier) == 0


def test_on_closing_every_watcher_is_told() -> None:
    world = World()
    watcher = world.phone("1003")
    watch(watcher, "1002", "dialog")
    world.presence.close()
    world.settle()
    assert "terminated" in (notified(watcher)[-1].get("Subscription-State") or "")
