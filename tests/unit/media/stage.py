"""Packet threads without threads: a test turns their clock and their loop, so that a minute of sound is a moment.

The loop, the sockets and the shared memory are those of the product. Only who calls the loop differs (the test, turn by
turn), and what it takes for the time (`clock_ns` in its scratch). So what is heard depends on nothing but the test.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from softswitch.media import engine_ports, port_table, signals
from softswitch.media.commands import CommandRing, Fields
from softswitch.media.layouts.commands import COMMAND_STOP
from softswitch.media.layouts.shared import LINK_FAR, LINK_NEAR, OPEN, RTP_PORT
from softswitch.media.layouts.wire import INBOX_READ, INBOX_WRITTEN, OUTBOX_READ, OUTBOX_WRITTEN
from softswitch.media.memory import Arena
from softswitch.media.playing import playing
from softswitch.media.transport.datagrams import Datagrams
from softswitch.media.workers import happenings
from softswitch.media.workers.packet_loop import PacketLoop
from softswitch.media.workers.packet_thread import OwnThread, PacketThread
from softswitch.media.workers.service_thread import ServiceThread

#: Where engines and phones of this process are: what those of another send late does not come here.
HOST = f"127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}.1"
#: The clock moves so far at a time: half of what a room takes for a turn.
STEP_NS = 5_000_000
#: How long a test waits for anything, by the clock of the stage.
PATIENCE_S = 3.0
#: How many times as long by the clock of the wall, for processes on a machine that does much else.
_ON_THE_WALL = 12
#: Turns after which there should be nothing left to do at one instant.
_MOST_TURNS = 10_000
#: Modules of the control side that read the clock.
_READ_THE_CLOCK = (engine_ports, happenings, playing, port_table, signals)


class Stage:
    """The time of a test and the packet threads that go by it; without such threads it is the time of the wall."""

    def __init__(self) -> None:
        self.threads: list[SteppedThread] = []
        self._now_ns = 1_000_000_000_000

    def enter(self, monkeypatch: Any) -> None:
        """Let engines that are started from now on go by this clock."""
        monkeypatch.setattr("softswitch.media.workers.crew.OwnThread", self._thread)
        for module in _READ_THE_CLOCK:
            monkeypatch.setattr(module, "time", self)

    def _thread(self, arena: Arena, number: int, event_fd: int, *, report_interval_s: float, **_: Any) -> SteppedThread:
        self.threads.append(SteppedThread(arena, number, event_fd, report_interval_s))
        self.threads[-1].set_clock(self._now_ns)
        return self.threads[-1]

    def monotonic(self) -> float:
        """What time it is, in seconds, as `time.monotonic` says it."""
        return self.now_ns / 1e9

    @property
    def now_ns(self) -> int:
        """What time it is, in nanoseconds."""
        return self._now_ns if self.threads else time.monotonic_ns()

    def pause(self) -> None:
        """Let the least time go by, and everything happen that it brings."""
        if not self.threads:
            time.sleep(0.002)
            return
        self._now_ns += STEP_NS
        for thread in self.threads:
            thread.set_clock(self._now_ns)
        self.settle()

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        end_ns = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end_ns:
            self.pause()

    def settle(self) -> None:
        """Let everything happen that is to happen now: commands, and packets on their way."""
        busy = self.threads
        while busy:
            for thread in busy:
                thread.turn()
            busy = [thread for thread in self.threads if thread.has_packets()]

    def patience(self, seconds: float) -> float:
        """How long to wait for what comes within so many seconds where nobody else uses the processor."""
        return seconds if self.threads else max(seconds, PATIENCE_S * _ON_THE_WALL)

    def wait(self, condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """The first true value of `condition`; the last, false one when there is none in time."""
        end_ns = self.now_ns + round(patience_s * 1e9)
        value = condition()
        if not value:
            self.settle()
            value = condition()
        while not value and self.now_ns < end_ns:
            self.pause()
            value = condition()
        return value

    def eventually(self, condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
        """The first true value of `condition`; fails the test, naming `what`, when there is none in time."""
        patience_s = self.patience(patience_s)
        value = self.wait(condition, patience_s)
        assert value, f"not within {patience_s} s: {what}"
        return value


class SteppedRing(CommandRing):
    """Commands for a loop that turns when it is told to: who waits for them turns it. A place is kept for `stop`."""

    turn: Callable[[], None]

    def post(self, *commands: Fields) -> int:
        """Hand over commands, and have them carried out when there is no more room for them."""
        if self.written + len(commands) - self.done >= len(self._commands):
            self.turn()
        return super().post(*commands)

    def wait(self, count: int) -> None:
        """Have everything carried out that was posted."""
        self.turn()
        super().wait(count)

    def stop(self) -> None:
        """Let the loop end behind its next turn."""
        super().post({"operation": COMMAND_STOP})
        self.ring()


class SteppedThread(OwnThread):
    """A packet loop that runs when it is called."""

    ring: SteppedRing

    def __init__(self, arena: Arena, number: int, event_fd: int, report_interval_s: float) -> None:
        self._loop = PacketLoop(arena, number, event_fd, report_interval_s=report_interval_s)
        PacketThread.__init__(self, arena, number, self._loop.command_fd)
        self._record = arena.workers[number]
        self._record["random"] = 1
        self.ring = SteppedRing(arena.commands[number], self._positions, self._loop.command_fd)
        self.ring.turn = self.turn
        self.datagrams = Datagrams(self._record, self.ring)
        self._services = ServiceThread(arena, number, event_fd)
        self._alive = True

    @property
    def alive(self) -> bool:
        """Whether `stop` was not called."""
        return self._alive

    def set_clock(self, now_ns: int) -> None:
        """Say what time it is."""
        self._arena.scratch[self.number][0]["clock_ns"] = now_ns

    def turn(self) -> None:
        """Let the loop turn once: a loop that is asked to stop finishes its turn."""
        if self._alive:
            self._record["running"] = 1
            self.ring.stop()
            self._loop.serve()

    def has_packets(self) -> bool:
        """Whether packets have come to its sockets, or over links."""
        if not self._alive:
            return False
        ports = self._arena.ports[: int(self._record["ports_used"])]
        ours = ports[(ports["state"] == OPEN) & (ports["worker"] == self.number)]
        if self._is_given(ours[ours["kind"] >= LINK_NEAR]):
            return True
        ours = ours[ours["kind"] == RTP_PORT]
        poller = select.poll()
        for descriptor in {*ours["rtp_fd"].tolist(), *ours["rtcp_fd"].tolist()}:
            if descriptor >= 0:
                poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(0))

    def _is_given(self, ends: NDArray[Any]) -> bool:
        """Whether something waits for these ends of links."""
        lines = self._arena.lines
        for end in ends:
            positions = lines[int(end["wire"])]["positions"]
            ring = (OUTBOX_WRITTEN, OUTBOX_READ) if end["kind"] == LINK_FAR else (INBOX_WRITTEN, INBOX_READ)
            if positions[ring[0]] != positions[ring[1]]:
                return True
        return False

    def stop(self) -> None:
        """Carry out what was posted, and give the descriptors back."""
        self.turn()
        self._alive = False
        self.ring.turn = lambda: None  # no circle is left that would keep the mapping
        self._services.stop()
        self._loop.close()
