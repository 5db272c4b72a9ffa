"""The authorisation matrix: every route × every role × targets inside and outside the department that rules allow.

`routes.txt` says which role a route needs; a route that does not stand there fails, as does one whose path names
something that `softswitch.api.targets` does not know.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from softswitch.api.operations import PREFIX, Operation
from softswitch.api.server import ApiServer, every_operation
from softswitch.api.targets import action_of, kind_of, kinds_of, named_in
from tests.unit.api.conftest import as_role
from tests.unit.api.everything import everything

RANK = {"viewer": 1, "dispatcher": 2, "admin": 3}
OPERATIONS = every_operation(everything())
LISTED = {
    (method, path): role
    for role, method, path in (line.split() for line in Path(__file__).with_name("routes.txt").read_text().splitlines())
}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A switch whose rules keep dispatchers from everything that is called `outside`."""
    services = everything()
    assert services.access is not None
    services.access.refused = lambda principal, component, action, targets: (
        "it is outside" if principal.role == "dispatcher" and "outside" in targets else ""
    )
    server = ApiServer(services)
    host, port = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://{host}:{port}", timeout=aiohttp.ClientTimeout(20)) as opened:
        yield opened
    await server.close()


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def path_of(operation: Operation, word: str) -> str:
    return PREFIX + re.sub(r"\{\w+\}", word, operation.path)


def test_every_route_stands_in_the_list_with_its_role() -> None:
    found = {(each.method, each.path): each.role for each in OPERATIONS}
    assert found == LISTED, "tests/unit/api/routes.txt and the route table differ"


def test_every_parameter_of_a_path_is_known_to_the_rules() -> None:
    parameters = {(each.path, name) for each in OPERATIONS for name in re.findall(r"\{(\w+)\}", each.path)}
    unknown = sorted(pair for pair in parameters if kind_of(*pair) is None)
    assert not unknown, f"softswitch.api.targets does not say what these are about: {unknown}"


@pytest.mark.parametrize("role", ["", *RANK])
async def test_every_route_for_every_role(session: aiohttp.ClientSession, role: str) -> None:
    for operation in OPERATIONS:
        headers = as_role(role) if role else {}
        async with session.request(operation.method, path_of(operation, "inside"), headers=headers) as response:
            status = response.status
        what = f"{named(operation)} as {role or 'nobody'}"
        if not role:
            assert status == 401, what
        elif RANK[role] < RANK[LISTED[operation.method, operation.path]]:
            assert status == 403, what
        else:
            assert status not in (401, 403, 405, 500), f"{what} answered {status}"


async def test_every_route_for_who_stands_for_a_subscriber(session: aiohttp.ClientSession) -> None:
    allowed = {named(each) for each in OPERATIONS if each.for_subscribers}
    assert allowed == {
        "GET /events",
        "GET /system/identity",
        *(named(e) for e in OPERATIONS if e.component == "webrtc"),
    }
    for operation in OPERATIONS:
        path = path_of(operation, "1001")
        async with session.request(operation.method, path, headers=as_role("subscriber")) as response:
            status = response.status
        if named(operation) in allowed:
            assert status not in (401, 403, 405, 500), f"{named(operation)} answered its own subscriber {status}"
        else:
            assert status == 403, f"{named(operation)} answered a subscriber {status}"


@pytest.mark.parametrize("word", ["inside", "outside"])
async def test_every_route_about_somebody_inside_and_outside(session: aiohttp.ClientSession, word: str) -> None:
    for operation in OPERATIONS:
        if RANK[operation.role] > RANK["dispatcher"]:
            continue
        async with session.request(
            operation.method, path_of(operation, word), headers=as_role("dispatcher")
        ) as response:
            refused = response.status == 403
        about = bool(kinds_of(operation.path))
        assert refused is (about and word == "outside"), f"{named(operation)} about somebody {word}: {response.status}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/voice/calls", {"caller": "outside", "callee": "inside"}),
        ("/voice/calls", {"caller": "inside", "callee": "outside"}),
        ("/voice/calls/inside/transfer", {"target": "outside"}),
        ("/voice/calls/inside/hold", {"leg_id": "outside"}),
        ("/voice/calls/inside/insert", {"party": "outside"}),
        ("/voice/ambience", {"party": "outside", "listener": "inside"}),
        ("/voice/ambience", {"party": "inside", "listener": "outside"}),
        ("/voice/conferences", {"number": "outside"}),
        ("/voice/conferences/inside/start", {"members": {"outside": {}}}),
        ("/voice/conferences/inside/members/inside/whisper", {"to": "outside"}),
        ("/voice/conferences/inside/link", {"conference": "outside"}),
        ("/voice/queues/inside/agents", {"agent": "outside"}),
        ("/groups/regroup", {"members": ["inside", "outside"]}),
        ("/groups/patch", {"groups": ["outside"]}),
        ("/groups/inside/calls", {"talker": "outside"}),
        ("/webrtc/sessions", {"sdp": "v=0", "caller": "outside", "callee": "inside"}),
        ("/webrtc/registrations", {"number": "outside", "device": "d"}),
    ],
)
async def test_what_a_body_names_is_judged_too(
    session: aiohttp.ClientSession, path: str, body: dict[str, object]
) -> None:
    for text in (body, _inside(body)):
        async with session.post(PREFIX + path, json=text, headers=as_role("dispatcher")) as response:
            answer = await response.json()
            wanted = text is body
            assert (response.status == 403) is wanted, f"POST {path} {text} answered {response.status} {answer}"
            assert not wanted or answer["type"].endswith(":not-permitted"), answer


def _inside(value: object) -> object:
    if isinstance(value, dict):
        return {_inside(key): _inside(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_inside(each) for each in value]
    return "inside" if value == "outside" else value


def test_rules_name_operations_by_one_word() -> None:
    words = {
        ("GET", "/voice/calls/{id}"): "read",
        ("POST", "/voice/calls"): "create",
        ("POST", "/groups"): "create",
        ("POST", "/groups/regroup"): "regroup",
        ("POST", "/voice/calls/{id}/force_release"): "force_release",
        ("POST", "/groups/{id}/floor/revoke"): "floor_revoke",
        ("PATCH", "/groups/{id}/definition"): "change",
        ("DELETE", "/groups/{id}"): "remove",
    }
    assert {key: action_of(*key) for key in words} == words
    assert named_in({"to": "both", "caller": "", "members": {"1": {}}, "groups": None}) == ["1"]
