"""Fan-out: one talker, two thousand listeners: what the engine spends on a packet sent, and how far apart they get it.

Listeners and talker are one process, the engine another, with one packet thread. Two others take turns with it: an
engine whose room is on two packet threads (`--threads`), and a C program that does nothing but send, the floor of this
machine, where a send over loopback is the way in as well. Arrivals are the kernel's own time stamps. `spread_ms` is the
time from the first listener's packet to the last one's, of every packet of the talker.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from common import ROOT, Bench, arguments, cpu_seconds, percentile, read_line, running
from relay import build_floor

_PTIME_S = 0.020
_PACKETS = 100
#: A port gets a second socket, connected to its peer, once it has sent a while; 2000 take turns for it.
_WARM_UP_PACKETS = 250
_PACKET_OCTETS = 172
_STAMP = 35  # SO_TIMESTAMPNS
_CONTROL_OCTETS = 64
#: When nothing has come for so long, nothing is under way.
_QUIET_S = 0.2


def serve_engine(threads: int) -> None:
    """The process under test: read the phones' ports, put them all into one room, and stay until input ends."""
    from softswitch.media import PCMA, PCMU, MediaEngine, PortSettings

    phones = [int(word) for word in sys.stdin.readline().split()]
    with MediaEngine(report_interval_s=600, threads=threads) as engine:
        room = engine.open_fan_out("talkgroup")
        for i, phone in enumerate(phones):
            port = engine.open_port("talkgroup", near=room.owner)
            law = PCMU if i % 2 else PCMA
            port.configure(PortSettings(remote=("127.0.0.1", phone), formats=(law,)))
            room.join(port)
            if i == 0:
                room.talk(port)
                talker = port
        print("talker:", talker.local[1], "wings:", *(len(wing.members) for wing in room.wings), flush=True)
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


def _talk(phone: socket.socket, targets: list[int], first: int, count: int) -> None:
    begin = time.monotonic()
    for i in range(first, first + count):
        header = struct.pack(">BBHII", 0x80, 8, i & 0xFFFF, i * 160, 1)
        for target in targets:
            phone.sendto(header + bytes(160), ("127.0.0.1", target))
        time.sleep(max(begin + (i - first + 1) * _PTIME_S - time.monotonic(), 0))


def _arrivals(phones: list[socket.socket], packets: int) -> list[list[int]]:
    """The arrival times in ns of the packets that every listener has got, when all have, or nothing more comes."""
    times: list[list[int]] = [[] for _ in phones]
    quiet = False
    while not quiet and any(len(own) < packets for own in times):
        time.sleep(_QUIET_S)
        before = sum(map(len, times))
        _take(phones, times)
        quiet = sum(map(len, times)) == before
    return times


def _take(phones: list[socket.socket], times: list[list[int]]) -> None:
    """Note the arrival times of every packet that waits, listener by listener."""
    for phone, own in zip(phones, times, strict=True):
        while True:
            try:
                packet, control, _, _ = phone.recvmsg(2048, _CONTROL_OCTETS)
            except BlockingIOError:
                break
            if len(packet) != _PACKET_OCTETS:  # RTCP for another phone, whose RTP port lies one below
                continue
            seconds, nanoseconds = struct.unpack("=qq", control[0][2])
            own.append(seconds * 1_000_000_000 + nanoseconds)


class Sender:
    """The engine, or the floor: its process, the port that the talker sends to, and what its rounds have shown."""

    def __init__(self, name: str, process: Any, target: int) -> None:
        self.name, self.process, self.target = name, process, target
        self.cpu_us: list[float] = []
        self.spreads_ms: list[float] = []
        self.heard, self.sent = 0, _WARM_UP_PACKETS

    def measure(self, phones: list[socket.socket], packets: int) -> None:
        """One round: so many packets of the talker."""
        talker, listeners = phones[0], phones[1:]
        before = cpu_seconds(self.process.pid)
        _talk(talker, [self.target], self.sent, packets)
        times = _arrivals(listeners, packets)
        used = cpu_seconds(self.process.pid) - before
        heard = sum(len(own) for own in times)
        self.cpu_us.append(used * 1e6 / max(heard, 1))
        for i in range(packets):
            of_one = [own[i] for own in times if len(own) == packets]
            if of_one:
                self.spreads_ms.append((max(of_one) - min(of_one)) / 1e6)
        self.sent += packets
        self.heard += heard


