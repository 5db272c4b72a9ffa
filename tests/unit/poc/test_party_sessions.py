"""Calls between named parties, and pre-established sessions."""

from __future__ import annotations

import pytest

from gateways.poc import mcpc
from gateways.poc.client import PocClient
from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.recognition import System
from gateways.poc.settings import PocServerSettings
from tests.unit.poc.test_group_sessions import end, in_chat
from tests.unit.poc.world import PocWorld


def private(client: PocClient, *callees: str, now: float, kind: str = "private", **options: bool) -> None:
    """A call to parties."""
    client.call(McpttInfo(session_type=kind), now, callees=callees, **options)


def test_a_private_call_with_floor_control_is_a_group_of_two() -> None:
    world = PocWorld()
    one, two = world.clients("1001", "1002")
    world.do(lambda: private(one, "1002", now=world.now, implicit=True))
    assert one.joined and two.joined, (one.told, two.told)
    assert two.invited_by is not None and two.invited_by.session_type == "private"
    assert two.invited_by.calling_user == f"sip:1001@{world.domain}"
    assert one.server_floor is not None and one.server_floor.granted, "the answer grants what the INVITE asked"
    assert world.talking() == ["1001"]
    world.do(lambda: one.let_go(world.now))
    world.do(lambda: two.press(world.now))
    assert world.talking() == ["1002"]
    world.do(lambda: two.hang_up(world.now))
    world.advance(0.1)
    assert one.session is None, "the call ends when one party leaves"
    assert not [number for number in world.talkgroups.book.definitions if number.startswith("private")]
    world.check_over()


def test_a_private_call_without_floor_control_reaches_a_telephone() -> None:
    world = PocWorld()
    one = world.client("1001")
    phone = world.phone("1002")
    world.do(lambda: private(one, "1002", now=world.now, with_floor=False))
    phone.ringing.answer()
    assert one.joined and one.server_floor is None
    world.do(lambda: one.hang_up(world.now))
    world.check_over()


def test_who_does_not_take_a_private_call_is_told() -> None:
    world = PocWorld()
    one = world.client("1001")
    world.client("1002", answers=False)
    world.do(lambda: private(one, "1002", now=world.now))
    assert one.told[-1] == ("INVITE", 480)
    world.check_over()


def test_the_first_to_answer_has_the_call() -> None:
    world = PocWorld()
    one, two = world.clients("1001", "1003")
    world.client("1002", answers=False)
    world.do(lambda: private(one, "1002", "1003", now=world.now, kind="first-to-answer"))
    assert one.joined and two.joined
    end(world)


def test_an_ad_hoc_group_of_poc_holds_everybody_named() -> None:
    world = PocWorld()
    one, two, three = (world.client(number, System.POC) for number in ("1001", "1002", "1003"))
    world.do(lambda: one.call(McpttInfo(), world.now, callees=("1002", "1003"), target="adhoc"))
    assert one.joined and two.joined and three.joined
    world.do(lambda: one.press(world.now))
    assert world.talking() == ["1001"] and two.participant.talkers == (f"sip:1001@{world.domain}",)
    end(world)


@pytest.mark.parametrize(
    ("callees", "settings", "status", "warning"),
    [
        (("1002", "1003"), PocServerSettings(), 403, "145"),
        (("1002",), PocServerSettings(require_settings=True), 404, "146"),
    ],
)
def test_refusals_of_private_calls(
    callees: tuple[str, ...], settings: PocServerSettings, status: int, warning: str
) -> None:
    world = PocWorld(settings=settings)
    one, _ = world.clients("1001", "1002")
    world.do(lambda: private(one, *callees, now=world.now))
    assert one.told[-1] == ("INVITE", status) and f'"{warning} ' in one.warning, one.warning
    assert world.server.context.counters[f"refused_{int(warning)}"] == 1, "refusals are counted"
    world.check_over()


def test_settings_that_were_published_let_a_call_through() -> None:
    world = PocWorld(settings=PocServerSettings(require_settings=True))
    one, two = world.clients("1001", "1002")
    world.do(lambda: two.publish_settings(world.now))
    assert two.told[-1] == ("PUBLISH", 200)
    world.do(lambda: private(one, "1002", now=world.now))
    assert one.joined and two.joined
    end(world)


def test_a_pre_established_session_enters_a_call_by_refer_and_leaves_it() -> None:
    world = PocWorld()
    in_chat(world, "1001", "1002")
    three = world.client("1003")
    world.do(lambda: three.call(McpttInfo(), world.now))
    assert three.joined and not world.talkgroups.is_present("1003")
    world.do(lambda: three.refer("8001", world.now, chat=True))
    assert three.told[-1] == ("REFER", 200), three.warning
    assert [message.kind for message in three.connected] == [mcpc.Kind.CONNECT]
    assert three.connected[0].session == f"sip:8001@{world.domain}" and three.connected[0].session_type == "chat"
    world.do(lambda: world.devices["1001"].client.press(world.now))
    assert three.participant.talkers == (f"sip:1001@{world.domain}",)
    world.do(lambda: three.refer("8001", world.now, leave=True))
    assert [message.kind for message in three.connected] == [mcpc.Kind.CONNECT, mcpc.Kind.DISCONNECT]
    assert three.session is not None, "the session stays for the next call"
    world.do(lambda: three.refer("8099", world.now))
    assert three.told[-1] == ("REFER", 404) and '"113 ' in three.warning
    end(world)
