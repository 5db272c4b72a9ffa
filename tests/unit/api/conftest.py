"""A server on loopback over services that the test fills in."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from softswitch.api.auth import ApiToken
from softswitch.api.journal import EventJournal
from softswitch.api.server import ApiServer
from softswitch.api.services import ApiServices
from softswitch.runtime.trace import TraceHub
from tests.waiting import sockets_closed

TOKENS = [
    ApiToken(role, role, hashlib.sha256(f"secret-{role}".encode()).hexdigest())
    for role in ("viewer", "dispatcher", "admin")
]
#: One that stands for subscriber 1001.
TOKENS.append(ApiToken("subscriber", "viewer", hashlib.sha256(b"secret-subscriber").hexdigest(), number="1001"))


def as_role(role: str) -> dict[str, str]:
    """The header that shows the token of a role."""
    return {"Authorization": f"Bearer secret-{role}"}


def quiet_services() -> ApiServices:
    """Services of a switch with nothing going on."""
    return ApiServices(
        node="node1",
        version="1.2.3",
        started_at=1_700_000_000.0,
        tokens=lambda: TOKENS,
        clock=lambda: 100.0,
        wall=lambda: 1_700_000_060.0,
        journal=EventJournal("start-1"),
        trace=TraceHub(),
        health=lambda: {"calls": 2, "registrations": 3},
    )


@pytest.fixture
def services() -> ApiServices:
    """See `quiet_services`."""
    return quiet_services()


Connect = Callable[[], Any]


@pytest.fixture
async def connect(services: ApiServices) -> AsyncIterator[Connect]:
    """Starts the server over the services as they are then, and answers a client session based on it."""
    opened: list[tuple[ApiServer, aiohttp.ClientSession]] = []

    async def open_session() -> aiohttp.ClientSession:
        server = ApiServer(services)
        host, port = await server.start("127.0.0.1", 0)
        session = aiohttp.ClientSession(f"http://{host}:{port}", timeout=aiohttp.ClientTimeout(60))
        opened.append((server, session))
        return session

    async with sockets_closed():
        yield open_session
        for server, session in opened:
            await session.close()
            await server.close()
