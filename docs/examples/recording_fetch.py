"""Recording fetch: a program takes what was recorded of a number out of the switch, and sees that it is unchanged.

Run it as `python docs/examples/recording_fetch.py 1001 2026-11-01T00:00:00Z folder`; what is there already is passed
over, so that it may run every night. The token needs role dispatcher.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path

from softswitch.client import Client


async def recording_fetch(client: Client, number: str, since: str, folder: Path) -> list[Path]:
    """Fetch every complete recording in which a number took part; returns the new files."""
    fetched: list[Path] = []
    async for recording in client.recordings(number=number, since=since):
        if recording.state not in ("complete", "interrupted"):
            continue
        for place, file in enumerate(recording.files):
            path = folder / Path(file.path).name
            if path.exists():
                continue
            octets = await client.recording_media(recording.id, place)
            if hashlib.sha256(octets).hexdigest() != file.sha256:
                raise ValueError(f"{file.path} is not what was recorded")
            path.write_bytes(octets)
            fetched.append(path)
    return fetched


async def main(number: str, since: str, folder: str) -> None:
    url = os.environ.get("SOFTSWITCH_URL", "http://127.0.0.1:8080")
    async with Client(url, os.environ.get("SOFTSWITCH_TOKEN", "demo-dispatcher")) as client:
        for path in await recording_fetch(client, number, since, Path(folder)):
            print(path)


if __name__ == "__main__":
    Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(*sys.argv[1:4]))
