"""What is done once a packet thread has carried out what it was asked: what it used until then may be others'."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from softswitch.media.workers.packet_thread import PacketThread


class Afterwards:
    """Actions, each waiting for a packet thread's command ring to get so far; done in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[PacketThread, int, Callable[[], object]]] = deque()

    def add(self, thread: PacketThread, position: int, action: Callable[[], object]) -> None:
        """Do something when the thread has carried out its commands up to `position`."""
        self._waiting.append((thread, position, action))

    def settle(self) -> None:
        """Do what is due."""
        while self._waiting and self._waiting[0][0].ring.done >= self._waiting[0][1]:
            self._waiting.popleft()[2]()

    def settle_all(self, threads: Iterable[PacketThread]) -> None:
        """Wait until the threads have done all they were asked, and do what is due."""
        for thread in threads:
            thread.ring.wait(thread.ring.written)
        self.settle()

    def clear(self) -> None:
        """The threads have ended: nobody uses anything any more."""
        self._waiting.clear()
