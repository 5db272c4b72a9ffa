"""Workers that hang or keep ending, and what is in their care: secured streams, rooms that are linked."""

from __future__ import annotations

import os
import signal
import struct
import time

import numpy as np
import pytest

from mediacodecs.g711 import ALaw
from softswitch.media import PCMA, PCMU, PortLost, PortSettings, WorkerGivenUp, WorkerLost, WorkerStarted
from softswitch.media.rooms import spreading
from softswitch.media.workers import suspects
from softswitch.media.workers.replacements import Patience
from tests.unit.media.test_srtp import TODAY, Peer
from tests.unit.media.test_workers import Caller, connected, consecutive, eventually, has_stopped
from tests.unit.media.test_workers import _engine_of_two as _engine_of_two
from tests.unit.media.test_workers import callers as callers
from tests.unit.media.test_workers import start as start
from tests.unit.media.test_workers import two as two

pytestmark = pytest.mark.slow

#: 20 ms of a tone in A-law.
SOUND = bytes(ALaw().encode((np.sin(np.arange(160) * 0.3) * 20000).astype(np.int16)))
SILENCE = frozenset((0xD5, 0x55))


class Speaker(Caller):
    """A phone in a conference, which is sent packets all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.socket.setblocking(False)
        self._due = 0.0

    def speak(self, port) -> None:
        """Send a packet when it is time to."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + 0.02
            header = struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, self.sent * 160, 7)
            self.socket.sendto(header + SOUND, port.local)
            self.sent += 1

    def hears_sound(self) -> bool:
        """Whether anything but silence has come since the last call."""
        found = False
        while True:
            try:
                found |= not SILENCE.issuperset(self.socket.recv(2048)[12:])
            except BlockingIOError:
                return found


@pytest.fixture
def told():
    """Collect an engine's events until one of a kind comes."""
    seen = []

    def wait(engine, kind):
        def look():
            seen.extend(engine.poll())
            return next((event for event in seen if isinstance(event, kind)), None)

        event = eventually(look, kind.__name__)
        seen.remove(event)
        return event

    return wait


def test_a_worker_that_hangs_is_ended_and_its_calls_go_on(two, callers, told):
    engine = two
    one, _ = connected(engine, callers)
    beside = engine.open_bundled_port(one, "call")  # another stream of the first caller, who hears itself
    beside.configure(PortSettings(remote=callers[0].address, formats=(PCMU,)))
    engine.echo(beside)
    callers[0].send(one, 5)
    before = callers[1].numbers(5)
    victim = one.thread.pid
    os.kill(victim, signal.SIGSTOP)
    eventually(lambda: has_stopped(victim), "all threads of the worker stand still")
    callers[0].send(one, 5)
    event = told(engine, WorkerLost)
    assert (event.pid, event.ports, event.moved) == (victim, 3, True)
    assert consecutive(before + callers[1].numbers(5)), "what had come meanwhile is passed on by another worker"
    callers[0].socket.sendto(struct.pack("!BBHII", 0x80, 0, 1, 160, 8) + b"\xff" * 160, one.local)
    assert callers[0].numbers(1), "the streams of one address are still told apart"
    told(engine, WorkerStarted)


def test_ports_with_which_every_worker_ends_are_lost_with_an_event(start, callers, told, monkeypatch):
    """Another worker is not sacrificed for them, and nobody is left in silence without a word."""
    monkeypatch.setattr(suspects, "_WITHIN_S", 600.0)  # a busy machine starts workers slowly
    engine = start(threads=1)
    one, other = connected(engine, callers)
    innocent = None
    for _ in range(2):
        os.kill(one.thread.pid, signal.SIGKILL)
        told(engine, WorkerLost)
        told(engine, WorkerStarted)
        innocent = innocent or engine.open_port("another call")
    os.kill(one.thread.pid, signal.SIGKILL)
    assert {told(engine, PortLost).port, told(engine, PortLost).port} == {one, other}
    told(engine, WorkerStarted)
    assert (one.lost, other.lost, innocent.lost) == (True, True, False)
    one.close()
    other.close()
    eventually(lambda: engine.statistics().ports_open == 1, "lost ports can be closed")


def test_a_worker_that_does_not_start_any_more_is_given_up(start, callers, told, monkeypatch):
    engine = start(threads=1)
    one, other = connected(engine, callers)
    monkeypatch.setattr("softswitch.media.workers.process_crew.spawn", lambda *given, **options: _fail())
    engine._crew._patience[0] = Patience(short_lives=5)
    os.kill(one.thread.pid, signal.SIGKILL)
    assert told(engine, WorkerGivenUp).worker == 0
    assert {told(engine, PortLost).port, told(engine, PortLost).port} == {one, other}


