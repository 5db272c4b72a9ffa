"""What streaming resources of the API share: opening, a limit on how many there are, and the end of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from softswitch.api.problems import Problem

SUBPROTOCOL = "softswitch"
PING_SECONDS = 30.0
GOING_AWAY = 1001
MOST_SOCKETS = 2000
NO_SOCKET = "this resource is a WebSocket: open it as one; events come with `Accept: text/event-stream` too"


class OpenStreams:
    """The streams that are open: WebSockets, and tasks of server-sent events."""

    def __init__(self) -> None:
        self.sockets: set[web.WebSocketResponse] = set()
        self.tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self.sockets) + len(self.tasks)


OPEN_STREAMS = web.AppKey("open_streams", OpenStreams)


def _check_room(request: web.Request) -> None:
    if len(request.app[OPEN_STREAMS]) >= MOST_SOCKETS:
        raise Problem(503, "too many streams are open", headers={"Retry-After": "10"})


async def open_socket(request: web.Request, *, compress: bool = True) -> web.WebSocketResponse:
    """Accept the WebSocket of an authorised request. Raises HTTPBadRequest when it is none, Problem 503 when full."""
    socket = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,), heartbeat=PING_SECONDS, max_msg_size=4096, timeout=2.0, compress=compress
    )
    if not socket.can_prepare(request):
        raise web.HTTPBadRequest(text=NO_SOCKET)
    _check_room(request)
    await socket.prepare(request)
    return socket


@contextmanager
def stream_place(request: web.Request, response: web.StreamResponse) -> Iterator[None]:
    """Count a stream that is no WebSocket; closing the streams cancels it. Raises Problem 503 when full."""
    _check_room(request)
    tasks = request.app[OPEN_STREAMS].tasks
    task = asyncio.current_task()
    assert task is not None, "a request is handled by a task"
    tasks.add(task)
    try:
        yield
    finally:
        tasks.discard(task)


async def close_streams(application: web.Application) -> None:
    """End every open stream, so that stopping the server need not wait for the clients."""
    streams = application[OPEN_STREAMS]
    for task in list(streams.tasks):
        task.cancel()
    for socket in list(streams.sockets):
        await socket.close(code=GOING_AWAY, message=b"the switch stops")


async def read_until_closed(request: web.Request, socket: web.WebSocketResponse) -> None:
    """Wait until the client goes away; what it says is read and ignored."""
    sockets = request.app[OPEN_STREAMS].sockets
    sockets.add(socket)
    try:
        async for _ in socket:
            pass
    finally:
        sockets.discard(socket)


async def run_socket(request: web.Request, socket: web.WebSocketResponse, sending: Coroutine[Any, Any, None]) -> None:
    """Run `sending` until the client goes away; what the client says is read and ignored."""
    async with asyncio.TaskGroup() as group:
        sender = group.create_task(_until_gone(sending))
        await read_until_closed(request, socket)
        sender.cancel()


async def _until_gone(sending: Coroutine[Any, Any, None]) -> None:
    try:
        await sending
    except ConnectionError:
        return
