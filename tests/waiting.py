"""Waiting for what another party on the loop, a thread or a process brings about.

A test waits for exactly what it asserts, not for something else that mostly comes later, and with the patience that a
machine needs which does much else: it costs nothing when the condition comes early.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

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
