"""Ambience listening: which terminals can be listened to, what they are told, and how it ends."""

from __future__ import annotations

import pytest

from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.recognition import System
from softswitch.calls.dispatching.operator import Refused
from softswitch.calls.talkgroups.ambience import NotListenable
from softswitch.events.groups import AmbienceChanged
from tests.unit.calls.phone import Phone
from tests.unit.poc.world import PocWorld


def started(world: PocWorld, party: str = "1002", listener: str = "1009") -> Phone:
    """The listener's telephone, answered; the order has been given."""
    ears = world.phone(listener)
    world.do(lambda: world.ambience.start(party, listener, by="console"))
    ears.ringing.answer()
    world.settle()
    return ears


def invites(world: PocWorld, phone: Phone) -> list[str]:
    """The INVITEs that a telephone was sent."""
    to = f"{phone.host}:"
    return [sent.text for sent in world.log if sent.destination.startswith(to) and sent.line.startswith("INVITE")]


def states(world: PocWorld) -> list[tuple[str, int]]:
    return [(event.state, event.cause) for event in world.told(AmbienceChanged)]


def test_a_client_opens_its_microphone_unseen() -> None:
    world = PocWorld()
    two = world.client("1002")
    ears = started(world)
    info = two.invited_by
    assert info is not None and (info.session_type, info.ambient) == ("ambient-listening", "remote-init")
    assert info.calling_user == f"sip:1009@{world.domain}" and info.request_uri == f"sip:1002@{world.domain}"
    (invite,) = world.invites_to("1002")
    assert "Priv-Answer-Mode: Auto" in invite.text
    assert world.talking() == ["1002"] and states(world) == [("asked", 0), ("heard", 0)]
    assert world.room.talking == "203.0.113.1", "its microphone is passed on"
    assert not [row for row in world.talkgroups.describe() if row["number"].startswith("ambience")], "no group to see"
    world.advance(30.0)
    assert world.talking() == ["1002"], "neither silence nor the talk time of groups ends it"
    ears.ringing.hang_up()
    world.advance(0.1)
    assert two.session is None and states(world)[-1] == ("ended", 200)
    world.check_over()


def test_it_lasts_no_longer_than_ordered() -> None:
    world = PocWorld()
    two = world.client("1002")
    ears = world.phone("1009")
    world.do(lambda: world.ambience.start("1002", "1009", max_s=20.0))
    ears.ringing.answer()
    world.advance(19.0)
    assert two.joined
    world.advance(1.1)
    assert two.session is None and ears.ringing.over
    world.check_over()


def test_a_telephone_is_asked_by_rfc_5373_and_hears_nothing_of_it() -> None:
    world = PocWorld()
    phone = world.phone("1002", extensions=("answermode",))
    ears = started(world)
    (invite,) = invites(world, phone)
    assert "Answer-Mode: Auto;require" in invite and "Require: answermode" in invite
    phone.ringing.answer()
    world.settle()
    assert states(world)[-1] == ("heard", 0)
    assert not [port.playing for port in world.engine.ports.values() if port.playing], (
        "a sound tells that it has the floor"
    )
    phone.ringing.hang_up()
    world.advance(0.1)
    assert ears.ringing.over and states(world)[-1][0] == "ended"
    world.check_over()


def test_an_older_telephone_is_asked_by_hints_and_let_go_when_it_rings() -> None:
    world = PocWorld()
    phone = world.phone("1002")
    ears = started(world)
    world.advance(0.1)
    refused, invite = invites(world, phone)
    assert "Require: answermode" in refused, "a telephone that does not know it may not ring for it"
    assert "answer-after=0" in invite and "Require" not in invite
    phone.ringing.ring()
    world.advance(2.1)
    assert phone.ringing.over and ears.ringing.over
    assert states(world)[-1] == ("refused", 480)
    world.check_over()


def test_a_client_that_is_not_allowed_to_be_listened_to_says_so() -> None:
    world = PocWorld()
    world.client("1002", listenable=False)
    started(world)
    world.advance(0.1)
    assert states(world) == [("asked", 0), ("refused", 403)]
    world.check_over()


@pytest.mark.parametrize("party", ["1002", "1003"])
def test_who_cannot_be_listened_to_is_refused_before_anybody_is_called(party: str) -> None:
    world = PocWorld()
    world.client("1002", System.POC)
    ears = world.phone("1009")
    with pytest.raises(NotListenable if party == "1002" else Refused):
        world.ambience.start(party, "1009")
    assert not ears.called and not states(world)
    world.check_over()


def test_a_terminal_in_use_is_left_alone() -> None:
    world = PocWorld()
    one, _ = world.clients("1001", "1002")
    world.do(lambda: one.call(McpttInfo(session_type="private"), world.now, callees=("1002",)))
    world.phone("1009")
    with pytest.raises(Refused, match="in use"):
        world.ambience.start("1002", "1009")
    world.do(lambda: one.hang_up(world.now))
    world.advance(0.1)
    world.check_over()


def test_it_is_taken_back_by_whoever_ordered_it() -> None:
    world = PocWorld()
    two = world.client("1002")
    world.advance(1.0)
    ears = started(world)
    (listening,) = world.ambience.running
    assert listening.describe()["state"] == "heard"
    world.do(lambda: world.ambience.end(listening.id))
    assert two.session is None and ears.ringing.over and not world.ambience.running
    with pytest.raises(LookupError):
        world.ambience.end(listening.id)
    world.check_over()


@pytest.mark.parametrize("kind", ["remote-init", "local-init", None])
def test_a_client_begins_to_listen_or_to_be_listened_to(kind: str | None) -> None:
    """The listener begins, also when nothing is said, or who wants to be heard; only a dispatcher listens."""
    world = PocWorld()
    caller, callee = ("1001", "1009") if kind == "local-init" else ("1009", "1001")
    one, two = world.clients(caller, callee)
    info = McpttInfo(session_type="ambient-listening", ambient=kind)
    world.do(lambda: one.call(info, world.now, callees=(callee,)))
    assert one.joined and two.joined, (one.told, two.told)
    assert two.invited_by is not None and two.invited_by.ambient == (kind or "remote-init")
    assert world.talking() == ["1001"], "who is listened to has the floor, and gives it back to nobody"
    world.do(lambda: world.devices["1009"].client.press(world.now))
    world.advance(40.0)
    assert world.talking() == ["1001"]
    world.do(lambda: one.hang_up(world.now))
    world.advance(0.1)
    assert two.session is None and [state for state, _ in states(world)] == ["heard", "ended"]
    world.check_over()


@pytest.mark.parametrize(
    ("caller", "callee", "options", "status"),
    [
        ("1001", "1002", {}, 403),
        ("1009", "1003", {}, 480),
        ("1009", "1002", {"with_floor": False}, 488),
    ],
    ids=["no dispatcher", "no terminal of that kind", "no floor control"],
)
def test_who_may_not_listen_is_refused(caller: str, callee: str, options: dict[str, bool], status: int) -> None:
    world = PocWorld()
    one = world.client(caller)
    world.client("1002")
    world.phone("1003")
    info = McpttInfo(session_type="ambient-listening")
    world.do(lambda: one.call(info, world.now, callees=(callee,), **options))
    assert one.told[-1] == ("INVITE", status)
    world.check_over()
