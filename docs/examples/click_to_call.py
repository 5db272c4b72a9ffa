"""Click to call: a program lets two telephones talk, and waits until they have hung up.

Run it as `python docs/examples/click_to_call.py 1001 1002`; SOFTSWITCH_URL and SOFTSWITCH_TOKEN say where and as whom.
"""

from __future__ import annotations

import asyncio
import os
import sys

from softswitch.client import Client


async def click_to_call(client: Client, caller: str, callee: str, *, key: str = "") -> str:
    """Place the call and follow it to its end; how it ended. A repetition with the same `key` places no second one."""
    call = await client.originate(caller, callee, caller_name="Click to call", key=key)
    async for event in client.events(types="call.state,call.record", ids=call.call_id, since=0):
        if event["type"] == "call.record":
            return str(event["record"]["disposition"])
    return "unknown"


async def main(caller: str, callee: str) -> None:
    url = os.environ.get("SOFTSWITCH_URL", "http://127.0.0.1:8080")
    async with Client(url, os.environ.get("SOFTSWITCH_TOKEN", "demo-dispatcher")) as client:
        print(await click_to_call(client, caller, callee))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
