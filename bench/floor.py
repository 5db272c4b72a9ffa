"""Floor control: how long a press waits for its grant over loopback UDP, and how many messages a CPU second carries.

The server is a process of its own: 200 groups of 20 members, each group an arbiter behind its channel, one UDP socket.
The members are participant machines in the parent process, which press, talk and let go all the time. Latency is
measured at the participant, from handing the Floor Request to the socket until Floor Granted has come to its socket (by
the kernel's time stamp: one process plays all 4000 participants and must not measure itself), for requests that found
the floor free; those that had to wait for another talker are told beside it. In every group somebody presses once a
second. The in-process figure leaves the sockets out: octets in, arbiter, octets out. Group set-up is in group_setup.py.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import itertools
import json
import os
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from common import (
    Bench,
    arguments,
    cpu_seconds,
    free_udp_port,
    machine_busy_s,
    percentile,
    read_line,
    running,
)
from group_setup import measure_setup

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from softswitch.floor import Arbiter, ArbiterSettings, mcptt
from softswitch.floor.channel import GroupChannel, Peer
from softswitch.floor.messages import FloorMessage, Kind
from softswitch.floor.participant import Participant
from softswitch.floor.participant_events import Permitted, Waiting

GROUPS, MEMBERS = 200, 20
_BUFFER = 8 << 20
_PRESSES_PER_S = 200
_STAMP = 35  # SO_TIMESTAMPNS


def make_groups(groups: int, now: float) -> list[GroupChannel]:
    """Groups with all their members, started, nothing left to send. Member m of group g is `g.m`, SSRC g·20+m+1."""
    channels = []
    for group in range(groups):
        channel = GroupChannel(Arbiter(ArbiterSettings(t4=0.0, c7=1)), 0xFFFF0000 + group)
        for member in range(MEMBERS):
            name = f"{group}.{member}"
            channel.add_peer(name, Peer(f"sip:{name}@ptt.example", group * MEMBERS + member + 1))
            channel.arbiter.participant_joined(name, now)
        channel.arbiter.start(now)
        drain(channel, now)
        channels.append(channel)
    return channels


def drain(channel: GroupChannel, now: float) -> list[tuple[bytes, Sequence[str]]]:
    """The datagrams of a channel, its events read."""
    while channel.next_event(now) is not None:
        pass
    return channel.data_to_send()


# --- the server process ---------------------------------------------------------------------------------------------


class Server:
    """All groups on one socket; a member is known by the SSRC of its messages, and answered where they come from."""

    def __init__(self, port: int) -> None:
        self.socket = bound_socket(port)
        self.channels = make_groups(GROUPS, time.monotonic())
        self.addresses: dict[str, tuple[str, int]] = {}
        self._timers: list[tuple[float, int]] = []
        self._planned: dict[int, float] = {}

    def run(self) -> None:
        """Serve until a datagram of one octet comes."""
        while True:
            now = time.monotonic()
            wait = self._timers[0][0] - now if self._timers else 1.0
            self.socket.settimeout(max(0.001, min(1.0, wait)))
            try:
                data, address = self.socket.recvfrom(2048)
            except TimeoutError:
                self._fire()
                continue
            if len(data) == 1:
                return
            member = int.from_bytes(data[4:8], "big") - 1
            group = member // MEMBERS
            name = f"{group}.{member % MEMBERS}"
            self.addresses[name] = address
            now = time.monotonic()
            self.channels[group].receive_data(name, data, now)
            self._flush(group, now)
            if self._timers and self._timers[0][0] <= now:
                self._fire()

    def _flush(self, group: int, now: float) -> None:
        channel = self.channels[group]
        for data, receivers in drain(channel, now):
            for receiver in receivers:
                address = self.addresses.get(receiver)
                if address is not None:
                    self.socket.sendto(data, address)
        due = channel.next_timer()
        if due is not None and due < self._planned.get(group, 1e18):
            self._planned[group] = due
            heapq.heappush(self._timers, (due, group))

    def _fire(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, group = heapq.heappop(self._timers)
            self._planned.pop(group, None)
            self.channels[group].handle_timer(now)
            self._flush(group, now)

    def counters(self) -> dict[str, int]:
        """Floor messages received and sent by all groups."""
        return {name: sum(channel.counters[name] for channel in self.channels) for name in ("received", "sent")}


def bound_socket(port: int) -> socket.socket:
    """A UDP socket of loopback with large buffers."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    one.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
    one.bind(("127.0.0.1", port))
    return one


