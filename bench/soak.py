"""Fifty thousand short calls: nothing of the switch or its media workers grows, be it ports, descriptors or memory.

Calls are opened, configured, connected, let a packet pass and closed, through the media engine in worker processes as
the switch has them.
"""

from __future__ import annotations

import argparse
import os
import socket
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

from common import Bench, arguments

from softswitch.media import PCMA, PCMU, MediaEngine, PortSettings

_AT_A_TIME = 200
_WARM_UP = 2000
_MEGABYTE = 1e6


class Phones:
    """Two sockets that all calls use; a packet of each call passes through the engine."""

    def __init__(self) -> None:
        self.caller, self.callee = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self.caller, self.callee):
            each.bind(("127.0.0.1", 0))
            each.settimeout(2)
        self.passed = 0
        self.lost = 0

    def calls(self, engine: MediaEngine, first: int, count: int) -> None:
        """So many calls at a time, every third through a room, every fifth played to, every seventh transcoded."""
        ports = []
        for number in range(first, first + count):
            pair = [engine.open_port(f"call-{number}") for _ in range(2)]
            laws = (PCMA, PCMU) if number % 7 == 0 else (PCMA, PCMA)
            for port, phone, law in zip(pair, (self.caller, self.callee), laws, strict=True):
                port.configure(PortSettings(remote=phone.getsockname(), formats=(law,)))
            if number % 3 == 0:
                room = engine.open_fan_out(f"call-{number}")
                for port in pair:
                    room.join(port)
                room.talk(pair[0])
                room.close()
            engine.connect(*pair)
            if number % 5 == 0:
                engine.tone(pair[0], 1000, -20.0)
                engine.stop(pair[0])
            ports.append(pair)
        for pair in ports:
            self.caller.sendto(struct.pack("!BBHII", 0x80, 8, 1, 160, 7) + b"\xd5" * 160, pair[0].local)
        for _ in ports:
            try:
                self.callee.recv(2048)
                self.passed += 1
            except TimeoutError:
                self.lost += 1
        for pair in ports:
            for port in pair:
                port.close()
        engine.poll()


def figures(engine: MediaEngine) -> dict[str, float]:
    """What the switch and its workers hold: descriptors, memory of their own in MB, open ports."""
    replies: list[dict[str, Any]] = []
    count = len(engine.workers())
    for number in range(count):
        engine.ask(number, "figures", {}, replies.append)
    deadline = time.monotonic() + 10
    while len(replies) < count and time.monotonic() < deadline:
        engine.poll()
        time.sleep(0.01)
    own_resident, own_shared = (int(word) for word in Path("/proc/self/statm").read_text().split()[1:3])
    private = (own_resident - own_shared) * os.sysconf("SC_PAGE_SIZE") + sum(r["private_octets"] for r in replies)
    return {
        "descriptors": len(os.listdir("/proc/self/fd")) + sum(reply["descriptors"] for reply in replies),
        "private_mb": private / _MEGABYTE,
        "ports": sum(reply["ports_open"] for reply in replies),
    }


def main() -> int:
    """The soak."""
    parser = argparse.ArgumentParser(description="short calls through the media workers; what grows")
    parser.add_argument("--calls", type=int, default=0, help="how many (default 50000, 4000 with --quick)")
    options = arguments("", parser=parser)
    bench = Bench("soak", json_output=options.json)
    total = options.calls or (4000 if options.quick else 50_000)
    phones = Phones()
    with (
        tempfile.TemporaryDirectory() as folder,
        MediaEngine(workers=Path(folder) / "media", threads=2, quarantine_s=0.5, worker_grace_s=5.0) as engine,
    ):
        done = 0
        while done < min(_WARM_UP, total // 2):
            phones.calls(engine, done, _AT_A_TIME)
            done += _AT_A_TIME
        time.sleep(1)
        before, began, from_call = figures(engine), time.monotonic(), done
        while done < total:
            phones.calls(engine, done, _AT_A_TIME)
            done += _AT_A_TIME
        lasted = time.monotonic() - began
        time.sleep(1)
        after = figures(engine)
        statistics = engine.statistics()
    bench.figure("calls", done, "")
    bench.figure("calls_per_s", (done - from_call) / lasted, "1/s", better="more")
    bench.figure("packets_missing", phones.lost, "", goal=0)
    bench.figure("ports_left", statistics.ports_open + after["ports"], "", goal=0)
    bench.figure("descriptors_grown", after["descriptors"] - before["descriptors"], "", goal=0)
    bench.figure("private_memory_grown_mb", after["private_mb"] - before["private_mb"], "MB", goal=4)
    return bench.finish()


if __name__ == "__main__":
    raise SystemExit(main())
