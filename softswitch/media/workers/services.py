"""Work beside a packet thread that is not done per packet: writing recordings, say; in whichever process that runs in.

A service lives where its packet thread lives, so it goes on when the switch is killed. It is an object with three
methods; `SERVICES` names what makes it. It is made when it is first asked for anything, once for each packet thread.
The control side asks it by `MediaEngine.ask(thread_number, "name", {...}, answer)`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TypeAlias

from softswitch.media.memory import Arena

logger = logging.getLogger(__name__)

#: What is said between the control side and a service: whatever JSON can hold, 190 kB at most.
Message: TypeAlias = dict[str, Any]
#: Called with the reply; one that could not be given has the text of the failure under "error".
Answer: TypeAlias = Callable[[Message], object]
#: What a service calls, on any thread, to tell the control side something unasked: `ServiceNotice` comes from `poll`.
Tell: TypeAlias = Callable[[Message], None]


#: The number of the helper, where services live that look after all packet threads together.
HELPER = -1


class Service(Protocol):
    """One service of one packet thread, or of the helper.

    `start`, `handle` and `stop` are called one at a time, never in parallel.
    """

    def start(self, arena: Arena, worker: int, tell: Tell) -> None:
        """Begin: the arena is that of packet thread `worker`, which may be HELPER. Threads may be started here."""

    def handle(self, request: Message) -> Message:
        """Answer one request. It should not take long: others wait. What is raised becomes the reply's "error"."""

    def stop(self) -> None:
        """The packet thread has ended: finish what is open, within a second or two."""


#: Name -> "module:factory". A module is imported only where its service is wanted.
SERVICES: dict[str, str] = {
    "figures": "softswitch.media.workers.figures:Figures",
    "recorder": "softswitch.media.recording.service:RecorderService",
}


class ServiceHost:
    """The services of one packet thread, made as they are wanted; `tell(name, notice)` reaches the control side."""

    def __init__(self, arena: Arena, worker: int, tell: Callable[[str, Message], None]) -> None:
        self._arena = arena
        self._worker = worker
        self._tell = tell
        self._running: dict[str, Service] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the services that have been made."""
        return tuple(self._running)

    def handle(self, name: str, request: Message) -> Message:
        """The reply of service `name`; one that fails is told in the reply and in the log, never raised."""
        try:
            return self._service(name).handle(request)
        except Exception as error:
            logger.exception("media service %s failed", name)
            return {"error": f"{type(error).__name__}: {error}"}

    def stop(self) -> None:
        """End all services; one that fails does not keep the others from ending."""
        for name, service in self._running.items():
            try:
                service.stop()
            except Exception:
                logger.exception("media service %s did not end well", name)
        self._running.clear()

    def _service(self, name: str) -> Service:
        service = self._running.get(name)
        if service is None:
            module, _, factory = SERVICES[name].partition(":")
            made: Service = getattr(import_module(module), factory)()
            made.start(self._arena, self._worker, lambda notice: self._tell(name, notice))
            service = self._running[name] = made
        return service
