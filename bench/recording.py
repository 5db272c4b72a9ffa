"""Recording: what a recorded call costs, and whether all of it arrives, beside the same calls unrecorded.

A hundred calls of A-law phones; the engine and the recorder run in one process, whose CPU time is taken with and
without the recordings. What it costs to write is measured for each format in turn. `lost` are packets that the
recorder missed, `late` such as came when their place had been written.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from common import ROOT, Bench, arguments, cpu_seconds, read_line, resident_bytes, running

_PAYLOAD = bytes((index * 37) & 0xFF for index in range(160))


def serve_engine(calls: int) -> None:
    """The process under test: connect ports in pairs, then record them in a format or not, as told line by line."""
    from softswitch.media import PCMA, MediaEngine, PortSettings
    from softswitch.media.recording import requests
    from softswitch.media.recording.recorder import Recorder

    told: list[dict[str, Any]] = []
    recorder = Recorder(told.append, minimum_free_mb=0)
    with MediaEngine() as engine, tempfile.TemporaryDirectory() as folder:
        pairs = [[engine.open_port("bench"), engine.open_port("bench")] for _ in range(calls)]
        for pair in pairs:
            for port in pair:
                port.configure(PortSettings(remote=("127.0.0.1", 9), formats=(PCMA,)))
            engine.connect(*pair)
        recorder.start(engine.arena, range(1))
        print("ports:", *(port.local[1] for pair in pairs for port in pair), flush=True)
        for line in sys.stdin:
            container = line.strip()
            for number, pair in enumerate(pairs):
                sources = [[[port.slot, port.generation, 1], lane] for port, lane in zip(pair, ("a", "b"), strict=True)]
                for port, (source, _) in zip(pair, sources, strict=True):
                    formats = requests.format_values(port.settings.receivable)
                    recorder.handle({"op": requests.LISTEN, "source": source, "formats": formats, "keep_s": 0})
                    engine.tap(port)
                stem = str(Path(folder) / f"{container}-{number}")
                plan = {"id": stem, "stem": stem, "container": container, "layout": "stereo", "lanes": ["a", "b"]}
                request = {"op": requests.START, "plan": {**plan, "rate_hz": 0}, "past_s": 0, "sources": sources}
                recorder.handle(request)
            print("recording:", flush=True)
            sys.stdin.readline()
            for number in range(calls):
                recorder.handle({"op": requests.STOP, "id": str(Path(folder) / f"{container}-{number}")})
            while sum(notice["notice"] == requests.FINISHED for notice in told) < calls:
                time.sleep(0.05)
            finished = [notice for notice in told if notice["notice"] == requests.FINISHED]
            told.clear()
            result = {
                "lost": recorder.lost,
                "late": sum(notice["packets"]["late"] for notice in finished),
                "decoded": sum(notice["packets"]["decoded"] for notice in finished),
                "seconds": sum(notice["seconds"] for notice in finished),
            }
            print("result:", json.dumps(result), flush=True)
        recorder.stop()


class _Load(threading.Thread):
    """All phones, 50 packets a second each, until stopped."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__(daemon=True)
        self._ports = ports
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
        self.ending = threading.Event()

    def run(self) -> None:
        began, turn = time.monotonic(), 0
        while not self.ending.is_set():
            for number, (sender, port) in enumerate(zip(self._sockets, self._ports, strict=True)):
                head = struct.pack(">BBHII", 0x80, 8, turn & 0xFFFF, turn * 160, number)
                sender.sendto(head + _PAYLOAD, ("127.0.0.1", port))
            turn += 1
            time.sleep(max(began + turn * 0.02 - time.monotonic(), 0))


def _cpu_percent(process: Any, seconds: float) -> float:
    before = cpu_seconds(process.pid)
    time.sleep(seconds)
    return (cpu_seconds(process.pid) - before) / seconds * 100


def _ask(process: Any, line: str, answer: str) -> str:
    process.stdin.write(line + "\n")
    process.stdin.flush()
    found: str = read_line(process, answer, 120)
    return found


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, help="of each measurement (default 10, quick 4)")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine(options.calls)
        return 0
    bench = Bench("recording", json_output=options.json)
    seconds = options.seconds or (4 if options.quick else 10)
    command = [sys.executable, str(Path(__file__)), "--engine", "--calls", str(options.calls)]
    with running(command) as process:
        load = _Load([int(port) for port in read_line(process, "ports:", 120).split()])
        load.start()
        time.sleep(1)
        without = _cpu_percent(process, seconds)
        bench.note(f"{options.calls} calls unrecorded: {without / options.calls:.3f} % of a core each")
        for container in ("wav", "ogg", "mka"):
            _ask(process, container, "recording:")
            time.sleep(1)
            percent = _cpu_percent(process, seconds) - without
            result = json.loads(_ask(process, "", "result:"))
            suffix = "" if container == "wav" else f"_{container}"
            bench.figure(f"core_pct_per_recorded_call{suffix}", percent / options.calls, "%")
            bench.figure(f"packets_missed{suffix}", result["lost"] + result["late"], "", goal=0)
            bench.note(f"{container}: {result['decoded']} packets, {result['seconds']:.0f} s of sound")
        bench.figure("resident_mb", resident_bytes(process.pid) / 1e6, "MB")
        load.ending.set()
        load.join()
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
