"""Talkgroups and conferences over HTTP: who is in them, and the floor a dispatcher gives and takes."""

from __future__ import annotations

from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.services import ApiServices
from tests.unit.api.conftest import Connect
from tests.unit.api.test_resources import get, post

PARTY = {"party": "1003", "leg_id": "l3", "call_id": "c3", "since": 1_700_000_000.0, "floor": "talking"}
GROUP: dict[str, Any] = {
    "number": "8001",
    "name": "Fire",
    "members": [],
    "talk_s": 60.0,
    "floor": "taken",
    "talker": "1003",
    "participants": [PARTY],
}


async def test_groups_tell_who_talks(services: ApiServices, connect: Connect) -> None:
    services.groups = lambda: [GROUP]
    session = await connect()
    status, body = await get(session, "/api/v1/groups", "viewer")
    assert status == 200 and body["items"][0]["talker"] == "1003"
    status, body = await get(session, "/api/v1/groups/8001", "viewer")
    assert body["participants"][0]["since"] == "2023-11-14T22:13:20.000000Z", body
    assert (await get(session, "/api/v1/groups/8009"))[0] == 404


async def test_conferences_are_listed(services: ApiServices, connect: Connect) -> None:
    services.conferences = lambda: [{"number": "7001", "participants": []}]
    status, body = await get(await connect(), "/api/v1/voice/conferences/7001", "viewer")
    assert status == 200 and body["number"] == "7001"


async def test_the_floor_is_a_dispatchers_business(services: ApiServices, connect: Connect) -> None:
    done: list[tuple[str, str]] = []

    def floor(leg_id: str, wish: str, tier: str, by: Principal) -> bool:
        done.append((leg_id, wish))
        return wish != "revoke"

    services.groups, services.floor = lambda: [GROUP], floor
    session = await connect()
    path = "/api/v1/groups/8001/floor/"
    assert (await post(session, path + "request", {"leg_id": "l3"}, "viewer"))[0] == 403
    assert (await post(session, path + "request", {"leg_id": "l3"}, "dispatcher"))[0] == 202
    assert (await post(session, path + "request", {"leg_id": "l9"}, "dispatcher"))[0] == 404, "l9 is not in the group"
    status, problem = await post(session, path + "revoke", {"leg_id": "l3"}, "dispatcher")
    assert status == 409 and problem["type"].endswith("floor-not-held")
    assert done == [("l3", "request"), ("l3", "revoke")]
