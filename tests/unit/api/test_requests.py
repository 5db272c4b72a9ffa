"""Idempotency-Key, entity tags and conditional changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from softswitch.api.auth import Principal
from softswitch.api.idempotency import IdempotencyKeys
from softswitch.api.problems import Problem
from softswitch.api.services import ApiServices, SubscriberServices
from tests.unit.api.conftest import Connect, as_role

BODY = {"caller": "1001", "callee": "1002"}


async def test_repeated_request_starts_nothing_twice(services: ApiServices, connect: Connect) -> None:
    placed: list[str] = []

    def originate(body: Mapping[str, Any], principal: Principal) -> Mapping[str, Any]:
        placed.append(principal.name)
        return {"call_id": f"c{len(placed)}", "state": "caller_setup", "caller": "1001", "callee": "1002"}

    services.originate = originate
    session = await connect()

    async def post(role: str, body: Mapping[str, Any]) -> tuple[int, str, str, str]:
        headers = {**as_role(role), "Idempotency-Key": "k 1"}
        async with session.post("/api/v1/voice/calls", headers=headers, json=body) as response:
            answer = await response.json()
            replayed = response.headers.get("Idempotency-Replayed", "")
            return response.status, answer.get("call_id", ""), response.headers.get("Location", ""), replayed

    assert await post("admin", BODY) == (201, "c1", "/api/v1/voice/calls/c1", "")
    assert await post("admin", BODY) == (201, "c1", "/api/v1/voice/calls/c1", "true")
    assert (await post("admin", {**BODY, "callee": "1003"}))[0] == 422, "the same key with another body is a mistake"
    assert (await post("dispatcher", BODY))[1] == "c2", "keys of two principals have nothing to do with each other"
    assert placed == ["admin", "dispatcher"]


async def test_failed_request_may_be_tried_again_with_its_key(services: ApiServices, connect: Connect) -> None:
    outcomes: list[Any] = [
        Problem(409, "not registered"),
        {"call_id": "c1", "state": "idle", "caller": "1", "callee": "2"},
    ]

    def originate(body: Mapping[str, Any], principal: Principal) -> Mapping[str, Any]:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Problem):
            raise outcome
        answer: Mapping[str, Any] = outcome
        return answer

    services.originate = originate
    session = await connect()
    headers = {**as_role("admin"), "Idempotency-Key": "k"}
    statuses = []
    for _ in range(2):
        async with session.post("/api/v1/voice/calls", headers=headers, json=BODY) as response:
            statuses.append(response.status)
    assert statuses == [409, 201]


def test_keys_are_bounded_forgotten_and_wait_for_the_first_answer() -> None:
    now = [0.0]
    keys = IdempotencyKeys(lambda: now[0], lifetime_s=10, limit=3)
    assert keys.begin("a", "op", "k", b"1") is None
    with pytest.raises(Problem, match="still being answered"):
        keys.begin("a", "op", "k", b"1")
    keys.finish("a", "op", "k", (201, b"{}", {}))
    found = keys.begin("a", "op", "k", b"1")
    assert found is not None and (found.status, found.body) == (201, b"{}")
    now[0] = 10.0
    assert keys.begin("a", "op", "k", b"1") is None, "after its life a key is unknown again"
    for number in range(10):
        keys.begin("a", "op", f"k{number}", b"")
    assert len(keys) == 3
    with pytest.raises(Problem, match="printable"):
        keys.begin("a", "op", "k" * 300, b"")


async def test_conditional_change_needs_the_current_tag(services: ApiServices, connect: Connect) -> None:
    row: dict[str, Any] = {"number": "1001", "display_name": "One"}

    async def change(number: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        row.update(given)
        return row

    async def nothing(*arguments: object) -> Any:
        raise AssertionError("not asked for")

    services.subscriber = lambda number: row if number == "1001" else None
    services.edit = SubscriberServices(
        add=nothing, change=change, remove=nothing, password=nothing, features=lambda number: row, choose=nothing
    )
    session = await connect()
    path = "/api/v1/data/subscribers/1001"
    async with session.get(path, headers=as_role("viewer")) as response:
        tag = response.headers["ETag"]
    async with session.get(path, headers={**as_role("viewer"), "If-None-Match": tag}) as response:
        assert response.status == 304
    headers = {**as_role("admin"), "If-Match": tag}
    async with session.patch(path, headers=headers, json={"display_name": "Uno"}) as response:
        assert (response.status, (await response.json())["display_name"]) == (200, "Uno")
        assert response.headers["ETag"] != tag
    async with session.patch(path, headers=headers, json={"display_name": "Eins"}) as response:
        assert (response.status, (await response.json())["type"]) == (412, "urn:softswitch:problem:changed-meanwhile")
    assert row["display_name"] == "Uno"
    async with session.patch(path, headers=as_role("admin"), json={"number": "7"}) as response:
        assert response.status == 422, "a number cannot be changed"
    async with session.patch("/api/v1/data/subscribers/9", headers=headers, json={}) as response:
        assert response.status == 404
