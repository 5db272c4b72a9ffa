"""Webhooks: signed, in order, retried, given up as dead letters, and tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from softswitch.api.journal import EventJournal
from softswitch.api.services import ApiServices
from softswitch.api.webhooks import RetrySettings, Webhooks, WebhookSettings, signature
from softswitch.runtime.tasks import TaskOwner
from tests.unit.api.conftest import Connect, as_role
from tests.unit.api.test_streams import FakeEvent
from tests.waiting import becomes, eventually, sockets_closed

SECRET = "a secret of sufficient length"
QUICK = RetrySettings(timeout_s=15.0, first_s=0.01, longest_s=0.02, attempts=3)


class Receiver:
    """A server that keeps what it is sent and answers with the statuses it was given, then 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[tuple[str, bytes]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.headers["Softswitch-Signature"], body))
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            self.bodies.append(json.loads(body))
        return web.Response(status=status)

    @property
    def values(self) -> list[object]:
        """What the events held, in the order of their arrival."""
        return [event["value"] for body in self.bodies for event in body["events"]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    found = Receiver()
    application = web.Application()
    application.router.add_post("/hook", found.take)
    runner = web.AppRunner(application)
    async with sockets_closed():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield found
        await runner.cleanup()


async def test_events_are_signed_filtered_and_in_order(receiver: Receiver) -> None:
    journal = EventJournal("start-1")
    webhooks = Webhooks(journal, lambda: 1_700_000_000.0, node="n1", retry=QUICK)
    webhooks.configure([WebhookSettings("crm", receiver.url, SECRET, types="call.*")], "configuration")
    async with TaskOwner() as tasks:
        await webhooks.open(tasks)
        for number in range(120):
            journal.append(FakeEvent("call.state" if number % 2 else "trunk.state", number))
        await eventually(lambda: webhooks.row("crm")["delivered"] >= 60, "the sender has read its last answer")
        row = webhooks.row("crm")
        await webhooks.close()
    assert receiver.values == list(range(1, 120, 2))
    assert receiver.bodies[0]["journal"] == "start-1"
    assert (row["delivered"], row["waiting"], row["last_error"]) == (60, 0, "")
    assert "secret" not in row
    given, body = receiver.requests[0]
    digest = hmac.new(SECRET.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert given == f"t=1700000000,v1={digest}" == signature(SECRET, 1_700_000_000, body)


async def test_failures_are_retried_and_then_kept_as_dead_letters(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    journal = EventJournal("start-1")
    receiver.statuses = [500, 302, 204, 503, 503, 503]
    webhooks = Webhooks(journal, lambda: 5.0, retry=QUICK)
    webhooks.configure([WebhookSettings("crm", receiver.url, SECRET)], "configuration")
    async with TaskOwner() as tasks:
        await webhooks.open(tasks)
        journal.append(FakeEvent("call.state", 1))
        await becomes(lambda: receiver.values, [1])
        journal.append(FakeEvent("call.state", 2))
        await eventually(lambda: webhooks.dead_letters("crm"), "three attempts are used up")
        letter = webhooks.dead_letters("crm")[0]
        assert (letter.attempts, letter.error, letter.events[0]["value"]) == (3, "the server answered 503", 2)
        assert webhooks.row("crm")["failed_attempts"] == 5
        webhooks.retry_dead("crm")
        await becomes(lambda: receiver.values, [1, 2])
        assert webhooks.row("crm")["dead_letters"] == 0
        await webhooks.close()
    assert "1 events given up" in caplog.text


async def test_unreachable_server_does_not_hold_up_others(receiver: Receiver) -> None:
    journal = EventJournal("start-1")
    webhooks = Webhooks(journal, lambda: 5.0, retry=QUICK)
    settings = [
        WebhookSettings("down", "http://127.0.0.1:9/hook", SECRET),
        WebhookSettings("up", receiver.url, SECRET),
    ]
    webhooks.configure(settings, "configuration")
    async with TaskOwner() as tasks:
        await webhooks.open(tasks)
        journal.append(FakeEvent("call.state", 1))
        await becomes(lambda: receiver.values, [1])
        await eventually(lambda: webhooks.dead_letters("down"), "the server that is not there is given up")
        webhooks.configure(settings[1:], "configuration")
        assert [row["name"] for row in webhooks.rows()] == ["up"], "a reload takes away what is configured no more"
        await webhooks.close()


async def test_webhooks_by_api_are_kept_and_their_secret_is_never_shown(
    services: ApiServices, connect: Connect
) -> None:
    kept: list[list[WebhookSettings]] = []
    services.webhooks = Webhooks(services.journal, services.wall, saved=kept.append, retry=QUICK)
    services.webhooks.configure([WebhookSettings("fixed", "http://127.0.0.1:9/", SECRET)], "configuration")
    session = await connect()
    body = {"name": "crm", "url": "https://example.test/hook", "secret": SECRET, "types": "call.*"}
    path = "/api/v1/events/webhooks"
    async with session.post(path, headers=as_role("admin"), json=body) as response:
        answer = await response.json()
        assert (response.status, response.headers["Location"]) == (201, f"{path}/crm")
    assert "secret" not in answer and answer["origin"] == "store"
    assert [each.name for each in kept[-1]] == ["crm"]
    async with session.post(path, headers=as_role("admin"), json=body) as response:
        assert response.status == 409
    for url in ("ftp://example.test/", "file:///etc/passwd", "http://", "http://a b/", "https://[::1"):
        async with session.post(path, headers=as_role("admin"), json={**body, "url": url}) as response:
            assert (response.status, (await response.json())["errors"][0]["field"]) == (422, "url"), url
    async with session.delete(f"{path}/fixed", headers=as_role("admin")) as response:
        assert response.status == 409, "one of the configuration is changed there"
    async with session.delete(f"{path}/crm", headers=as_role("admin")) as response:
        assert response.status == 204
    assert kept[-1] == []
    async with session.get(f"{path}/crm/dead_letters", headers=as_role("admin")) as response:
        assert response.status == 404
