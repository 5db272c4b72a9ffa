"""Conferences: what a participant costs when all speak at once, and how steadily and soon each one hears the others.

A room of A-law phones, all of them making noise all the time: nothing is left out of the mix. Then one phone clicks in
a silent room: `delay` is from the sending of a click to the arrival of the first packet that has some of it, so it
holds the jitter buffer, the mixing, and the 20 ms of the packet itself. A bare C relay under the same load, which takes
a packet and sends a packet for every participant and mixes nothing, is the floor of this machine. At last the largest
room is served by two packet threads, which pass its sound to each other.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import ROOT, Bench, arguments, cpu_seconds, read_line, resident_bytes, running
from relay import build_floor

_HERE = Path(__file__).parent
_PACKETS_PER_S = 50


def serve_engine(threads: int) -> None:
    """The process under test: read the phones' ports, put them all into one room, and stay until input ends."""
    from softswitch.media import PCMA, MediaEngine, PortSettings

    phones = [int(word) for word in sys.stdin.readline().split()]
    with MediaEngine(threads=threads) as engine:
        room = engine.open_conference("room")
        ports = []
        for phone in phones:
            port = engine.open_port("room", near="room")
            port.configure(PortSettings(remote=("127.0.0.1", phone), formats=(PCMA,)))
            room.join(port)
            ports.append(port)
        print("ports:", *(port.local[1] for port in ports), flush=True)
        sys.stdin.read()


def _run(load: Any, kind: str, seconds: float, ports: str) -> dict[str, float]:
    load.stdin.write(f"run {kind} {seconds} {ports}\n")
    load.stdin.flush()
    result: dict[str, float] = json.loads(read_line(load, "result:", seconds + 60))
    return result


def _core_percent(load: Any, process: Any, ports: str, seconds: float) -> tuple[float, dict[str, float]]:
    """What a participant takes of a core while all speak, and what the phones saw."""
    _run(load, "speak", 1, ports)
    before = cpu_seconds(process.pid)
    result = _run(load, "speak", seconds, ports)
    spoken_s = result["received"] / _PACKETS_PER_S  # of all participants; on a busy machine the load comes late
    return (cpu_seconds(process.pid) - before) / max(spoken_s, 1e-9) * 100, result


def _floor(load: Any, program: Path, phones: list[str], seconds: float) -> float:
    with running([str(program), str(len(phones))]) as process:
        assert process.stdin is not None
        process.stdin.write(" ".join(phones) + "\n")
        process.stdin.flush()
        return _core_percent(load, process, read_line(process, "ports:"), seconds)[0]


def _measure(
    bench: Bench,
    load: Any,
    phones: list[str],
    seconds: float,
    program: Path | None,
    *,
    main: bool = False,
    threads: int = 1,
) -> None:
    count = len(phones)
    with running([sys.executable, str(Path(__file__)), "--engine", "--threads", str(threads)]) as process:
        assert process.stdin is not None
        process.stdin.write(" ".join(phones) + "\n")
        process.stdin.flush()
        ports = read_line(process, "ports:", 120)
        percent, result = _core_percent(load, process, ports, seconds)
        click = _run(load, "click", min(seconds, 4), ports)
        suffix = "" if main else f"_{count}" if threads == 1 else f"_{count}_of_{threads}_threads"
        bench.figure(f"core_pct_per_participant{suffix}", percent, "%", goal=0.04)
        if program is not None:
            base = _floor(load, program, phones, seconds)
            bench.figure(f"floor_core_pct_per_participant{suffix}", base, "%")
            bench.figure(f"ratio_to_c_floor{suffix}", percent / max(base, 1e-9), "")
        bench.figure(f"packets_per_s_min{suffix}", result["rate_min"], "1/s", goal=49.95, better="more")
        bench.figure(f"packets_per_s_max{suffix}", result["rate_max"], "1/s", goal=50.05)
        bench.figure(f"spacing_p99_ms{suffix}", result["spacing_p99_ms"], "ms", goal=2.0)
        bench.figure(f"delay_p50_ms{suffix}", click["delay_p50_ms"], "ms")
        bench.figure(f"delay_p99_ms{suffix}", click["delay_p99_ms"], "ms")
        bench.figure(f"resident_mb{suffix}", resident_bytes(process.pid) / 1e6, "MB")
        late = f"load late by {result['late_ms']:.1f} ms"
        bench.note(f"{count} participants on {threads} packet threads, {result['received']:.0f} packets, {late}")


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=2, help="of the last measurement, of the largest room")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 50, 500], help="the first is the main figure")
    parser.add_argument("--seconds", type=float, help="of each measurement (default 10, quick 4)")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine(options.threads)
        return 0
    bench = Bench("conference", json_output=options.json)
    with (
        tempfile.TemporaryDirectory() as folder,
        running([sys.executable, str(_HERE / "conference_load.py")]) as load,
    ):
        program = build_floor(Path(folder))
        assert load.stdin is not None
        load.stdin.write(f"open {max(options.sizes)}\n")
        load.stdin.flush()
        phones = read_line(load, "ports:").split()
        seconds = options.seconds or (4 if options.quick else 10)
        for i, size in enumerate(options.sizes[:1] if options.quick else options.sizes):
            _measure(bench, load, phones[:size], seconds, program, main=i == 0)
        if not options.quick and options.threads > 1:
            _measure(bench, load, phones, seconds, None, threads=options.threads)
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
