"""`/system`: health, registrations, trunks, media, bans, reload, live SIP trace."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from softswitch.api.auth import Principal
from softswitch.api.models import (
    AddBan,
    Ban,
    Health,
    Identity,
    MediaStatus,
    NoArguments,
    Registration,
    RegistrationQuery,
    ReloadResult,
    TraceQuery,
    Trunk,
    TrunkOrder,
)
from softswitch.api.models.logging import LogLevels, SetLogLevel
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import Problem
from softswitch.api.services import ApiServices, BanServices, Row
from softswitch.api.sockets import open_socket, run_socket
from softswitch.runtime.hep import call_id_of
from softswitch.runtime.log_levels import log_levels, set_log_level
from softswitch.runtime.redact import redact_message
from softswitch.runtime.trace import TracedMessage

TRACE_WAITING = 1000


def health_row(services: ApiServices) -> Row:
    """What `/system/health` answers."""
    given = services.health()
    return {
        "node": services.node,
        "version": services.version,
        "started_at": services.started_at,
        "uptime_s": max(0.0, round(services.wall() - services.started_at, 3)),
        "status": "degraded" if given.get("problems") else "ok",
        **given,
    }


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""

    async def health(context: Context) -> Row:
        return health_row(services)

    async def identity(context: Context) -> Row:
        return context.principal._asdict()

    async def registrations(context: Context) -> Iterable[Row]:
        return services.registrations()

    async def trunks(context: Context) -> Iterable[Row]:
        return services.trunks()

    async def media(context: Context) -> Row:
        return services.media()

    async def trace(request: web.Request, query: Mapping[str, Any], principal: Principal) -> web.StreamResponse:
        return await trace_stream(services, request, query)

    found = [
        _read("/system/health", "Whether the switch works", health, Health),
        _read("/system/identity", "Who the switch takes you for", identity, Identity, for_subscribers=True),
        _read("/system/registrations", "Registered contacts", registrations, Registration, many=True),
        _read("/system/trunks", "Trunks and their state", trunks, Trunk, many=True),
        _read("/system/media", "Figures of the media engine", media, MediaStatus),
        Operation(
            method="GET",
            path="/system/trace",
            summary="SIP messages as they come and go (WebSocket); secrets are blanked",
            component="system",
            role="admin",
            stream=trace,
            query=TraceQuery,
            sensitive=True,
        ),
    ]
    found.extend(_log())
    if services.unregister is not None:
        found.append(_unregister(services))
    if services.order_trunk is not None:
        found.append(_order_trunk(services))
    if services.bans is not None:
        found.extend(_bans(services.bans))
    if services.reload is not None:
        found.append(_reload(services))
    return found


def _log() -> list[Operation]:
    async def levels(context: Context) -> Row:
        return {"levels": log_levels()}

    async def change(context: Context) -> Row:
        try:
            set_log_level(context.body["logger"], context.body["level"])
        except ValueError as error:
            raise Problem(422, str(error), kind="invalid-request") from error
        return {"levels": log_levels()}

    return [
        Operation(
            method="GET",
            path="/system/log",
            summary="How much each part of the switch logs",
            component="system",
            role="viewer",
            handler=levels,
            answer=LogLevels,
            tagged=True,
        ),
        Operation(
            method="PUT",
            path="/system/log",
            summary="Let a part of the switch log more or less, until the next start",
            component="system",
            role="admin",
            handler=change,
            body=SetLogLevel,
            answer=LogLevels,
            current=levels,
        ),
    ]


def _unregister(services: ApiServices) -> Operation:
    async def unregister(context: Context) -> None:
        assert services.unregister is not None
        number, contact = context.path["number"], context.query["contact"]
        if not services.unregister(number, contact):
            raise LookupError(f"{number} has no such registration")

    return Operation(
        method="DELETE",
        path="/system/registrations/{number}",
        summary="Take a number's contacts away; the device may register again",
        component="system",
        role="dispatcher",
        handler=unregister,
        query=RegistrationQuery,
        status=204,
    )


def _order_trunk(services: ApiServices) -> Operation:
    async def order(context: Context) -> Row:
        assert services.order_trunk is not None
        body = context.body
        try:
            return services.order_trunk(context.path["name"], body["action"], body["span"], body["channels"])
        except ValueError as error:
            raise Problem(409, str(error), kind="not-possible") from error

    return Operation(
        method="POST",
        path="/system/trunks/{name}/channels",
        summary="Block, unblock, busy out or restart channels of an E1 trunk group",
        component="system",
        role="admin",
        handler=order,
        body=TrunkOrder,
        answer=Trunk,
    )


def _bans(bans: BanServices) -> list[Operation]:
    async def listed(context: Context) -> Iterable[Row]:
        return bans.bans()

    async def add(context: Context) -> Row:
        body = context.body
        return bans.add(body["host"], body["seconds"], body["reason"] or f"banned by {context.principal.name}")

    async def remove(context: Context) -> None:
        bans.remove(context.path["host"])

    return [
        _read("/system/bans", "Sources whose SIP messages are dropped", listed, Ban, many=True),
        Operation(
            method="POST",
            path="/system/bans",
            summary="Ban a source by hand",
            component="system",
            role="admin",
            handler=add,
            body=AddBan,
            answer=Ban,
            status=201,
        ),
        Operation(
            method="DELETE",
            path="/system/bans/{host}",
            summary="Lift a ban",
            component="system",
            role="admin",
            handler=remove,
            status=204,
        ),
    ]


def _reload(services: ApiServices) -> Operation:
    async def reload(context: Context) -> Row:
        assert services.reload is not None
        try:
            return {"detail": await services.reload()}
        except ValueError as error:
            raise Problem(422, str(error), kind="invalid-configuration") from error

    return Operation(
        method="POST",
        path="/system/reload",
        summary="Read the configuration again; a broken one is refused and the old one kept",
        component="system",
        role="admin",
        handler=reload,
        body=NoArguments,
        answer=ReloadResult,
    )


def _read(path: str, summary: str, handler: Any, answer: Any, **more: Any) -> Operation:
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        component="system",
        role="viewer",
        handler=handler,
        answer=answer,
        **more,
    )


async def trace_stream(services: ApiServices, request: web.Request, query: Mapping[str, Any]) -> web.StreamResponse:
    """Send each SIP message as JSON; what a slow client cannot take is dropped and counted in `dropped`."""
    waiting: deque[TracedMessage] = deque()
    arrived = asyncio.Event()
    dropped = 0

    def take(message: TracedMessage) -> None:
        nonlocal dropped
        if not _wanted(message, query):
            return
        if len(waiting) >= TRACE_WAITING:
            dropped += 1
        else:
            waiting.append(message)
            arrived.set()

    socket = await open_socket(request)
    try:
        unsubscribe = services.trace.subscribe(take)
    except RuntimeError as error:
        await socket.close(code=1013, message=str(error).encode())
        return socket

    async def send() -> None:
        nonlocal dropped
        while True:
            await arrived.wait()
            arrived.clear()
            while waiting:
                lost, dropped = dropped, 0
                await socket.send_str(json.dumps(trace_entry(waiting.popleft(), lost), ensure_ascii=False))

    try:
        await run_socket(request, socket, send())
    finally:
        unsubscribe()
    return socket


def trace_entry(message: TracedMessage, dropped: int = 0) -> dict[str, Any]:
    """One traced message for JSON, credentials and media keys blanked; `dropped` messages were left out before it."""
    time = datetime.fromtimestamp(message.time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "time": time,
        "direction": message.direction,
        "transport": message.remote.transport,
        "remote": f"{message.remote.host}:{message.remote.port}",
        "local": f"{message.local[0]}:{message.local[1]}",
        "call_id": call_id_of(message.data),
        "message": redact_message(message.data).decode("utf-8", "replace"),
        "dropped": dropped,
    }


def _wanted(message: TracedMessage, query: Mapping[str, Any]) -> bool:
    if query["address"] and message.remote.host != query["address"]:
        return False
    return not query["call_id"] or call_id_of(message.data) == query["call_id"]
