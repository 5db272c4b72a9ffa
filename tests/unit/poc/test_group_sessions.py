"""Group calls of push-to-talk clients: who gets in, who talks, and how it ends."""

from __future__ import annotations

import pytest

from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.recognition import System
from gateways.poc.settings import PocServerSettings
from softswitch.calls.dispatching.invitation import Invitation as CallOrder
from softswitch.calls.dispatching.invitation import Inviter
from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition, plain_members
from softswitch.events import GroupUrgency
from softswitch.floor import Tier
from tests.unit.poc.world import PocWorld


def in_chat(world: PocWorld, *numbers: str) -> None:
    """Clients in the chat of group 8001."""
    for client in world.clients(*numbers):
        world.do(lambda client=client: client.call_group("8001", world.now, chat=True))  # type: ignore[misc]
        assert client.told[-1] == ("INVITE", 200), f"{client.number} is told {client.told}: {client.warning}"


def end(world: PocWorld) -> None:
    """Everybody leaves; nothing may be left."""
    for device in world.devices.values():
        world.do(lambda device=device: device.client.hang_up(world.now))  # type: ignore[misc]
    world.check_over()


def test_a_chat_is_joined_and_nobody_talks_before_asking() -> None:
    world = PocWorld()
    in_chat(world, "1001", "1002")
    assert world.talking() == []
    assert world.told_floor("1002")[-1:] == ["Free"], "who joins an idle group is told so"
    end(world)


def test_who_presses_talks_and_the_others_are_told_who() -> None:
    world = PocWorld()
    in_chat(world, "1001", "1002", "1003")
    one = world.devices["1001"].client
    world.do(lambda: one.press(world.now))
    assert world.talking() == ["1001"]
    for other in ("1002", "1003"):
        assert world.devices[other].client.participant.talkers == (f"sip:1001@{world.domain}",)
    world.do(lambda: one.let_go(world.now))
    assert world.talking() == [] and world.told_floor("1002")[-1] == "Free"
    end(world)


def test_a_late_entrant_is_told_at_once_who_talks() -> None:
    world = PocWorld()
    in_chat(world, "1001", "1002")
    world.do(lambda: world.devices["1001"].client.press(world.now))
    in_chat(world, "1003")
    assert world.devices["1003"].client.participant.talkers == (f"sip:1001@{world.domain}",)
    end(world)


def test_a_prearranged_call_invites_affiliated_members_and_grants_when_one_is_there() -> None:
    world = PocWorld()
    one, two, three = world.clients("1001", "1002", "1003")
    for client in (two, three):
        world.do(lambda client=client: client.affiliate(["8001"], world.now))  # type: ignore[misc]
        assert client.told[-1] == ("PUBLISH", 200), f"{client.told} {client.warning}"
    world.do(lambda: one.call_group("8001", world.now, implicit=True))
    world.advance(0.1)
    assert one.joined and two.joined and three.joined, "the members of the call are in"
    assert two.invited_by is not None and two.invited_by.calling_group == f"sip:8001@{world.domain}"
    assert two.invited_by.calling_user == f"sip:1001@{world.domain}" and two.invited_by.session_type == "prearranged"
    assert world.talking() == ["1001"], "the implicit request was granted as soon as somebody could listen"
    end(world)


def test_a_member_who_is_affiliated_during_a_call_is_taken_in() -> None:
    world = PocWorld()
    in_chat(world, "1001", "1002")
    world.do(lambda: world.devices["1001"].client.press(world.now))
    three = world.client("1003")
    world.do(lambda: three.affiliate(["8001"], world.now))
    assert three.joined and three.participant.talkers == (f"sip:1001@{world.domain}",)
    end(world)


@pytest.mark.parametrize(
    ("group", "settings", "status", "warning"),
    [
        ("8099", PocServerSettings(), 404, "113"),
        ("8001", PocServerSettings(implicit_affiliation=False), 403, "120"),
    ],
)
def test_refusals_name_their_warning(group: str, settings: PocServerSettings, status: int, warning: str) -> None:
    world = PocWorld(settings=settings)
    one = world.client("1001")
    world.do(lambda: one.call_group(group, world.now))
    assert one.told[-1] == ("INVITE", status) and f'"{warning} ' in one.warning, one.warning
    world.check_over()


def test_a_stranger_is_refused() -> None:
    world = PocWorld(talkgroup=TalkgroupDefinition("8001", members=plain_members(["1002"])))
    one = world.client("1001")
    world.do(lambda: one.call_group("8001", world.now, chat=True))
    assert one.told[-1] == ("INVITE", 403) and '"116 ' in one.warning, one.warning
    world.check_over()


