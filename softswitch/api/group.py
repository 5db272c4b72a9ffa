"""`/groups`: talkgroups, who is in them, their floor, their calls, and what dispatchers do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from softswitch.api.definitions import Kind, definition_operations
from softswitch.api.models import Answer, NoContent
from softswitch.api.models.group import (
    ChangeGroup,
    DispatcherJoins,
    FloorWish,
    Group,
    GroupCall,
    GroupDefinition,
    InviteToGroup,
    MadeGroup,
    MuteMember,
    NewGroup,
    Patch,
    Placed,
    Regroup,
    ReleaseFromGroup,
    RollCall,
    ScanList,
    ScanListRow,
    StartGroupCall,
    StartRollCall,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import Problem, not_found
from softswitch.api.services import ApiServices, GroupServices, Row
from softswitch.roles import Role

_WISHES = {
    "request": "Ask for the floor on behalf of a participant",
    "release": "Give the floor back on behalf of a participant",
    "revoke": "Take the floor from a participant",
    "force": "Give the floor to a participant, before everybody but a more urgent talker",
}

_KIND = Kind(
    "/groups",
    "group",
    GroupDefinition,
    NewGroup,
    ChangeGroup,
    add="Add a talkgroup",
    read="The rules of a talkgroup",
    change="Change the rules of a talkgroup; whoever is inside stays",
    remove="Give a talkgroup up (role admin), a temporary one or a patch (role dispatcher)",
    remove_role="dispatcher",
)


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""

    async def list_groups(context: Context) -> Iterable[Row]:
        desk = services.group_desk
        if desk is None:
            return services.groups()
        return [{**row, "call": desk.running(row["number"])} for row in services.groups()]

    async def get_group(context: Context) -> Row:
        row = _named(services.groups, "group", context.path["id"])
        desk = services.group_desk
        return {**row, **desk.calls_of(row["number"])} if desk is not None else row

    found = [_read("/groups", "Talkgroups, their calls without attendees", "group", list_groups, Group, many=True)]
    if services.group_desk is not None:
        found += _making(services.group_desk)
        found += _scanning(services.group_desk)
    found.append(_read("/groups/{id}", "One talkgroup, its call and its history", "group", get_group, Group))
    if services.group_desk is not None:
        found += definition_operations(services.group_desk, _KIND)
        found += _calls(services.group_desk)
        found += _dispatching(services.group_desk)
    found += [_floor(services, wish, summary) for wish, summary in _WISHES.items()]
    return found


# -- making, changing, joining ----------------------------------------------------------------------------------------


def _making(desk: GroupServices) -> list[Operation]:
    async def regroup(context: Context) -> Row:
        return await desk.regroup(context.body, context.principal)

    async def patch(context: Context) -> Row:
        return await desk.patch(context.body, context.principal)

    return [
        _do(
            "/groups/regroup",
            "Make a temporary talkgroup of members and groups, and call it (重组)",
            regroup,
            Regroup,
            MadeGroup,
            status=201,
            made="number",
        ),
        _do(
            "/groups/patch",
            "Join talkgroups into one with one arbiter, until it is removed",
            patch,
            Patch,
            MadeGroup,
            status=201,
            made="number",
        ),
    ]


def _scanning(desk: GroupServices) -> list[Operation]:
    async def read(context: Context) -> Row:
        return desk.scan_list(context.path["number"])

    async def write(context: Context) -> Row:
        return await desk.set_scan_list(context.path["number"], context.body["groups"], context.principal)

    path = "/groups/scan_lists/{number}"
    return [
        Operation(
            method="GET",
            path=path,
            summary="The groups that a terminal hears besides the one it called",
            component="group",
            role="viewer",
            handler=read,
            answer=ScanListRow,
            tagged=True,
        ),
        Operation(
            method="PUT",
            path=path,
            summary="Set the groups that a terminal hears besides; it counts from its next call on",
            component="group",
            role="dispatcher",
            handler=write,
            body=ScanList,
            answer=ScanListRow,
            current=read,
        ),
    ]


# -- calls ------------------------------------------------------------------------------------------------------------


def _calls(desk: GroupServices) -> list[Operation]:
    async def start(context: Context) -> Row:
        return desk.start_call(context.path["id"], context.body, context.principal)

    async def running(context: Context) -> Iterable[Row]:
        return desk.calls(context.path["id"])

    async def include(context: Context) -> Row:
        return desk.include(context.path["id"], context.body, context.principal)

    async def end(context: Context) -> None:
        desk.end_call(context.path["id"], context.principal)

    async def roll_call(context: Context) -> Row:
        return desk.roll_call(context.path["id"], context.body, context.principal)

    async def roll_calls(context: Context) -> Iterable[Row]:
        return desk.roll_calls(context.path["id"])

    path = "/groups/{id}"
    return [
        _do(path + "/calls", "Call the members of a group", start, StartGroupCall, GroupCall, status=201),
        _read(path + "/calls", "The call in progress and those before", "group", running, GroupCall, many=True),
        Operation(
            method="DELETE",
            path=path + "/calls",
            summary="End the call of a group",
            component="group",
            role="dispatcher",
            handler=end,
            status=204,
        ),
        _do(path + "/invite", "Call more numbers into a group", include, InviteToGroup, GroupCall),
        _do(
            path + "/roll_call",
            "Call everybody and note who answers (点名)",
            roll_call,
            StartRollCall,
            RollCall,
            status=201,
        ),
        _read(path + "/roll_call", "Roll-calls, the newest first", "group", roll_calls, RollCall, many=True),
    ]


# -- dispatchers ------------------------------------------------------------------------------------------------------


def _dispatching(desk: GroupServices) -> list[Operation]:
    def order(name: str) -> Callable[[Context], Any]:
        async def run(context: Context) -> Row:
            return desk.orders[name](context.path["id"], context.body, context.principal)

        return run

    path = "/groups/{id}/"
    joins = DispatcherJoins
    return [
        _do(
            path + "insert",
            "Call a party into a group with a dispatcher's right (强插)",
            order("insert"),
            joins,
            Placed,
        ),
        _do(path + "listen", "Let a party hear a group unknown to it (监听)", order("listen"), joins, Placed),
        _do(path + "release", "Release a member, or all, by force (强拆)", order("release"), ReleaseFromGroup, Group),
        _do(path + "mute", "Let a member not talk, or again", order("mute"), MuteMember, Group),
    ]


def _floor(services: ApiServices, wish: str, summary: str) -> Operation:
    async def run(context: Context) -> Row:
        number, leg_id = context.path["id"], context.body["leg_id"]
        before = _named(services.groups, "group", number)
        if all(participant["leg_id"] != leg_id for participant in before["participants"]):
            raise not_found("participant", leg_id)
        if not services.floor(leg_id, wish, context.body["tier"], context.principal):
            raise Problem(409, "the participant does not hold the floor", kind="floor-not-held")
        return _named(services.groups, "group", number)

    return _do(f"/groups/{{id}}/floor/{wish}", summary, run, FloorWish, Group)


def _do(
    path: str,
    summary: str,
    handler: object,
    body: type[BaseModel],
    answer: type[Answer] = NoContent,
    *,
    role: Role = "dispatcher",
    status: int = 202,
    made: str = "",
) -> Operation:
    return Operation(
        method="POST",
        path=path,
        summary=summary,
        component="group",
        role=role,
        handler=handler,  # type: ignore[arg-type]  # the handlers above
        body=body,
        answer=answer,
        status=status,
        location=f"/groups/{{{made}}}" if made else "",
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


def _named(rows: Callable[[], Iterable[Row]], what: str, number: str) -> Mapping[str, Any]:
    for row in rows():
        if row["number"] == number:
            return row
    raise not_found(what, number)
