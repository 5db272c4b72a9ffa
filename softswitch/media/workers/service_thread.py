"""Services of a packet thread of this process: on a thread of their own, which the first question starts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from softswitch.media.errors import MediaError
from softswitch.media.memory import Arena
from softswitch.media.workers.services import Answer, Message, ServiceHost

_STOP_S = 5.0


class ServiceThread:
    """What `worker_process` does by messages, done by queues."""

    def __init__(self, arena: Arena, number: int, event_fd: int) -> None:
        self._arena = arena
        self._number = number
        self._event_fd = event_fd
        self._asked: SimpleQueue[tuple[str, Message, Answer] | None] = SimpleQueue()
        self._answered: SimpleQueue[tuple[Answer, Message]] = SimpleQueue()
        self._notices: SimpleQueue[tuple[str, Message]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Queue a question; `answer` is called by `replies`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"media-services-{self._number}", daemon=True)
            self._thread.start()
        self._asked.put((service, request, answer))

    def replies(self) -> Iterator[tuple[str, Message]]:
        """Call those whose answers have come, and yield (service, notice)."""
        while not self._answered.empty():
            answer, reply = self._answered.get()
            answer(reply)
        try:
            while True:
                yield self._notices.get_nowait()
        except Empty:
            return

    def stop(self) -> None:
        """End the services and the thread; raises MediaError when one does not end."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                raise MediaError("a media service does not end")
            self._thread = None

    def _run(self) -> None:
        host = ServiceHost(self._arena, self._number, self._tell)
        while (question := self._asked.get()) is not None:
            service, request, answer = question
            self._answered.put((answer, host.handle(service, request)))
            os.eventfd_write(self._event_fd, 1)
        host.stop()

    def _tell(self, service: str, notice: Message) -> None:
        self._notices.put((service, notice))
        os.eventfd_write(self._event_fd, 1)
