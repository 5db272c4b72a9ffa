"""Messages for those who are away: kept, sent in order when they come back, tried again, given up, never lost."""

from __future__ import annotations

from typing import Any

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller
from softswitch.messaging.carriers import CarriedText, Report
from softswitch.messaging.composing import Draft
from softswitch.messaging.cpim import parse_cpim
from softswitch.messaging.events import MessageStateChanged
from softswitch.messaging.imdn import Notification, envelope, notification_envelope, notification_in, parse_imdn
from softswitch.messaging.model import Message, MessagingSettings, State
from softswitch.messaging.outbox import Full
from tests.unit.calls.phone import Phone
from tests.unit.calls.world import World, trunk

TEXT = [("Content-Type", "text/plain;charset=utf-8")]
SETTINGS = MessagingSettings()


def world_with(**options: Any) -> World:
    return World(messages=options.pop("messages", SETTINGS), **options)


def states(world: World) -> list[tuple[str, str]]:
    return [(event.recipient, event.state) for event in world.told(MessageStateChanged)]


def texts(phone: Phone) -> list[str]:
    return [request.body.decode() for request in phone.requests if request.method == "MESSAGE"]


def draft(*to: str, text: str = "hello", sender: str = "1001", **more: Any) -> Draft:
    kind = more.pop("content_type", "text/plain;charset=utf-8")
    return Draft(Party(sender), Caller(sender), to, kind, text.encode(), "api", **more)


def post(world: World, *to: str, **more: Any) -> Message:
    told: list[bool] = []
    message = world.messaging.post(draft(*to, **more), told.append)
    world.settle()
    assert told == [True], "who posts a message hears that it is on disk"
    return message


def test_a_message_for_who_is_away_waits_and_comes_in_order_on_registration() -> None:
    world = world_with()
    alice = world.phone("1001")
    for text in ("一", "二", "三"):
        alice.send("MESSAGE", "1002", TEXT, text.encode())
        assert alice.responses[-1].status == 202
    bob = world.phone("1002")
    assert not texts(bob), "a phone is left in peace until its registration is answered"
    world.advance(1)
    assert texts(bob) == ["一", "二", "三"]
    assert states(world)[-3:] == [("1002", "delivered")] * 3 and world.messaging.outbox.waiting == 0
    world.check_over()


def test_202_leaves_only_after_the_commit() -> None:
    world = world_with()
    alice = world.phone("1001")
    world.keeper.slow = True
    heard = len(alice.responses)
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    assert len(alice.responses) == heard, "no answer yet"
    world.keeper.commit()
    world.settle()
    assert alice.responses[-1].status == 202


def test_a_message_that_cannot_be_stored_is_not_accepted() -> None:
    world = world_with()
    alice = world.phone("1001")
    world.keeper.working = False
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    assert alice.responses[-1].status == 500 and world.messaging.outbox.waiting == 0
    world.phone("1002")
    world.advance(1)
    world.check_over()


def test_a_device_that_is_slow_keeps_nobody_waiting() -> None:
    world = world_with()
    alice, bob = world.phones("1001", "1002")
    world.lost = lambda sent: sent.destination.startswith(bob.host)
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    world.advance(SETTINGS.patience_s + 0.1)
    assert alice.responses[-1].status == 202
    alice.send("MESSAGE", "1002", TEXT, b"second")
    assert alice.responses[-1].status == 202, "nothing overtakes a message that waits"
    world.advance(35)
    world.lost = lambda sent: False
    world.advance(10)
    assert texts(bob) == ["hello", "second"]
    world.check_over()


def test_a_refusal_of_the_moment_is_tried_again_and_a_final_one_is_not() -> None:
    world = world_with()
    alice, bob = world.phones("1001", "1002")
    bob.answer_requests["MESSAGE"] = 486
    alice.send("MESSAGE", "1002", TEXT, b"hello")
    assert alice.responses[-1].status == 202
    world.advance(5.2)
    assert len(texts(bob)) == 2, "tried again after the first step"
    world.advance(14)
    assert len(texts(bob)) == 2, "the second step is longer"
    bob.answer_requests["MESSAGE"] = 415
    world.advance(2)
    assert states(world)[-1] == ("1002", "failed")
    alice.send("MESSAGE", "1002", TEXT, b"again")
    assert alice.responses[-1].status == 415, "a final refusal is the sender's answer"
    world.check_over()


