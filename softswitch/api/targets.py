"""Whom a request is about: the numbers that its path and its body name, which the attribute rules judge.

What stands in a path is told by the route's beginning, in bodies the names of the members tell.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

#: The kind of what a path parameter names, by the beginning of the path and the parameter; "" is about nobody.
KINDS: dict[tuple[str, str], str] = {
    ("/voice/calls", "id"): "call",
    ("/voice/ambience", "id"): "",
    ("/voice/conferences", "id"): "number",
    ("/voice/conferences", "plan"): "",
    ("/voice/conferences", "party"): "party",
    ("/voice/queues", "id"): "number",
    ("/voice/queues", "number"): "number",
    ("/groups", "id"): "number",
    ("/groups", "number"): "number",
    ("/data/subscribers", "number"): "number",
    ("/data/departments", "id"): "department",
    ("/data/cdrs", "id"): "cdr",
    ("/data/recordings", "id"): "recording",
    ("/webrtc/sessions", "id"): "session",
    ("/sms/messages", "id"): "message",
    ("/location/geofences", "id"): "",
    ("/location/positions", "number"): "number",
    ("/location/subscriptions", "id"): "",
    ("/system/trunks", "name"): "",
    ("/webrtc/registrations", "number"): "number",
    ("/webrtc/registrations", "device"): "",
    ("/system/registrations", "number"): "number",
    ("/system/bans", "host"): "",
    ("/system/tokens", "name"): "",
    ("/events/webhooks", "name"): "",
}
#: Members of bodies that name numbers, or hold several of them.
ONE = (
    "caller",
    "callee",
    "party",
    "listener",
    "target",
    "talker",
    "agent",
    "number",
    "conference",
    "overflow",
    "to",
    "leg_id",
    "sender",
)
SEVERAL = ("members", "groups", "invite", "agents", "spare", "recipients")
#: What `to` may be besides a number.
_SIDES = frozenset({"both", "caller", "callee"})
_PARAMETER = re.compile(r"{(\w+)}")
Resolve = Callable[[str, str], Awaitable[Iterable[str]]]


def kinds_of(path: str) -> dict[str, str]:
    """The kind of each parameter of a route; one that is not listed counts as a number, and a test says so."""
    return {name: kind_of(path, name) or "number" for name in _PARAMETER.findall(path) if kind_of(path, name) != ""}


def kind_of(path: str, name: str) -> str | None:
    """The kind of one parameter of a route, None when it is not listed."""
    return next((kind for (start, known), kind in KINDS.items() if known == name and path.startswith(start)), None)


def named_in(body: Mapping[str, Any]) -> list[str]:
    """The numbers, and ids of legs, that a body names."""
    found = [body[name] for name in ONE if isinstance(body.get(name), str) and body[name]]
    for name in SEVERAL:
        value = body.get(name)
        if isinstance(value, list | tuple | dict):
            found.extend(each for each in value if isinstance(each, str))
    return [each for each in found if each not in _SIDES]


async def targets_of(path: Mapping[str, str], kinds: Mapping[str, str], resolve: Resolve) -> list[str]:
    """The numbers that the parameters of a path are about."""
    found: list[str] = []
    for name, value in path.items():
        kind = kinds.get(name, "")
        if kind == "number":
            found.append(value)
        elif kind:
            found.extend(await resolve(kind, value))
    return found


def action_of(method: str, path: str) -> str:
    """The word by which rules name an operation: read, create, change, remove, or the order's own name."""
    if method == "GET":
        return "read"
    if method in ("PATCH", "PUT"):
        return "change"
    if method == "DELETE":
        return "remove"
    if "}" not in path:
        last = path.rpartition("/")[2]
        return "create" if last.endswith("s") else last
    return path.rpartition("}")[2].strip("/").replace("/", "_") or "create"


__all__ = ["KINDS", "action_of", "kind_of", "kinds_of", "named_in", "targets_of"]
