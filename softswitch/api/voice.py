"""`/voice`: calls listed, placed and moved through the five states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel

from softswitch.api.models import (
    Call,
    Digits,
    Disconnect,
    FloorOf,
    ForceRelease,
    Insert,
    NoArguments,
    OfLeg,
    Originate,
    Play,
    PlayedTo,
    Sound,
    TransferCall,
    WhisperInto,
)
from softswitch.api.models.recordings import RecordCall
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import not_found
from softswitch.api.services import ApiServices, CallCommand, Row


class Command(NamedTuple):
    """A method of a call: what it does, what it takes, and its path if that differs from its name."""

    summary: str
    body: type[BaseModel]
    path: str = ""


COMMANDS: dict[str, Command] = {
    "ring": Command("Tell the caller that the callee is being alerted (180)", NoArguments),
    "queue": Command("Tell the caller that the call is queued (182)", NoArguments),
    "proceed": Command("Tell the caller that the set-up goes on (183)", NoArguments),
    "answer": Command("Answer in the callee's place: the caller hears music until sent on", NoArguments),
    "disconnect": Command("End the call", Disconnect),
    "hold": Command("Hold a party: it hears music, the other one nothing", OfLeg),
    "resume": Command("Take a party back from hold", OfLeg),
    "transfer": Command("Send a party to another number (blind transfer)", TransferCall),
    "insert": Command("Let a dispatcher join and speak", Insert),
    "listen": Command("Let a dispatcher listen", Insert),
    "whisper": Command("Let a dispatcher speak to one party alone, and hear both", WhisperInto),
    "force_release": Command("End the call by a dispatcher's right; an emergency call needs role admin", ForceRelease),
    "record": Command("Record the call, pause the recording, or end it", RecordCall),
    "play": Command("Play a sound, a recording or a tone to the parties", Play),
    "stop_play": Command("Stop what is played", PlayedTo, "play/stop"),
    "dtmf": Command("Send keys to a party: as telephone-events, tones or SIP INFO", Digits),
    "request_floor": Command("Ask for the floor on behalf of a party", FloorOf, "floor/request"),
    "release_floor": Command("Give the floor back on behalf of a party", FloorOf, "floor/release"),
    "wait_floor": Command("Wait for the floor on behalf of a party", FloorOf, "floor/wait"),
}


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component: commands exist as far as the switch offers them."""

    async def list_calls(context: Context) -> Iterable[Row]:
        return services.calls()

    async def get_call(context: Context) -> Row:
        return _existing(services, context.path["id"])

    async def sounds(context: Context) -> Iterable[Row]:
        return services.sounds()

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
        Operation(
            method="GET",
            path="/voice/sounds",
            summary="What can be played",
            component="voice",
            role="viewer",
            handler=sounds,
            answer=Sound,
            many=True,
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
        summary="Place a call: ring the caller, then connect the callee or play a sound",
        component="voice",
        role="dispatcher",
        handler=originate,
        body=Originate,
        answer=Call,
        status=201,
        location="/voice/calls/{call_id}",
    )


def _command(services: ApiServices, name: str, command: CallCommand) -> Operation:
    async def run(context: Context) -> Row:
        identifier = context.path["id"]
        before = _existing(services, identifier)
        if (done := command(identifier, context.body, context.principal)) is not None:
            await done
        # A call that this very command ended is no longer listed: its last known row is the answer.
        return services.call(identifier) or before

    about = COMMANDS[name]
    return Operation(
        method="POST",
        path=f"/voice/calls/{{id}}/{about.path or name}",
        summary=about.summary,
        component="voice",
        role="dispatcher",
        handler=run,
        body=about.body,
        answer=Call,
        status=202,
    )


def _existing(services: ApiServices, identifier: str) -> Row:
    row = services.call(identifier)
    if row is None:
        raise not_found("call", identifier)
    return row
