"""Subscribers, the directory, call detail records and the audit, as the client offers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from softswitch.api.models import (
    AddedSubscriber,
    AuditEntry,
    CallDetailRecord,
    DirectoryEntry,
    Features,
    PasswordChanged,
    Statistics,
    Subscriber,
)
from softswitch.client.connection import Connection, part


class DataOperations(Connection):
    """What is known of subscribers and of calls that are over."""

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

    async def change_password(self, number: str, password: str | None = None) -> PasswordChanged:
        """Give a subscriber of the store another password; None: the answer holds the one that was made."""
        body = {} if password is None else {"password": password}
        return await self.one("POST", f"/data/subscribers/{part(number)}/password", PasswordChanged, body)

    async def cdr_ladder(self, identifier: str) -> dict[str, Any]:
        """The SIP messages of a call that is over, as far as they are kept."""
        found: dict[str, Any] = await self.request("GET", f"/data/cdrs/{part(identifier)}/ladder")
        return found