def serve(port: int) -> None:
    """The process under test."""
    server = Server(port)
    gc.collect()
    gc.freeze()  # as the switch does: nothing of this is ever garbage
    print("ready:", port, flush=True)
    server.run()
    print("counters:", json.dumps(server.counters()), flush=True)


# --- the members ----------------------------------------------------------------------------------------------------


class Members:
    """All members on one socket per member index, so that a datagram tells whose it is by its port."""

    def __init__(self, server_port: int, seed: int) -> None:
        self.server = ("127.0.0.1", server_port)
        self.chance = random.Random(seed)
        self.latencies: list[float] = []
        self.waited = 0
        self.received = 0
        self._waiting: set[int] = set()
        self._sockets = [bound_socket(0) for _ in range(MEMBERS)]
        self._index = {one.fileno(): number for number, one in enumerate(self._sockets)}
        self._pressed: dict[int, float] = {}
        self._plan: list[tuple[float, int, int]] = []
        self._order = itertools.count()
        now = time.monotonic()
        self.participants = [Participant(number + 1) for number in range(GROUPS * MEMBERS)]
        for number, one in enumerate(self.participants):
            one.join(now)
            self._send(number, FloorMessage(Kind.RELEASE, one.ssrc))  # tells the server where the member is

    def _send(self, number: int, message: FloorMessage) -> None:
        self._sockets[number % MEMBERS].sendto(mcptt.serialize(message), self.server)

    def settle(self, seconds: float) -> None:
        """Read what comes for a while without pressing."""
        self._loop(time.monotonic() + seconds)

    def run(self, seconds: float) -> None:
        """Press, talk a moment, let go, in all groups, at a steady rate; who still waits at its next turn lets go."""
        end = time.monotonic() + seconds
        pause = 1.0 / _PRESSES_PER_S
        groups = itertools.cycle(range(GROUPS))
        at = time.monotonic()
        while at < end:
            number = next(groups) * MEMBERS + self.chance.randrange(MEMBERS)
            heapq.heappush(self._plan, (at, next(self._order), number))
            at += pause
        self._loop(end + 0.5)

    def _loop(self, end: float) -> None:
        poll = select.epoll()
        for one in self._sockets:
            one.setblocking(False)
            poll.register(one, select.EPOLLIN)
        while (now := time.monotonic()) < end:
            while self._plan and self._plan[0][0] <= now:
                self._press_or_let_go(heapq.heappop(self._plan)[2])
            wait = min(end, self._plan[0][0] if self._plan else end) - time.monotonic()
            for descriptor, _ in poll.poll(max(0.0, wait)):
                self._read(self._index[descriptor])
        poll.close()

    def _press_or_let_go(self, number: int) -> None:
        one = self.participants[number]
        now = time.monotonic()
        if one.pressed:
            one.let_go(now)
        else:
            one.press(now)
            self._pressed[number] = time.time()
            self._waiting.discard(number)
        for message in one.messages_to_send():
            self._send(number, message)

    def _read(self, index: int) -> None:
        try:
            for _ in range(64):
                data, control, _, _ = self._sockets[index].recvmsg(2048, 64)
                self.received += 1
                group = int.from_bytes(data[4:8], "big") - 0xFFFF0000
                if data[0] & 0x0F != Kind.TAKEN:
                    seconds, nanoseconds = struct.unpack("=qq", control[0][2])
                    self._take(group * MEMBERS + index, data, seconds + nanoseconds / 1e9)
        except BlockingIOError:
            return

    def _take(self, number: int, data: bytes, arrived: float) -> None:
        now = time.monotonic()
        one = self.participants[number]
        one.receive(mcptt.parse(data), now)
        while (event := one.next_event()) is not None:
            if isinstance(event, Waiting):
                self._waiting.add(number)
            elif isinstance(event, Permitted):
                if number in self._waiting:
                    self.waited += 1
                else:
                    self.latencies.append(arrived - self._pressed[number])
                heapq.heappush(self._plan, (now + self.chance.uniform(0.02, 0.08), next(self._order), number))
        for message in one.messages_to_send():
            self._send(number, message)


