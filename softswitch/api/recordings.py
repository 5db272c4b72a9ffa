"""`/data/recordings`: searched, fetched, listened to, verified, removed; who spoke when in those of talkgroups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from softswitch.api.auth import Principal
from softswitch.api.kept import Kept
from softswitch.api.models.recordings import (
    Burst,
    MediaQuery,
    RecordCall,
    Recording,
    RecordingQuery,
    Verification,
    Waveform,
    WaveformQuery,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.services import ApiServices, RecordingServices, Row

_TYPES = {"wav": "audio/wav", "ogg": "audio/ogg", "mka": "audio/x-matroska", "mkv": "video/x-matroska"}


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component, if the switch records."""
    if services.recordings is None:
        return []
    recordings = services.recordings
    kept = Kept(
        "recording",
        "/data/recordings",
        "data",
        "dispatcher",
        RecordingQuery,
        Recording,
        recordings.find,
        recordings.get,
    )
    return [
        *kept.operations("Recordings, newest first", "One recording"),
        *_listening(recordings, kept),
        *_changing(recordings, kept),
    ]


def _listening(recordings: RecordingServices, kept: Kept) -> list[Operation]:
    async def bursts(context: Context) -> Iterable[Row]:
        await kept.existing(context.path["id"])
        return await recordings.bursts(context.path["id"])

    async def media(request: web.Request, query: Mapping[str, Any], principal: Principal) -> web.StreamResponse:
        identifier = request.match_info["id"]
        await kept.existing(identifier)
        found = await recordings.media(identifier, query)
        headers = {"Cache-Control": "no-store"}
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="audio/wav", headers=headers)
        headers["Content-Type"] = _TYPES.get(found.suffix[1:], "application/octet-stream")
        return web.FileResponse(found, headers=headers)

    async def waveform(context: Context) -> Row:
        await kept.existing(context.path["id"])
        return await recordings.waveform(context.path["id"], context.query)

    return [
        Operation(
            method="GET",
            path="/data/recordings/{id}/bursts",
            summary="Who spoke when in the recording of a talkgroup",
            component="data",
            role="dispatcher",
            handler=bursts,
            answer=Burst,
            many=True,
        ),
        Operation(
            method="GET",
            path="/data/recordings/{id}/media",
            summary="A file of a recording (Range is understood), or its talk bursts",
            component="data",
            role="dispatcher",
            stream=media,
            query=MediaQuery,
            sensitive=True,
        ),
        Operation(
            method="GET",
            path="/data/recordings/{id}/waveform",
            summary="How loud a recording is, for drawing",
            component="data",
            role="dispatcher",
            handler=waveform,
            query=WaveformQuery,
            answer=Waveform,
        ),
    ]


def _changing(recordings: RecordingServices, kept: Kept) -> list[Operation]:
    async def remove(context: Context) -> None:
        await kept.existing(context.path["id"])
        await recordings.remove(context.path["id"], context.principal)

    async def verify(context: Context) -> Row:
        return await recordings.verify()

    def room(kind: str, path: str, component: str) -> Operation:
        async def record(context: Context) -> Iterable[Row]:
            return await recordings.record_room(kind, context.path["id"], context.body, context.principal)

        return Operation(
            method="POST",
            path=path,
            summary=f"Record a {kind}; the answer lists its recordings in progress",
            component=component,
            role="dispatcher",
            handler=record,
            body=RecordCall,
            answer=Recording,
            many=True,
            status=202,
        )

    return [
        Operation(
            method="DELETE",
            path="/data/recordings/{id}",
            summary="Remove a recording; the index keeps that it was there",
            component="data",
            role="admin",
            handler=remove,
            status=204,
        ),
        Operation(
            method="POST",
            path="/data/recordings/verify",
            summary="Compare every file with the index, and the index with itself",
            component="data",
            role="admin",
            handler=verify,
            answer=Verification,
        ),
        room("conference", "/voice/conferences/{id}/record", "voice"),
        room("talkgroup", "/groups/{id}/record", "group"),
    ]
