"""`/events`: every state change as it happens, over WebSocket or server-sent events, resumable; webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from softswitch.api.auth import Principal
from softswitch.api.fanout import Fanout, Subscriber, missed_notice
from softswitch.api.filters import EventFilter
from softswitch.api.journal import EventJournal
from softswitch.api.models import (
    DeadLetter,
    EventsQuery,
    EventType,
    JournalledEvent,
    JournalQuery,
    NewWebhook,
    NoArguments,
    Webhook,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import Problem
from softswitch.api.services import ApiServices, Row
from softswitch.api.sockets import open_socket, read_until_closed, stream_place
from softswitch.api.webhooks import Webhooks, WebhookSettings

FANOUT = web.AppKey("fanout", Fanout)
_SSE = "text/event-stream"
_SSE_PAUSE_S = 15.0


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    found = [_stream(services), *_journal(services)]
    if services.webhooks is not None:
        found.extend(_webhooks(services.webhooks))
    return found


def _stream(services: ApiServices) -> Operation:
    async def stream(request: web.Request, query: Mapping[str, Any], principal: Principal) -> web.StreamResponse:
        wanted = EventFilter.of(query, principal)
        if _SSE in request.headers.get("Accept", ""):
            return await _server_sent(request, services.journal, wanted, query["since"])
        return await _websocket(request, services.journal, wanted, query["since"])

    return Operation(
        method="GET",
        path="/events",
        summary="Every state change {seq, time, type, …} over a WebSocket, or as text/event-stream when that is "
        "accepted; `since` resumes, losses are told",
        component="events",
        role="viewer",
        stream=stream,
        query=EventsQuery,
        for_subscribers=True,
    )


def _beginning(journal: EventJournal, since: int | None) -> tuple[int, list[dict[str, object]]]:
    """Where a client begins, and what it is told first.

    A client that resumes with a number the journal has never given speaks of an earlier start of the switch, whose
    events are gone: it is told `stream.restarted` and gets all there is.
    """
    opened = {"type": "stream.opened", "journal": journal.identity, "last": journal.last, "oldest": journal.oldest}
    position = journal.last if since is None else since
    if position > journal.last:
        return 0, [opened, {"type": "stream.restarted", "journal": journal.identity}]
    return position, [opened]


async def _websocket(
    request: web.Request, journal: EventJournal, wanted: EventFilter, since: int | None
) -> web.StreamResponse:
    fanout = request.app[FANOUT]
    socket = await open_socket(request, compress=False)
    position, notices = _beginning(journal, since)
    for notice in notices:
        await socket.send_str(json.dumps(notice))
    transport = request.transport
    if transport is None:
        return socket
    client = Subscriber(transport, wanted, position)
    fanout.add(client)
    try:
        await read_until_closed(request, socket)
    finally:
        fanout.remove(client)
    return socket


async def _server_sent(
    request: web.Request, journal: EventJournal, wanted: EventFilter, since: int | None
) -> web.StreamResponse:
    """The same events for clients without WebSocket (HTML Living Standard §9.2); Last-Event-ID resumes."""
    last_id = request.headers.get("Last-Event-ID", "")
    if since is None and last_id.isascii() and last_id.isdigit():
        since = int(last_id)
    position, notices = _beginning(journal, since)
    response = web.StreamResponse(headers={"Content-Type": _SSE, "Cache-Control": "no-store"})
    with stream_place(request, response):
        await response.prepare(request)
        for notice in notices:
            await response.write(_sse(notice))
        try:
            while True:
                missed = journal.missed(position)
                if missed:
                    await response.write(_sse(missed_notice(position, missed)))
                    position += missed
                for entry in journal.read(position):
                    position = entry.sequence
                    if wanted.wants(entry):
                        await response.write(f"id: {position}\nevent: {entry.type}\ndata: {entry.text}\n\n".encode())
                if not await journal.wait_for(position, _SSE_PAUSE_S):
                    await response.write(b": still here\n\n")
        except ConnectionError:
            return response


def _sse(notice: Mapping[str, object]) -> bytes:
    return f"event: {notice['type']}\ndata: {json.dumps(notice)}\n\n".encode()


def _journal(services: ApiServices) -> list[Operation]:
    async def past(context: Context) -> Iterable[Row]:
        query = context.query
        wanted = EventFilter.of(query, context.principal)
        position: int = query["since"] or 0
        found: list[Row] = []
        while len(found) < query["limit"]:
            entries = services.journal.read(position)
            if not entries:
                break
            position = entries[-1].sequence
            found += [json.loads(entry.text) for entry in entries if wanted.wants(entry)]
        return found[: query["limit"]]

    async def types(context: Context) -> Iterable[Row]:
        return services.event_types()

    return [
        Operation(
            method="GET",
            path="/events/journal",
            summary="Events of the past, as far as the journal holds them, oldest first",
            component="events",
            role="viewer",
            handler=past,
            query=JournalQuery,
            answer=JournalledEvent,
            many=True,
            cursor="seq",
        ),
        Operation(
            method="GET",
            path="/events/types",
            summary="The types of events and their members",
            component="events",
            role="viewer",
            handler=types,
            answer=EventType,
            many=True,
        ),
    ]


def _webhooks(webhooks: Webhooks) -> list[Operation]:
    async def listed(context: Context) -> Iterable[Row]:
        return webhooks.rows()

    async def one(context: Context) -> Row:
        return webhooks.row(context.path["name"])

    async def add(context: Context) -> Row:
        try:
            return webhooks.add(WebhookSettings(**context.body))
        except KeyError as error:
            raise Problem(409, f"there is a webhook {context.body['name']!r} already", kind="exists") from error
        except OverflowError as error:
            raise Problem(409, str(error), kind="too-many") from error

    async def remove(context: Context) -> None:
        try:
            webhooks.remove(context.path["name"])
        except PermissionError as error:
            raise Problem(409, str(error), kind="configured") from error

    async def dead(context: Context) -> Iterable[Row]:
        return [asdict(letter) for letter in webhooks.dead_letters(context.path["name"])]

    async def retry(context: Context) -> Row:
        return webhooks.retry_dead(context.path["name"])

    async def clear(context: Context) -> None:
        webhooks.clear_dead(context.path["name"])

    def make(method: str, path: str, summary: str, handler: Any, **more: Any) -> Operation:
        path = "/events/webhooks" + path
        return Operation(
            method=method, path=path, summary=summary, component="events", role="admin", handler=handler, **more
        )

    return [
        make("GET", "", "Where events are posted to, and how that goes", listed, answer=Webhook, many=True),
        make(
            "POST",
            "",
            "Have events posted to a server, signed by HMAC-SHA256",
            add,
            body=NewWebhook,
            answer=Webhook,
            status=201,
            location="/events/webhooks/{name}",
        ),
        make("GET", "/{name}", "One webhook", one, answer=Webhook),
        make("DELETE", "/{name}", "Remove a webhook", remove, status=204),
        make("GET", "/{name}/dead_letters", "Events that could not be delivered", dead, answer=DeadLetter, many=True),
        make(
            "POST",
            "/{name}/dead_letters/retry",
            "Deliver them after all",
            retry,
            body=NoArguments,
            answer=Webhook,
            status=202,
        ),
        make("DELETE", "/{name}/dead_letters", "Forget them", clear, status=204),
    ]
