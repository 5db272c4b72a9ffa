"""The client has a method for every operation of the API, and asks for nothing that is none."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from softswitch.api.server import every_operation
from softswitch.client import Client
from tests.unit.api.everything import everything

OPERATIONS = every_operation(everything())
#: Asked for in other ways: by the stream of events, by `softswitch trace`.
OTHERWISE = {("GET", "/events"), ("GET", "/system/trace")}
#: Methods for several operations, which their caller names.
NAMED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "supervise": ("silent", (True, False)),
    "command": ("method", ("ring", "queue", "proceed", "answer", "floor/request", "floor/release", "floor/wait")),
    "order_conference": ("order", ("mute", "lock", "link", "announce", "end")),
    "order_group": ("order", ("invite", "mute", "release", "insert", "listen")),
    "floor": ("wish", ("request", "release", "revoke", "force")),
}


class Asked(Exception):
    """A request would be sent."""


def operation_of(method: str, path: str) -> tuple[str, str]:
    """The operation that a request is for, a path without braces first; raises AssertionError."""
    path = path.partition("?")[0]
    for operation in sorted(OPERATIONS, key=lambda each: each.path.count("{")):
        if operation.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", operation.path), path):
            return operation.method, operation.path
    raise AssertionError(f"{method} {path} is no operation of the API")


async def run(name: str, given: dict[str, Any], asked: list[tuple[str, str]]) -> None:
    """Call a method of a client whose requests are only noted."""
    client = Client("http://127.0.0.1:1", "token")

    async def request(method: str, path: str, body: object = None, **more: object) -> None:
        asked.append((method, path))
        raise Asked

    async def content(path: str) -> None:
        await request("GET", path)

    client.request, client.content = request, content  # type: ignore[method-assign,assignment]
    method = getattr(client, name)
    values = {
        parameter.name: "x"
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }
    with pytest.raises(Asked):
        result = method(**{**values, **given})
        if inspect.isasyncgen(result):
            await anext(result)
        await result


async def test_client_has_every_operation() -> None:
    own = {"request", "one", "items", "pages", "content", "events"}
    names = [name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_" and name not in own]
    asked: list[tuple[str, str]] = []
    for name in names:
        parameter, choices = NAMED.get(name, ("", ("",)))
        for choice in choices:
            await run(name, {parameter: choice} if parameter else {}, asked)
    reached = {operation_of(method, path) for method, path in asked}
    missing = sorted({(each.method, each.path) for each in OPERATIONS} - reached - OTHERWISE)
    assert not missing, f"softswitch.client has no method for {missing}"
