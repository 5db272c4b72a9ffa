"""RTP relay: what the engine spends on a packet, beside a bare C epoll relay that does nothing but forward.

500 calls, both ways, a packet every 20 ms: 50 000 packets a second in and as many out. Phones, engine and floor are
processes of their own; engine and floor take turns under the same load, and each one's CPU time is its own alone. What
else a machine does changes its speed, so the ratio is the median of many short rounds, each beside its neighbour.
Where rtpengine is installed it takes its turn as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import rtpengine_peer
from common import ROOT, Bench, arguments, cpu_seconds, read_line, resident_bytes, running

_HERE = Path(__file__).parent
_PTIME_S = 0.020
_GOAL = 1.15


def serve_engine() -> None:
    """The process under test: read the phones' ports, connect them in pairs, and stay until standard input ends."""
    from softswitch.media import PCMA, PCMU, MediaEngine, PortSettings

    words = sys.stdin.readline().split()
    laws = (PCMA, PCMU) if words[0] == "transcode" else (PCMA, PCMA)
    phones = [int(word) for word in words[1:]]
    with (
        tempfile.TemporaryDirectory() as folder,
        MediaEngine(workers=Path(folder) / "media", worker_grace_s=5.0) as engine,
    ):
        ports = []
        for i, phone in enumerate(phones):
            port = engine.open_port(f"call-{i // 2}")
            port.configure(PortSettings(remote=("127.0.0.1", phone), formats=(laws[i % 2],)))
            ports.append(port)
        for one, other in zip(ports[::2], ports[1::2], strict=True):
            engine.connect(one, other)
        print("ports:", *(port.local[1] for port in ports), flush=True)
        sys.stdin.read()
        print("counters:", json.dumps(_totals(engine)), flush=True)


def _totals(engine: Any) -> dict[str, int]:
    statistics = engine.statistics()
    return {name: getattr(statistics, name) for name in statistics.__dataclass_fields__}


