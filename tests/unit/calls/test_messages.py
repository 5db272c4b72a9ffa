"""Text and data: MESSAGE to devices, INFO and MESSAGE inside a call (RFC 3428, RFC 6086)."""

from __future__ import annotations

import pytest

from dialplan import ClassOfService, Rule
from dialplan import Target as To
from softswitch.events import AccessRefused, DigitReceived, MessageRelayed
from softswitch.sip.settings import Login
from tests.unit.calls.world import World, trunk

TEXT = [("Content-Type", "text/plain;charset=utf-8")]


def test_a_message_goes_to_every_device_and_the_first_to_take_it_counts() -> None:
    world = World()
    alice = world.phone("1001")
    desk, mobile = world.phone("1002"), world.phone("1002")
    desk.answer_requests["MESSAGE"] = 480
    alice.send("MESSAGE", "1002", TEXT, "门已打开".encode())
    assert alice.responses[-1].status == 200
    for device in (desk, mobile):
        message = device.requests[-1]
        assert message.body.decode() == "门已打开" and message.get("Content-Type") == TEXT[0][1]
        assert message.from_.uri.username == "1001" and len(message.vias) == 1  # type: ignore[union-attr]
        assert alice.host not in message.serialize().decode()
    assert [(m.sender, m.recipient, m.status) for m in world.told(MessageRelayed)] == [("1001", "1002", 200)]
    world.check_over()


@pytest.mark.parametrize(("statuses", "heard"), [((480, 486), 480), ((603, 486), 486), ((401,), 480), ((302,), 480)])
def test_the_best_refusal_of_all_devices_is_told(statuses: tuple[int, ...], heard: int) -> None:
    world = World()
    alice = world.phone("1001")
    for status in statuses:
        world.phone("1002").answer_requests["MESSAGE"] = status
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    assert alice.responses[-1].status == heard
    world.check_over()


def test_a_device_that_says_nothing_is_a_timeout() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    world.lost = lambda sent: sent.destination.startswith(bob.host)
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    world.advance(40)
    assert world.told(MessageRelayed)[-1].status == 408
    world.lost = lambda sent: False
    world.check_over()


@pytest.mark.parametrize(("number", "status"), [("4711", 404), ("1003", 480), ("600", 480)])
def test_a_message_nobody_can_take_is_refused(number: str, status: int) -> None:
    world = World()
    alice = world.phone("1001")
    alice.send("MESSAGE", number, TEXT, b"hello")
    assert alice.responses[-1].status == status
    assert world.told(MessageRelayed)[-1].status == status


def test_a_message_reaches_who_talks_and_who_does_not_want_to_be_rung() -> None:
    world = World(subscribers={"1002": {"do_not_disturb": True}, "1003": {"max_calls": 1}})
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = carol.call("600")
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    alice.send("MESSAGE", "1003", TEXT, b"hello")
    assert bob.requests and carol.requests
    call.hang_up()
    world.check_over()


def test_a_message_needs_credentials_and_rights() -> None:
    world = World(
        authenticate=True,
        subscribers={"1001": {"class_of_service": "internal"}},
        classes=[ClassOfService("internal", ("1001",), ())],
    )
    alice, bob = world.phones("1001", "1002")
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    assert alice.responses[-1].status == 401
    alice.send("MESSAGE", "1002", TEXT, b"hello", login=True)
    assert alice.responses[-1].status == 403 and not bob.requests
    assert world.told(AccessRefused)[-1].method == "MESSAGE"


def test_a_message_that_is_too_long_is_413() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    alice.send("MESSAGE", "1002", TEXT, b"x" * 20_000)
    assert alice.responses[-1].status == 413 and not bob.requests


