"""What every operation has in common, looked for in each of them: keys, tags, pages, refusals.

A new operation that lacks one of these fails here, unless it is listed below with the reason why it needs none.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from softswitch.api.auth import Authenticator
from softswitch.api.models import NoContent
from softswitch.api.operations import PREFIX, Operation, Router
from softswitch.api.problems import problem_middleware
from softswitch.api.server import every_operation
from softswitch.api.voice import COMMANDS
from softswitch.calls.machine import IllegalTransition, Method, State
from tests.unit.api.conftest import as_role
from tests.unit.api.everything import everything
from tests.unit.api.test_matrix import path_of

OPERATIONS = every_operation(everything())
#: Changed in place, but no resource that two people edit: what a party does in a call that goes on.
LIVE = {"/voice/conferences/{id}/members/{party}", "/voice/queues/{id}/agents/{number}"}
#: Lists that cannot grow: so many rows at most, or asked for with a limit of its own and newest first.
BOUNDED = {
    "/voice/sounds": "the files of one folder",
    "/events/types": "the classes of events",
    "/events/webhooks": "a limit of webhooks",
    "/events/webhooks/{name}/dead_letters": "a limit of letters",
    "/voice/conferences/{id}/calls": "the last fifty",
    "/voice/conferences/{id}/roll_call": "the last fifty",
    "/groups/{id}/calls": "the last fifty",
    "/groups/{id}/roll_call": "the last fifty",
    "/data/recordings/{id}/bursts": "one recording",
    "/sms/conversations": "limit",
    "/location/positions/{number}/track": "limit",
}


def found(path: str, method: str) -> Operation | None:
    return next((each for each in OPERATIONS if (each.path, each.method) == (path, method)), None)


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


async def serve(operations: list[Operation]) -> TestClient[web.Request, web.Application]:
    """Operations behind the router that all of them share."""
    services = everything()
    router = Router(services, Authenticator(services.tokens, services.clock, wall=services.wall))
    application = web.Application(middlewares=[problem_middleware])
    for operation in operations:
        application.router.add_route(operation.method, PREFIX + operation.path, router.handler(operation))
    return TestClient(TestServer(application))


async def test_what_is_posted_with_a_key_is_done_once() -> None:
    done: list[str] = []

    def counted(operation: Operation) -> Operation:
        async def handler(context: object) -> Mapping[str, Any]:
            done.append(operation.path)
            return {}

        plain: dict[str, Any] = {"body": None, "query": None, "answer": NoContent, "location": "", "many": False}
        status = 200 if operation.status == 204 else operation.status
        return dataclasses.replace(operation, handler=handler, status=status, current=None, **plain)

    posts = [operation for operation in OPERATIONS if operation.method == "POST"]
    async with await serve([counted(operation) for operation in posts]) as client:
        for operation in posts:
            headers = {**as_role("admin"), "Idempotency-Key": "k"}
            for replayed in (None, "true"):
                async with client.post(path_of(operation, "1"), headers=headers) as response:
                    assert response.headers.get("Idempotency-Replayed") == replayed, named(operation)
    assert done == [operation.path for operation in posts], "each once"


def test_what_is_edited_has_a_tag_that_a_change_may_ask_for() -> None:
    missing = []
    for operation in OPERATIONS:
        if operation.method not in ("PATCH", "PUT") or operation.path in LIVE:
            continue
        reading, removing = found(operation.path, "GET"), found(operation.path, "DELETE")
        if operation.current is None:
            missing.append(f"{named(operation)} ignores If-Match")
        if reading is None or not reading.tagged:
            missing.append(f"GET {operation.path} answers no ETag")
        if removing is not None and removing.current is None:
            missing.append(f"DELETE {operation.path} ignores If-Match")
    assert not missing, missing


def test_every_list_has_pages() -> None:
    lists = [each for each in OPERATIONS if each.many and each.method == "GET"]
    whole = {each.path for each in lists if not each.paged}
    assert whole == set(BOUNDED), "lists that softswitch/api/paging.py has no key for, and those that need none"
    for operation in lists:
        if operation.paged or BOUNDED[operation.path] == "limit":
            assert operation.asks is not None and "limit" in operation.asks.model_fields, named(operation)


async def test_pages_hold_all_rows_once_whatever_comes_and_goes() -> None:
    numbers = [f"{number:04d}" for number in range(25)]
    listed = found("/groups", "GET")
    assert listed is not None

    async def rows(context: object) -> list[dict[str, Any]]:
        return [{"number": number, "name": "", "members": []} for number in reversed(numbers)]

    async with await serve([dataclasses.replace(listed, handler=rows)]) as client:
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            query = {"limit": "10", "after": after}
            async with client.get(PREFIX + "/groups", params=query, headers=as_role("viewer")) as response:
                page = await response.json()
            seen += [row["number"] for row in page["items"]]
            after = page["next"]
            if "0005" in numbers:
                numbers.remove("0005")
                numbers.append("00055")
        async with client.get(PREFIX + "/groups", headers=as_role("viewer")) as response:
            whole = await response.json()
    assert seen == [f"{number:04d}" for number in range(25)]
    assert whole["next"] is None and [row["number"] for row in whole["items"]] == numbers[::-1], "the order stays"


@pytest.mark.parametrize("name", COMMANDS)
async def test_what_is_not_possible_now_tells_state_and_what_is(name: str) -> None:
    def impossible(*arguments: object) -> None:
        raise IllegalTransition(Method.ANSWER, State.CALLER_SETUP)

    services = everything()
    services.call = lambda identifier: {"call_id": identifier, "state": "caller_setup", "caller": "1", "callee": "2"}
    services.call_commands = {name: impossible}
    operation = next(each for each in every_operation(services) if re.match(r"/voice/calls/{id}/", each.path)
                     and each.path.endswith("/" + (COMMANDS[name].path or name)))  # fmt: skip
    body: dict[str, str] = {"target": "1", "to": "caller", "party": "1", "digits": "1", "leg_id": "1", "source": "1"}
    wanted = {key: value for key, value in body.items() if key in COMMANDS[name].body.model_fields}
    async with (
        await serve([operation]) as client,
        client.post(path_of(operation, "c1"), json=wanted, headers=as_role("admin")) as response,
    ):
        problem = await response.json()
    assert response.status == 409, problem
    assert problem["state"] == "caller_setup" and "disconnect" in problem["legal_methods"], problem


async def test_who_guessed_too_often_is_told_when_to_come_back_by_every_operation() -> None:
    services = everything()
    authenticator = Authenticator(services.tokens, services.clock, wall=services.wall)
    router = Router(services, authenticator)
    application = web.Application(middlewares=[problem_middleware])
    for operation in OPERATIONS:
        application.router.add_route(operation.method, PREFIX + operation.path, router.handler(operation))
    async with TestClient(TestServer(application)) as client:
        for _ in range(20):
            async with client.get(PREFIX + "/voice/calls", headers={"Authorization": "Bearer wrong"}) as response:
                assert response.status == 401
        for operation in OPERATIONS:
            path = path_of(operation, "1")
            async with client.request(operation.method, path, headers=as_role("admin")) as response:
                assert response.status == 429, named(operation)
                assert 0 < int(response.headers["Retry-After"]) <= 61, named(operation)
