"""Fetch a recording: a call in progress is recorded for a while, and the file is fetched.

Run it as `python docs/examples/fetch_recording.py CALL_ID 10 call.wav`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from softswitch.client import Client


async def record(client: Client, call_id: str, seconds: float, path: Path) -> str:
    """Record a call for so long and write what was said to `path`; the id of the recording."""
    call = await client.command(call_id, "record", action="start")
    recording = call.recordings[-1]
    await asyncio.sleep(seconds)
    await client.command(call_id, "record", action="stop", recording_id=recording)
    for _ in range(40):  # the file is closed on another thread
        row = await client.request("GET", f"/data/recordings/{recording}")
        if row["state"] != "recording":
            break
        await asyncio.sleep(0.25)
    octets = await client.content(f"/data/recordings/{recording}/media")
    await asyncio.to_thread(path.write_bytes, octets)
    return recording


async def main(call_id: str, seconds: str, path: str) -> None:
    url = os.environ.get("SOFTSWITCH_URL", "http://127.0.0.1:8080")
    async with Client(url, os.environ.get("SOFTSWITCH_TOKEN", "demo-dispatcher")) as client:
        print(await record(client, call_id, float(seconds), Path(path)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
