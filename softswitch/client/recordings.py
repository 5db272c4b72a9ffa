"""Recordings, as the client offers them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from softswitch.api.models.recordings import Burst, Recording, Verification, Waveform
from softswitch.client.connection import Connection, part


class RecordingOperations(Connection):
    """What was recorded: found, looked at, fetched, verified."""

    def recordings(self, **query: str) -> AsyncIterator[Recording]:
        """Recordings, newest first: number, since, until, kind, call_id."""
        return self.pages("/data/recordings", Recording, "cursor", query)

    async def recording(self, identifier: str) -> Recording:
        """One recording."""
        return await self.one("GET", f"/data/recordings/{part(identifier)}", Recording)

    async def bursts(self, identifier: str) -> list[Burst]:
        """Who spoke when in the recording of a talkgroup."""
        return await self.items(f"/data/recordings/{part(identifier)}/bursts", Burst)

    async def waveform(self, identifier: str, points: int = 500) -> Waveform:
        """How loud a recording is, for drawing."""
        path = f"/data/recordings/{part(identifier)}/waveform"
        return Waveform.model_validate(await self.request("GET", path, query={"points": str(points)}))

    async def recording_media(self, identifier: str, file: int = 0) -> bytes:
        """A file of a recording as it was written."""
        return await self.content(f"/data/recordings/{part(identifier)}/media?file={file}")

    async def burst_sound(self, identifier: str, burst: str) -> bytes:
        """One talk burst, as WAV."""
        return await self.content(f"/data/recordings/{part(identifier)}/media?burst={part(burst)}")

    async def remove_recording(self, identifier: str) -> None:
        """Remove a recording; the index keeps that it was there."""
        await self.request("DELETE", f"/data/recordings/{part(identifier)}")

    async def verify_recordings(self) -> Verification:
        """Compare every file with the index, and the index with itself."""
        return await self.one("POST", "/data/recordings/verify", Verification)