@pytest.mark.parametrize("expires", ["60", None])
def test_nobody_gets_a_message_that_has_expired(expires: str | None) -> None:
    world = world_with(messages=MessagingSettings(keep_s=60.0))
    alice = world.phone("1001")
    fields = [*TEXT, ("Expires", expires)] if expires else TEXT
    alice.send("MESSAGE", "1002", fields, b"hello")
    world.advance(61)
    assert states(world)[-1] == ("1002", "expired") and world.messaging.outbox.waiting == 0
    bob = world.phone("1002")
    world.advance(2)
    assert not texts(bob)
    world.check_over()


def test_that_somebody_is_writing_is_not_kept() -> None:
    world = world_with()
    alice = world.phone("1001")
    alice.send("MESSAGE", "1002", [("Content-Type", "application/im-iscomposing+xml")], b"<x/>")
    assert alice.responses[-1].status == 480 and world.messaging.outbox.waiting == 0


def test_limits_for_each_recipient_and_sender() -> None:
    world = world_with(messages=MessagingSettings(max_per_recipient=2, max_per_sender=3))
    alice = world.phone("1001")
    for _ in range(3):
        alice.send("MESSAGE", "1002", TEXT, b"hello")
    assert [answer.status for answer in alice.responses[-3:]] == [202, 202, 503]
    assert alice.responses[-1].get("Retry-After")
    alice.send("MESSAGE", "1003", TEXT, b"hello")
    with pytest.raises(Full):
        world.messaging.post(draft("1004"), lambda stored: None)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain;charset=gbk", "中文".encode("gbk"), 202),
        ("text/plain", b"\xff\xfe\xfa", 400),
        ("text/plain;charset=klingon", b"x", 415),
        ("image/png", b"x", 415),
        ("text/plain", b"x" * 17000, 413),
        ("message/cpim", b"no headers", 400),
        ("message/imdn+xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", 400),
    ],
)
def test_bodies_are_checked(content_type: str, body: bytes, status: int) -> None:
    world = world_with()
    alice = world.phone("1001")
    alice.send("MESSAGE", "1002", [("Content-Type", content_type)], body)
    assert alice.responses[-1].status == status
    if status == 415 and content_type == "image/png":
        assert "text/*" in (alice.responses[-1].get("Accept") or "")


def test_a_message_that_has_gone_too_far_is_483() -> None:
    world = world_with()
    alice, bob = world.phones("1001", "1002")
    alice.send("MESSAGE", "1002", [*TEXT, ("Max-Forwards", "0")], b"hello")
    assert alice.responses[-1].status == 483 and not texts(bob)


def test_what_a_crash_left_is_sent_by_the_next_run() -> None:
    before = world_with()
    alice = before.phone("1001")
    for text in (b"one", b"two"):
        alice.send("MESSAGE", "1002", TEXT, text)
    after = world_with()
    after.messaging.outbox.restore(before.keeper.kept.values())
    after.keeper.kept.update(before.keeper.kept)
    bob = after.phone("1002")
    after.advance(10)
    assert texts(bob) == ["one", "two"] and after.messaging.outbox.waiting == 0


def test_cancelled_while_it_waits_and_not_later() -> None:
    world = world_with()
    world.phone("1001")
    message = post(world, "1002")
    assert world.messaging.outbox.cancel(message.id) == 1
    bob = world.phone("1002")
    world.advance(1)
    assert not texts(bob) and message.deliveries["1002"].state is State.CANCELLED
    assert world.messaging.outbox.cancel(message.id) == 0


# -- groups -----------------------------------------------------------------------------------------------------------


def test_a_group_message_reaches_each_member_in_its_own_time() -> None:
    world = world_with()
    world.groups["8001"] = ["1001", "1002", "1003"]
    alice, bob = world.phones("1001", "1002")
    alice.send("MESSAGE", "8001", TEXT, "集合".encode())
    assert alice.responses[-1].status == 202
    assert texts(bob) == ["集合"] and not texts(alice)
    assert "8001" in (bob.requests[-1].get("To") or ""), "the group is shown"
    assert bob.requests[-1].from_.uri.username == "1001"  # type: ignore[union-attr]
    message = next(iter(world.keeper.kept.values()))
    assert {n: d.state for n, d in message.deliveries.items()} == {"1002": State.DELIVERED, "1003": State.QUEUED}
    carol = world.phone("1003")
    world.advance(1)
    assert texts(carol) == ["集合"]
    assert {event.group for event in world.told(MessageStateChanged)} == {"8001"}
    world.check_over()


