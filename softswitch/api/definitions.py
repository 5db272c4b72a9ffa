"""Rooms that are laid down by number – conferences, queues, talkgroups: added, read, changed and given up alike."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel

from softswitch.api.models import Answer
from softswitch.api.operations import Context, Operation
from softswitch.api.services import DefinitionServices, Row
from softswitch.roles import Role


class Kind(NamedTuple):
    """One kind of room: where it stands, its models, who may do what, and what each operation is called."""

    path: str
    component: str
    answer: type[Answer]
    new: type[BaseModel]
    changes: type[BaseModel]
    add: str
    read: str
    change: str
    remove: str
    add_role: Role = "admin"
    change_role: Role = "admin"
    remove_role: Role = "admin"


def definition_operations(desk: DefinitionServices, kind: Kind) -> list[Operation]:
    """POST to the collection; GET and PATCH of the definition; DELETE."""

    async def create(context: Context) -> Row:
        return await desk.create(context.body, context.principal)

    async def current(context: Context) -> Row:
        return desk.definition(context.path["id"])

    async def change(context: Context) -> Row:
        given = {name: value for name, value in context.body.items() if name in context.given}
        return await desk.change(context.path["id"], given, context.principal)

    async def remove(context: Context) -> None:
        await desk.remove(context.path["id"], context.principal)

    one, definition = kind.path + "/{id}", kind.path + "/{id}/definition"
    shared: dict[str, Any] = {"component": kind.component, "answer": kind.answer}
    return [
        Operation(
            method="POST",
            path=kind.path,
            summary=kind.add,
            role=kind.add_role,
            handler=create,
            body=kind.new,
            status=201,
            location=kind.path + "/{number}",
            **shared,
        ),
        Operation(
            method="GET", path=definition, summary=kind.read, role="viewer", handler=current, tagged=True, **shared
        ),
        Operation(
            method="PATCH",
            path=definition,
            summary=kind.change,
            role=kind.change_role,
            handler=change,
            body=kind.changes,
            current=current,
            **shared,
        ),
        Operation(
            method="DELETE",
            path=one,
            summary=kind.remove,
            role=kind.remove_role,
            handler=remove,
            current=current,
            status=204,
            **shared,
        ),
    ]


__all__ = ["Kind", "definition_operations"]
