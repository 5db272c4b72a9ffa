"""What each resource answers, and how errors look."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from softswitch.api.auth import Principal
from softswitch.api.models.location import PositionsQuery
from softswitch.api.models.system import MediaStatus
from softswitch.api.problems import Problem, invalid
from softswitch.api.services import ApiServices
from softswitch.calls.machine import IllegalTransition, Method, State
from softswitch.media.totals import MediaStatistics
from tests.unit.api.conftest import Connect, as_role

CALL = {
    "call_id": "n1-7",
    "state": "active",
    "caller": "1001",
    "callee": "1002",
    "started_at": 1_700_000_000.25,
    "answered_at": 0.0,
    "legs": [{"leg_id": "l1", "party": "1001", "codec": "PCMA"}],
}


async def get(session: Any, path: str, role: str = "admin") -> tuple[int, Any]:
    async with session.get(path, headers=as_role(role)) as response:
        return response.status, await response.json()


async def post(session: Any, path: str, body: object = None, role: str = "admin", **options: Any) -> tuple[int, Any]:
    if "data" not in options:
        options["json"] = body
    async with session.post(path, headers=as_role(role), **options) as response:
        return response.status, await response.json()


async def test_health_has_uptime_and_figures(connect: Connect) -> None:
    status, body = await get(await connect(), "/api/v1/system/health", "viewer")
    assert status == 200
    assert body["started_at"] == "2023-11-14T22:13:20.000000Z"
    assert {key: body[key] for key in ("status", "node", "version", "uptime_s", "calls", "registrations")} == {
        "status": "ok",
        "node": "node1",
        "version": "1.2.3",
        "uptime_s": 60.0,
        "calls": 2,
        "registrations": 3,
    }


async def test_health_with_problems_is_degraded(services: ApiServices, connect: Connect) -> None:
    services.health = lambda: {"problems": ["trunk city is down"]}
    _, body = await get(await connect(), "/api/v1/system/health", "viewer")
    assert (body["status"], body["problems"]) == ("degraded", ["trunk city is down"])


async def test_system_lists(services: ApiServices, connect: Connect) -> None:
    services.registrations = lambda: [{"number": "1001", "contact": "sip:1001@127.0.0.1:5070", "expires_at": 1.7e9}]
    services.trunks = lambda: [{"name": "city", "state": "up"}]
    services.media = lambda: {"ports_open": 4, "secret": "not in the document"}
    session = await connect()
    (registration,) = (await get(session, "/api/v1/system/registrations"))[1]["items"]
    assert (registration["number"], registration["expires_at"]) == ("1001", "2023-11-14T22:13:20.000000Z")
    assert (await get(session, "/api/v1/system/trunks"))[1]["items"][0]["name"] == "city"
    media = (await get(session, "/api/v1/system/media"))[1]
    assert media.items() >= {"ports_open": 4, "workers": []}.items()
    assert "secret" not in media, "an answer holds what its model says, and nothing else"
    figures = {field.name for field in dataclasses.fields(MediaStatistics)}
    assert figures <= set(MediaStatus.model_fields), "every figure of the engine is told"


async def test_reload_answers_and_a_broken_file_is_a_problem(services: ApiServices, connect: Connect) -> None:
    async def reload() -> str:
        raise ValueError("switch.toml:3: trunk.hosst: did you mean host?")

    services.reload = reload
    status, body = await post(await connect(), "/api/v1/system/reload")
    assert (status, body["type"]) == (422, "urn:softswitch:problem:invalid-configuration")
    assert "did you mean host" in body["detail"]


async def test_calls_are_listed_and_fetched(services: ApiServices, connect: Connect) -> None:
    services.calls = lambda: [CALL]
    services.call = lambda identifier: CALL if identifier == "n1-7" else None
    session = await connect()
    status, body = await get(session, "/api/v1/voice/calls", "viewer")
    assert (status, body["items"][0]["call_id"]) == (200, "n1-7")
    status, body = await get(session, "/api/v1/voice/calls/n1-7", "viewer")
    assert body["started_at"] == "2023-11-14T22:13:20.250000Z"
    assert body["answered_at"] is None, "zero means it was never answered"
    assert body["legs"][0]["codec"] == "PCMA", "members that a model does not list are passed on"
    status, body = await get(session, "/api/v1/voice/calls/other", "viewer")
    assert (status, body["type"], body["status"]) == (404, "urn:softswitch:problem:no-such-resource", 404)


async def test_originate_validates_and_places_the_call(services: ApiServices, connect: Connect) -> None:
    asked: list[tuple[Mapping[str, Any], Principal]] = []

    def originate(body: Mapping[str, Any], principal: Principal) -> Mapping[str, Any]:
        asked.append((body, principal))
        return CALL

    services.originate = originate
    session = await connect()
    status, body = await post(session, "/api/v1/voice/calls", {"caller": "1001", "callee": "1002"}, "dispatcher")
    assert (status, body["call_id"]) == (201, "n1-7")
    expected = {"caller": "1001", "callee": "1002", "play": None, "caller_name": "", "timeout_s": 60.0}
    assert asked[0][0] == expected
    assert asked[0][1] == Principal("dispatcher", "dispatcher")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"caller": "1001"}, "body"),
        ({"caller": "1001", "callee": "1002", "play": "welcome"}, "body"),
        ({"caller": "1001", "callee": ""}, "callee"),
        ({"caller": "1001", "callee": "a b"}, "callee"),
        ({"caller": "1001", "callee": "1002", "surprise": 1}, "surprise"),
        ({"caller": "1001", "callee": "1002", "timeout_s": 0}, "timeout_s"),
        ([], "body"),
    ],
)
async def test_invalid_body_names_the_field(services: ApiServices, connect: Connect, body: object, field: str) -> None:
    services.originate = lambda body, principal: CALL
    status, answer = await post(await connect(), "/api/v1/voice/calls", body)
    assert (status, answer["errors"][0]["field"]) == (422, field)


async def test_body_must_be_json_and_not_too_large(services: ApiServices, connect: Connect) -> None:
    services.originate = lambda body, principal: CALL
    session = await connect()
    assert (await post(session, "/api/v1/voice/calls", data=b"x=1"))[0] == 415
    assert (await post(session, "/api/v1/voice/calls", {"caller": "1" * 300_000, "callee": "2"}))[0] == 413


async def test_command_moves_the_call_and_answers_its_state(services: ApiServices, connect: Connect) -> None:
    states = ["active"]

    def disconnect(identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        assert (identifier, body["q850_cause"]) == ("n1-7", 17)
        states.append("disconnected")

    services.call_commands = {"disconnect": disconnect}
    services.call = lambda identifier: {**CALL, "state": states[-1]}
    session = await connect()
    status, body = await post(session, "/api/v1/voice/calls/n1-7/disconnect", {"q850_cause": 17}, "dispatcher")
    assert (status, body["state"]) == (202, "disconnected")
    assert (await post(session, "/api/v1/voice/calls/n1-7/hold"))[0] == 404, "a command the switch lacks does not exist"


async def test_command_that_takes_a_while_is_waited_for(services: ApiServices, connect: Connect) -> None:
    states = ["active"]

    async def play(identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        await asyncio.sleep(0)
        if body["speed"] == 3:
            raise Problem(409, "no longer", kind="illegal-transition")
        states.append("playing")

    services.call_commands = {"play": play}
    services.call = lambda identifier: {**CALL, "state": states[-1]}
    session = await connect()
    status, body = await post(session, "/api/v1/voice/calls/n1-7/play", {"source": "music"}, "dispatcher")
    assert (status, body["state"]) == (202, "playing"), "the answer is how things are when it is done"
    status, _ = await post(session, "/api/v1/voice/calls/n1-7/play", {"source": "music", "speed": 3}, "dispatcher")
    assert status == 409, "and what became of it meanwhile is told"


async def test_illegal_transition_tells_state_and_legal_methods(services: ApiServices, connect: Connect) -> None:
    def answer(identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        raise IllegalTransition(Method.ANSWER, State.ACTIVE)

    services.call_commands = {"answer": answer}
    services.call = lambda identifier: CALL
    status, body = await post(await connect(), "/api/v1/voice/calls/n1-7/answer")
    assert (status, body["state"], body["method"]) == (409, State.ACTIVE.value, "answer")
    assert "disconnect" in body["legal_methods"]


async def test_service_errors_become_problems(
    services: ApiServices, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = [
        LookupError("there is no party l9"),
        Problem(503, "no port is free", kind="ports-exhausted"),
        RuntimeError("a bug with password=hunter2"),
    ]

    def hold(identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        raise errors.pop(0)

    services.call_commands = {"hold": hold}
    services.call = lambda identifier: CALL
    session = await connect()
    answers = [await post(session, "/api/v1/voice/calls/n1-7/hold") for _ in range(3)]
    assert [status for status, _ in answers] == [404, 503, 500]
    assert answers[0][1]["detail"] == "there is no party l9"
    assert answers[1][1]["type"] == "urn:softswitch:problem:ports-exhausted"
    assert "hunter2" not in str(answers[2][1]), "an unexpected error tells the client nothing of its text"
    assert "failure while answering POST" in caplog.text


async def test_subscribers_are_paged_in_order(services: ApiServices, connect: Connect) -> None:
    services.subscribers = lambda: [{"number": str(number)} for number in (1003, 1001, 2001, 1002)]
    session = await connect()
    first = (await get(session, "/api/v1/data/subscribers?prefix=1&limit=2"))[1]
    assert ([row["number"] for row in first["items"]], first["next"]) == (["1001", "1002"], "1002")
    second = (await get(session, "/api/v1/data/subscribers?prefix=1&limit=2&after=1002"))[1]
    assert ([row["number"] for row in second["items"]], second["next"]) == (["1003"], None)


async def test_cdr_query_reaches_the_store_as_seconds(services: ApiServices, connect: Connect) -> None:
    asked: list[Mapping[str, Any]] = []

    async def cdrs(query: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        asked.append(query)
        row = {"id": "1", "caller": "1001", "callee": "1002", "started_at": 1_700_000_000.0, "answered_at": None}
        return [{**row, "cursor": "place-1"}]

    services.cdrs = cdrs
    status, body = await get(await connect(), "/api/v1/data/cdrs?since=2023-11-14T22:13:20Z&caller=1001&limit=1")
    assert status == 200
    expected = {"since": 1_700_000_000.0, "until": None, "caller": "1001", "callee": None, "limit": 1}
    assert asked == [{**expected, "disposition": None, "cursor": ""}]
    assert body["items"][0]["started_at"] == "2023-11-14T22:13:20.000000Z"
    assert body["next"] == "place-1"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/data/cdrs?limit=0", 422),
        ("/api/v1/data/cdrs?limit=1&limit=2", 422),
        ("/api/v1/data/cdrs?since=yesterday", 422),
        ("/api/v1/system/health?verbose=1", 422),
        ("/api/v1/nothing", 404),
        ("/etc/passwd", 404),
        ("/api/v1/events", 400),
    ],
)
async def test_bad_requests_are_problem_details(connect: Connect, path: str, status: int) -> None:
    session = await connect()
    async with session.get(path, headers=as_role("admin")) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        body = await response.json()
    assert body["status"] == status and body["title"] and body["detail"]


def test_detail_of_a_bad_request_says_what_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        PositionsQuery.model_validate({"box": "39,116", "limit": 0})
    problem = invalid(caught.value, "query")
    assert problem.detail == (
        "invalid query: box: give south,west,north,east in degrees; limit: Input should be greater than or equal to 1"
    ), "people read the detail alone, so it says why and not only where"


async def test_wrong_method_names_the_right_ones(connect: Connect) -> None:
    session = await connect()
    async with session.delete("/api/v1/system/health", headers=as_role("admin")) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET")
        assert response.content_type == "application/problem+json"
