"""SIP over WebSocket: subprotocol, both directions, keep-alive, limits, closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from softswitch.runtime.network import SipNetwork
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.tcp import StreamLimits
from softswitch.runtime.websocket import WebSocketConnection, sip_websocket_handler
from softswitch.sip.address import Address
from tests.waiting import PATIENCE_S, sockets_closed

MESSAGE = "REGISTER sip:switch SIP/2.0\r\nContent-Length: 0\r\n\r\n"


class Site:
    """A network reachable by WebSocket, what arrives in it, and a client session."""

    def __init__(self, network: SipNetwork) -> None:
        self.network = network
        self.arrived: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self.closed: asyncio.Queue[Address] = asyncio.Queue()
        network.receiver = lambda data, source: self.arrived.put_nowait((data, source))
        network.on_closed = self.closed.put_nowait
        self.session = aiohttp.ClientSession()
        self.url = ""

    async def connect(self, origin: str | None = None) -> aiohttp.ClientWebSocketResponse:
        return await self.session.ws_connect(self.url, protocols=("sip",), origin=origin)

    async def next(self) -> tuple[bytes, Address]:
        return await asyncio.wait_for(self.arrived.get(), PATIENCE_S)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with sockets_closed(), TaskOwner() as tasks:
        network = SipNetwork(tasks, limits=StreamLimits(connections_per_source=2))
        made = Site(network)
        application = web.Application()
        clock = asyncio.get_running_loop().time
        application.router.add_get("/sip", sip_websocket_handler(network, clock, origins=("https://console.example",)))
        runner = web.AppRunner(application, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sip"
        yield made
        await network.close()
        await made.session.close()
        await runner.cleanup()


async def test_messages_go_both_ways(site: Site) -> None:
    async with await site.connect() as socket:
        assert socket.protocol == "sip"
        await socket.send_str(MESSAGE)
        data, source = await site.next()
        assert (data, source.transport, source.host, source.listener) == (
            MESSAGE.encode(),
            "ws",
            "127.0.0.1",
            "websocket",
        )
        await socket.send_bytes(b"second")
        assert await site.next() == (b"second", source)
        site.network.send(b"SIP/2.0 200 OK\r\n\r\n", source)
        assert await socket.receive_str(timeout=PATIENCE_S) == "SIP/2.0 200 OK\r\n\r\n"
        site.network.send(b"not utf-8: \xff", source)
        assert await socket.receive_bytes(timeout=PATIENCE_S) == b"not utf-8: \xff"
    assert await asyncio.wait_for(site.closed.get(), PATIENCE_S) == source
    assert site.network.connections == 0


async def test_ping_is_answered_and_not_delivered(site: Site) -> None:
    async with await site.connect() as socket:
        await socket.send_str("\r\n\r\n")
        assert await socket.receive_str(timeout=PATIENCE_S) == "\r\n"
        await socket.send_str("\r\n")
        await socket.send_str(MESSAGE)
        assert (await site.next())[0] == MESSAGE.encode()


async def test_other_subprotocol_and_foreign_origin_are_refused(site: Site) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await site.session.ws_connect(site.url, protocols=("chat",))
    assert caught.value.status == 400
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await site.connect(origin="https://evil.example")
    assert caught.value.status == 403
    async with await site.connect(origin="https://console.example") as socket:
        assert socket.protocol == "sip"


async def test_connections_beyond_the_limit_are_told_to_come_later(site: Site) -> None:
    async with await site.connect(), await site.connect(), await site.connect() as third:
        assert (await third.receive(timeout=PATIENCE_S)).data == 1013


async def test_closed_connection_reports_what_is_sent_to_it(site: Site) -> None:
    failed: list[Address] = []
    site.network.on_failure = failed.append
    async with await site.connect() as socket:
        await socket.send_str(MESSAGE)
        _, source = await site.next()
    await asyncio.wait_for(site.closed.get(), PATIENCE_S)
    site.network.send(b"late", source)
    assert failed == [source], "a browser cannot be connected to from outside"


async def test_switch_closing_closes_the_socket(site: Site) -> None:
    async with await site.connect() as socket:
        await socket.send_str(MESSAGE)
        await site.next()
        await site.network.close()
        assert (await socket.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.CLOSE


def test_reader_that_is_too_slow_is_cut() -> None:
    connection = WebSocketConnection(Address("ws", "127.0.0.1", 1, "websocket", 1), ("127.0.0.1", 8080), 0.0, 100.0)
    sent = 0
    while connection.send(b"x"):
        sent += 1
    assert 100 < sent < 1000
    assert not connection.is_open
    assert not connection.send(b"x")


def test_idle_socket_is_overdue() -> None:
    connection = WebSocketConnection(Address("ws", "127.0.0.1", 1, "websocket", 1), ("127.0.0.1", 8080), 0.0, 100.0)
    assert (connection.overdue(100.0), connection.overdue(100.1)) == ("", "idle")
