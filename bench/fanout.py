"""Fan-out: one talker, two thousand listeners: what the engine spends on a packet sent, and how far apart they get it.

Listeners and talker are one process, the engine another. Arrivals are the kernel's own time stamps. `spread_ms` is the
time from the first listener's packet to the last one's, of every packet of the talker.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from common import ROOT, Bench, arguments, cpu_seconds, percentile, read_line, running

_PTIME_S = 0.020
_STAMP = 35  # SO_TIMESTAMPNS
_CONTROL_OCTETS = 64


def serve_engine() -> None:
    """The process under test: read the phones' ports, put them all into one room, and stay until input ends."""
    from softswitch.media import PCMA, PCMU, MediaEngine, PortSettings

    phones = [int(word) for word in sys.stdin.readline().split()]
    with MediaEngine(report_interval_s=600) as engine:
        room = engine.open_fan_out("talkgroup")
        for i, phone in enumerate(phones):
            port = engine.open_port("talkgroup")
            law = PCMU if i % 2 else PCMA
            port.configure(PortSettings(remote=("127.0.0.1", phone), formats=(law,)))
            room.join(port)
            if i == 0:
                room.talk(port)
                talker = port
        print("talker:", talker.local[1], flush=True)
        sys.stdin.read()
        print("counters:", json.dumps({"send_errors": engine.statistics().send_errors}), flush=True)


def _phones(count: int) -> list[socket.socket]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    phones = []
    for _ in range(count):
        phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        phone.bind(("127.0.0.1", 0))
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        phone.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
        phones.append(phone)
    return phones


def _talk(phone: socket.socket, target: int, first: int, count: int) -> None:
    begin = time.monotonic()
    for i in range(first, first + count):
        header = struct.pack(">BBHII", 0x80, 8, i & 0xFFFF, i * 160, 1)
        phone.sendto(header + bytes(160), ("127.0.0.1", target))
        time.sleep(max(begin + (i - first + 1) * _PTIME_S - time.monotonic(), 0))


def _arrivals(phones: list[socket.socket]) -> list[list[int]]:
    """The arrival times in ns of every packet that waits, listener by listener."""
    times = []
    for phone in phones:
        own = []
        while True:
            try:
                _, control, _, _ = phone.recvmsg(2048, _CONTROL_OCTETS)
            except BlockingIOError:
                break
            seconds, nanoseconds = struct.unpack("=qq", control[0][2])
            own.append(seconds * 1_000_000_000 + nanoseconds)
        times.append(own)
    return times


def _measure(bench: Bench, process: Any, phones: list[socket.socket], target: int, rounds: int, packets: int) -> None:
    talker, listeners = phones[0], phones[1:]
    _talk(talker, target, 0, 10)
    time.sleep(0.2)
    _arrivals(listeners)
    cpu_s, spreads, heard = 0.0, [], 0
    for turn in range(rounds):
        before = cpu_seconds(process.pid)
        _talk(talker, target, 10 + turn * packets, packets)
        time.sleep(0.1)
        cpu_s += cpu_seconds(process.pid) - before
        times = _arrivals(listeners)
        heard += sum(len(own) for own in times)
        for i in range(packets):
            of_one = [own[i] for own in times if len(own) == packets]
            if of_one:
                spreads.append((max(of_one) - min(of_one)) / 1e6)
    sent = rounds * packets * len(listeners)
    bench.figure("cpu_us_per_packet", cpu_s * 1e6 / max(heard, 1), "us", goal=3.5)
    bench.figure("spread_ms", percentile(spreads, 50), "ms", goal=10)
    bench.figure("spread_p99_ms", percentile(spreads, 99), "ms")
    bench.figure("loss", 1 - heard / sent, "", goal=0.0)


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--listeners", type=int, default=2000)
    parser.add_argument("--rounds", type=int, help="of 100 packets each (default 8, quick 3)")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine()
        return 0
    bench = Bench("fanout", json_output=options.json)
    phones = _phones(options.listeners + 1)
    with running([sys.executable, str(Path(__file__)), "--engine"]) as process:
        assert process.stdin is not None
        process.stdin.write(" ".join(str(phone.getsockname()[1]) for phone in phones) + "\n")
        process.stdin.flush()
        target = int(read_line(process, "talker:", 90))
        bench.note(f"1 talker, {options.listeners} listeners, half of them of the other law")
        _measure(bench, process, phones, target, options.rounds or (3 if options.quick else 8), 100)
    for phone in phones:
        phone.close()
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