def build_floor(folder: Path) -> Path | None:
    """The compiled C relay, or None when there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "floor_relay"
    subprocess.run([compiler, "-O2", "-o", str(program), str(_HERE / "floor_relay.c")], check=True)
    return program


class Relay:
    """One of the relays: its process, its ports, and what its rounds have cost."""

    def __init__(self, name: str, pid: int, ports: str) -> None:
        self.name = name
        self.pid = pid
        self.ports = ports
        self.rounds: list[dict[str, float]] = []

    @classmethod
    def told(cls, name: str, process: Any, first_line: str) -> Relay:
        """A relay that reads its task from its input."""
        process.stdin.write(first_line + "\n")
        process.stdin.flush()
        return cls(name, process.pid, read_line(process, "ports:"))

    def measure(self, load: Any, kind: str, seconds: float) -> None:
        """One round of load."""
        before = cpu_seconds(self.pid)
        load.stdin.write(f"run {kind} {seconds} {self.ports}\n")
        load.stdin.flush()
        result = json.loads(read_line(load, "result:", seconds + 60))
        result["cpu_us"] = (cpu_seconds(self.pid) - before) * 1e6 / max(result["received"], 1)
        self.rounds.append(result)

    @property
    def cpu_us(self) -> list[float]:
        """What a packet has cost, round by round."""
        return [entry["cpu_us"] for entry in self.rounds]

    def total(self, name: str) -> float:
        """The sum of a number over the rounds."""
        return sum(entry[name] for entry in self.rounds)

    def mean(self, name: str) -> float:
        """The mean of a number over the rounds, weighed by packets received."""
        weight = max(self.total("received"), 1)
        return sum(entry[name] * entry["received"] for entry in self.rounds) / weight


def _report(bench: Bench, engine: Relay, floor: Relay | None, peer: Relay | None) -> None:
    own = median(engine.cpu_us)
    if peer is not None:
        bench.figure("rtpengine_cpu_us_per_packet", median(peer.cpu_us), "us")
        bench.figure("rtpengine_latency_p50_ms", peer.mean("p50_ms"), "ms")
        bench.figure("rtpengine_latency_p99_ms", peer.mean("p99_ms"), "ms")
        bench.figure("ratio_to_rtpengine", own / max(median(peer.cpu_us), 1e-9), "")
    if floor is None:
        bench.figure("cpu_us_per_packet", own, "us")
        bench.fail("no C compiler (gcc): the floor cannot be built, so there is no ratio")
    else:
        base = median(floor.cpu_us)
        ratios = [mine / bare for mine, bare in zip(engine.cpu_us, floor.cpu_us, strict=True)]
        bench.figure("floor_cpu_us_per_packet", base, "us")
        bench.figure("cpu_us_per_packet", own, "us", goal=round(_GOAL * base, 3))
        bench.figure("ratio_to_c_floor", median(ratios), "", goal=_GOAL)
        bench.figure("floor_latency_p50_ms", floor.mean("p50_ms"), "ms")
        bench.figure("floor_latency_p99_ms", floor.mean("p99_ms"), "ms")
        bench.figure("floor_loss", 1 - floor.total("received") / max(floor.total("sent"), 1), "")
    bench.figure("latency_p50_ms", engine.mean("p50_ms"), "ms", goal=0.1)
    bench.figure("latency_p99_ms", engine.mean("p99_ms"), "ms", goal=1.0)
    bench.figure("loss", 1 - engine.total("received") / max(engine.total("sent"), 1), "", goal=0.0)


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seconds", type=float, help="of each round (default 4, quick 1.5)")
    parser.add_argument("--rounds", type=int, help="of each relay (default 9, quick 5)")
    parser.add_argument("--transcode", action="store_true", help="A-law on one side and µ-law on the other")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine()
        return 0
    seconds = options.seconds or (1.5 if options.quick else 4)
    rounds = options.rounds or (5 if options.quick else 9)
    bench = Bench("relay", json_output=options.json)
    python = sys.executable
    with (
        tempfile.TemporaryDirectory() as folder,
        running([python, str(_HERE / "relay_load.py")]) as load,
        running([python, str(Path(__file__)), "--engine"]) as engine_process,
    ):
        load.stdin.write(f"open {2 * options.calls}\n")
        load.stdin.flush()
        phones = read_line(load, "ports:")
        kind = "transcode" if options.transcode else "relay"
        engine = Relay.told("engine", engine_process, f"{kind} {phones}")
        bench.note(
            f"{options.calls} calls, {2 * options.calls / _PTIME_S:.0f} packets/s, {rounds} rounds of {seconds:g} s"
        )
        with contextlib.ExitStack() as others:
            floor = _floor(others, Path(folder), phones)
            peer = _peer(others, phones, "PCMU" if options.transcode else "PCMA")
            _rounds(bench, load, [each for each in (floor, engine, peer) if each is not None], kind, rounds, seconds)
            _report(bench, engine, floor, peer)
        resident = resident_bytes(engine_process.pid)
        bench.figure("resident_mb", resident / 1e6, "MB")
    status: int = bench.finish()
    return status


def _floor(others: contextlib.ExitStack, folder: Path, phones: str) -> Relay | None:
    """The bare C relay, where it can be compiled."""
    program = build_floor(folder)
    if program is None:
        return None
    return Relay.told("C floor", others.enter_context(running([str(program), str(len(phones.split()))])), phones)


def _peer(others: contextlib.ExitStack, phones: str, encoding: str) -> Relay | None:
    """rtpengine, where it is installed."""
    if not rtpengine_peer.is_installed():
        return None
    serving = others.enter_context(rtpengine_peer.rtpengine([int(word) for word in phones.split()], encoding))
    return Relay("rtpengine", serving.pid, " ".join(map(str, serving.ports)))


def _rounds(bench: Bench, load: Any, relays: list[Relay], kind: str, rounds: int, seconds: float) -> None:
    for relay in relays:
        relay.measure(load, kind, 1)  # latches the ports, warms the caches
        relay.rounds.clear()
    for turn in range(rounds):
        for relay in relays if turn % 2 == 0 else relays[::-1]:
            relay.measure(load, kind, seconds)
            last = relay.rounds[-1]
            bench.note(
                f"{relay.name}: {last['cpu_us']:.2f} us/packet, {last['received']:.0f} of {last['sent']:.0f} packets,"
                f" p50 {last['p50_ms']:.3f} ms, p99 {last['p99_ms']:.3f} ms (sender late {last['late_ms']:.1f} ms)"
            )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
