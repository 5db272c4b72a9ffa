"""The client: one method an operation, answers as the models that the server checks them by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from softswitch.api.models import (
    AddedSubscriber,
    AuditEntry,
    Ban,
    Call,
    CallDetailRecord,
    DirectoryEntry,
    Features,
    Health,
    Identity,
    MediaStatus,
    Registration,
    ReloadResult,
    Statistics,
    Subscriber,
    Trunk,
    Webhook,
)
from softswitch.api.models.logging import LogLevels
from softswitch.api.models.sms import ShortMessage
from softswitch.client.access import AccessOperations
from softswitch.client.connection import ApiError, part
from softswitch.client.events import EventStream
from softswitch.client.recordings import RecordingOperations
from softswitch.client.rooms import RoomOperations


class Client(RoomOperations, AccessOperations, RecordingOperations):
    """One switch as one principal. Use it as an asynchronous context manager.

    Every method raises ApiError when the switch refuses, aiohttp.ClientError when it cannot be reached, TimeoutError.
    """

    # -- calls ------------------------------------------------------------------------------------------------------

    async def calls(self) -> list[Call]:
        """Calls in progress."""
        return await self.items("/voice/calls", Call)

    async def call(self, call_id: str) -> Call:
        """One call."""
        return await self.one("GET", f"/voice/calls/{part(call_id)}", Call)

    async def originate(
        self,
        caller: str,
        callee: str | None = None,
        *,
        play: str | None = None,
        caller_name: str = "",
        timeout_s: float = 60.0,
        key: str = "",
    ) -> Call:
        """Place a call; with `key`, a repetition of this request places no second one."""
        body = {"caller": caller, "caller_name": caller_name, "timeout_s": timeout_s}
        body.update({name: value for name, value in (("callee", callee), ("play", play)) if value is not None})
        return await self.one("POST", "/voice/calls", Call, body, {"Idempotency-Key": key} if key else None)

    async def command(self, call_id: str, method: str, **members: Any) -> Call:
        """A method of a call, such as ``hold``, ``transfer``, ``floor/request``, with its members."""
        return await self.one("POST", f"/voice/calls/{part(call_id)}/{method}", Call, members)

    async def disconnect(self, call_id: str, q850_cause: int = 16, reason: str = "") -> Call:
        """End a call."""
        return await self.command(call_id, "disconnect", q850_cause=q850_cause, reason=reason)

    async def hold(self, call_id: str, leg_id: str = "") -> Call:
        """Hold a party; "" is the caller."""
        return await self.command(call_id, "hold", leg_id=leg_id)

    async def resume(self, call_id: str, leg_id: str = "") -> Call:
        """End a hold."""
        return await self.command(call_id, "resume", leg_id=leg_id)

    async def transfer(self, call_id: str, target: str, leg_id: str = "") -> Call:
        """Send a party to another number."""
        return await self.command(call_id, "transfer", target=target, leg_id=leg_id)

    async def dtmf(self, call_id: str, digits: str, leg_id: str = "") -> Call:
        """Press keys towards a party; "" is the callee."""
        return await self.command(call_id, "dtmf", digits=digits, leg_id=leg_id)

    async def play(self, call_id: str, source: str, leg_id: str = "", *, loop: bool = False) -> Call:
        """Play a sound to a party; "" is all of them."""
        return await self.command(call_id, "play", source=source, leg_id=leg_id, loop=loop)

    async def ladder(self, call_id: str) -> dict[str, Any]:
        """The SIP messages of a call, in progress or lately ended: `parties`, and `messages` with their ends."""
        found: dict[str, Any] = await self.request("GET", f"/voice/calls/{part(call_id)}/ladder")
        return found

    async def capture_file(self, call_id: str) -> bytes:
        """The SIP messages of a call, in the pcap format."""
        return await self.content(f"/voice/calls/{part(call_id)}/capture.pcap")

    # -- data -------------------------------------------------------------------------------------------------------

    def subscribers(self, prefix: str = "") -> AsyncIterator[Subscriber]:
        """Every subscriber, page after page."""
        return self.pages("/data/subscribers", Subscriber, "after", {"prefix": prefix})

    async def subscriber(self, number: str) -> Subscriber:
        """One subscriber."""
        return await self.one("GET", f"/data/subscribers/{part(number)}", Subscriber)

    async def add_subscriber(self, number: str, **members: Any) -> AddedSubscriber:
        """Add a subscriber; without `password` the answer holds the one that was made."""
        return await self.one("POST", "/data/subscribers", AddedSubscriber, {"number": number, **members})

    async def change_subscriber(self, number: str, **members: Any) -> Subscriber:
        """Change members of a subscriber."""
        return await self.one("PATCH", f"/data/subscribers/{part(number)}", Subscriber, members)

    async def remove_subscriber(self, number: str) -> None:
        """Remove a subscriber."""
        await self.request("DELETE", f"/data/subscribers/{part(number)}")

    async def features(self, number: str) -> Features:
        """Forwarding and do-not-disturb."""
        return await self.one("GET", f"/data/subscribers/{part(number)}/features", Features)

    async def change_features(self, number: str, **members: Any) -> Features:
        """Set forwarding and do-not-disturb; None goes back to what was given."""
        return await self.one("PATCH", f"/data/subscribers/{part(number)}/features", Features, members)

    def directory(self, prefix: str = "") -> AsyncIterator[DirectoryEntry]:
        """Every number that can be dialled."""
        return self.pages("/data/directory", DirectoryEntry, "after", {"prefix": prefix})

    def cdrs(self, **query: str) -> AsyncIterator[CallDetailRecord]:
        """Call detail records, newest first."""
        return self.pages("/data/cdrs", CallDetailRecord, "cursor", query)

    async def cdr(self, identifier: str) -> CallDetailRecord:
        """The record of one call."""
        return await self.one("GET", f"/data/cdrs/{part(identifier)}", CallDetailRecord)

    async def statistics(self) -> Statistics:
        """Calls counted by outcome."""
        return await self.one("GET", "/data/statistics", Statistics)

    def audit(self) -> AsyncIterator[AuditEntry]:
        """The audit log, oldest first."""
        return self.pages("/data/audit", AuditEntry, "after", {})

    # -- messages ---------------------------------------------------------------------------------------------------

    async def send_message(
        self, recipients: Sequence[str], text: str, *, key: str = "", **members: Any
    ) -> ShortMessage:
        """Send a text to numbers and groups; members: sender, expires_s, report."""
        body = {"recipients": list(recipients), "text": text, **members}
        return await self.one("POST", "/sms/messages", ShortMessage, body, {"Idempotency-Key": key} if key else None)

    async def message(self, identifier: str) -> ShortMessage:
        """One message, with the state of each delivery."""
        return await self.one("GET", f"/sms/messages/{part(identifier)}", ShortMessage)

    def messages(self, **query: str) -> AsyncIterator[ShortMessage]:
        """Messages, newest first; `number` with `peer` is a conversation."""
        return self.pages("/sms/messages", ShortMessage, "cursor", query)

    async def cancel_message(self, identifier: str) -> ShortMessage:
        """Take back what has not gone out."""
        return await self.one("DELETE", f"/sms/messages/{part(identifier)}", ShortMessage)

    # -- system -----------------------------------------------------------------------------------------------------

    async def health(self) -> Health:
        """Whether the switch works."""
        return await self.one("GET", "/system/health", Health)

    async def identity(self) -> Identity:
        """Whom the switch takes us for."""
        return await self.one("GET", "/system/identity", Identity)

    async def registrations(self) -> list[Registration]:
        """Registered contacts."""
        return await self.items("/system/registrations", Registration)

    async def log_levels(self) -> dict[str, str]:
        """How much each part of the switch logs; "" is everything else."""
        return (await self.one("GET", "/system/log", LogLevels)).levels

    async def set_log_level(self, logger: str, level: str | None) -> dict[str, str]:
        """Let a part log from `level` on, None: as the one above it."""
        return (await self.one("PUT", "/system/log", LogLevels, {"logger": logger, "level": level})).levels

    async def unregister(self, number: str) -> None:
        """Take a number's contacts away."""
        await self.request("DELETE", f"/system/registrations/{part(number)}")

    async def trunks(self) -> list[Trunk]:
        """Trunks and their state."""
        return await self.items("/system/trunks", Trunk)

    async def order_trunk(self, name: str, action: str, span: str = "", channels: Iterable[int] = ()) -> Trunk:
        """Block, unblock, busy_out or restart channels of an E1 trunk group."""
        body = {"action": action, "span": span, "channels": list(channels)}
        return await self.one("POST", f"/system/trunks/{part(name)}/channels", Trunk, body)

    async def media(self) -> MediaStatus:
        """Figures of the media engine."""
        return await self.one("GET", "/system/media", MediaStatus)

    async def bans(self) -> list[Ban]:
        """Sources that are not heard."""
        return await self.items("/system/bans", Ban)

    async def ban(self, host: str, seconds: float = 3600.0, reason: str = "") -> Ban:
        """Ban a source."""
        return await self.one("POST", "/system/bans", Ban, {"host": host, "seconds": seconds, "reason": reason})

    async def unban(self, host: str) -> None:
        """Lift a ban."""
        await self.request("DELETE", f"/system/bans/{part(host)}")

    async def reload(self) -> ReloadResult:
        """Have the configuration read again."""
        return await self.one("POST", "/system/reload", ReloadResult, {})

    # -- events -----------------------------------------------------------------------------------------------------

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


__all__ = ["ApiError", "Client"]
