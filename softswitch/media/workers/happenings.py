"""What has happened: events out of the packet threads' rings, and packet threads and helpers lost and started."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from softswitch.media.addresses import decode_address
from softswitch.media.layouts.events import (
    EVENT_ALARMS,
    EVENT_BYE,
    EVENT_FRAMES,
    EVENT_LATCHED,
    EVENT_PLAYED,
    EVENT_RESUMED,
    EVENT_ROOM_PLAYED,
    EVENT_SOURCE,
    EVENT_TIMEOUT,
)
from softswitch.media.notices import (
    Goodbye,
    HelperLost,
    HelperStarted,
    Latched,
    MediaEvent,
    PortLost,
    RtpResumed,
    RtpTimeout,
    ServiceNotice,
    WorkerGivenUp,
    WorkerLost,
    WorkerStarted,
)
from softswitch.media.workers.crew import Change, Crew
from softswitch.media.workers.recovery import Recovery
from softswitch.media.workers.services import HELPER
from softswitch.media.workers.suspects import bereaved

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port
    from softswitch.media.rooms.wings import Wing
    from softswitch.media.workers.packet_thread import PacketThread


class Happenings:
    """Collects what an engine's `poll` tells; everything is called under the engine's lock."""

    def __init__(self, engine: MediaEngine, crew: Crew, recovery: Recovery) -> None:
        self._engine = engine
        self._crew = crew
        self._recovery = recovery

    def collect(self) -> list[MediaEvent]:
        """Everything since the last call, in the order of each thread."""
        found: list[MediaEvent] = []
        for change in self._crew.changes():
            found += self._follow(change)
        helper, now = self._crew.helper, time.monotonic()
        found += [ServiceNotice(HELPER, *notice) for notice in helper.replies()]
        found += [HelperStarted(pid, now) if started else HelperLost(pid, now) for pid, started in helper.changes()]
        for thread in self._crew.threads:
            found += [ServiceNotice(thread.number, *notice) for notice in thread.replies()]
            found += [event for record in thread.events() if (event := self._translate(record)) is not None]
            found += self._engine.transports.poll(thread, self._engine.table.open, time.monotonic())
        found += self._engine.transports.handle_timers(time.monotonic())
        return found

    def _follow(self, change: Change) -> list[MediaEvent]:
        """A worker that was lost has left its ports in the shared memory and their sockets with us."""
        told: list[MediaEvent] = []
        now = time.monotonic()
        if change.lost is not None:
            told += self._mourn(change.lost, now)
        if change.given_up is not None:
            told.append(WorkerGivenUp(change.given_up.number, now))
            if not any(thread.alive for thread in self._crew.threads):
                told += self._abandon(self._unserved(), now)
        if change.started is not None:
            told.append(self._welcome(change.started, now))
        return told

    def _mourn(self, lost: PacketThread, now: float) -> list[MediaEvent]:
        """Give the ports of a lost worker to others, if there are any, but for those that may have ended it."""
        engine = self._engine
        engine.afterwards.settle()
        ports = [port for port in engine.table if port.thread is lost]
        told = self._abandon(bereaved(ports, now), now)
        alive = [thread for thread in self._crew.threads if thread.alive]
        self._recovery.clear(lost.number)
        if alive:
            wings = [wing for wing in engine.rooms.wings if wing.thread is lost]
            left = [port for port in engine.table.served if port.thread is lost and not port.lost]
            self._reseat(left, wings, alive)
        return [*told, WorkerLost(lost.number, lost.pid, len(ports), bool(alive), now)]

    def _welcome(self, started: PacketThread, now: float) -> MediaEvent:
        """A worker has come: what nobody serves is its own now."""
        ports = self._unserved()
        links = [end for end in self._engine.table.links.values() if not end.thread.alive]
        self._reseat([*ports, *links], [wing for wing in self._engine.rooms.wings if not wing.thread.alive], [started])
        return WorkerStarted(started.number, started.pid, len(ports), now)

    def _unserved(self) -> list[Port]:
        return [port for port in self._engine.table if not port.thread.alive and not port.lost]

    def _reseat(self, ports: list[Port], wings: list[Wing], threads: list[PacketThread]) -> None:
        self._recovery.reseat(ports, wings, threads)
        self._engine.wires.reseated(ports)
        self._engine.bundles.reseated(ports)

    def _abandon(self, ports: list[Port], now: float) -> list[MediaEvent]:
        """Take ports that nobody will serve out of whatever they are in, and say so: silence needs a reason."""
        for port in ports:
            port.lost = True
            self._engine.disconnect(port)
        return [PortLost(port, now) for port in ports]

    def _translate(self, record: NDArray[Any]) -> MediaEvent | None:
        engine = self._engine
        if record["kind"] >= EVENT_ROOM_PLAYED:
            return engine.rooms.translate(record, engine.table.open)
        port = engine.table.open.get(int(record["port"]))
        if port is None or port.generation != record["generation"]:
            return None
        kind, time_s, value = int(record["kind"]), int(record["time_ns"]) / 1e9, int(record["value"])
        if kind in (EVENT_FRAMES, EVENT_ALARMS):
            engine.wires.translate(port, kind, value)
            return None
        if kind == EVENT_SOURCE:
            engine.bundles.heard(port, value)
            return None
        if kind == EVENT_LATCHED:
            return Latched(port, decode_address(record["address"]), time_s)
        if kind == EVENT_TIMEOUT:
            return RtpTimeout(port, value / 1e9, time_s)
        if kind == EVENT_RESUMED:
            return RtpResumed(port, time_s)
        if kind == EVENT_BYE:
            return Goodbye(port, time_s)
        if kind == EVENT_PLAYED:
            engine.playing.over(port, value)
            return engine.signals.played(port, value, time_s)
        return engine.signals.translate(port, kind, value, time_s)
