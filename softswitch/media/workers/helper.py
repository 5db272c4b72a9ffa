"""The helper of an engine: where services run that look after all packet threads; here a thread of this process."""

from __future__ import annotations

import os
import select
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from softswitch.media.memory import Arena
from softswitch.media.workers.service_thread import ServiceThread
from softswitch.media.workers.services import HELPER, Answer, Message


class HelperChange(NamedTuple):
    """The helper of that process was lost, or (`started`) has come in its place."""

    pid: int
    started: bool


class Helper(ABC):
    """Begins when it is first asked. `alive` until it is lost, `pid` is that of its process, 0 while there is none."""

    alive = True
    pid = 0

    @abstractmethod
    def open(self, arena: Arena, event_fd: int) -> None:
        """The shared memory is there."""

    @abstractmethod
    def begin(self) -> None:
        """Begin now, and not when it is first asked."""

    @abstractmethod
    def watch(self, poller: select.epoll) -> None:
        """Let messages of the helper, and its end, wake who waits for `poller`."""

    @abstractmethod
    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Ask a service; never waits. `answer` is called by `replies`."""

    @abstractmethod
    def replies(self) -> Iterator[tuple[str, Message]]:
        """Hand the answers that have come to who waits for them, and yield (service, notice) for unasked ones."""

    def changes(self) -> list[HelperChange]:
        """Who was lost and who has come since the last call; never waits."""
        return []

    @abstractmethod
    def stop(self) -> None:
        """End the services and give everything back."""


class OwnHelper(Helper):
    """On a thread of this process."""

    def open(self, arena: Arena, event_fd: int) -> None:
        """See Helper."""
        self.pid = os.getpid()
        self._services = ServiceThread(arena, HELPER, event_fd)

    def begin(self) -> None:
        """The first question starts the thread."""

    def watch(self, poller: select.epoll) -> None:
        """Its answers wake us by `event_fd`."""

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """See Helper."""
        self._services.ask(service, request, answer)

    def replies(self) -> Iterator[tuple[str, Message]]:
        """See Helper."""
        return self._services.replies()

    def stop(self) -> None:
        """See Helper; raises MediaError when a service does not end."""
        self._services.stop()
        del self._services  # it looks into the shared memory
