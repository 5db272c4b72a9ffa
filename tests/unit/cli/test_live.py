"""Commands that ask a running switch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from softswitch.cli import trace
from softswitch.cli.actions import ACTIONS, fits
from softswitch.cli.main import build_parser, main
from softswitch.cli.output import CommandError

CALL = {
    "call_id": "n-1",
    "state": "active",
    "caller": "1001",
    "callee": "[bold]1002",
    "answered_at": "2026-05-01T08:30:00.000000Z",
    "legs": [{"party": "1001", "state": "answered"}],
}


def test_calls_are_shown_as_a_table(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    switch.answers["GET", "/api/v1/voice/calls"] = (200, {"items": [CALL]})
    assert main(["calls", "--url", switch.url]) == 0
    shown = capsys.readouterr().out
    assert "n-1" in shown and "active" in shown and "1001 answered" in shown
    assert "[bold]1002" in shown, "what a caller chose must not be taken for markup"
    assert switch.requests == [("GET", "/api/v1/voice/calls", "Bearer demo-admin")]


def test_calls_as_json(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    switch.answers["GET", "/api/v1/voice/calls"] = (200, {"items": [CALL]})
    assert main(["calls", "--json", "--url", switch.url]) == 0
    assert json.loads(capsys.readouterr().out) == [CALL]


def test_no_calls_are_said_in_words(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    switch.answers["GET", "/api/v1/voice/calls"] = (200, {"items": []})
    assert main(["calls", "--url", switch.url]) == 0
    assert capsys.readouterr().out == "Calls: none\n"


def test_status(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    health = {
        "node": "n1",
        "name": "County dispatch",
        "status": "degraded",
        "version": "1",
        "uptime_s": 3725.0,
        "calls": 2,
        "registrations": 1,
    }
    switch.answers["GET", "/api/v1/system/health"] = (200, {**health, "problems": ["the disk is full"]})
    switch.answers["GET", "/api/v1/system/registrations"] = (200, {"items": [{"number": "1001", "contact": "sip:x"}]})
    switch.answers["GET", "/api/v1/system/trunks"] = (200, {"items": [{"name": "pstn", "state": "down"}]})
    worker = {"number": 0, "pid": 4711, "alive": True, "ports": 4, "cpu_s": 1.5}
    media = {"workers": [worker], "helper": {"pid": 4712, "alive": False}}
    switch.answers["GET", "/api/v1/system/media"] = (200, media)
    assert main(["status", "--url", switch.url]) == 0
    shown = capsys.readouterr().out
    assert "County dispatch (node n1): degraded, version 1, up 1 h 02 min 05 s, 2 calls, 1 registrations" in shown
    assert all(word in shown for word in ("worker 0", "4711", "runs", "helper", "4712", "lost"))
    assert "! the disk is full" in shown and "pstn" in shown and "sip:x" in shown
    assert main(["status", "--json", "--url", switch.url]) == 0
    assert json.loads(capsys.readouterr().out)["trunks"] == [{"name": "pstn", "state": "down"}]


def test_groups(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    group = {"number": "8001", "members": ["1001", "1002"], "participants": [{"party": "1003"}, {"party": "1004"}]}
    switch.answers["GET", "/api/v1/groups"] = (200, {"items": [group]})
    assert main(["groups", "--url", switch.url]) == 0
    shown = capsys.readouterr().out
    assert "1001, 1002" in shown and "1003, 1004" in shown, "members, and who is in the group"


def test_conferences_and_queues(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    conference = {"number": "7001", "plans": ["flood"], "participants": [{"party": "1001"}, {"party": "1002"}]}
    switch.answers["GET", "/api/v1/voice/conferences"] = (200, {"items": [conference]})
    assert main(["conferences", "--url", switch.url]) == 0
    assert "1001, 1002" in capsys.readouterr().out
    queue = {"number": "6000", "waiting": [{"party": "1005", "waited_s": 12.3}], "agents": [], "statistics": {}}
    switch.answers["GET", "/api/v1/voice/queues"] = (200, {"items": [queue]})
    assert main(["queues", "--url", switch.url]) == 0
    assert "1005 12 s" in capsys.readouterr().out
    for verb, row in (("conferences", conference), ("queues", queue)):
        assert main([verb, "--json", "--url", switch.url]) == 0
        assert json.loads(capsys.readouterr().out) == [row]


def test_reload_says_what_happened(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    switch.answers["POST", "/api/v1/system/reload"] = (200, {"detail": "everything is in force"})
    assert main(["reload", "--url", switch.url]) == 0
    assert capsys.readouterr().out == "everything is in force\n"


def test_token_of_the_environment_is_used(
    switch: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOFTSWITCH_TOKEN", "mine")
    monkeypatch.setenv("SOFTSWITCH_URL", switch.url + "/")
    switch.answers["GET", "/api/v1/voice/calls"] = (200, {"items": []})
    assert main(["calls"]) == 0
    assert switch.requests == [("GET", "/api/v1/voice/calls", "Bearer mine")]


FAILURES = [
    ("refused reload", 422, {"detail": "x.toml:3: sip.relm: unknown key"}, 1, "answered 422: x.toml:3: sip.relm"),
    ("no token", 401, {"detail": "a token is needed"}, 4, "refused: a token is needed (give --token"),
    ("wrong role", 403, b"no json", 4, "refused: the token is missing or not allowed"),
    ("broken switch", 500, [], 1, "answered 500: Internal Server Error"),
    ("something else", 200, b"<html>", 1, "is it the switch?"),
]


@pytest.mark.parametrize(
    ("status", "body", "code", "text"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_failure_has_a_sentence_and_an_exit_code(
    switch: Any, capsys: pytest.CaptureFixture[str], status: int, body: Any, code: int, text: str
) -> None:
    switch.answers["POST", "/api/v1/system/reload"] = (status, body)
    assert main(["reload", "--url", switch.url]) == code
    assert text in capsys.readouterr().err


def test_nobody_there_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls"]) == 3
    assert "no switch answers at http://127.0.0.1:1" in capsys.readouterr().err
    assert main(["trace"]) == 3


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "file:///etc/passwd", "http://"])
def test_url_that_is_none_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "--url", url]) == 1
    assert "is no URL such as" in capsys.readouterr().err


def test_demo_token_is_for_loopback_only() -> None:
    from softswitch.cli.client import Switch

    def token(url: str) -> str:
        return Switch.of(build_parser().parse_args(["calls", "--url", url])).token

    assert token("http://localhost:8080") == token("http://[::1]:8080") == "demo-admin"
    assert token("http://192.0.2.1:8080") == token("https://switch.example.com") == ""


async def test_trace_draws_what_the_switch_sends(capsys: pytest.CaptureFixture[str]) -> None:
    sent = [
        {"time": "2026-05-01T08:30:00.0Z", "direction": "in", "remote": "a", "local": "s", "message": f"{head}\r\n\r\n"}
        for head in ("INVITE sip:1001@s SIP/2.0", "OPTIONS sip:s SIP/2.0", "BYE sip:1001@s SIP/2.0")
    ]
    seen: list[tuple[str, str]] = []

    async def stream(request: web.Request) -> web.WebSocketResponse:
        seen.append((request.query.get("call_id", ""), request.headers["Authorization"]))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("no json")
        for message in sent:
            await socket.send_json(message)
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/api/v1/system/trace", stream)
    async with TestServer(application) as server:
        url = str(server.make_url(""))
        await trace._follow(build_parser().parse_args(["trace", "1001", "--url", url, "--call-id", "a b"]))
        shown = capsys.readouterr().out
        await trace._follow(build_parser().parse_args(["trace", "--json", "--count", "2", "--url", url]))
        lines = capsys.readouterr().out.splitlines()
        with pytest.raises(CommandError) as caught:
            await trace._follow(build_parser().parse_args(["trace", "--url", url + "/elsewhere"]))
    assert "INVITE sip:1001@s" in shown and "BYE" in shown and "OPTIONS" not in shown
    assert [json.loads(line) for line in lines] == sent[:2]
    assert seen[0] == ("a b", "Bearer demo-admin")
    assert caught.value.status == 4 and "404" in str(caught.value)


def test_every_action_is_carried_out_and_completed() -> None:
    from softswitch.cli.completion import script
    from softswitch.cli.orders import _ORDERS

    assert {verb: set(orders) for verb, orders in _ORDERS.items()} == {
        verb: set(actions) for verb, actions in ACTIONS.items()
    }
    completion = script(build_parser())
    assert all(action in completion for actions in ACTIONS.values() for action in actions)


@pytest.mark.parametrize(
    ("words", "count", "right"),
    [(("A", "[B]"), 1, True), (("A", "[B]"), 2, True), (("A", "[B]"), 3, False), (("A",), 0, False),
     (("A", "B…"), 1, False), (("A", "B…"), 5, True)],
)  # fmt: skip
def test_how_many_words_an_action_takes(words: tuple[str, ...], count: int, right: bool) -> None:
    assert fits(words, count) is right


def test_a_roll_call_is_followed_to_its_end(
    switch: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("softswitch.cli.orders._ROLL_CALL_POLL_S", 0.0)
    call = {"roll_call_id": "r-1", "group": "8001", "present": 0, "missing": 2, "results": []}
    results = [{"party": "1001", "answered": True}, {"party": "1002", "answered": False}]
    switch.answers["POST", "/api/v1/groups/8001/roll_call"] = (201, {**call, "state": "running"})
    over = {**call, "state": "ended", "present": 1, "missing": 1, "results": results}
    switch.answers["GET", "/api/v1/groups/8001/roll_call"] = (200, {"items": [over]})
    assert main(["groups", "roll-call", "8001", "--url", switch.url]) == 0
    assert capsys.readouterr().out == "state ended, present 1, missing 1, unanswered 1002\n"
    assert main(["groups", "roll-call", "8001", "everybody", "--url", switch.url]) == 0
    assert switch.bodies[-1] == {"members": [], "everybody": True}


def test_a_member_is_named_by_its_number(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    inside = [{"party": "1003", "leg_id": "l-3", "call_id": "c-3"}]
    switch.answers["GET", "/api/v1/groups/8001"] = (200, {"number": "8001", "participants": inside})
    switch.answers["POST", "/api/v1/groups/8001/mute"] = (202, {"number": "8001", "participants": inside})
    assert main(["groups", "mute", "8001", "1003", "--url", switch.url]) == 0
    capsys.readouterr()
    assert main(["groups", "put-out", "8001", "1004", "--url", switch.url]) == 1
    assert "1004 is not in talkgroup 8001; in it: 1003" in capsys.readouterr().err


def test_orders_and_their_failures(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = {**CALL, "state": "caller_setup", "legs": []}
    switch.answers["POST", "/api/v1/voice/calls"] = (201, call)
    assert main(["calls", "originate", "1001", "1002", "--url", switch.url]) == 0
    assert capsys.readouterr().out == "call_id n-1, state caller_setup\n"
    switch.answers["POST", "/api/v1/voice/calls/n-1/disconnect"] = (403, {"detail": "an emergency call"})
    assert main(["calls", "disconnect", "n-1", "--url", switch.url]) == 4
    assert "an emergency call" in capsys.readouterr().err
    switch.answers["DELETE", "/api/v1/groups/89001"] = (204, b"")
    assert main(["groups", "remove", "89001", "--json", "--url", switch.url]) == 0
    assert json.loads(capsys.readouterr().out) == {"done": "groups remove"}
    assert main(["calls", "originate", "1001", "--url", switch.url]) == 2
    assert "softswitch calls originate CALLER CALLEE" in capsys.readouterr().err
    assert main(["calls", "disconnect", "n-1"]) == 3, "nobody listens at the URL of the environment"
