"""`/webrtc` for tokens of subscribers: each acts as its own, and sees nothing of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from softswitch.api.auth import Principal
from softswitch.api.services import ApiServices, BrowserServices
from tests.unit.api.conftest import Connect, as_role


@pytest.fixture
def carried_out(services: ApiServices) -> list[str]:
    """Sessions s1 of 1001 and s2 of 1002; what is carried out is listed."""
    rows = {
        name: {"session_id": name, "call_id": "", "number": number, "direction": "in", "state": "answered"}
        for name, number in (("s1", "1001"), ("s2", "1002"))
    }
    done: list[str] = []

    async def opened(body: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        done.append(f"open {body['caller']}")
        return rows["s1"]

    async def changed(identifier: str, body: Mapping[str, Any]) -> dict[str, Any]:
        done.append(f"change {identifier}")
        return rows[identifier]

    def registered(body: Mapping[str, Any]) -> dict[str, Any]:
        done.append(f"register {body['number']}")
        return {"number": body["number"], "device": body["device"]}

    services.browsers = BrowserServices(
        sessions=rows.values,
        session=rows.get,
        open=opened,
        answer=changed,
        offer=changed,
        close=lambda identifier: done.append(f"close {identifier}"),
        register=registered,
        unregister=lambda number, device: done.append(f"unregister {number}"),
    )
    return done


REQUESTS = [
    ("POST", "/sessions", {"sdp": "v=0", "caller": "1001", "callee": "600"}, "open 1001", 201),
    ("POST", "/sessions", {"sdp": "v=0", "caller": "1002", "callee": "600"}, "", 403),
    ("GET", "/sessions/s1", None, "", 200),
    ("GET", "/sessions/s2", None, "", 404),
    ("POST", "/sessions/s1/answer", {"sdp": "v=0"}, "change s1", 200),
    ("POST", "/sessions/s2/answer", {"sdp": "v=0"}, "", 404),
    ("POST", "/sessions/s2/offer", {"sdp": "v=0"}, "", 404),
    ("DELETE", "/sessions/s1", None, "close s1", 204),
    ("DELETE", "/sessions/s2", None, "", 404),
    ("POST", "/registrations", {"number": "1001", "device": "d"}, "register 1001", 200),
    ("POST", "/registrations", {"number": "1002", "device": "d"}, "", 403),
    ("DELETE", "/registrations/1001/d", None, "unregister 1001", 204),
    ("DELETE", "/registrations/1002/d", None, "", 403),
]


async def test_a_token_of_a_subscriber_acts_as_that_one_alone(connect: Connect, carried_out: list[str]) -> None:
    session = await connect()
    for method, path, body, expected, status in REQUESTS:
        carried_out.clear()
        url = f"/api/v1/webrtc{path}"
        async with session.request(method, url, json=body, headers=as_role("subscriber")) as response:
            assert response.status == status, f"{method} {path} {body} answered {response.status}"
        assert carried_out == ([expected] if expected else []), f"{method} {path} {body} did {carried_out}"
    async with session.get("/api/v1/webrtc/sessions", headers=as_role("subscriber")) as response:
        assert [row["session_id"] for row in (await response.json())["items"]] == ["s1"]
    async with session.get("/api/v1/webrtc/sessions", headers=as_role("dispatcher")) as response:
        assert len((await response.json())["items"]) == 2, "a dispatcher sees all"
    async with session.get("/api/v1/system/identity", headers=as_role("subscriber")) as response:
        assert (await response.json())["number"] == "1001"
