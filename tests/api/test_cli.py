"""The commands that change something, as they are typed, against a running switch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from softswitch.cli.main import main
from tests.api.conftest import MakePhone
from tests.api.test_voice import state
from tests.interop.switch import TOKEN, Switch, wait_until


class Shell:
    """Commands with the switch and the token of the environment."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: str, code: int = 0) -> str:
        self._capture.readouterr()
        found = main(list(words))
        shown = self._capture.readouterr()
        assert found == code, f"softswitch {' '.join(words)} ended with {found}: {shown.out}{shown.err}"
        return shown.out if code == 0 else shown.err

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def shell(switch: Switch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("SOFTSWITCH_URL", f"http://127.0.0.1:{switch.plan.http}")
    monkeypatch.setenv("SOFTSWITCH_TOKEN", TOKEN)
    return Shell(capsys)


def test_calls_are_placed_steered_and_ended(switch: Switch, phone: MakePhone, shell: Shell) -> None:
    one, two, three = phone("1001"), phone("1002"), phone("1003")
    call = shell.json("calls", "originate", "1001", "1002")["call_id"]
    assert two.in_call.wait(40) and one.in_call.wait(40)
    wait_until(lambda: state(switch, call) == "active", 40, "they talk")
    assert shell("calls", "hold", call) == f"call_id {call}, state active\n"
    shell("calls", "resume", call)
    shell("calls", "transfer", call, "1003")
    assert three.in_call.wait(40) and two.ended.wait(40)
    assert "1003" in shell("calls")
    shell("calls", "disconnect", call)
    assert one.ended.wait(40) and three.ended.wait(40)
    assert "there is no call" in shell("calls", "disconnect", "none", code=1)


def test_groups_are_called_and_the_floor_is_given(switch: Switch, phone: MakePhone, shell: Shell) -> None:
    phone("1001"), phone("1002")
    group = shell.json("groups", "regroup", "1001", "1002")["number"]
    assert "is going on" in shell("groups", "call", group, code=1), "its members are called as soon as it is made"
    wait_until(lambda: len(switch.get(f"/groups/{group}")["participants"]) == 2, 40, "both have come")
    assert "is not in talkgroup" in shell("groups", "request", group, "1009", code=1)
    shell("groups", "request", group, "1002")
    assert switch.get(f"/groups/{group}")["talker"] == "1002"
    shell("groups", "revoke", group)
    assert "nobody talks" in shell("groups", "revoke", group, code=1)
    assert shell("groups", "remove", group) == "done\n"


def test_messages_and_agents(switch: Switch, phone: MakePhone, shell: Shell) -> None:
    two = phone("1002")
    sent = shell.json("messages", "send", "集合", "1002")["id"]
    wait_until(lambda: bool(two.received("MESSAGE")), 40, "the text arrives")
    assert sent in shell("messages")
    assert "QUEUE AGENT" in shell("queues", "log-in", "6000", code=2)
    assert "404" in shell("queues", "log-in", "no-queue", "1002", code=1)