def _fail():
    raise OSError("no")


def test_secured_streams_go_on_in_another_worker_with_their_rollover_counters(two, callers, make_phone, told):
    engine = two
    secured, plain = engine.open_port("call"), engine.open_port("call")
    plain.configure(PortSettings(remote=callers[0].address, formats=(PCMA,)))
    peer = Peer(_Leg(make_phone(), secured), TODAY)
    engine.connect(secured, plain)
    for number in (65534, 65535, 65536):  # the counter of what comes passes the wrap
        peer.send(number)
    numbers = callers[0].numbers(3)
    callers[0].sent = 65530
    callers[0].send(plain, 10)  # and so does that of what goes out
    for _ in range(10):
        peer.receive()
    os.kill(secured.thread.pid, signal.SIGKILL)
    told(engine, WorkerLost)
    for number in (65537, 65538):
        peer.send(number)
    assert consecutive(numbers + callers[0].numbers(2)), "what the peer secures is opened by the other worker"
    callers[0].send(plain, 3)
    for _ in range(3):
        assert peer.receive()[12:] == b"\xd5" * 160, "and what it secures the peer can open"
    counters = secured.counters()
    assert (counters.srtp_auth_failures, counters.srtp_replayed) == (0, 0)


class _Leg:
    def __init__(self, phone, port):
        self.phone, self.port = phone, port


@pytest.fixture
def members():
    """Three phones for conferences."""
    made = [Speaker() for _ in range(3)]
    yield made
    for member in made:
        member.socket.close()


def test_linked_rooms_of_different_workers_hear_each_other_also_after_one_is_lost(two, told, members):
    engine = two
    owners = [f"room {i}" for i in range(20)]
    numbers = {owner: engine._thread_of(owner).number for owner in owners}
    first, second = (next(owner for owner in owners if numbers[owner] == number) for number in (0, 1))
    rooms = [engine.open_conference(first), engine.open_conference(second), engine.open_conference(first + "!")]
    ports = []
    for room, member in zip(rooms, members, strict=True):
        ports.append(engine.open_port(room.owner))
        ports[-1].configure(PortSettings(remote=member.address, formats=(PCMA,)))
        room.join(ports[-1])
    rooms[1].link(rooms[2])
    rooms[0].link(rooms[1])
    threads = [room.thread for room in rooms]
    assert threads[0] is not threads[1], "rooms stay where they are"
    _check_hears(members, ports)
    os.kill(threads[1].pid, signal.SIGKILL)
    assert told(engine, WorkerLost).moved
    assert rooms[0].thread is threads[0]
    assert rooms[1].thread is not threads[1]
    _check_hears(members, ports)


def _check_hears(members, ports):
    """The first and the last room hear each other: one of them speaks until the other hears sound."""
    for speaker, listener in ((0, -1), (-1, 0)):
        members[listener].hears_sound()  # of before

        def heard(speaker=speaker, listener=listener):
            members[speaker].speak(ports[speaker])
            return members[listener].hears_sound()

        eventually(heard, "the first and the last room hear each other")


@pytest.mark.parametrize("lost", ["home", "wing"])
def test_a_conference_of_two_workers_is_whole_again_after_one_is_lost(two, told, members, monkeypatch, lost):
    monkeypatch.setattr(spreading, "FEW", 0)  # any conference is large
    engine = two
    room = engine.open_conference("conference")
    home, away = room.thread, next(thread for thread in engine._crew.threads if thread is not room.thread)
    ports = []
    for member, thread in zip(members, (home, away, away), strict=True):
        owner = next(owner for owner in map(str, range(50)) if engine._thread_of(owner) is thread)
        ports.append(engine.open_port(owner))
        ports[-1].configure(PortSettings(remote=member.address, formats=(PCMA,)))
        room.join(ports[-1])
    assert [wing.thread for wing in room.wings] == [home, away]
    _check_hears(members, ports)
    victim, staying = (home, ports[1]) if lost == "home" else (away, ports[0])
    os.kill(victim.pid, signal.SIGKILL)
    before = staying.counters().packets_sent
    eventually(lambda: staying.counters().packets_sent > before + 5, "the other wing goes on")
    assert told(engine, WorkerLost).moved
    assert victim not in {port.thread for port in ports}
    _check_hears(members, ports)
    _check_hears(members[1:], ports[1:])
