"""`/voice/ambience`: terminals whose surroundings are listened to (环境侦听)."""

from __future__ import annotations

from collections.abc import Iterable

from softswitch.api.models.voice import AmbienceRow, ListenToAmbience
from softswitch.api.operations import Context, Operation
from softswitch.api.services import ApiServices, Row


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    desk = services.ambience
    if desk is None:
        return []

    async def running(context: Context) -> Iterable[Row]:
        return desk.running()

    async def start(context: Context) -> Row:
        return desk.start(context.body, context.principal)

    async def end(context: Context) -> None:
        desk.end(context.path["id"], context.principal)

    return [
        Operation(
            method="GET",
            path="/voice/ambience",
            summary="Terminals whose surroundings are listened to",
            component="voice",
            role="dispatcher",
            handler=running,
            answer=AmbienceRow,
            many=True,
            sensitive=True,
        ),
        Operation(
            method="POST",
            path="/voice/ambience",
            summary="Listen to the surroundings of a terminal that answers by itself, unseen (环境侦听)",
            component="voice",
            role="dispatcher",
            handler=start,
            body=ListenToAmbience,
            answer=AmbienceRow,
            status=201,
        ),
        Operation(
            method="DELETE",
            path="/voice/ambience/{id}",
            summary="Listen to a terminal's surroundings no more",
            component="voice",
            role="dispatcher",
            handler=end,
            status=204,
        ),
    ]
