"""Transcoding: what the engine spends on a packet when the two sides of a call speak different codecs.

Calls with A-law on one side, and on the other A-law (relay), µ-law, G.722 and Opus; all phones speak all the time, a
packet every 20 ms. Each kind is measured with an engine process of its own, and with rtpengine where it is installed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import rtpengine_peer
from common import ROOT, Bench, arguments, cpu_seconds, read_line, running

_HERE = Path(__file__).parent
_FORMATS = {"PCMA": (8, 8000, 1), "PCMU": (0, 8000, 1), "G722": (9, 8000, 1), "opus": (111, 48000, 2)}

Server = Callable[[Sequence[str], str], AbstractContextManager[tuple[int, str]]]


def serve_engine() -> None:
    """The process under test: read a codec and the phones' ports, connect them in pairs, stay until input ends."""
    from softswitch.media import PCMA, MediaEngine, PortSettings, StreamFormat

    encoding, *phones = sys.stdin.readline().split()
    payload_type, clock_rate, channels = _FORMATS[encoding]
    formats = (PCMA, StreamFormat(payload_type, encoding, clock_rate, channels))
    with MediaEngine() as engine:
        ports = []
        for i, phone in enumerate(phones):
            port = engine.open_port(f"call-{i // 2}")
            port.configure(PortSettings(remote=("127.0.0.1", int(phone)), formats=(formats[i % 2],)))
            ports.append(port)
        for one, other in zip(ports[::2], ports[1::2], strict=True):
            engine.connect(one, other)
        print("ports:", *(port.local[1] for port in ports), flush=True)
        sys.stdin.read()


def _run(load: Any, encoding: str, seconds: float, ports: str) -> dict[str, float]:
    load.stdin.write(f"run codec:{encoding} {seconds} {ports}\n")
    load.stdin.flush()
    result: dict[str, float] = json.loads(read_line(load, "result:", seconds + 60))
    return result


@contextmanager
def _engine(phones: Sequence[str], encoding: str) -> Iterator[tuple[int, str]]:
    """An engine process between pairs of phones, and the ports they send to."""
    with running([sys.executable, str(Path(__file__)), "--engine"]) as process:
        assert process.stdin is not None
        process.stdin.write(f"{encoding} {' '.join(phones)}\n")
        process.stdin.flush()
        yield process.pid, read_line(process, "ports:", 180)


@contextmanager
def _rtpengine(phones: Sequence[str], encoding: str) -> Iterator[tuple[int, str]]:
    """The same with rtpengine."""
    with rtpengine_peer.rtpengine([int(phone) for phone in phones], encoding) as serving:
        yield serving.pid, " ".join(map(str, serving.ports))


def _measure(
    bench: Bench, load: Any, encoding: str, phones: list[str], seconds: float, serve: Server = _engine
) -> tuple[float, float]:
    """CPU in µs of each packet sent, and in % of a core all together."""
    with serve(phones, encoding) as (pid, ports):
        _run(load, encoding, 1, ports)
        before = cpu_seconds(pid)
        result = _run(load, encoding, seconds, ports)
        spent = cpu_seconds(pid) - before
    lowest, highest = result["rate_min"], result["rate_max"]
    who = "rtpengine: " if serve is _rtpengine else ""
    bench.note(
        f"{who}A-law to {encoding}: {result['received']:.0f} of {result['sent']:.0f} packets, {lowest:.2f} to"
        f" {highest:.2f} a second for each phone, spacing p99 {result['spacing_p99_ms']:.2f} ms"
    )
    if lowest < 49.5 and serve is _engine:
        bench.fail(f"{encoding}: packets are missing")
    return spent * 1e6 / max(result["received"], 1), spent / seconds * 100


def _compare(bench: Bench, load: Any, phones: list[str], opus_phones: list[str], seconds: float) -> None:
    """rtpengine under the same load, where it is installed."""
    if not rtpengine_peer.is_installed():
        return
    for encoding, some in (("PCMU", phones), ("G722", phones), ("opus", opus_phones)):
        each, _ = _measure(bench, load, encoding, some, seconds, _rtpengine)
        bench.figure(f"rtpengine_{encoding.lower()}_cpu_us_per_packet", each, "us")


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--opus-calls", type=int, default=25)
    parser.add_argument("--seconds", type=float, help="of each measurement (default 8, quick 4)")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine()
        return 0
    seconds = options.seconds or (4 if options.quick else 8)
    bench = Bench("transcode", json_output=options.json)
    with running([sys.executable, str(_HERE / "conference_load.py")]) as load:
        assert load.stdin is not None
        load.stdin.write(f"open {2 * max(options.calls, options.opus_calls)}\n")
        load.stdin.flush()
        phones = read_line(load, "ports:", 60).split()
        relay, _ = _measure(bench, load, "PCMA", phones, seconds)
        ulaw, _ = _measure(bench, load, "PCMU", phones, seconds)
        wide, _ = _measure(bench, load, "G722", phones, seconds)
        opus_phones = phones[: 2 * options.opus_calls]
        opus, percent = _measure(bench, load, "opus", opus_phones, seconds)
        _compare(bench, load, phones, opus_phones, seconds)
    bench.figure("relay_cpu_us_per_packet", relay, "us")
    bench.figure("alaw_ulaw_ratio_to_relay", ulaw / max(relay, 1e-9), "", goal=1.2)
    bench.figure("g722_cpu_us_per_packet", wide, "us", goal=20)
    bench.figure("g722_ratio_to_relay", wide / max(relay, 1e-9), "")
    bench.figure("opus_cpu_us_per_packet", opus, "us", goal=120)
    bench.figure("opus_core_pct_per_100_calls", percent * 100 / options.opus_calls, "%")
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
