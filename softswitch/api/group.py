"""`/groups`: talkgroups, who is in them, and their floor; conferences are rooms as well and listed beside calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softswitch.api.models.group import Conference, FloorWish, Group
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import Problem, not_found
from softswitch.api.services import ApiServices, Row

_WISHES = {
    "request": "Ask for the floor on behalf of a participant",
    "release": "Give the floor back on behalf of a participant",
    "revoke": "Take the floor from a participant",
}


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""

    async def list_groups(context: Context) -> Iterable[Row]:
        return services.groups()

    async def get_group(context: Context) -> Row:
        return _named(services.groups, "group", context.path["id"])

    async def list_conferences(context: Context) -> Iterable[Row]:
        return services.conferences()

    async def get_conference(context: Context) -> Row:
        return _named(services.conferences, "conference", context.path["id"])

    return [
        _read("/groups", "Talkgroups", "group", list_groups, Group, many=True),
        _read("/groups/{id}", "One talkgroup", "group", get_group, Group),
        _read("/voice/conferences", "Conferences", "voice", list_conferences, Conference, many=True),
        _read("/voice/conferences/{id}", "One conference", "voice", get_conference, Conference),
        *(_floor(services, wish, summary) for wish, summary in _WISHES.items()),
    ]


def _floor(services: ApiServices, wish: str, summary: str) -> Operation:
    async def run(context: Context) -> Row:
        number, leg_id = context.path["id"], context.body["leg_id"]
        before = _named(services.groups, "group", number)
        if all(participant["leg_id"] != leg_id for participant in before["participants"]):
            raise not_found("participant", leg_id)
        if not services.floor(leg_id, wish):
            raise Problem(409, "the participant does not hold the floor", kind="floor-not-held")
        return _named(services.groups, "group", number)

    return Operation(
        method="POST",
        path=f"/groups/{{id}}/floor/{wish}",
        summary=summary,
        component="group",
        role="dispatcher",
        handler=run,
        body=FloorWish,
        answer=Group,
        status=202,
    )


def _read(path: str, summary: str, component: str, handler: object, answer: type, *, many: bool = False) -> Operation:
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        component=component,
        role="viewer",
        handler=handler,  # type: ignore[arg-type]  # the handlers above
        answer=answer,
        many=many,
    )


def _named(rows: Callable[[], Iterable[Row]], what: str, number: str) -> Row:
    for row in rows():
        if row["number"] == number:
            return row
    raise not_found(what, number)