def measure_latency(bench: Bench, seconds: float) -> None:
    """Figures of the server over loopback."""
    port = free_udp_port()
    with running([sys.executable, __file__, "--serve", str(port)]) as process:
        read_line(process, "ready:")
        members = Members(port, 1)
        members.settle(1.0)
        members.latencies.clear()
        before, started = cpu_seconds(process.pid), members.received
        machine, own = machine_busy_s(), time.process_time()
        members.run(seconds)
        cpu = cpu_seconds(process.pid) - before
        others = machine_busy_s() - machine - cpu - (time.process_time() - own)
        received = members.received - started
        members._sockets[0].sendto(b"x", members.server)
        counters = json.loads(read_line(process, "counters:"))
    if len(members.latencies) < seconds * 20:
        bench.fail(f"only {len(members.latencies)} grants in {seconds:g} s")
        return
    taken = [value * 1000 for value in members.latencies]
    at_once, waited = len(members.latencies), members.waited
    bench.note(f"{at_once} grants at once, {waited} after a wait, {received} messages to members, {counters}")
    bench.note(
        f"other processes of the machine took {others / (seconds + 0.5):.2f} of {os.cpu_count()} cores meanwhile"
    )
    bench.figure("grant_p50_ms", percentile(taken, 50), "ms", goal=3.0)
    bench.figure("grant_p99_ms", percentile(taken, 99), "ms", goal=10.0)
    bench.figure("server_messages_per_cpu_s", received / cpu, "1/s", better="more")


def measure_core(bench: Bench, rounds: int) -> None:
    """Messages a CPU second carries without sockets; one that goes to many with the same octets counts once."""
    now = 0.0
    channels = make_groups(GROUPS, now)
    requests = [
        [
            mcptt.serialize(FloorMessage(Kind.REQUEST, g * MEMBERS + m + 1, priority=4, indicator=0x8000))
            for m in range(2)
        ]
        for g in range(GROUPS)
    ]
    release = mcptt.serialize(FloorMessage(Kind.RELEASE, 1))
    messages = addressed = 0
    started = time.process_time()
    for _ in range(rounds):
        for group, channel in enumerate(channels):
            now += 0.0001
            first, second = f"{group}.0", f"{group}.1"
            for name, data in (
                (first, requests[group][0]),
                (second, requests[group][1]),
                (first, release),
                (second, release),
            ):
                channel.receive_data(name, data, now)
                messages += 1
                for _, receivers in drain(channel, now):
                    messages += 1
                    addressed += len(receivers)
                channel.next_timer()
    cpu = time.process_time() - started
    bench.figure("messages_per_cpu_s", messages / cpu, "1/s", goal=20_000, better="more")
    bench.figure("cpu_us_per_message", cpu / messages * 1e6, "us")
    bench.figure("datagrams_per_cpu_s", (addressed + rounds * GROUPS * 4) / cpu, "1/s", better="more")


def main() -> int:
    """Run as the server or as the bench."""
    parser = argparse.ArgumentParser(description="Floor control latency and throughput")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = arguments("", parser=parser)
    if options.serve:
        serve(options.serve)
        return 0
    bench = Bench("floor", json_output=options.json)
    measure_core(bench, 20 if options.quick else 100)
    measure_latency(bench, 8.0 if options.quick else 30.0)
    measure_setup(bench, 1 if options.quick else 3)
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    raise SystemExit(main())
