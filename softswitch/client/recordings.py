"""Recordings, for the client."""

from __future__ import annotations

from collections.abc import AsyncIterator

from softswitch.api.models.recordings import Burst, Recording
from softswitch.client.connection import Connection, part


class RecordingOperations(Connection):
    """`/data/recordings`."""

    def recordings(self, **query: str) -> AsyncIterator[Recording]:
        """Recordings, newest first; `number`, `since`, `until`, `kind` and `call_id` narrow it."""
        return self.pages("/data/recordings", Recording, "cursor", query)

    async def recording(self, identifier: str) -> Recording:
        """One recording."""
        return await self.one("GET", f"/data/recordings/{part(identifier)}", Recording)

    async def recording_media(self, identifier: str, file: int = 0) -> bytes:
        """One file of a recording, counted from 0."""
        return await self.content(f"/data/recordings/{part(identifier)}/media?file={file}")

    async def bursts(self, identifier: str) -> list[Burst]:
        """Who spoke when in the recording of a talkgroup."""
        return await self.items(f"/data/recordings/{part(identifier)}/bursts", Burst)
