"""SIP over WebSocket (RFC 7118): an aiohttp handler whose connections stand in the same table as TCP's.

One WebSocket message is one SIP message, text or binary. Pings of either kind keep the path open: the WebSocket's own
(sent here) and the CRLF of RFC 5626 (answered here).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web

from softswitch.runtime.network import SipNetwork
from softswitch.sip.address import Address

logger = logging.getLogger(__name__)

SUBPROTOCOL = "sip"
PING_SECONDS = 30.0
WAITING_MESSAGES = 256
TRY_AGAIN_LATER = 1013


class WebSocketConnection:
    """One browser's or gateway's WebSocket as a SIP connection."""

    def __init__(self, address: Address, local: tuple[str, int], now: float, idle: float) -> None:
        self.address = address
        self.local = local
        self.number = address.connection
        self.last_message_at = now
        self._idle = idle
        self._open = True
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_MESSAGES)

    @property
    def is_open(self) -> bool:
        """Whether something may still be sent."""
        return self._open

    def send(self, data: bytes) -> bool:
        """Queue one message; a peer that does not read its messages is cut."""
        if not self._open:
            return False
        if self._outgoing.qsize() >= WAITING_MESSAGES - 1:
            logger.info("websocket to %s cut: the peer does not read", self.address)
            self.close()
            return False
        self._outgoing.put_nowait(data)
        return True

    def overdue(self, now: float) -> str:
        """`idle` when no message came for too long."""
        return "idle" if now - self.last_message_at > self._idle else ""

    def close(self) -> None:
        """Close after what waits has been sent."""
        if self._open:
            self._open = False
            self._outgoing.put_nowait(None)

    async def write_out(self, socket: web.WebSocketResponse) -> None:
        """Send what is queued until the connection is closed."""
        try:
            while (data := await self._outgoing.get()) is not None:
                try:
                    await socket.send_str(data.decode())
                except UnicodeDecodeError:
                    await socket.send_bytes(data)
            await socket.close()
        except ConnectionError:
            self._open = False


def sip_websocket_handler(
    network: SipNetwork, clock: Callable[[], float], listener: str = "websocket", origins: tuple[str, ...] = ()
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler for `/sip`; `origins`, when given, are the only web pages a browser may come from."""

    async def handle(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origins and origin is not None and origin not in origins:
            raise web.HTTPForbidden(text="this origin may not open a SIP connection")
        offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if SUBPROTOCOL not in offered:
            raise web.HTTPBadRequest(text='the WebSocket subprotocol must be "sip" (RFC 7118 §4)')
        longest = network.limits.message.message
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), heartbeat=PING_SECONDS, max_msg_size=longest)
        await socket.prepare(request)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        local = request.transport.get_extra_info("sockname") if request.transport else None
        if not peer or not local:
            return socket
        kind = "wss" if request.secure else "ws"
        address = Address(kind, peer[0], peer[1], listener, network.next_number())
        connection = WebSocketConnection(address, (local[0], local[1]), clock(), network.limits.idle)
        if not network.add(connection):
            await socket.close(code=TRY_AGAIN_LATER)
            return socket
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(connection.write_out(socket))
                await _read(socket, connection, network, clock)
                writer.cancel()
        finally:
            connection.close()
            network.remove(connection)
        return socket

    return handle


async def _read(
    socket: web.WebSocketResponse, connection: WebSocketConnection, network: SipNetwork, clock: Callable[[], float]
) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            data = message.data.encode()
        elif message.type is WSMsgType.BINARY:
            data = message.data
        else:
            return
        connection.last_message_at = clock()
        if data.strip(b"\r\n"):
            network.deliver(data, connection.address)
        elif data == b"\r\n\r\n":
            connection.send(b"\r\n")
