"""Services of a switch that offers every operation there is and has nothing: whatever is asked for does not exist."""

from __future__ import annotations

import dataclasses
from typing import Any

from softswitch.api import services as kinds
from softswitch.api.journal import EventJournal
from softswitch.api.services import ApiServices
from softswitch.api.voice import COMMANDS
from softswitch.api.webhooks import Webhooks
from softswitch.runtime.trace import TraceHub
from tests.unit.api.conftest import TOKENS

#: Services that stand for no operation of the API.
_OUTSIDE = ("client_authority", "render_metrics", "sip_websocket", "webhooks")


def absent(*arguments: Any, **named: Any) -> Any:
    """Nothing of that kind exists."""
    raise LookupError("there is none")


def desk(kind: type) -> Any:
    """One group of services in which nothing exists."""
    return kind(**{field.name: absent for field in dataclasses.fields(kind)})


def everything() -> ApiServices:
    """Every service, so that the route table is complete."""
    journal = EventJournal("start-1")
    wall = lambda: 1_700_000_060.0  # noqa: E731
    groups = desk(kinds.GroupServices)
    groups.orders = {}
    named = {
        field.name: desk(getattr(kinds, str(field.type).partition(" ")[0]))
        for field in dataclasses.fields(ApiServices)
        if str(field.type).partition(" ")[0].endswith("Services")
    }
    named["group_desk"] = groups
    named["access"].active = lambda: True
    named["access"].refused = lambda principal, component, action, targets: ""

    async def resolve(kind: str, identifier: str) -> list[str]:
        return [identifier]

    named["access"].resolve = resolve
    for field in dataclasses.fields(ApiServices):
        if field.default is None and field.name not in (*named, *_OUTSIDE):
            named[field.name] = absent
    return ApiServices(
        node="node1",
        version="1.2.3",
        started_at=1_700_000_000.0,
        tokens=lambda: TOKENS,
        clock=lambda: 100.0,
        wall=wall,
        journal=journal,
        trace=TraceHub(),
        health=lambda: {"calls": 2, "registrations": 3},
        call_commands=dict.fromkeys(COMMANDS, absent),
        webhooks=Webhooks(journal, wall),
        **named,
    )
