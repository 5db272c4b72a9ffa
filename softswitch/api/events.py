"""`/events`: every state change as it happens, over a WebSocket, resumable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from softswitch.api.auth import Principal
from softswitch.api.journal import EventJournal
from softswitch.api.models import EventsQuery
from softswitch.api.operations import Operation
from softswitch.api.services import ApiServices
from softswitch.api.sockets import open_socket, run_socket


class TypeFilter:
    """Event types asked for: exact names and families (`call.*`); none given means all."""

    def __init__(self, text: str) -> None:
        names = [each.strip() for each in text.split(",") if each.strip()]
        self._exact = frozenset(name for name in names if not name.endswith("*"))
        self._families = tuple(name[:-1] for name in names if name.endswith("*"))
        self._all = not names

    def wants(self, event_type: str) -> bool:
        """Whether events of that type are asked for."""
        return self._all or event_type in self._exact or event_type.startswith(self._families)


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""

    async def stream(request: web.Request, query: Mapping[str, Any], principal: Principal) -> web.StreamResponse:
        socket = await open_socket(request)
        await run_socket(request, socket, _send(socket, services.journal, query))
        return socket

    return [
        Operation(
            method="GET",
            path="/events",
            summary="Every state change (WebSocket): {seq, time, type, …}; `since` resumes, losses are told",
            component="events",
            role="viewer",
            stream=stream,
            query=EventsQuery,
        )
    ]


async def _send(socket: web.WebSocketResponse, journal: EventJournal, query: Mapping[str, Any]) -> None:
    """First `stream.opened`, then events; `stream.missed` wherever the journal no longer holds some.

    A client that resumes with a number the journal has never given speaks of an earlier start of the switch, whose
    events are gone: it is told `stream.restarted` and gets all there is.
    """
    wanted = TypeFilter(query["types"])
    since: int | None = query["since"]
    position = journal.last if since is None else since
    await _notice(socket, "stream.opened", journal=journal.identity, last=journal.last, oldest=journal.oldest)
    if position > journal.last:
        await _notice(socket, "stream.restarted", journal=journal.identity)
        position = 0
    while True:
        missed = journal.missed(position)
        if missed:
            await _notice(socket, "stream.missed", count=missed, since=position, until=position + missed)
            position += missed
        for entry in journal.read(position):
            position = entry.sequence
            if wanted.wants(entry.type):
                await socket.send_str(entry.text)
        await journal.wait(position)


async def _notice(socket: web.WebSocketResponse, kind: str, **members: object) -> None:
    await socket.send_str(json.dumps({"type": kind, **members}))