def test_who_is_not_a_member_writes_to_no_group_unless_a_dispatcher() -> None:
    world = world_with(subscribers={"1009": {"roles": frozenset({"dispatcher"})}})
    world.groups["8001"] = ["1002"]
    alice, boss = world.phones("1001", "1009")
    alice.send("MESSAGE", "8001", TEXT, b"hello")
    boss.send("MESSAGE", "8001", TEXT, b"hello")
    assert (alice.responses[-1].status, boss.responses[-1].status) == (403, 202)
    world.groups["8002"] = []
    alice.send("MESSAGE", "8002", TEXT, b"hello")
    assert alice.responses[-1].status == 480, "an open group that nobody is in"


def test_a_group_in_which_nobody_is_is_told_as_failed_beside_others() -> None:
    world = world_with()
    world.groups.update({"8001": [], "8002": ["1001"]})
    bob = world.phone("1002")
    message = post(world, "1002", "8001", "8002")
    assert texts(bob) == ["hello"]
    told = {n: (d.state, d.status, d.reason) for n, d in message.deliveries.items()}
    nobody = State.FAILED, 480, "nobody is in that group"
    assert told == {"1002": (State.DELIVERED, 200, "OK"), "8001": nobody, "8002": nobody}, "the sender alone is nobody"
    assert sorted(states(world)) == [
        ("1002", "delivered"),
        ("1002", "queued"),
        ("8001", "failed"),
        ("8002", "failed"),
    ]
    world.check_over()


def test_a_large_group_does_not_go_out_all_at_once() -> None:
    world = world_with(messages=MessagingSettings(max_flying=2))
    world.groups["8001"] = [str(number) for number in range(1001, 1010)]
    phones = world.phones(*world.groups["8001"])
    world.lost = lambda sent: sent.destination.startswith("198.51.100.") and "MESSAGE sip" in sent.line
    post(world, "8001")
    assert sum("MESSAGE sip" in sent.line for sent in world.log) == 2
    world.lost = lambda sent: False
    world.advance(60)
    assert sum(len(texts(phone)) for phone in phones) == 8
    world.check_over()


# -- gateways ---------------------------------------------------------------------------------------------------------


class Radio:
    """A carrier as a gateway registers it."""

    max_octets = 20

    def __init__(self) -> None:
        self.texts: list[CarriedText] = []
        self.reports: list[Report] = []

    def reaches(self, number: str) -> bool:
        return number.startswith("3280")

    def carry(self, text: CarriedText, report: Report) -> None:
        self.texts.append(text)
        self.reports.append(report)


def test_a_radio_gets_its_text_through_its_gateway() -> None:
    world, radio = world_with(), Radio()
    remove = world.messaging.carriers.add("pdt", radio)
    alice = world.phone("1001")
    alice.send("MESSAGE", "32800001", TEXT, "出发".encode())
    assert [(t.sender, t.recipient, t.text) for t in radio.texts] == [("1001", "32800001", "出发")]
    radio.reports[0](202, False)
    world.settle()
    assert alice.responses[-1].status == 202 and states(world)[-1] == ("32800001", "sent")
    radio.reports[0](200, True)
    world.settle()
    assert states(world)[-1] == ("32800001", "delivered")
    alice.send("MESSAGE", "32800001", TEXT, b"x" * 21)
    assert alice.responses[-1].status == 413
    remove()
    alice.send("MESSAGE", "32800001", TEXT, b"hello")
    assert alice.responses[-1].status == 404
    world.check_over()


