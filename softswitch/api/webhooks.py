"""Events posted to other people's servers: signed, in order, retried, and kept as dead letters when all fails.

Each webhook reads the journal at its own pace, as a slow client does, so nothing is buffered for it. The signature is
``Softswitch-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256(secret, "<t>." + body)>``: a receiver recomputes it
over the octets it got and refuses old times, so that neither the body nor the time can be forged or replayed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp

from softswitch.api.filters import EventFilter
from softswitch.api.journal import EventJournal
from softswitch.runtime.tasks import TaskOwner

logger = logging.getLogger(__name__)

SIGNATURE = "Softswitch-Signature"
MOST_WEBHOOKS = 64
MOST_DEAD_LETTERS = 200
BATCH = 50
_LONGEST_ERROR = 200


class WebhookSettings(NamedTuple):
    """Where events go, under which key, and which; `origin` is "configuration" or "store"."""

    name: str
    url: str
    secret: str
    types: str = ""
    components: str = ""
    ids: str = ""
    origin: str = "store"


class RetrySettings(NamedTuple):
    """Waiting times in seconds: each attempt's timeout, the first pause, the longest pause; and how many attempts."""

    timeout_s: float = 10.0
    first_s: float = 1.0
    longest_s: float = 60.0
    attempts: int = 8


@dataclass(slots=True)
class DeadLetter:
    """A delivery that was given up."""

    id: int
    time: float
    attempts: int
    error: str
    events: list[dict[str, Any]]


