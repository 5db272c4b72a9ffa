"""A voice menu (IVR): a number is called, hears an announcement, and its key decides where it goes.

Run it as `python docs/examples/voice_menu.py 1001 1=602 2=1002`: key 1 leads to 602, key 2 to 1002.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from softswitch.client import Client


async def menu(client: Client, number: str, choices: Mapping[str, str], *, sound: str = "welcome") -> str:
    """Call `number`, play the announcement over and over, and send it where its key says; the target, "" for none."""
    call = await client.originate(number, play=sound)
    async for event in client.events(types="call.state,call.record,dtmf.*,call.digit", ids=call.call_id, since=0):
        if event["type"] == "call.record":
            return ""
        target = choices.get(str(event.get("digit", "")), "")
        if target:
            await client.transfer(call.call_id, target)
            return target
    return ""


async def main(number: str, *choices: str) -> None:
    url = os.environ.get("SOFTSWITCH_URL", "http://127.0.0.1:8080")
    async with Client(url, os.environ.get("SOFTSWITCH_TOKEN", "demo-dispatcher")) as client:
        print(await menu(client, number, dict(choice.split("=", 1) for choice in choices)) or "nothing was chosen")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