def test_a_radio_that_is_off_gets_its_text_later_and_the_sender_a_notification() -> None:
    world, radio = world_with(), Radio()
    world.messaging.carriers.add("pdt", radio)
    alice = world.phone("1001")
    body = envelope("sip:1001@x", "sip:32800001@x", "2026-01-01T00:00:00Z", "abc", "text/plain", b"hi").serialize()
    alice.send("MESSAGE", "32800001", [("Content-Type", "message/cpim")], body)
    radio.reports[0](480, False)
    world.settle()
    assert alice.responses[-1].status == 202
    world.advance(6)
    radio.reports[-1](200, True)
    world.settle()
    told = parse_cpim(alice.requests[-1].body)
    assert parse_imdn(told.body).status == "delivered" and parse_imdn(told.body).message_id == "abc"
    assert len(texts(alice)) == 1, "there is no notification about a notification"
    world.check_over()


# -- notifications ----------------------------------------------------------------------------------------------------


def test_notifications_go_back_and_are_noted() -> None:
    world = world_with()
    alice, bob = world.phones("1001", "1002")
    body = envelope("sip:1001@x", "sip:1002@x", "2026-01-01T00:00:00Z", "m-1", "text/plain", b"hi").serialize()
    alice.send("MESSAGE", "1002", [("Content-Type", "message/cpim")], body)
    told = Notification("m-1", "2026-01-01T00:00:00Z", "display", "displayed", "sip:1002@x")
    back = notification_envelope("sip:1002@x", "sip:1001@x", "n-1", told).serialize()
    bob.send("MESSAGE", "1001", [("Content-Type", "message/cpim")], back)
    assert states(world)[-2:] == [("1002", "displayed"), ("1001", "delivered")]
    assert alice.requests[-1].body == back, "the notification reaches who asked for it"


def test_a_report_that_the_switch_asked_for_stays_here() -> None:
    world = world_with()
    alice, bob = world.phones("1001", "1002")
    message = post(world, "1002", report=True)
    assert message.deliveries["1002"].state is State.SENT, "with a report it is the terminal that says delivered"
    arrived = parse_cpim(bob.requests[-1].body)
    assert arrived.body == b"hello" and arrived.imdn("Disposition-Notification")
    note = Notification(arrived.imdn("Message-ID") or "", "2026-01-01T00:00:00Z", "delivery", "delivered")
    bob.send("MESSAGE", "1001", [("Content-Type", "message/imdn+xml")], note.serialize())
    assert message.deliveries["1002"].state is State.DELIVERED and bob.responses[-1].status == 200
    assert not texts(alice)


def test_a_sender_hears_of_expiry_when_it_asked() -> None:
    world = world_with(messages=MessagingSettings(keep_s=30.0))
    alice = world.phone("1001")
    body = envelope("sip:1001@x", "sip:1002@x", "2026-01-01T00:00:00Z", "m-1", "text/plain", b"hi").serialize()
    alice.send("MESSAGE", "1002", [("Content-Type", "message/cpim")], body)
    world.advance(31)
    request = alice.requests[-1]
    told = notification_in(request.content_type, request.body)
    assert told is not None and (told.kind, told.status, told.message_id) == ("delivery", "failed", "m-1")


def test_a_notification_of_an_old_message_is_noted_on_disk() -> None:
    world = world_with()
    alice, bob = world.phones("1001", "1002")
    note = Notification("before-the-restart", "2026-01-01T00:00:00Z", "delivery", "delivered")
    bob.send("MESSAGE", "1001", [("Content-Type", "message/imdn+xml")], note.serialize())
    assert world.keeper.confirmed == [("before-the-restart", "1002", State.DELIVERED)] and alice.requests


# -- trunks -----------------------------------------------------------------------------------------------------------


def test_a_message_from_the_api_for_a_trunk_that_is_down_is_tried_again() -> None:
    world = world_with(trunks=[trunk("out", "203.0.113.1")], rules=[Rule("out", To("trunk", ("out",)), prefix="9")])
    peer = world.peer("out")
    peer.answer_requests["MESSAGE"] = 503
    message = post(world, "95551234")
    assert message.deliveries["95551234"].state is State.QUEUED
    peer.answer_requests["MESSAGE"] = 200
    world.advance(6)
    assert message.deliveries["95551234"].state is State.SENT, "the next hop's word is not the terminal's"
    alice = world.phone("1001")
    peer.answer_requests["MESSAGE"] = 503
    alice.send("MESSAGE", "95551234", TEXT, b"hello")
    assert alice.responses[-1].status == 503, "a phone hears of the trunk's refusal itself"
    world.check_over()
