"""What WebSocket resources of the API share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from softswitch.api.problems import Problem

SUBPROTOCOL = "softswitch"
PING_SECONDS = 30.0
GOING_AWAY = 1001
MOST_SOCKETS = 2000
OPEN_SOCKETS = web.AppKey("open_sockets", set[web.WebSocketResponse])


async def open_socket(request: web.Request) -> web.WebSocketResponse:
    """Accept the WebSocket of an authorised request. Raises HTTPBadRequest when it is none, Problem 503 when full."""
    socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), heartbeat=PING_SECONDS, max_msg_size=4096, timeout=2.0)
    if not socket.can_prepare(request):
        raise web.HTTPBadRequest(text="this resource is a WebSocket")
    if len(request.app[OPEN_SOCKETS]) >= MOST_SOCKETS:
        raise Problem(503, "too many streams are open", headers={"Retry-After": "10"})
    await socket.prepare(request)
    return socket


async def close_sockets(application: web.Application) -> None:
    """End every open WebSocket, so that stopping the server need not wait for the clients."""
    sockets = application[OPEN_SOCKETS]
    for socket in list(sockets):
        await socket.close(code=GOING_AWAY, message=b"the switch stops")


async def run_socket(request: web.Request, socket: web.WebSocketResponse, sending: Coroutine[Any, Any, None]) -> None:
    """Run `sending` until the client goes away; what the client says is read and ignored."""
    sockets = request.app[OPEN_SOCKETS]
    sockets.add(socket)
    try:
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(_until_gone(sending))
            async for _ in socket:
                pass
            sender.cancel()
    finally:
        sockets.discard(socket)


async def _until_gone(sending: Coroutine[Any, Any, None]) -> None:
    try:
        await sending
    except ConnectionError:
        return
