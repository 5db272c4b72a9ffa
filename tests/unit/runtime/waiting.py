"""Waiting for a condition that another party on the loop brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Return as soon as `condition()` holds; AssertionError naming `what` after `seconds`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    for _ in iter(lambda: loop.time() < end, False):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{what} did not happen within {seconds} s")
