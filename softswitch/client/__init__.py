"""A typed asynchronous client of the control API, for programs, the command line and the tests.

async with Client("http://127.0.0.1:8080", "demo-dispatcher") as client:
    call = await client.originate("1001", "1002")
    async for event in client.events(types="call.*", ids=call.call_id):
        ...
"""

from __future__ import annotations

from softswitch.client.client import ApiError, Client
from softswitch.client.events import EventStream
from softswitch.client.signatures import BadSignature, verify_webhook

__all__ = ["ApiError", "BadSignature", "Client", "EventStream", "verify_webhook"]
