"""The event stream resumes and tells losses; the trace stream blanks secrets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from softswitch.api.events import TypeFilter
from softswitch.api.journal import EventJournal
from softswitch.api.server import ApiServer
from softswitch.api.services import ApiServices
from softswitch.api.system import trace_entry
from softswitch.runtime.trace import TracedMessage
from softswitch.sip.address import Address
from tests.unit.api.conftest import Connect, as_role


class FakeEvent:
    """An event of a type with one member."""

    def __init__(self, kind: str, value: object = 0) -> None:
        self.type = kind
        self.value = value

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.type, "time": "2023-11-14T22:13:20.000000Z", "value": self.value}


def test_journal_reads_from_any_position_and_counts_losses() -> None:
    journal = EventJournal("x", capacity=3)
    assert (journal.oldest, journal.last, journal.read(0), journal.missed(0)) == (1, 0, [], 0)
    for number in range(5):
        journal.append(FakeEvent("a", number))
    assert [entry.sequence for entry in journal.read(0)] == [3, 4, 5]
    assert [entry.sequence for entry in journal.read(4)] == [5]
    assert [entry.sequence for entry in journal.read(2, limit=1)] == [3]
    assert journal.read(5) == []
    assert (journal.missed(0), journal.missed(1), journal.missed(2), journal.missed(5)) == (2, 1, 0, 0)
    assert json.loads(journal.read(4)[0].text) == {
        "seq": 5,
        "type": "a",
        "time": "2023-11-14T22:13:20.000000Z",
        "value": 4,
    }


async def test_journal_wakes_its_readers() -> None:
    journal = EventJournal("x")
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(journal.wait(0))
        await asyncio.sleep(0)
        journal.append(FakeEvent("a"))
    await journal.wait(0)
    assert not journal._waiting


@pytest.mark.parametrize(
    ("asked", "kind", "wanted"),
    [
        ("", "call.state", True),
        ("call.state", "call.state", True),
        ("call.state", "call.record", False),
        ("call.*", "call.record", True),
        ("call.*, trunk.state", "trunk.state", True),
        ("call.*", "trunk.state", False),
    ],
)
def test_type_filter(asked: str, kind: str, wanted: bool) -> None:
    assert TypeFilter(asked).wants(kind) is wanted


async def receive(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message: dict[str, Any] = await socket.receive_json(timeout=5)
    return message


async def test_events_arrive_filtered_and_in_order(services: ApiServices, connect: Connect) -> None:
    session = await connect()
    services.journal.append(FakeEvent("call.state", "before"))
    async with session.ws_connect("/api/v1/events?types=call.*", headers=as_role("viewer")) as socket:
        assert await receive(socket) == {"type": "stream.opened", "journal": "start-1", "last": 1, "oldest": 1}
        services.journal.append(FakeEvent("trunk.state"))
        services.journal.append(FakeEvent("call.state", "after"))
        event = await receive(socket)
    assert (event["seq"], event["value"]) == (3, "after")


async def test_stream_resumes_without_loss(services: ApiServices, connect: Connect) -> None:
    session = await connect()
    for number in range(1, 6):
        services.journal.append(FakeEvent("a", number))
    async with session.ws_connect("/api/v1/events?since=3", headers=as_role("viewer")) as socket:
        await receive(socket)
        services.journal.append(FakeEvent("a", 6))
        assert [(await receive(socket))["value"] for _ in range(3)] == [4, 5, 6]


async def test_client_is_told_what_it_missed(services: ApiServices, connect: Connect) -> None:
    services.journal = EventJournal("start-1", capacity=2)
    session = await connect()
    for number in range(1, 6):
        services.journal.append(FakeEvent("a", number))
    async with session.ws_connect("/api/v1/events?since=1", headers=as_role("viewer")) as socket:
        await receive(socket)
        assert await receive(socket) == {"type": "stream.missed", "count": 2, "since": 1, "until": 3}
        assert [(await receive(socket))["value"] for _ in range(2)] == [4, 5]


async def test_number_of_an_earlier_start_restarts_the_stream(services: ApiServices, connect: Connect) -> None:
    session = await connect()
    services.journal.append(FakeEvent("a", 1))
    async with session.ws_connect("/api/v1/events?since=900", headers=as_role("viewer")) as socket:
        await receive(socket)
        assert (await receive(socket))["type"] == "stream.restarted"
        assert (await receive(socket))["value"] == 1


async def test_trace_streams_matching_messages_without_secrets(services: ApiServices, connect: Connect) -> None:
    session = await connect()
    remote = Address("udp", "127.0.0.1", 5070, "udp")
    data = b"REGISTER sip:s SIP/2.0\r\nCall-ID: %s\r\nAuthorization: Digest response=hunter2\r\n\r\n"
    async with session.ws_connect("/api/v1/system/trace?call_id=mine", headers=as_role("admin")) as socket:
        async with asyncio.timeout(5):
            while not services.trace.active:  # noqa: ASYNC110 (the hub tells nobody when it gains a subscriber)
                await asyncio.sleep(0.001)
        for call_id in (b"other", b"mine"):
            services.trace.publish(TracedMessage(1.7e9, "in", remote, ("127.0.0.1", 5060), data % call_id))
        entry = await receive(socket)
    assert (entry["call_id"], entry["direction"], entry["remote"]) == ("mine", "in", "127.0.0.1:5070")
    assert "hunter2" not in entry["message"]
    assert entry["time"] == "2023-11-14T22:13:20.000000Z"


def test_trace_entry_survives_any_octets() -> None:
    entry = trace_entry(TracedMessage(1.0, "out", Address("udp", "::1", 1), ("", 0), b"\xff\xfe\x00"), dropped=3)
    assert (entry["message"], entry["dropped"]) == ("\ufffd\ufffd\x00", 3)


async def test_stopping_the_server_ends_streams_at_once(services: ApiServices, connect: Connect) -> None:
    session = await connect()
    socket = await session.ws_connect("/api/v1/events", headers=as_role("viewer"))
    await receive(socket)
    server = ApiServer(services)
    host, port = await server.start("127.0.0.1", 0)
    other = await session.ws_connect(f"http://{host}:{port}/api/v1/events", headers=as_role("viewer"))
    await receive(other)
    async with asyncio.timeout(1.5):
        _, message = await asyncio.gather(server.close(), other.receive())
    assert message.type is aiohttp.WSMsgType.CLOSE and message.data == 1001
    await socket.close()
    await other.close()
