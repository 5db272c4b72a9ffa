"""An alarm calls a group: a temporary talkgroup of whoever has to know, called as an emergency.

Run it as `python docs/examples/alarm_group_call.py alarm-7 1001 1002 1003`. The alarm's id is the idempotency key: an
alarm system that reports twice calls once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from softswitch.client import Client


async def alarm(client: Client, identifier: str, numbers: list[str], *, ring_s: float = 20.0) -> dict[str, Any]:
    """Call everybody and wait until they have answered or have not; who came, by number."""
    body = {"name": f"Alarm {identifier}", "members": numbers, "call": "emergency", "lifetime_s": 3600}
    group = (await client.request("POST", "/groups/regroup", body, headers={"Idempotency-Key": identifier}))["number"]
    attendees: list[dict[str, Any]] = []
    for _ in range(int(ring_s / 0.25)):
        state = await client.request("GET", f"/groups/{group}")
        attendees = (state["call"] or {"attendees": []})["attendees"]
        if attendees and all(each["state"] in ("present", "failed", "left") for each in attendees):
            break
        await asyncio.sleep(0.25)
    return {"group": group, "members": {each["party"]: each["state"] for each in attendees}}


async def main(identifier: str, *numbers: str) -> None:
    url = os.environ.get("SOFTSWITCH_URL", "http://127.0.0.1:8080")
    async with Client(url, os.environ.get("SOFTSWITCH_TOKEN", "demo-dispatcher")) as client:
        print(await alarm(client, identifier, list(numbers)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
