"""Packet threads in processes of their own: what callers see is the same, and what happens when somebody is killed."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from softswitch.media import PCMA, PCMU, MediaEngine, PortSettings, WorkerLost, WorkerStarted
from softswitch.media.layouts.shared import CONFERENCE_PEER
from softswitch.media.workers import services
from softswitch.media.workers.replacements import Patience
from softswitch.media.workers.worker_process import Connection, describe_processes, socket_path
from tests.unit.media.stage import HOST, Stage

pytestmark = pytest.mark.slow

PORTS = {"address": HOST, "first_port": 21000, "last_port": 21199}

PATIENCE_S = 40.0  # a process starts, and loads compiled code, in two seconds on an idle machine

orphans = []  # workers whose engine was abandoned


class Caller:
    """A phone's media: numbered packets out, the numbers of those that come in."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(PATIENCE_S)
        self.address = self.socket.getsockname()
        self.sent = 0

    def send(self, port, count=1):
        for _ in range(count):
            header = struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, self.sent * 160, 7)
            self.socket.sendto(header + b"\xd5" * 160, port.local)
            self.sent += 1

    def numbers(self, count):
        """The next packets' numbers; a report to the one who has the port below, whose RTCP port this is, is none."""
        found = []
        while len(found) < count:
            data = self.socket.recv(2048)
            if not 192 <= data[1] <= 223:
                found.append(struct.unpack_from("!H", data, 2)[0])
        return found


@pytest.fixture
def start(tmp_path):
    """Start engines on the same folder of workers; whatever is left is killed at the end of the test."""
    engines = []

    def make(**options):
        engine = MediaEngine(
            **(PORTS | {"threads": 2, "workers": tmp_path / "media", "worker_grace_s": 100.0} | options)
        )
        engines.append(engine.start())
        return engine

    yield make
    for engine in engines:
        engine.close()
    while orphans:
        child = orphans.pop()
        child.kill()
        child.wait()


@pytest.fixture(scope="module")
def _engine_of_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "media"
    with MediaEngine(address=HOST, first_port=21200, last_port=21399, threads=2, workers=folder) as engine:
        yield engine


@pytest.fixture
def two(_engine_of_two):
    """An engine with two workers that tests share: both run when a test begins, and have nothing to do."""
    engine = _engine_of_two

    def rest():
        engine.poll()
        return engine.healthy and not engine.arena.workers["ports_open"].any()

    eventually(rest, "both workers run, and have closed all ports of the test before")
    engine._crew._patience[:] = [Patience(), Patience()]
    yield engine
    for room in list(engine.rooms.open_rooms.values()):
        room.close()
    for port in list(engine.table):
        port.close()


@pytest.fixture
def callers():
    pair = Caller(), Caller()
    yield pair
    for caller in pair:
        caller.socket.close()


def connected(engine, callers, owner="call"):
    ports = [engine.open_port(owner) for _ in callers]
    for port, caller in zip(ports, callers, strict=True):
        port.configure(PortSettings(remote=caller.address, formats=(PCMA,)))
    engine.connect(*ports)
    return ports


def abandon(engine):
    """What `kill -9` of the switch's process does to its workers: every descriptor it had is closed."""
    for thread in engine._crew.threads:
        thread.socket.close()
        thread._handover.close()
        orphans.append(thread._child)
    for pair in engine.table.sockets.values():
        for descriptor in pair[1:]:
            os.close(descriptor)
    engine.table.sockets.clear()
    engine.table.open.clear()
    engine._crew.threads = []
    engine.event_fd = -1


def eventually(condition, what):
    """Wait by the clock of the wall, with patience for processes."""
    return Stage().eventually(condition, what, PATIENCE_S)


