"""What is no HTTP gets problem details too, is counted, and logged once a second for each source."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from softswitch.api.malformed import LONGEST_FIELD, LONGEST_LINE
from softswitch.api.server import ApiServer
from softswitch.api.services import ApiServices

SECRET = b"demo-admin-token"


@pytest.fixture
async def address(services: ApiServices) -> AsyncIterator[tuple[str, int]]:
    server = ApiServer(services)
    yield await server.start("127.0.0.1", 0)
    await server.close()


async def answer_to(address: tuple[str, int], octets: bytes) -> tuple[int, bytes, bytes]:
    """Status, head and body of what comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(octets)
    async with asyncio.timeout(30):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), head, body


@pytest.mark.parametrize(
    ("status", "octets"),
    [
        (414, b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * LONGEST_LINE + SECRET)),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (SECRET * (LONGEST_FIELD // 8))),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SECRET + b"\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization Bearer " + SECRET + b"\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + SECRET + b"\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
        (400, b"GET / HTTP/1.1\r\nX: \x00\r\n\r\n"),
        (400, b"INVITE sip:a SIP/2.0\r\n\r\n"),
        (400, b"GET / SIP/2.0\r\nCall-ID: " + SECRET + b"\r\n\r\n"),
    ],
)
async def test_malformed_requests_are_told_so(
    address: tuple[str, int], services: ApiServices, status: int, octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    got, head, body = await answer_to(address, octets)
    assert got == status, head
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert problem["type"] == "urn:softswitch:problem:malformed-http"
    assert problem["status"] == status and problem["detail"]
    assert services.malformed.total == 1
    assert SECRET not in body and SECRET.decode() not in caplog.text, "what was sent may hold a secret"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_a_flood_of_nonsense_is_one_line(
    address: tuple[str, int], services: ApiServices, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        await answer_to(address, b"nonsense\r\n\r\n")
    assert services.malformed.total == 20
    assert len(caplog.records) < 20, "one line a second for each source"


async def test_an_unknown_expectation_is_a_problem_too(address: tuple[str, int]) -> None:
    status, head, body = await answer_to(
        address, b"GET /api/v1/system/health HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n"
    )
    assert status == 417, head
    assert json.loads(body)["detail"]
