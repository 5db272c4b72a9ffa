"""The event stream resumes and tells losses; the trace stream blanks secrets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from softswitch.api.auth import Principal
from softswitch.api.filters import EventFilter
from softswitch.api.journal import Entry, EventJournal
from softswitch.api.server import ApiServer
from softswitch.api.services import ApiServices
from softswitch.api.system import trace_entry
from softswitch.runtime.trace import TracedMessage
from softswitch.sip.address import Address
from tests.unit.api.conftest import Connect, as_role
from tests.waiting import PATIENCE_S, eventually


class FakeEvent:
    """An event of a type with one member, and others on demand."""

    def __init__(self, kind: str, value: object = 0, **more: object) -> None:
        self.type = kind
        self.value = value
        self.more = more

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.type, "time": "2023-11-14T22:13:20.000000Z", "value": self.value, **self.more}


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


def test_times_are_times_in_events_too_and_never_is_null() -> None:
    record = {"started_at": 1_700_000_000.25, "answered_at": 0.0, "legs": [{"ended_at": 1_700_000_001, "loss": 0.5}]}
    body = json.loads(Entry(1, FakeEvent("call.record", expires_at=0.0, record=record)).text)
    assert body["expires_at"] is None
    assert body["record"] == {
        "started_at": "2023-11-14T22:13:20.250000Z",
        "answered_at": None,
        "legs": [{"ended_at": "2023-11-14T22:13:21.000000Z", "loss": 0.5}],
    }


async def test_journal_wakes_its_readers() -> None:
    journal = EventJournal("x")
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
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
    assert EventFilter(asked).wants(Entry(1, FakeEvent(kind))) is wanted


@pytest.mark.parametrize(
    ("components", "ids", "scopes", "wanted"),
    [
        ("", "", (), True),
        ("voice", "", (), True),
        ("system,sms", "", (), False),
        ("", "n1-7", (), True),
        ("", "n1-8,1001", (), True),
        ("", "n1-8", (), False),
        ("voice", "n1-8", (), False),
        ("", "", ("data",), False),
        ("", "", ("data", "voice"), True),
    ],
)
def test_filter_by_component_subject_and_scope(
    components: str, ids: str, scopes: tuple[str, ...], wanted: bool
) -> None:
    entry = Entry(1, FakeEvent("call.state", call_id="n1-7", caller="1001"))
    assert EventFilter("", components, ids, scopes).wants(entry) is wanted


def test_octets_that_were_no_utf8_end_nobodys_stream() -> None:
    entry = Entry(1, FakeEvent("access.refused", user="Zo\udceb 王"))
    assert '"Zo? 王"' in entry.text and "Zo? 王".encode() in entry.frame


@pytest.mark.parametrize(("number", "wanted"), [("1001", True), ("1002", False)])
def test_who_stands_for_a_subscriber_hears_of_its_own_calls(number: str, wanted: bool) -> None:
    principal = Principal("browser", "viewer", number=number)
    asked = EventFilter.of({"types": "", "components": "", "ids": ""}, principal)
    assert asked.wants(Entry(1, FakeEvent("webrtc.offered", number="1001", caller="1003"))) is wanted


async def receive(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message: dict[str, Any] = await socket.receive_json(timeout=PATIENCE_S)
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
        await eventually(lambda: services.trace.active, "the hub has its subscriber")
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
    async with asyncio.timeout(PATIENCE_S):  # a stream that is left open is torn down without a word in the end
        _, message = await asyncio.gather(server.close(), other.receive())
    assert message.type is aiohttp.WSMsgType.CLOSE and message.data == 1001
    await socket.close()
    await other.close()


async def test_server_sent_events_resume_by_last_event_id(services: ApiServices, connect: Connect) -> None:
    for number in range(3):
        services.journal.append(FakeEvent("call.state", number))
    session = await connect()
    headers = {**as_role("viewer"), "Accept": "text/event-stream", "Last-Event-ID": "2"}
    async with session.get("/api/v1/events", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert await response.content.readline() == b"event: stream.opened\n"
        text = b""
        while b"\n\n" not in text.partition(b"id: ")[2]:
            text += await response.content.readany()
    assert b'id: 3\nevent: call.state\ndata: {"seq": 3,' in text, "only what came after the last one seen"
    assert b"id: 2" not in text


async def test_journal_can_be_paged(services: ApiServices, connect: Connect) -> None:
    for number in range(5):
        services.journal.append(FakeEvent("call.state" if number % 2 else "trunk.state", number))
    session = await connect()

    async def page(query: str) -> tuple[list[int], str | None]:
        async with session.get(f"/api/v1/events/journal?{query}", headers=as_role("viewer")) as response:
            body = await response.json()
        return [item["seq"] for item in body["items"]], body["next"]

    assert await page("limit=2") == ([1, 2], "2")
    assert await page("limit=2&since=4") == ([5], None)
    assert await page("types=call.*") == ([2, 4], None)


async def test_a_client_that_does_not_read_is_told_what_it_missed(services: ApiServices, connect: Connect) -> None:
    """Nothing is buffered for it: the ring goes on, and so do the other clients."""
    services.journal = EventJournal("ring", capacity=200)
    session = await connect()
    async with session.ws_connect("/api/v1/events", headers=as_role("viewer")) as slow:
        await receive(slow)
        big = "x" * 20_000
        for burst in range(30):
            for number in range(50):
                services.journal.append(FakeEvent("call.state", f"{burst}-{number}-{big}"))
            await asyncio.sleep(0.005)
        got, missed = 0, 0
        while got + missed < 1500:
            message = await receive(slow)
            if message["type"] == "stream.missed":
                missed += message["count"]
            else:
                got += 1
    assert missed > 0, "30 MB cannot wait in a transport, so some events must have been missed"
    assert got + missed == 1500, "what was missed is told exactly"
