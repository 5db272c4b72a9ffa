"""Waiting for what another party on the loop, a thread or a process brings about.

A test waits for exactly what it asserts, not for something else that mostly comes later, and with the patience that a
machine needs which does much else: it costs nothing when the condition comes early.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Callable

#: How long a test waits for what comes at once on an idle machine.
PATIENCE_S = 30.0
_PAUSE_S = 0.005


async def eventually(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Let the loop run until `condition()` holds; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain until {what}"
        await asyncio.sleep(_PAUSE_S)


async def becomes(seen: Callable[[], object], expected: object, seconds: float = PATIENCE_S) -> None:
    """Let the loop run until `seen()` is what is expected; AssertionError with what was seen last after `seconds`."""
    end = time.monotonic() + seconds
    while (last := seen()) != expected:
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {expected!r}, at last it was {last!r}"
        await asyncio.sleep(_PAUSE_S)


@contextlib.asynccontextmanager
async def sockets_closed() -> AsyncIterator[None]:
    """Let the loop run behind the block until all sockets that were opened in it are closed.

    Transports that are told to close do so some turns of the loop later, those of TLS behind a word of the peer. One
    that is still open when the loop ends becomes a warning in whatever test the garbage is collected.
    """
    before = _open_sockets()
    yield
    await becomes(lambda: _open_sockets() - before, set())


def _open_sockets() -> set[str]:
    """The internet sockets of this process, as the kernel names them; others may be the loop's own."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # it was closed meanwhile
            name = os.readlink(f"/proc/self/fd/{number}")
            if name.startswith("socket:") and _is_internet(int(number)):
                found.add(name)
    return found


def _is_internet(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        return copy.family in (socket.AF_INET, socket.AF_INET6)
