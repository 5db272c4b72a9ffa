"""A voice menu: whoever calls a number hears what there is to choose, and is sent on by pressing a key.

The number is a queue without agents: callers are answered and wait there. Make it once, then run the menu:

    curl -X POST -H "Authorization: Bearer demo-admin" -H "Content-Type: application/json" \\
         -d '{"number": "6200", "join_empty": true, "announce_s": 0}' http://127.0.0.1:8080/api/v1/voice/queues
    python docs/examples/ivr_menu.py 6200 1=1001 2=8001 0=7001
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from softswitch.client import ApiError, Client

EVENTS = "queue.joined,call.digit,call.record"


async def menu(client: Client, number: str, choices: Mapping[str, str], *, prompt: str = "welcome") -> None:
    """Serve every caller of `number` until cancelled; `choices` says which key leads where."""
    choosing: set[str] = set()
    async for event in client.events(types=EVENTS):
        call = str(event.get("call_id", ""))
        try:
            if event["type"] == "queue.joined" and event["queue"] == number:
                choosing.add(call)
                await client.play(call, prompt, loop=True)
            elif event["type"] == "call.digit" and call in choosing and event["digit"] in choices:
                choosing.discard(call)
                await client.transfer(call, choices[event["digit"]])
            elif event["type"] == "call.record":
                choosing.discard(call)
        except ApiError as error:  # the caller has hung up meanwhile, or the target cannot be called
            print(f"{call}: {error}")


async def main(number: str, *choices: str) -> None:
    url = os.environ.get("SOFTSWITCH_URL", "http://127.0.0.1:8080")
    keys = dict(choice.split("=", 1) for choice in choices)
    async with Client(url, os.environ.get("SOFTSWITCH_TOKEN", "demo-dispatcher")) as client:
        await menu(client, number, keys)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
