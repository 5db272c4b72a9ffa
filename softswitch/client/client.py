"""The client: one method an operation, answers as the models that the server checks them by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from softswitch.api.models.events import DeadLetter, EventType, JournalledEvent, Webhook
from softswitch.client.access import AccessOperations
from softswitch.client.calls import CallOperations
from softswitch.client.conferences import ConferenceOperations
from softswitch.client.connection import ApiError, part
from softswitch.client.data import DataOperations
from softswitch.client.events import EventStream
from softswitch.client.groups import GroupOperations
from softswitch.client.location import LocationOperations
from softswitch.client.messages import MessageOperations
from softswitch.client.queues import QueueOperations
from softswitch.client.recordings import RecordingOperations
from softswitch.client.system import SystemOperations
from softswitch.client.webrtc import BrowserOperations


class Client(
    CallOperations,
    ConferenceOperations,
    QueueOperations,
    GroupOperations,
    MessageOperations,
    LocationOperations,
    DataOperations,
    RecordingOperations,
    BrowserOperations,
    AccessOperations,
    SystemOperations,
):
    """One switch as one principal. Use it as an asynchronous context manager.

    Every method raises ApiError when the switch refuses, aiohttp.ClientError when it cannot be reached, TimeoutError.
    """

    def events(
        self, *, types: str = "", components: str = "", ids: str = "", since: int | None = None, reconnect: bool = True
    ) -> EventStream:
        """Events as they happen; iterate over what is returned."""
        query = {"types": types, "components": components, "ids": ids}
        wanted = {name: value for name, value in query.items() if value}
        return EventStream(self._open, self._url + "/events", self._token, wanted, since, reconnect=reconnect)

    async def webhooks(self) -> list[Webhook]:
        """Where events are posted to."""
        return await self.items("/events/webhooks", Webhook)

    async def add_webhook(self, name: str, url: str, secret: str, **filters: str) -> Webhook:
        """Have events posted to a server."""
        body = {"name": name, "url": url, "secret": secret, **filters}
        return await self.one("POST", "/events/webhooks", Webhook, body)

    async def remove_webhook(self, name: str) -> None:
        """Remove a webhook."""
        await self.request("DELETE", f"/events/webhooks/{part(name)}")

    async def webhook(self, name: str) -> Webhook:
        """One server to which events are posted."""
        return await self.one("GET", f"/events/webhooks/{part(name)}", Webhook)

    async def dead_letters(self, name: str) -> list[DeadLetter]:
        """What a server has not taken."""
        return await self.items(f"/events/webhooks/{part(name)}/dead_letters", DeadLetter)

    async def retry_dead_letters(self, name: str) -> Any:
        """Post again what a server has not taken."""
        return await self.request("POST", f"/events/webhooks/{part(name)}/dead_letters/retry")

    async def drop_dead_letters(self, name: str) -> None:
        """Forget what a server has not taken."""
        await self.request("DELETE", f"/events/webhooks/{part(name)}/dead_letters")

    async def event_types(self) -> list[EventType]:
        """The types of events and their members."""
        return await self.items("/events/types", EventType)

    def journal(self, **query: str) -> AsyncIterator[JournalledEvent]:
        """Events of the past as far as the journal reaches back."""
        return self.pages("/events/journal", JournalledEvent, "since", query)


__all__ = ["ApiError", "Client"]
