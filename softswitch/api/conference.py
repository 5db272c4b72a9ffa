"""`/voice/conferences`: rooms whose participants all speak, their stored lists of members, and what is done in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.definitions import Kind, definition_operations
from softswitch.api.models import Answer, NoArguments, NoContent
from softswitch.api.models.conference import (
    Announce,
    ChangeConference,
    ChangeParticipant,
    Conference,
    ConferenceCall,
    ConferenceDefinition,
    ConferenceRollCall,
    InviteToConference,
    Link,
    Lock,
    MuteAll,
    NewConference,
    Plan,
    PlanRow,
    RollCallOf,
    StartConference,
    Whisper,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import not_found
from softswitch.api.services import ApiServices, ConferenceServices, Row

PATH = "/voice/conferences"
_ONE = PATH + "/{id}"
_PLAN = _ONE + "/plans/{plan}"
_MEMBER = _ONE + "/members/{party}"

#: What is done to a conference: its body, its answer, its status, and what it is.
ORDERS: dict[str, tuple[type[Any], type[Answer], int, str]] = {
    "start": (StartConference, ConferenceCall, 201, "Call the members of a stored list, or others, all at once (预案)"),
    "invite": (InviteToConference, ConferenceCall, 202, "Call more members in"),
    "roll_call": (RollCallOf, ConferenceRollCall, 201, "Call everybody and note who answers (点名)"),
    "mute": (MuteAll, Conference, 202, "Let nobody speak but chairs, or everybody again"),
    "lock": (Lock, Conference, 202, "Let nobody dial in any more, or again"),
    "link": (Link, Conference, 202, "Let all in two conferences hear each other, or not any more"),
    "announce": (Announce, Conference, 202, "Let all hear a sound besides each other"),
    "end": (NoArguments, Conference, 202, "Release everybody"),
}

_KIND = Kind(
    PATH,
    "voice",
    ConferenceDefinition,
    NewConference,
    ChangeConference,
    add="Add a conference",
    read="What is laid down of a conference",
    change="Change a conference; whoever is inside stays",
    remove="Give a conference up; everybody in it is released",
    add_role="dispatcher",
    change_role="dispatcher",
    remove_role="dispatcher",
)


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""

    async def every(context: Context) -> Iterable[Row]:
        return services.conferences()

    async def one(context: Context) -> Row:
        return conference(services, context.path["id"])

    found = [_read(PATH, "Conferences", every, Conference, many=True)]
    desk = services.conference_desk
    if desk is not None:
        found += definition_operations(desk, _KIND)
        found += _plans(desk)
    found.append(_read(_ONE, "One conference and who is in it", one, Conference))
    if desk is not None:
        found += _orders(desk)
        found += _participants(services, desk)
    return found


def conference(services: ApiServices, number: str) -> Row:
    """The row of one conference; raises Problem 404."""
    for row in services.conferences():
        if row["number"] == number:
            return row
    raise not_found("conference", number)


def _plans(desk: ConferenceServices) -> list[Operation]:
    async def every(context: Context) -> Iterable[Row]:
        return desk.plans(context.path["id"])

    async def one(context: Context) -> Row:
        return desk.plan(context.path["id"], context.path["plan"])

    async def put(context: Context) -> Row:
        path = context.path
        return await desk.put_plan(path["id"], path["plan"], context.body, context.principal)

    async def remove(context: Context) -> None:
        await desk.remove_plan(context.path["id"], context.path["plan"], context.principal)

    shared: dict[str, Any] = {"component": "voice", "role": "dispatcher", "path": _PLAN, "answer": PlanRow}
    return [
        _read(_ONE + "/plans", "Stored lists of members (预案)", every, PlanRow, many=True),
        Operation(method="GET", summary="One stored list of members", handler=one, tagged=True, **shared),
        Operation(method="PUT", summary="Store a list of members", handler=put, body=Plan, current=one, **shared),
        Operation(method="DELETE", summary="Forget a list", handler=remove, current=one, status=204, **shared),
    ]


def _orders(desk: ConferenceServices) -> list[Operation]:
    async def calls(context: Context) -> Iterable[Row]:
        return desk.calls(context.path["id"])

    async def roll_calls(context: Context) -> Iterable[Row]:
        return desk.roll_calls(context.path["id"])

    found = [
        _read(_ONE + "/calls", "Who was called, the newest first", calls, ConferenceCall, many=True),
        _read(_ONE + "/roll_call", "Roll-calls, the newest first", roll_calls, ConferenceRollCall, many=True),
    ]
    for name, (body, answer, status, summary) in ORDERS.items():

        async def run(context: Context, name: str = name) -> Row:
            return desk.order(context.path["id"], name, context.body, context.principal)

        found.append(
            Operation(
                method="POST",
                path=f"{_ONE}/{name}",
                summary=summary,
                component="voice",
                role="dispatcher",
                handler=run,
                body=body,
                answer=answer,
                status=status,
            )
        )
    return found


def _participants(services: ApiServices, desk: ConferenceServices) -> list[Operation]:
    async def change(context: Context) -> Row:
        number, party = context.path["id"], context.path["party"]
        given = {name: context.body[name] for name in context.given if context.body[name] is not None}
        desk.participant(number, party, "change", given, context.principal)
        return conference(services, number)

    async def whisper(context: Context) -> Row:
        number, party = context.path["id"], context.path["party"]
        desk.participant(number, party, "whisper", context.body, context.principal)
        return conference(services, number)

    async def remove(context: Context) -> None:
        desk.participant(context.path["id"], context.path["party"], "remove", {}, context.principal)

    shared: dict[str, Any] = {"component": "voice", "role": "dispatcher"}
    return [
        Operation(
            method="PATCH",
            path=_MEMBER,
            summary="Mute, deafen, make louder, or raise the hand of a participant (leg or number)",
            handler=change,
            body=ChangeParticipant,
            answer=Conference,
            **shared,
        ),
        Operation(
            method="POST",
            path=_MEMBER + "/whisper",
            summary="Let one other participant alone hear what this one says",
            handler=whisper,
            body=Whisper,
            answer=Conference,
            status=202,
            **shared,
        ),
        Operation(
            method="DELETE",
            path=_MEMBER,
            summary="Put a participant out",
            handler=remove,
            answer=NoContent,
            status=204,
            **shared,
        ),
    ]


def _read(path: str, summary: str, handler: Any, answer: type[Answer], *, many: bool = False) -> Operation:
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        component="voice",
        role="viewer",
        handler=handler,
        answer=answer,
        many=many,
    )
