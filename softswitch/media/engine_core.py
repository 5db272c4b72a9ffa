"""What all of the engine stands on: the memory, the packet threads, and how they are told anything."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Any

from softswitch.media.afterwards import Afterwards
from softswitch.media.errors import MediaError, PortClosed
from softswitch.media.memory import Arena
from softswitch.media.notices import MediaEvent
from softswitch.media.playing.playing import Playing
from softswitch.media.port import Port
from softswitch.media.port_table import PortTable
from softswitch.media.records import Fields
from softswitch.media.rooms.connections import Connections
from softswitch.media.rooms.spreading import Spreading, hashed
from softswitch.media.rooms.store import RoomStore
from softswitch.media.signals import Signals
from softswitch.media.transport.bundle import Bundles
from softswitch.media.transport.transports import Transports
from softswitch.media.wires.wires import Wires
from softswitch.media.workers.adoption import Adoption
from softswitch.media.workers.crew import Crew
from softswitch.media.workers.packet_thread import PacketThread


class EngineCore:
    """The parts of an engine, as `MediaEngine` makes them, and the way to its packet threads.

    `lock` guards everything; `afterwards` is what waits for commands to be done; `event_fd` is −1 unless it runs.
    """

    address: str
    advertised: str | None
    capacity: int
    lock: threading.RLock
    table: PortTable
    afterwards: Afterwards
    transports: Transports
    bundles: Bundles
    _crew: Crew
    _connections: Connections
    _spreading: Spreading
    _events: deque[MediaEvent]
    event_fd: int
    # These are there while the engine runs.
    playing: Playing
    rooms: RoomStore
    signals: Signals
    wires: Wires
    _arena: Arena
    _adoption: Adoption

    @property
    def arena(self) -> Arena:
        """The shared memory, for a recorder; raises MediaError when the engine does not run."""
        self._check_running()
        return self._arena

    def _check_running(self) -> None:
        if not self._crew.threads:
            raise MediaError("the engine does not run")

    def check_open(self, port: Port) -> None:
        """Raises PortClosed, or MediaError when the engine does not run."""
        self._check_running()
        if port.closed:
            raise PortClosed(f"{port} is closed")

    def _alive(self) -> list[PacketThread]:
        """The packet threads that run; raises MediaError when none does."""
        self._check_running()
        alive = [thread for thread in self._crew.threads if thread.alive]
        if not alive:
            raise MediaError("no media worker runs; another is being started")
        return alive

    def _thread_of(self, owner: str) -> PacketThread:
        return hashed(owner, self._alive())

    def hold_bells(self) -> None:
        """What is commanded from now on need not be begun before `ring_bells`: one wake-up instead of many."""
        for thread in self._crew.threads:
            thread.ring.hold()

    def ring_bells(self) -> None:
        """End `hold_bells`: packet threads that were given something are woken."""
        for thread in self._crew.threads:
            thread.ring.ring()

    def command(self, port: Port, operation: int, fields: Fields | None = None) -> int:
        """Hand a command about a port to its packet thread; returns the count its ring reaches with it."""
        head: dict[str, Any] = {"operation": operation, "port": port.slot, "generation": port.generation}
        return port.thread.ring.post(head if fields is None else head | fields)

    def settle(self) -> None:
        """Wait until the packet threads have done all they were asked, and let what they used be used again."""
        self.afterwards.settle_all(self._crew.threads)

    def tell(self, event: MediaEvent) -> None:
        """Let `poll` give out an event of the control side's own."""
        self._events.append(event)
        os.eventfd_write(self._crew.event_fd, 1)