def _report(bench: Bench, engine: Sender, several: Sender | None, floor: Sender | None, due: int) -> None:
    bench.figure("cpu_us_per_packet", median(engine.cpu_us), "us", goal=3.5)
    if several is not None:
        bench.figure("cpu_us_per_packet_two_threads", median(several.cpu_us), "us", goal=3.5)
        bench.figure("spread_two_threads_ms", percentile(several.spreads_ms, 50), "ms", goal=10)
        bench.figure("spread_two_threads_p99_ms", percentile(several.spreads_ms, 99), "ms")
        bench.figure("loss_two_threads", 1 - several.heard / due, "", goal=0.0)
    if floor is not None:
        ratios = [mine / bare for mine, bare in zip(engine.cpu_us, floor.cpu_us, strict=True)]
        bench.figure("floor_cpu_us_per_packet", median(floor.cpu_us), "us")
        bench.figure("ratio_to_c_floor", median(ratios), "")
        bench.figure("floor_spread_ms", percentile(floor.spreads_ms, 50), "ms")
    bench.figure("spread_ms", percentile(engine.spreads_ms, 50), "ms", goal=10)
    bench.figure("spread_p99_ms", percentile(engine.spreads_ms, 99), "ms")
    bench.figure("loss", 1 - engine.heard / due, "", goal=0.0)


def _rounds(bench: Bench, senders: list[Sender], phones: list[socket.socket], rounds: int) -> None:
    _talk(phones[0], [sender.target for sender in senders], 0, _WARM_UP_PACKETS)
    _arrivals(phones[1:], len(senders) * _WARM_UP_PACKETS)
    for turn in range(rounds):
        for sender in senders if turn % 2 == 0 else senders[::-1]:
            sender.measure(phones, _PACKETS)
            spread = percentile(sender.spreads_ms[-_PACKETS:], 50) if sender.spreads_ms else 0.0
            bench.note(f"{sender.name}: {sender.cpu_us[-1]:.2f} us/packet, {spread:.1f} ms from first to last")


def _start_engine(bench: Bench, started: contextlib.ExitStack, words: str, threads: int) -> Sender:
    program = [sys.executable, str(Path(__file__)), "--engine", "--threads", str(threads)]
    process = started.enter_context(running(program))
    process.stdin.write(words)
    process.stdin.flush()
    target, _, wings = read_line(process, "talker:", 90).partition("wings:")
    name = "engine" if threads == 1 else f"engine, {threads} threads"
    bench.note(f"{name}: members of each wing: {wings.strip()}")
    return Sender(name, process, int(target))


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--listeners", type=int, default=2000)
    parser.add_argument("--rounds", type=int, help="of 100 packets each (default 10, quick 2)")
    parser.add_argument("--threads", type=int, default=2, help="packet threads of the second engine; 1: there is none")
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine(options.threads)
        return 0
    bench = Bench("fanout", json_output=options.json)
    phones = _phones(options.listeners + 1)
    words = " ".join(str(phone.getsockname()[1]) for phone in phones) + "\n"
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as started:
        engine, several, floor = _start_engine(bench, started, words, 1), None, None
        if options.threads > 1:
            several = _start_engine(bench, started, words, options.threads)
        program = build_floor(Path(folder))
        if program is not None:
            bare = started.enter_context(running([str(program), str(len(phones)), "fan"]))
            bare.stdin.write(words)
            bare.stdin.flush()
            floor = Sender("C floor", bare, int(read_line(bare, "ports:").split()[0]))
        senders = [sender for sender in (engine, several, floor) if sender is not None]
        bench.note(f"1 talker, {options.listeners} listeners, half of them of the other law")
        rounds = options.rounds or (2 if options.quick else 10)
        _rounds(bench, senders, phones, rounds)
        _report(bench, engine, several, floor, rounds * _PACKETS * options.listeners)
    for phone in phones:
        phone.close()
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
