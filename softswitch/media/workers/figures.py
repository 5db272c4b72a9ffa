"""A service beside every packet thread that tells what its process holds, for measurements and soak tests."""

from __future__ import annotations

import os
from pathlib import Path

from softswitch.media.memory import Arena
from softswitch.media.workers.services import Message, Tell


class Figures:
    """Answers any request with `pid`, `descriptors` (open ones), `private_octets` (memory that no other process
    sees) and `ports_open`; `{"tell": x}` has it told unasked besides."""

    def start(self, arena: Arena, worker: int, tell: Tell) -> None:
        """`Service.start`."""
        self._record = arena.workers[worker]
        self._tell = tell

    def handle(self, request: Message) -> Message:
        """`Service.handle`."""
        if "tell" in request:
            self._tell({"told": request["tell"]})
        resident, shared = (int(word) for word in Path("/proc/self/statm").read_text().split()[1:3])
        return {
            "pid": os.getpid(),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "private_octets": (resident - shared) * os.sysconf("SC_PAGE_SIZE"),
            "ports_open": int(self._record["ports_open"]),
        }

    def stop(self) -> None:
        """`Service.stop`: nothing is open."""
