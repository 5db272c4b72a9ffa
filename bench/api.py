"""The control API under load: calls placed by HTTP, and the events of real calls carried to many WebSocket clients.

`originate_per_s`: POST /voice/calls answered a second, each call rung, answered by sipp, joined to the tone service
and disconnected by a second request. `event_p99_ms`: from the wall-clock time an event bears to its arrival at a
client, with every client taking every event; a tenth of the clients is looked at message by message, the others only
take the octets.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
import tomllib
from contextlib import AsyncExitStack
from datetime import datetime
from typing import cast

import aiohttp
import uvloop
from common import Bench, arguments, cpu_seconds, percentile
from cps import callee
from switch_process import SwitchUnderTest, running_switch

TOKEN = "bench-token-of-the-api"
GOAL_EVENT_MS = 50.0
CLIENTS = 500
EVENTS_PER_S = 200
WORKERS = 48
_MORE = f"""
[[http.token]]
name = "bench"
token = "{TOKEN}"
role = "admin"
[[service]]
number = "601"
kind = "tone"
"""
_ORDER = {"caller": "5502", "callee": "601"}


class Listener(asyncio.Protocol):
    """One WebSocket client; `watched` ones note how old each event is when it arrives."""

    def __init__(self, host: str, watched: bool) -> None:
        self._host = host
        self._watched = watched
        self._buffer = b""
        self.open = asyncio.Event()
        self.octets = 0
        self.ages: list[float] = []
        self.sequences: list[int] = []
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = cast(asyncio.WriteTransport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET /api/v1/events HTTP/1.1\r\nHost: {self._host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self.open.is_set():
            self.octets += len(data)
            if self._watched:
                self._read(data)
            return
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if found:
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(head.decode())
            self.open.set()
            self._buffer = b""
            self.data_received(rest)

    def _read(self, data: bytes) -> None:
        now = time.time()
        buffer = self._buffer + data
        place = 0
        while len(buffer) - place >= 2:
            size, head = buffer[place + 1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(buffer[place + 2 : place + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(buffer[place + 2 : place + 10], "big"), 10
            if len(buffer) - place < head + size:
                break
            if buffer[place] == 0x81:
                event = json.loads(buffer[place + head : place + head + size])
                if "seq" in event:
                    self.sequences.append(event["seq"])
                    self.ages.append(now - datetime.fromisoformat(event["time"]).timestamp())
            place += head + size
        self._buffer = buffer[place:]


async def _call(session: aiohttp.ClientSession, talk_s: float) -> bool:
    """Place one call, let it talk, end it; whether it was placed."""
    async with session.post("/api/v1/voice/calls", json=_ORDER) as answer:
        content = await answer.json()
        if answer.status != 201:
            return False
    await asyncio.sleep(talk_s)
    async with session.post(f"/api/v1/voice/calls/{content['call_id']}/disconnect", json={}) as answer:
        await answer.read()
    return True


async def _originate(bench: Bench, switch: SwitchUnderTest, session: aiohttp.ClientSession, seconds: float) -> None:
    placed = refused = 0
    end = time.monotonic() + seconds

    async def work() -> None:
        nonlocal placed, refused
        while time.monotonic() < end:
            if await _call(session, 0.02):
                placed += 1
            else:
                refused += 1

    before, began = cpu_seconds(switch.pid), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work())
    lasted = time.monotonic() - began
    used = cpu_seconds(switch.pid) - before
    if refused:
        bench.fail(f"{refused} of {refused + placed} orders were refused")
    bench.figure("originate_per_s", placed / lasted, "1/s", better="more")
    bench.figure("cpu_ms_per_originate", used / max(placed, 1) * 1000, "ms")


async def _events(
    bench: Bench, switch: SwitchUnderTest, session: aiohttp.ClientSession, port: int, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    listeners: list[Listener] = []
    async with AsyncExitStack() as stack:
        for number in range(CLIENTS):
            _, listener = await loop.create_connection(
                lambda number=number: Listener(f"127.0.0.1:{port}", number % 10 == 0), "127.0.0.1", port
            )
            assert listener.transport is not None
            stack.callback(listener.transport.close)
            listeners.append(listener)
        for listener in listeners:
            await asyncio.wait_for(listener.open.wait(), 20)
        await _call(session, 0.1)
        await asyncio.sleep(0.5)
        watched = [listener for listener in listeners if listener._watched]
        each = max(len(watched[0].sequences), 1)
        for listener in watched:
            listener.ages.clear()
            listener.sequences.clear()
        before, began = cpu_seconds(switch.pid), time.monotonic()
        async with asyncio.TaskGroup() as group:
            pause = each / EVENTS_PER_S
            for number in range(int(seconds / pause)):
                await asyncio.sleep(max(0.0, began + number * pause - time.monotonic()))
                group.create_task(_call(session, 0.2))
        await asyncio.sleep(0.5)
        used, lasted = cpu_seconds(switch.pid) - before, time.monotonic() - began
    ages = [age for listener in watched for age in listener.ages]
    counts = {len(listener.sequences) for listener in watched}
    if len(counts) != 1 or any(s != sorted(set(s)) for s in (listener.sequences for listener in watched)):
        bench.fail(f"clients got different numbers of events: {sorted(counts)}")
    events = max(counts)
    bench.note(f"{CLIENTS} clients, {events / (lasted - 0.5):.0f} events/s, CPU {used / lasted * 100:.0f} % of a core")
    bench.figure("event_p50_ms", percentile(ages, 50) * 1000, "ms")
    bench.figure("event_p99_ms", percentile(ages, 99) * 1000, "ms", goal=GOAL_EVENT_MS)
    bench.figure("cpu_us_per_event_and_client", used / max(events * CLIENTS, 1) * 1e6, "us")


async def measure(bench: Bench, switch: SwitchUnderTest, quick: bool) -> None:
    """Both figures, one after the other."""
    port = tomllib.loads((switch.data.parent / "bench.toml").read_text())["http"]["port"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connector = aiohttp.TCPConnector(limit=WORKERS * 2)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, connector=connector) as session:
        await _call(session, 0.2)
        await _originate(bench, switch, session, 5.0 if quick else 20.0)
        await asyncio.sleep(1.0)
        await _events(bench, switch, session, port, 8.0 if quick else 30.0)


def main() -> int:
    """Run the bench."""
    options = arguments("the control API: calls placed a second, and how late events are")
    bench = Bench("api", json_output=options.json)
    with running_switch(_MORE) as switch, callee(switch.callee):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(bench, switch, options.quick))
        text = switch.log.read_text(errors="replace")
        if "Traceback" in text:
            bench.fail(f"the switch's log holds a fault:\n{text[-2000:]}")
    return bench.finish()


if __name__ == "__main__":
    raise SystemExit(main())
