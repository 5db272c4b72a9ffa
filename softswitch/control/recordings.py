"""Recordings for the API: rows, files, talk bursts, waveforms. Files are read on threads, never on the loop."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem
from softswitch.api.services import RecordingServices, Row
from softswitch.app import Application
from softswitch.control.call_media import steer, wish
from softswitch.control.paging import cursor_of, place_of
from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.reader import Reader, Samples, open_file
from softswitch.recordings.verification import verify
from softswitch.store import recordings as rows
from softswitch.store.opening import open_reader

Result = TypeVar("Result")
_PASSAGE = 1 << 20
_LONGEST_TALK_S = 4 * 3600


class RecordingControl:
    """The recordings of one node as the API sees them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = RecordingServices(
            find=self._find,
            get=self._get,
            bursts=self._bursts,
            media=self._media,
            waveform=self._waveform,
            remove=self._remove,
            verify=self._verify,
            record_room=self._record_room,
        )

    async def _read(self, function: Callable[[Any], Result]) -> Result:
        return await asyncio.to_thread(self._app.store.read, function)

    async def _find(self, query: Mapping[str, Any]) -> Iterable[Row]:
        wanted = {**query, "before": place_of(query["cursor"]) if query.get("cursor") else None}
        return [self._row(row) for row in await self._read(lambda database: rows.find(database, wanted))]

    async def _get(self, identifier: str) -> Row | None:
        row = await self._read(lambda database: rows.get(database, identifier))
        return None if row is None else self._row(row)

    def _row(self, row: Mapping[str, Any]) -> Row:
        return {
            **row,
            "paused": self._app.recordings.is_paused(row["id"]),
            "cursor": cursor_of(row["started_at"], row["id"]),
        }

    async def _bursts(self, identifier: str) -> Iterable[Row]:
        found = await self._read(lambda database: rows.bursts(database, identifier))
        return [{**row, "seconds": _seconds(row)} for row in found]

    # -- files --------------------------------------------------------------------------------------------------------

    async def _media(self, identifier: str, query: Mapping[str, Any]) -> Path | bytes:
        path = await self._path(identifier, query["file"])
        if query["burst"] is None and not query["talk"]:
            return path
        bursts = list(await self._bursts(identifier))
        if query["burst"] is not None:
            bursts = [burst for burst in bursts if burst["id"] == query["burst"]]
        if not bursts:
            raise LookupError("the recording has no such talk burst")
        return await asyncio.to_thread(_joined, path, bursts)

    async def _waveform(self, identifier: str, query: Mapping[str, Any]) -> Row:
        path = await self._path(identifier, query["file"])
        return await asyncio.to_thread(_peaks, path, int(query["points"]))

    async def _path(self, identifier: str, number: int) -> Path:
        row = await self._read(lambda database: rows.get(database, identifier))
        if row is None:
            raise LookupError(f"there is no recording {identifier!r}")
        directory = self._app.recording_index.directory
        paths = [directory / str(file["path"]) for file in row["files"]]
        if not paths and row["state"] == rows.RECORDING:  # what has been written so far can be heard already
            stem = directory / str(row["details"]["stem"])
            paths = sorted(stem.parent.glob(f"{stem.name}*"))
        if number >= len(paths) or not paths[number].is_file():
            raise LookupError(f"recording {identifier!r} has no file {number}")
        return paths[number]

    # -- changes ------------------------------------------------------------------------------------------------------

    async def _remove(self, identifier: str, principal: Principal) -> None:
        row = await self._read(lambda database: rows.get(database, identifier))
        if row is None:
            raise LookupError(f"there is no recording {identifier!r}")
        if self._app.recordings.is_running(identifier):
            raise Problem(409, "the recording is running", kind="recording-running")
        self._app.recording_index.remove(row, f"removed by {principal.name}")

    async def _verify(self) -> Row:
        report = await asyncio.to_thread(self._check)
        findings = [finding._asdict() for finding in report.findings]
        return {"whole": not findings, "links": report.links, "files": report.files, "findings": findings}

    def _check(self) -> Any:
        self._app.store.flush()
        reader = open_reader(self._app.store.path)
        try:
            return verify(reader.conn, self._app.recording_index.directory)
        finally:
            reader.conn.close()

    async def _record_room(
        self, kind: str, number: str, body: Mapping[str, Any], principal: Principal
    ) -> Iterable[Row]:
        recordings = self._app.recordings

        def change(now: float) -> None:
            if body["action"] == "start":
                recordings.record_room(kind, number, wish(body, principal, body["leg_id"]))
            else:
                steer(self._app, recordings.of_room(kind, number), body, principal)

        self._app.driver.call(change)
        return [row for row in recordings.describe() if (row["kind"], row["room"]) == (kind, number)]


def _seconds(burst: Mapping[str, Any]) -> float:
    return max(float(burst["ended_at"] or burst["started_at"]) - float(burst["started_at"]), 0.0)


def _open(path: Path) -> Reader:
    try:
        return open_file(path)
    except SoundError as error:
        raise LookupError(f"{path.name} cannot be read: {error}") from error


def _joined(path: Path, bursts: Iterable[Row]) -> bytes:
    """A WAV file of talk bursts one after the other."""
    reader = _open(path)
    rate, parts, total = reader.rate_hz, [], 0
    for burst in bursts:
        begin = int(burst["offset_s"] * rate)
        found = reader.read(begin, begin + int(burst["seconds"] * rate))
        total += len(found)
        if total > _LONGEST_TALK_S * rate:
            break
        parts.append(found)
    return wav_octets(np.concatenate(parts) if parts else np.zeros((0, reader.channels), np.int16), rate)


def wav_octets(samples: Samples, rate_hz: int) -> bytes:
    """int16[n, channels] as a WAV file."""
    data, frame = np.ascontiguousarray(samples, "<i2").tobytes(), 2 * samples.shape[1]
    head = struct.pack("<HHIIHH", 1, samples.shape[1], rate_hz, rate_hz * frame, frame, 16)
    begin = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + head
    return begin + b"data" + struct.pack("<I", len(data)) + data


def _peaks(path: Path, points: int) -> Row:
    reader = _open(path)
    step = max(-(-reader.frames // points), 1)
    together = max(_PASSAGE // step, 1) * step
    found: list[Samples] = []
    for begin in range(0, reader.frames, together):
        samples = np.abs(reader.read(begin, begin + together).astype(np.int32))
        missing = -len(samples) % step
        padded = np.pad(samples, ((0, missing), (0, 0)))
        found.append(padded.reshape(-1, step, reader.channels).max(axis=1))
    peaks = np.concatenate(found) if found else np.zeros((0, reader.channels))
    channels = [[round(float(value) / 32768, 4) for value in column] for column in peaks.T]
    return {"seconds": round(reader.frames / reader.rate_hz, 3), "channels": channels}