def test_an_emergency_takes_the_floor_and_ends_with_its_cancellation() -> None:
    world = PocWorld()
    in_chat(world, "1001", "1002", "1003")
    one, two = (world.devices[number].client for number in ("1001", "1002"))
    world.do(lambda: one.press(world.now))
    world.do(lambda: two.declare(world.now, emergency=True))
    assert world.server.urgency.tier("8001") is Tier.EMERGENCY
    world.do(lambda: two.press(world.now, Tier.EMERGENCY))
    world.advance(1)
    world.do(lambda: two.declare(world.now, emergency=False))
    assert world.server.urgency.tier("8001") is Tier.NORMAL
    assert [event.tier for event in world.told(GroupUrgency)] == ["emergency", "normal"]
    end(world)


def test_a_broadcast_ends_with_its_talker() -> None:
    world = PocWorld()
    one, two = world.clients("1001", "1002")
    world.do(lambda: two.affiliate(["8001"], world.now))
    world.do(lambda: one.call_group("8001", world.now, implicit=True, info=McpttInfo(broadcast=True)))
    world.advance(0.1)
    assert world.talking() == ["1001"] and two.invited_by is not None and two.invited_by.broadcast
    world.do(lambda: two.press(world.now))
    assert world.told_floor("1002")[-1] == "Refused", "nobody but the initiator talks in a broadcast"
    world.do(lambda: one.let_go(world.now))
    world.advance(0.5)
    assert one.session is None and two.session is None, "the call ends when its initiator has spoken"
    world.check_over()


def test_a_poc_client_talks_with_mcptt_clients() -> None:
    world = PocWorld()
    in_chat(world, "1001")
    poc = world.client("1002", System.POC)
    world.do(lambda: poc.call_group("8001", world.now))
    assert poc.joined, poc.told
    world.do(lambda: poc.press(world.now))
    assert world.talking() == ["1002"]
    assert world.devices["1001"].client.participant.talkers == (f"sip:1002@{world.domain}",)
    world.do(lambda: poc.let_go(world.now))
    world.do(lambda: world.devices["1001"].client.press(world.now))
    assert world.talking() == ["1001"] and poc.participant.talkers == (f"sip:1001@{world.domain}",)
    end(world)


def test_a_call_that_a_dispatcher_starts_invites_clients_with_floor_control() -> None:
    world = PocWorld()
    in_chat(world, "1001")
    two = world.client("1002")
    inviter = Inviter(world.exchange, world.domain)
    order = CallOrder("1002", "8001", "Tunnel", "console", answers_by_itself=True)
    world.do(lambda: inviter.call(order, lambda call, leg: world.talkgroups.enter(call, leg, "8001")))
    assert two.joined and two.server_floor is not None, "the client was offered floor control"
    (invite,) = world.invites_to("1002")
    assert invite.text.count("Answer-Mode") == 1, "one answer mode, the one of the service"
    world.do(lambda: two.press(world.now))
    assert world.talking() == ["1002"]
    end(world)


@pytest.mark.parametrize(("laid_down", "counts"), [(2, 2), (9, 5)])
def test_a_group_limits_the_priority_that_a_client_has_agreed_and_raises_it_not(laid_down: int, counts: int) -> None:
    """The clients ask for 5 in their descriptions; the answer says what counts in the group."""
    members = (GroupMember("1001", priority=laid_down), GroupMember("1002"))
    world = PocWorld(talkgroup=TalkgroupDefinition("8001", members=members))
    in_chat(world, "1001", "1002")
    line = world.devices["1001"].client.server_floor
    assert line is not None and line.priority == counts
    group = world.talkgroups.in_use("8001")
    assert group is not None
    priorities = {seat.number: group.arbiter.participants[leg].member.priority for leg, seat in group.seats.items()}
    assert priorities == {"1001": counts, "1002": 4}
    end(world)


def test_a_call_begun_both_ways_counts_as_the_more_urgent() -> None:
    """A dispatcher calls the group in an emergency, a client begins a call of it too; each ends for itself."""
    world = PocWorld()
    in_chat(world, "1001", "1002")
    world.do(lambda: world.group_calls.start("8001", "emergency", members=["1001"], acknowledged=0))
    group = world.talkgroups.in_use("8001")
    assert group is not None and group.arbiter.settings.tier is Tier.EMERGENCY
    two = world.devices["1002"].client
    world.do(lambda: two.declare(world.now, peril=True))
    assert group.arbiter.settings.tier is Tier.EMERGENCY, "a peril does not make an emergency less urgent"
    world.do(lambda: world.group_calls._finish(world.group_calls.running["8001"], "over"))
    assert group.arbiter.settings.tier is Tier.PERIL, "what the client has declared goes on"
    world.do(lambda: two.declare(world.now, peril=False))
    assert group.arbiter.settings.tier is Tier.NORMAL
    end(world)


def test_a_telephone_and_a_client_share_a_group() -> None:
    world = PocWorld()
    in_chat(world, "1001")
    phone = world.phone("1002")
    call = phone.call("8001")
    world.do(lambda: world.devices["1001"].client.press(world.now))
    assert world.talking() == ["1001"] and world.room.talking == world.devices["1001"].host
    call.hang_up()
    end(world)
