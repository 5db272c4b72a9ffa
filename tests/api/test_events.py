"""Events of real calls: over WebSocket with filters and resume, as server-sent events, and posted to a server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from softswitch.client import ApiError, BadSignature, Client, verify_webhook
from tests.api.conftest import MakePhone
from tests.interop.switch import TOKEN, Switch

SECRET = "a secret of sufficient length"


@pytest.fixture
async def client(switch: Switch) -> AsyncIterator[Client]:
    """The client as administrator."""
    async with Client(f"http://127.0.0.1:{switch.plan.http}", TOKEN) as found:
        yield found


async def take(
    stream: AsyncIterator[dict[str, Any]], until: str, known: set[str] | None = None
) -> list[dict[str, Any]]:
    """Events up to the first of type `until`; only those of calls that are not `known`, of earlier tests."""
    found = []
    async with asyncio.timeout(40):
        async for event in stream:
            if known and event.get("call_id") in known:
                continue
            found.append(event)
            if event["type"] == until:
                break
    return found


async def place(client: Client) -> str:
    call = await client.originate("1001", "601")
    async with asyncio.timeout(40):
        while (await client.call(call.call_id)).state != "active":  # noqa: ASYNC110 (it is asked as anybody may)
            await asyncio.sleep(0.02)
    await client.disconnect(call.call_id)
    return call.call_id


async def test_every_state_change_arrives_and_can_be_resumed(client: Client, phone: MakePhone) -> None:
    phone("1001")
    before = (await client.request("GET", "/events/journal", query={"limit": "1000", "types": "call.state"}))["items"]
    stream = client.events(types="call.state,call.record")
    listener = asyncio.create_task(take(aiter(stream), "call.record", {event["call_id"] for event in before}))
    await asyncio.wait_for(stream.opened.wait(), 40)
    call = await place(client)
    events = await listener
    states = [event["state"] for event in events if event["type"] == "call.state"]
    assert states[0] == "caller_setup" and "active" in states and states[-1] == "disconnected", states
    assert events[-1]["record"]["call_id"] == call
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    again = await take(aiter(client.events(types="call.*", since=events[0]["seq"] - 1, ids=call)), "call.record")
    assert {event["seq"] for event in again} >= {event["seq"] for event in events}, "nothing is lost on resuming"


async def test_filters_by_component_and_id(client: Client, phone: MakePhone) -> None:
    phone("1001")
    begin = (await client.request("GET", "/events/journal", query={"limit": "1000"}))["items"]
    since = str(begin[-1]["seq"]) if begin else "0"
    first, second = await place(client), await place(client)
    query = {"since": since, "limit": "1000"}
    only = (await client.request("GET", "/events/journal", query={**query, "ids": second}))["items"]
    assert {event["call_id"] for event in only} == {second} and first != second
    system = (await client.request("GET", "/events/journal", query={**query, "components": "system"}))["items"]
    assert all(not event["type"].startswith("call.") for event in system)
    described = {row["type"] for row in (await client.request("GET", "/events/types"))["items"]}
    assert {event["type"] for event in begin} | {"call.state"} <= described, "every event has its type described"


async def test_server_sent_events(client: Client, switch: Switch, phone: MakePhone) -> None:
    phone("1001")
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
    url = f"http://127.0.0.1:{switch.plan.http}/api/v1/events?types=call.record"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        call = await place(client)
        async with asyncio.timeout(40):
            async for line in response.content:
                if line.startswith(b"data: ") and b"call.record" in line and call.encode() in line:
                    break
    assert json.loads(line[6:])["call_id"] == call


async def test_webhook_gets_signed_events_of_a_call(client: Client, phone: MakePhone) -> None:
    phone("1001")
    got: list[dict[str, Any]] = []
    done = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        body, header = await request.read(), request.headers["Softswitch-Signature"]
        got.extend(verify_webhook(SECRET, header, body, time.time()))
        with pytest.raises(BadSignature):
            verify_webhook("another secret of length", header, body, time.time())
        with pytest.raises(BadSignature):
            verify_webhook(SECRET, header, body + b" ", time.time())
        with pytest.raises(BadSignature):
            verify_webhook(SECRET, header, body, time.time() + 3600)
        if any(event["type"] == "call.record" for event in got):
            done.set()
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/hook", hook)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await client.add_webhook("test", url, SECRET, types="call.*")
    try:
        call = await place(client)
        await asyncio.wait_for(done.wait(), 40)
        webhook = (await client.webhooks())[0]
        assert (webhook.name, webhook.last_error, webhook.dead_letters) == ("test", "", 0)
    finally:
        await client.remove_webhook("test")
        await runner.cleanup()
    assert {event.get("call_id") for event in got} == {call}


async def test_idempotency_key_places_one_call(client: Client, phone: MakePhone) -> None:
    one = phone("1001")
    first = await client.originate("1001", "601", key="order-1")
    second = await client.originate("1001", "601", key="order-1")
    assert first.call_id == second.call_id
    with pytest.raises(ApiError):
        await client.originate("1001", "600", key="order-1")
    assert one.in_call.wait(40)
    assert len(await client.calls()) == 1
    await client.disconnect(first.call_id)
