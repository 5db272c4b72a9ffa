"""`/voice`: calls listed, placed and moved through the five states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel

from softswitch.api.models import (
    Call,
    Digits,
    Disconnect,
    Insert,
    NoArguments,
    OfLeg,
    Originate,
    Play,
    TransferCall,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import not_found
from softswitch.api.services import ApiServices, CallCommand, Row


class Command(NamedTuple):
    """A method of a call: what it does and what it takes."""

    summary: str
    body: type[BaseModel]


COMMANDS: dict[str, Command] = {
    "ring": Command("Ring the callee", NoArguments),
    "queue": Command("Put the call into a queue", NoArguments),
    "proceed": Command("Go on with the set-up", NoArguments),
    "answer": Command("Answer on behalf of the callee", NoArguments),
    "disconnect": Command("End the call", Disconnect),
    "hold": Command("Hold a party", OfLeg),
    "resume": Command("Take a party back from hold", OfLeg),
    "transfer": Command("Send a party to another number", TransferCall),
    "insert": Command("Let a dispatcher join and speak", Insert),
    "listen": Command("Let a dispatcher listen", Insert),
    "force_release": Command("End the call by a dispatcher's right", Disconnect),
    "record": Command("Record the call", NoArguments),
    "play": Command("Play an announcement to the parties", Play),
    "dtmf": Command("Send digits to a party", Digits),
}


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component: commands exist as far as the switch offers them."""

    async def list_calls(context: Context) -> Iterable[Row]:
        return services.calls()

    async def get_call(context: Context) -> Row:
        return _existing(services, context.path["id"])

    found = [
        Operation(
            method="GET",
            path="/voice/calls",
            summary="Calls in progress",
            component="voice",
            role="viewer",
            handler=list_calls,
            answer=Call,
            many=True,
        ),
        Operation(
            method="GET",
            path="/voice/calls/{id}",
            summary="One call",
            component="voice",
            role="viewer",
            handler=get_call,
            answer=Call,
        ),
    ]
    if services.originate is not None:
        found.append(_originate(services))
    found.extend(_command(services, name, command) for name, command in services.call_commands.items())
    return found


def _originate(services: ApiServices) -> Operation:
    async def originate(context: Context) -> Row:
        assert services.originate is not None
        return services.originate(context.body, context.principal)

    return Operation(
        method="POST",
        path="/voice/calls",
        summary="Place a call between two numbers",
        component="voice",
        role="dispatcher",
        handler=originate,
        body=Originate,
        answer=Call,
        status=201,
    )


def _command(services: ApiServices, name: str, command: CallCommand) -> Operation:
    async def run(context: Context) -> Row:
        identifier = context.path["id"]
        before = _existing(services, identifier)
        command(identifier, context.body, context.principal)
        # A call that this very command ended is no longer listed: its last known row is the answer.
        return services.call(identifier) or before

    return Operation(
        method="POST",
        path=f"/voice/calls/{{id}}/{name}",
        summary=COMMANDS[name].summary,
        component="voice",
        role="dispatcher",
        handler=run,
        body=COMMANDS[name].body,
        answer=Call,
        status=202,
    )


def _existing(services: ApiServices, identifier: str) -> Row:
    row = services.call(identifier)
    if row is None:
        raise not_found("call", identifier)
    return row
