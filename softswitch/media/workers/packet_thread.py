"""One packet thread, as the control side holds it: its rings, and whether it lives; in this process or in another."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from softswitch.media.allocation import BoundPair
from softswitch.media.commands import CommandRing
from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_STOP
from softswitch.media.layouts.worker import EVENTS_READ, EVENTS_WRITTEN
from softswitch.media.memory import Arena
from softswitch.media.positions import observe, publish
from softswitch.media.transport.datagrams import Datagrams
from softswitch.media.workers.packet_loop import PacketLoop
from softswitch.media.workers.service_thread import ServiceThread
from softswitch.media.workers.services import Answer, Message

_STOP_S = 5.0


class PacketThread(ABC):
    """Worker `number` of the arena: `ring` takes its commands, `events` gives what it has to tell.

    `datagrams` are those it has set aside, and the way back; `pid` is that of the process it runs in.
    """

    def __init__(self, arena: Arena, number: int, command_fd: int) -> None:
        self._arena = arena
        self.number = number
        self._positions = arena.positions[number]
        self.ring = CommandRing(arena.commands[number], self._positions, command_fd)
        self.datagrams = Datagrams(arena.workers[number], self.ring)
        self.pid = os.getpid()

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether the loop runs."""

    @property
    def cpu_s(self) -> float:
        """Processor time its process has used, in seconds."""
        return time.process_time()

    @property
    def keeps_sockets(self) -> bool:
        """Whether the control side keeps the sockets of the ports too, because the thread has its own copies."""
        return False

    @abstractmethod
    def hand_over(self, slot: int, generation: int, pair: BoundPair) -> None:
        """Let the thread have the sockets of a port; to be called before the OPEN command."""

    @abstractmethod
    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Ask a service that runs beside the packet thread (`softswitch.media.workers.services`); never waits.

        `answer` is called by `replies` with what it says.
        """

    @abstractmethod
    def replies(self) -> Iterator[tuple[str, Message]]:
        """Hand the answers that have come to who waits for them, and yield (service, notice) for unasked ones."""

    @abstractmethod
    def stop(self) -> None:
        """End the loop; raises MediaError when it does not end."""

    def events(self) -> Iterator[NDArray[Any]]:
        """Take out every waiting event record; each is valid until the next is asked for."""
        events = self._arena.events[self.number]
        read = int(self._positions[EVENTS_READ])
        written = observe(self._positions, EVENTS_WRITTEN)
        while read < written:
            yield events[read % len(events)]
            read += 1
            publish(self._positions, EVENTS_READ, read)


class OwnThread(PacketThread):
    """A packet thread of this process."""

    def __init__(
        self, arena: Arena, number: int, event_fd: int, *, report_interval_s: float, realtime: bool = True
    ) -> None:
        self._loop = PacketLoop(arena, number, event_fd, report_interval_s=report_interval_s, realtime=realtime)
        super().__init__(arena, number, self._loop.command_fd)
        self._services = ServiceThread(arena, number, event_fd)
        self._loop.thread.start()

    @property
    def alive(self) -> bool:
        """Whether the loop runs."""
        return self._loop.thread.is_alive()

    def hand_over(self, slot: int, generation: int, pair: BoundPair) -> None:
        """The record has them already: they are this process's own."""

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Ask a service, which runs on a thread of its own that the first question starts."""
        self._services.ask(service, request, answer)

    def replies(self) -> Iterator[tuple[str, Message]]:
        """Hand the answers that have come to who waits for them, and yield (service, notice) for unasked ones."""
        return self._services.replies()

    def stop(self) -> None:
        """End the loop and the services, and give the descriptors back."""
        self.ring.post({"operation": COMMAND_STOP})
        self._loop.thread.join(_STOP_S)
        if self._loop.thread.is_alive():
            raise MediaError("the packet thread does not end")
        self._services.stop()
        self._loop.close()