@dataclass(slots=True)
class _Delivery:
    """One webhook at work."""

    settings: WebhookSettings
    position: int
    wanted: EventFilter
    dead: deque[DeadLetter] = field(default_factory=lambda: deque(maxlen=MOST_DEAD_LETTERS))
    again: deque[DeadLetter] = field(default_factory=deque)
    delivered: int = 0
    failed: int = 0
    missed: int = 0
    given_up: int = 0
    error: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of the signature header for a body sent at `at` (Unix seconds)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Webhooks:
    """All webhooks of this node. Run inside `TaskOwner`: `open` begins, `close` ends."""

    def __init__(
        self,
        journal: EventJournal,
        wall: Callable[[], float],
        *,
        node: str = "",
        retry: RetrySettings | None = None,
        load: Callable[[], list[WebhookSettings]] = list,
        saved: Callable[[list[WebhookSettings]], None] = lambda webhooks: None,
    ) -> None:
        self._journal = journal
        self._wall = wall
        self._node = node
        self._retry = retry or RetrySettings()
        self._load = load
        self._saved = saved
        self._webhooks: dict[str, _Delivery] = {}
        self._tasks: TaskOwner | None = None
        self._session: aiohttp.ClientSession | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self, tasks: TaskOwner) -> None:
        """Begin to deliver, to those kept in the store as well."""
        self._tasks = tasks
        timeout = aiohttp.ClientTimeout(total=self._retry.timeout_s)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        for delivery in self._webhooks.values():
            self._start(delivery)
        self.configure(self._load(), "store")

    async def close(self) -> None:
        """Stop; what was not delivered is not kept."""
        for delivery in self._webhooks.values():
            delivery.stopped = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _start(self, delivery: _Delivery) -> None:
        if self._tasks is not None:
            self._tasks.start(self._run(delivery), f"webhook {delivery.settings.name}")

    # -- which there are --------------------------------------------------------------------------------------------

    def configure(self, settings: list[WebhookSettings], origin: str) -> None:
        """Have exactly these webhooks of `origin`; those that stay as they were go on undisturbed."""
        wanted = {each.name: each._replace(origin=origin) for each in settings}
        for name, delivery in list(self._webhooks.items()):
            if delivery.settings.origin == origin and wanted.get(name) != delivery.settings:
                self._drop(name)
        for name, each in wanted.items():
            if name not in self._webhooks:
                self._put(each)

    def add(self, settings: WebhookSettings) -> dict[str, Any]:
        """Add one to the store; raises KeyError when the name is taken, OverflowError when there are too many."""
        if settings.name in self._webhooks:
            raise KeyError(settings.name)
        if len(self._webhooks) >= MOST_WEBHOOKS:
            raise OverflowError(f"there may be {MOST_WEBHOOKS} webhooks")
        self._put(settings)
        self._save()
        return self.row(settings.name)

    def remove(self, name: str) -> None:
        """Remove one of the store; raises LookupError, PermissionError for one of the configuration."""
        delivery = self._find(name)
        if delivery.settings.origin != "store":
            raise PermissionError(f"{name} stands in the configuration and is changed there")
        self._drop(name)
        self._save()

    def _put(self, settings: WebhookSettings) -> None:
        wanted = EventFilter(settings.types, settings.components, settings.ids)
        delivery = self._webhooks[settings.name] = _Delivery(settings, self._journal.last, wanted)
        self._start(delivery)

    def _drop(self, name: str) -> None:
        delivery = self._webhooks.pop(name)
        delivery.stopped = True
        delivery.wake.set()

    def _save(self) -> None:
        self._saved([each.settings for each in self._webhooks.values() if each.settings.origin == "store"])

    def _find(self, name: str) -> _Delivery:
        delivery = self._webhooks.get(name)
        if delivery is None:
            raise LookupError(f"there is no webhook {name!r}")
        return delivery

    # -- what is told of them ---------------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """All of them, without their secrets."""
        return [self.row(name) for name in sorted(self._webhooks)]

    def row(self, name: str) -> dict[str, Any]:
        """One of them; raises LookupError."""
        delivery = self._find(name)
        settings = delivery.settings._asdict()
        del settings["secret"]
        return {
            **settings,
            "delivered": delivery.delivered,
            "failed_attempts": delivery.failed,
            "missed": delivery.missed,
            "waiting": max(0, self._journal.last - delivery.position),
            "dead_letters": len(delivery.dead),
            "last_error": delivery.error,
        }

    def dead_letters(self, name: str) -> list[DeadLetter]:
        """What could not be delivered, oldest first; raises LookupError."""
        return list(self._find(name).dead)

    def retry_dead(self, name: str) -> dict[str, Any]:
        """Try every dead letter once more; raises LookupError."""
        delivery = self._find(name)
        delivery.again.extend(delivery.dead)
        delivery.dead.clear()
        delivery.wake.set()
        return self.row(name)

    def clear_dead(self, name: str) -> None:
        """Forget the dead letters; raises LookupError."""
        self._find(name).dead.clear()

    # -- delivering -------------------------------------------------------------------------------------------------

    async def _run(self, delivery: _Delivery) -> None:
        self._journal.watch(delivery.wake)
        try:
            while not delivery.stopped:
                if delivery.again:
                    letter = delivery.again.popleft()
                    await self._deliver(delivery, letter.events, letter.attempts)
                    continue
                events = self._next_events(delivery)
                if events:
                    await self._deliver(delivery, events, 0)
                elif delivery.position >= self._journal.last:
                    delivery.wake.clear()
                    if delivery.position >= self._journal.last and not delivery.again:
                        await delivery.wake.wait()
        finally:
            self._journal.unwatch(delivery.wake)

    def _next_events(self, delivery: _Delivery) -> list[dict[str, Any]]:
        missed = self._journal.missed(delivery.position)
        delivery.missed += missed
        delivery.position += missed
        events: list[dict[str, Any]] = []
        for entry in self._journal.read(delivery.position):
            delivery.position = entry.sequence
            if delivery.wanted.wants(entry):
                events.append(json.loads(entry.text))
                if len(events) >= BATCH:
                    break
        return events

    async def _deliver(self, delivery: _Delivery, events: list[dict[str, Any]], before: int) -> None:
        """Post one batch until it is taken, the attempts are used up, or the webhook is removed."""
        content = {"node": self._node, "journal": self._journal.identity, "events": events}
        body = json.dumps(content, ensure_ascii=False).encode()
        pause = self._retry.first_s
        for attempt in range(1, self._retry.attempts + 1):
            error = await self._post(delivery.settings, body)
            if not error:
                delivery.delivered += len(events)
                delivery.error = ""
                return
            delivery.failed += 1
            delivery.error = error
            if delivery.stopped:
                return
            if attempt < self._retry.attempts:
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._retry.longest_s)
        delivery.given_up += 1
        attempts = before + self._retry.attempts
        delivery.dead.append(DeadLetter(delivery.given_up, self._wall(), attempts, delivery.error, events))
        logger.warning("webhook %s: %d events given up: %s", delivery.settings.name, len(events), delivery.error)

    async def _post(self, settings: WebhookSettings, body: bytes) -> str:
        """One attempt; what went wrong, or "" when a 2xx came."""
        if self._session is None:
            return "the switch is stopping"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "softswitch-webhook",
            SIGNATURE: signature(settings.secret, int(self._wall()), body),
        }
        try:
            async with self._session.post(settings.url, data=body, headers=headers, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return ""
                return f"the server answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return (str(error) or type(error).__name__)[:_LONGEST_ERROR]
