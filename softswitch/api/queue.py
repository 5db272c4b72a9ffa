"""`/voice/queues`: call queues, who waits in them, and their agents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.definitions import Kind, definition_operations
from softswitch.api.models import NoContent
from softswitch.api.models.queue import ChangeAgent, ChangeQueue, LogIn, NewQueue, Queue, QueueDefinition
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import not_found
from softswitch.api.services import ApiServices, QueueServices, Row

PATH = "/voice/queues"
_ONE = PATH + "/{id}"
_AGENT = _ONE + "/agents/{number}"

_KIND = Kind(
    PATH,
    "voice",
    QueueDefinition,
    NewQueue,
    ChangeQueue,
    add="Add a queue",
    read="What is laid down of a queue",
    change="Change a queue; callers go on waiting",
    remove="Give a queue up; who waits there is released",
)


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    desk = services.queue_desk
    if desk is None:
        return []
    return [*_reading(desk), *definition_operations(desk, _KIND), *_agents(desk)]


def _reading(desk: QueueServices) -> list[Operation]:
    async def every(context: Context) -> Iterable[Row]:
        return desk.queues()

    async def one(context: Context) -> Row:
        return _existing(desk, context.path["id"])

    shared: dict[str, Any] = {"method": "GET", "component": "voice", "role": "viewer", "answer": Queue}
    return [
        Operation(path=PATH, summary="Call queues", handler=every, many=True, **shared),
        Operation(path=_ONE, summary="One queue: who waits, who answers, and how it went", handler=one, **shared),
    ]


def _agents(desk: QueueServices) -> list[Operation]:
    async def log_in(context: Context) -> Row:
        number = context.path["id"]
        _existing(desk, number)
        desk.agent(number, context.body["agent"], "log_in", context.principal)
        return _existing(desk, number)

    async def log_out(context: Context) -> None:
        desk.agent(context.path["id"], context.path["number"], "log_out", context.principal)

    async def pause(context: Context) -> Row:
        action = "pause" if context.body["paused"] else "unpause"
        desk.agent(context.path["id"], context.path["number"], action, context.principal)
        return _existing(desk, context.path["id"])

    shared: dict[str, Any] = {"component": "voice", "role": "dispatcher"}
    return [
        Operation(
            method="POST",
            path=_ONE + "/agents",
            summary="Log an agent in",
            handler=log_in,
            body=LogIn,
            answer=Queue,
            status=202,
            **shared,
        ),
        Operation(
            method="PATCH",
            path=_AGENT,
            summary="Let an agent not be rung for a while",
            handler=pause,
            body=ChangeAgent,
            answer=Queue,
            **shared,
        ),
        Operation(
            method="DELETE",
            path=_AGENT,
            summary="Log an agent out",
            handler=log_out,
            answer=NoContent,
            status=204,
            **shared,
        ),
    ]


def _existing(desk: QueueServices, number: str) -> Row:
    for row in desk.queues():
        if row["number"] == number:
            return row
    raise not_found("queue", number)