def has_ended(pid):
    """Whether a process has ended; those of these tests are children that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def has_stopped(pid):
    """Whether every thread of a process has been stopped: the one that takes the signal stops the others later."""
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


def consecutive(numbers):
    return all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))


def test_the_relay_runs_in_another_process(start, callers, tmp_path):
    engine = start()
    one, other = connected(engine, callers)
    callers[0].send(one, 20)
    assert consecutive(callers[1].numbers(20))
    assert one.counters().packets_received == 20
    pids = {status.pid for status in engine.workers()}
    described = describe_processes(tmp_path / "media")
    assert {name: said["pid"] for name, said in described.items()} == {
        f"worker-{status.number}": status.pid for status in engine.workers()
    }
    assert sum(said["ports_open"] for said in described.values()) == 2
    assert len(pids) == 2 and os.getpid() not in pids
    assert sum(status.ports for status in engine.workers()) == 2
    one.close()
    other.close()
    engine.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_ports_of_two_workers_are_brought_together(two, callers):
    engine = two
    owners = [f"call {i}" for i in range(20)]
    numbers = {owner: engine._thread_of(owner).number for owner in owners}
    first, second = (next(owner for owner in owners if numbers[owner] == number) for number in (0, 1))
    one, other = engine.open_port(first), engine.open_port(second)
    assert one.thread is not other.thread
    for port, caller in zip((one, other), callers, strict=True):
        port.configure(PortSettings(remote=caller.address, formats=(PCMA, PCMU)))
    engine.connect(one, other)
    callers[0].send(one, 5)
    assert consecutive(callers[1].numbers(5))
    room = engine.open_conference(first)
    beside = engine.open_port(second, near=first)
    assert beside.thread is room.thread, "who is about to enter a room is served where that is"
    beside.close()
    room.join(one)
    room.join(other)
    callers[0].send(one, 3)
    assert len(callers[1].numbers(10)) == 10, "a mixed member is sent packets by its worker's mixer"


def test_a_killed_worker_loses_no_packet(two, callers):
    engine = two
    one, _ = connected(engine, callers)
    callers[0].send(one, 5)
    before = callers[1].numbers(5)
    victim = one.thread.pid
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not one.thread.alive, "the worker ends")
    callers[0].send(one, 5)  # to nobody: they wait in the socket
    seen = []

    def lost():
        seen.extend(engine.poll())
        return next((event for event in seen if isinstance(event, WorkerLost)), None)

    event = eventually(lost, "WorkerLost")
    assert (event.pid, event.ports, event.moved) == (victim, 2, True)
    assert consecutive(before + callers[1].numbers(5)), "the other worker goes on in the same numbering"

    def started():
        seen.extend(engine.poll())
        return any(isinstance(event, WorkerStarted) for event in seen)

    eventually(started, "WorkerStarted")
    assert engine.healthy


def test_without_another_worker_ports_wait_for_the_next(start, callers):
    engine = start(threads=1)
    one, other = connected(engine, callers)
    room = engine.open_conference("room")
    empty = engine.open_fan_out("talkgroup")
    room.join(one)
    room.join(other)
    callers[0].send(one, 2)
    callers[1].numbers(2)
    os.kill(one.thread.pid, signal.SIGKILL)
    eventually(lambda: any(isinstance(event, WorkerLost) and not event.moved for event in engine.poll()), "WorkerLost")
    late = engine.poll
    eventually(lambda: any(isinstance(event, WorkerStarted) for event in late()), "WorkerStarted")
    assert room.thread is one.thread is other.thread is empty.thread
    callers[0].send(one, 2)
    assert len(callers[1].numbers(10)) == 10, "the room is mixed again"
    assert engine._arena.ports[one.slot]["peer"] == CONFERENCE_PEER


def test_another_switch_finds_the_ports(start, callers):
    first = start()
    one, other = connected(first, callers, "call 7")
    local = one.local
    callers[0].send(one, 5)
    before = callers[1].numbers(5)
    abandon(first)
    callers[0].send(one, 5)
    assert consecutive(before + callers[1].numbers(5)), "packets flow on without the switch"
    second = start()
    records = second.adopt()
    assert {(record.owner, record.local_port) for record in records} == {
        ("call 7", local[1]),
        ("call 7", other.local_port),
    }
    assert {record.packets_received for record in records} == {10, 0}
    fresh = second.open_port("new call")
    assert fresh.local_port not in {record.local_port for record in records}
    assert fresh.slot not in {record.slot for record in records}
    for record in records:
        second.release(record)
    assert second.adopt() == []
    eventually(lambda: second.statistics().ports_open == 1 and not _held(one), "released ports give up their sockets")


def _held(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(port.local)
        except OSError:
            return True
    return False


def test_workers_of_another_layout_are_retired(start, callers, monkeypatch):
    first = start(threads=1)
    one, _ = connected(first, callers)
    pid = one.thread.pid
    callers[0].send(one)
    callers[1].numbers(1)
    abandon(first)
    monkeypatch.setattr("softswitch.media.workers.process_crew.layout_digest", lambda: 1)
    second = start(threads=1)
    assert second.adopt() == []
    assert [status.pid for status in second.workers()] != [pid]
    callers[0].send(one, 2)
    assert consecutive(callers[1].numbers(2)), "a retired worker goes on for a while"
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: has_ended(pid), "a retired worker that is told to ends")


def test_a_worker_that_nobody_comes_back_to_ends(start, callers):
    engine = start(threads=1, worker_grace_s=0.5)
    (port, _), pid = connected(engine, callers), engine.workers()[0].pid
    callers[0].send(port)
    callers[1].numbers(1)
    began = time.monotonic()
    abandon(engine)
    eventually(lambda: has_ended(pid), "the worker ends after its grace")
    assert time.monotonic() - began >= 0.5
    assert not _held(port)


def test_two_switches_do_not_share_workers(two):
    folder = two._crew._folder
    connection = Connection(socket_path(folder, 0))
    assert connection.call("hello")[0]["busy"]
    with pytest.raises(OSError, match="another switch"):
        connection.call("attach")
    with pytest.raises(OSError, match="not understood"):
        connection.call("dance")
    connection.close()
    assert socket_path(folder, 0).stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


class Broken:
    """A service that cannot do what it is asked."""

    def start(self, arena, worker, tell):
        """Nothing to prepare."""

    def handle(self, request):
        raise ValueError("it was asked to")

    def stop(self):
        raise ValueError("nor can it end")


@pytest.mark.parametrize("isolated", [False, True], ids=["threads", "processes"])
def test_services_run_beside_the_packet_thread(start, two, isolated):
    engine = two if isolated else start(workers=None)
    replies, notices = [], []
    for request in ({}, {"tell": "hello"}):
        engine.ask(1, "figures", request, replies.append)
    engine.ask(1, "unknown", {}, replies.append)

    def look():
        notices.extend(engine.poll())
        return len(replies) == 3 and notices

    eventually(look, "three replies and a notice")
    assert replies[0]["pid"] == engine.workers()[1].pid
    assert (replies[0]["pid"] == os.getpid()) is not isolated
    assert replies[0]["descriptors"] > 3 and replies[0]["ports_open"] == 0
    assert "unknown" in replies[2]["error"]
    assert (notices[0].worker, notices[0].service, notices[0].notice) == (1, "figures", {"told": "hello"})


def test_a_service_that_fails_says_so_and_others_go_on(start, monkeypatch, caplog):
    monkeypatch.setitem(services.SERVICES, "broken", f"{__name__}:Broken")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Broken.__module__])
    engine = start(workers=None)
    replies = []
    engine.ask(0, "broken", {}, replies.append)
    engine.ask(0, "figures", {}, replies.append)

    def look():
        engine.poll()
        return len(replies) == 2

    eventually(look, "two replies")
    assert replies[0] == {"error": "ValueError: it was asked to"}
    assert replies[1]["pid"] == os.getpid()
    engine.close()
    assert "did not end well" in caplog.text


def test_who_waits_for_the_service_of_a_lost_worker_is_told(two):
    engine = two
    victim = engine.workers()[0].pid
    os.kill(victim, signal.SIGSTOP)
    eventually(lambda: has_stopped(victim), "all threads of the worker stand still")
    replies = []
    engine.ask(0, "figures", {}, replies.append)
    os.kill(victim, signal.SIGKILL)

    def look():
        engine.poll()
        return replies

    eventually(look, "an answer")
    assert replies == [{"error": "media worker 0 has ended"}]
