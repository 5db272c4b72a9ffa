"""SRTP to RTP relay: what the engine spends on a packet that it secures or opens, beside the same packet left plain.

Plain phones on both ends; between the engine under test and a second engine, which is not measured, the packets are
secured. So each packet that the measured engine forwards is secured or opened once. The same two processes and the
same ports are used for every kind of round, which take turns.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from common import ROOT, Bench, arguments, cpu_seconds, read_line, running

_HERE = Path(__file__).parent
_PTIME_S = 0.020
_PLAIN = "plain"
_JUDGED = "AES_CM_128_HMAC_SHA1_80"
_KINDS = (_PLAIN, _JUDGED, "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")


def serve_engine() -> None:
    """One of the two engines: opens ports in pairs, then is told again and again who is on their other ends."""
    from softswitch.media import PCMA, MediaEngine, PortSettings

    count = int(sys.stdin.readline())
    with MediaEngine() as engine:
        pairs = [(engine.open_port(f"call-{i}"), engine.open_port(f"call-{i}")) for i in range(count)]
        print("ports:", *(port.local[1] for pair in pairs for port in pair), flush=True)
        for line in sys.stdin:
            kind, side, *words = line.split()
            remotes = [int(word) for word in words]
            for i, (outer, inner) in enumerate(pairs):
                near, far = remotes[2 * i : 2 * i + 2]
                outer.configure(PortSettings(remote=("127.0.0.1", near), formats=(PCMA,)))
                keys = None if kind == _PLAIN else _keys(kind, i, mirrored=side == "far")
                inner.configure(PortSettings(remote=("127.0.0.1", far), formats=(PCMA,), srtp=keys))
                if outer.peer is None:
                    engine.connect(outer, inner)
            statistics = engine.statistics()
            print("wired:", statistics.srtp_auth_failures + statistics.srtp_replayed, flush=True)


def _keys(profile: str, number: int, *, mirrored: bool) -> Any:
    """Keys that both engines find by themselves; good for a bench and nothing else."""
    from softswitch.media import SrtpKeys
    from softswitch.media.transport.srtp import PROFILES

    _, key, salt = PROFILES[profile]
    halves = [(bytes([side, number & 255]) * (key // 2), bytes([side, number >> 8]) * (salt // 2)) for side in (1, 2)]
    if mirrored:
        halves.reverse()
    return SrtpKeys(profile, *halves[0], *halves[1])


class Chain:
    """Phones, the measured engine, the second engine, phones."""

    def __init__(self, load: Any, engine: Any, far: Any, calls: int) -> None:
        self._load, self._engine, self._far = load, engine, far
        self.refused: dict[str, int] = {}
        load.stdin.write(f"open {2 * calls}\n")
        load.stdin.flush()
        self._phones = _numbers(read_line(load, "ports:"))
        self._ports: dict[Any, list[int]] = {}
        for process in (engine, far):
            process.stdin.write(f"{calls}\n")
            process.stdin.flush()
            self._ports[process] = _numbers(read_line(process, "ports:", 300))
        self.rounds: dict[str, list[dict[str, float]]] = {}

    def wire(self, kind: str) -> None:
        """Secure the way between the engines as `kind` says."""
        ends = (
            (self._engine, self._far, "near", self._phones[::2]),
            (self._far, self._engine, "far", self._phones[1::2]),
        )
        for process, other, side, phones in ends:
            inner = self._ports[other][1::2]
            remotes = [number for pair in zip(phones, inner, strict=True) for number in pair]
            process.stdin.write(f"{kind} {side} {' '.join(map(str, remotes))}\n")
            process.stdin.flush()
            self.refused[side] = int(read_line(process, "wired:"))

    def measure(self, kind: str, seconds: float) -> dict[str, float]:
        """One round."""
        self.wire(kind)
        outer = [self._ports[self._engine][::2], self._ports[self._far][::2]]
        targets = [number for pair in zip(*outer, strict=True) for number in pair]
        before = cpu_seconds(self._engine.pid)
        self._load.stdin.write(f"run relay {seconds} {' '.join(map(str, targets))}\n")
        self._load.stdin.flush()
        result: dict[str, float] = json.loads(read_line(self._load, "result:", seconds + 60))
        result["cpu_us"] = (cpu_seconds(self._engine.pid) - before) * 1e6 / max(result["received"], 1)
        return result

    def mean(self, kind: str, name: str) -> float:
        """The mean of a number over the rounds of a kind."""
        return sum(entry[name] for entry in self.rounds[kind]) / len(self.rounds[kind])


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def _report(bench: Bench, chain: Chain) -> None:
    plain = chain.mean(_PLAIN, "cpu_us")
    bench.figure("plain_cpu_us_per_packet", plain, "us")
    for kind in _KINDS[1:]:
        cost = chain.mean(kind, "cpu_us")
        name = "" if kind == _JUDGED else "_" + kind.lower()
        bench.figure(f"cpu_us_per_packet{name}", cost, "us")
        bench.figure(f"ratio_to_plain_relay{name}", cost / max(plain, 1e-9), "", goal=2.0)
    bench.figure("latency_p99_ms_plain", chain.mean(_PLAIN, "p99_ms"), "ms")
    bench.figure("latency_p99_ms", chain.mean(_JUDGED, "p99_ms"), "ms")
    sent = sum(entry["sent"] for rounds in chain.rounds.values() for entry in rounds)
    received = sum(entry["received"] for rounds in chain.rounds.values() for entry in rounds)
    bench.figure("loss", 1 - received / max(sent, 1), "", goal=0.0)
    # Reports that cross a change of keys, which the two engines make one after the other.
    bench.figure("refused_while_keys_changed", sum(chain.refused.values()), "packets")


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, help="of each round (default 6, quick 2.5)")
    parser.add_argument("--rounds", type=int, help="of each kind (default 4, quick 2)")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine()
        return 0
    seconds = options.seconds or (2.5 if options.quick else 6)
    rounds = options.rounds or (2 if options.quick else 4)
    bench = Bench("srtp", json_output=options.json)
    this = [sys.executable, str(Path(__file__)), "--engine"]
    with (
        running([sys.executable, str(_HERE / "relay_load.py")]) as load,
        running(this) as engine,
        running(this) as far,
    ):
        chain = Chain(load, engine, far, options.calls)
        bench.note(
            f"{options.calls} calls, {2 * options.calls / _PTIME_S:.0f} packets/s, {rounds} rounds of {seconds:g} s"
        )
        for kind in _KINDS:
            chain.measure(kind, 0.5)  # latches the ports, warms the caches
        for _ in range(rounds):
            for kind in _KINDS:
                last = chain.measure(kind, seconds)
                chain.rounds.setdefault(kind, []).append(last)
                bench.note(
                    f"{kind}: {last['cpu_us']:.2f} us/packet, {last['received']:.0f} of {last['sent']:.0f} packets,"
                    f" p50 {last['p50_ms']:.3f} ms, p99 {last['p99_ms']:.3f} ms (sender late {last['late_ms']:.1f} ms)"
                )
        chain.wire(_PLAIN)
        _report(bench, chain)
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