def test_a_message_goes_through_one_trunk_and_through_the_next_when_that_fails() -> None:
    world = World(
        trunks=[trunk("first", "203.0.113.1", login=Login("us", "secret")), trunk("second", "203.0.113.2")],
        rules=[Rule("out", To("trunk", ("first", "second")), prefix="9", strip=1)],
    )
    alice, first, second = world.phone("1001"), world.peer("first"), world.peer("second")
    alice.send("MESSAGE", "95551234", TEXT, b"hello")
    assert alice.responses[-1].status == 200
    assert first.requests and not second.requests, "one copy only"
    first.answer_requests["MESSAGE"] = 503
    alice.send("MESSAGE", "95551234", TEXT, b"again")
    assert alice.responses[-1].status == 200 and second.requests[-1].body == b"again"
    first.answer_requests["MESSAGE"] = 404
    alice.send("MESSAGE", "95551234", TEXT, b"once more")
    assert alice.responses[-1].status == 404 and len(second.requests) == 1


def test_a_private_sender_is_anonymous() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    alice.send("MESSAGE", "1002", [*TEXT, ("Privacy", "id"), ("Subject", "me")], b"hello")
    assert "anonymous" in (bob.requests[-1].get("From") or "")
    alice.send("MESSAGE", "1002", [*TEXT, ("Subject", "me")], b"hello")
    assert bob.requests[-1].get("Subject") == "me"


# -- inside a call ----------------------------------------------------


@pytest.mark.parametrize("sending", ["caller", "callee"])
@pytest.mark.parametrize("method", ["INFO", "MESSAGE"])
def test_information_inside_a_call_is_carried_and_answered_by_the_other_party(sending: str, method: str) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    sender, receiver = (call, bob.ringing) if sending == "caller" else (bob.ringing, call)
    receiver.phone.answer_requests[method] = 415
    sender.request(method, [("Info-Package", "foo")], b"data", "application/foo")
    assert sender.responses[-1].status == 415
    arrived = receiver.requests[-1]
    assert (arrived.method, arrived.body, arrived.get("Content-Type")) == (method, b"data", "application/foo")
    assert arrived.get("Info-Package") == "foo"
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize(
    ("content_type", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=100\r\n", ("5", 100)),
        ("application/dtmf-relay", b"signal= *\nduration=abc", ("*", 160)),
        ("application/dtmf-relay", b"Signal=11", ("#", 160)),
        ("application/dtmf-relay", b"Signal=16\r\nDuration=99999", ("!", 10_000)),
        ("application/dtmf", b"d", ("D", 160)),
        ("application/dtmf", b"55", None),
        ("application/dtmf-relay", b"", None),
        ("text/plain", b"Signal=5", None),
        ("application/dtmf-relay", b"Signal=5\r\n" + b"x" * 300, None),
    ],
)
def test_keys_told_by_info_are_events(content_type: str, body: bytes, key: tuple[str, int] | None) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    call.request("INFO", body=body, content_type=content_type)
    assert call.responses[-1].status == 200 and bob.ringing.requests[-1].body == body
    told = [(event.digit, event.duration_ms) for event in world.told(DigitReceived)]
    assert told == ([key] if key else [])
    call.hang_up()
    world.check_over()


def test_information_to_a_party_that_is_gone_is_refused() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    world.lost = lambda sent: sent.destination.startswith(bob.host)
    call.request("INFO", body=b"x")
    world.advance(33)
    assert alice.failures == [408] or [answer.status for answer in call.responses] == [408]
    world.lost = lambda sent: False
    call.hang_up()
    bob.ringing.hang_up()
    world.check_over()


@pytest.mark.parametrize(("method", "status"), [("SUBSCRIBE", 489), ("NOTIFY", 481), ("OPTIONS", 200)])
def test_other_requests_inside_a_call_are_answered_by_the_switch(method: str, status: int) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    fields = [("Event", "x"), ("Subscription-State", "active")] if method != "OPTIONS" else []
    call.request(method, fields)
    assert call.responses[-1].status == status
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("INFO", 481), ("NOTIFY", 481), ("REFER", 481), ("BYE", 481)]
)
def test_requests_outside_any_dialog(method: str, status: int) -> None:
    world = World()
    alice = world.phone("1001")
    alice.send(method, "1002", [("Event", "x"), ("Subscription-State", "active"), ("Refer-To", "<sip:1@x>")])
    assert alice.responses[-1].status == status
    if method == "OPTIONS":
        assert "REFER" in (alice.responses[-1].get("Allow") or "")
        assert "dialog" in (alice.responses[-1].get("Allow-Events") or "")
