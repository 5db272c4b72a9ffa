"""Short-lived background work with an owner: outgoing connections and name look-ups.

`asyncio.TaskGroup` cancels every sibling when one child fails, which is right for services and wrong for a
thousand independent connection attempts. `TaskOwner` wraps each child so that a failure is logged and counted,
bounds how many may run at once, and cancels and awaits all of them on exit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Self

logger = logging.getLogger(__name__)


class TaskOwner:
    """An asynchronous context manager that owns up to `limit` background coroutines.

    Used before it is entered or after it is left, `start` refuses politely: it closes the coroutine and answers False.
    """

    def __init__(self, limit: int = 1024) -> None:
        self._limit = limit
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused = 0
        self.failed = 0

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        group, self._group = self._group, None
        for task in tuple(self._tasks):
            task.cancel()
        if group is not None:
            await group.__aexit__(None, None, None)

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> bool:
        """Run `work` in the background; False when there is no room or no owner any more."""
        if self._group is None or len(self._tasks) >= self._limit:
            work.close()
            self.refused += 1
            return False
        task = self._group.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._forget(done, work))
        return True

    def _forget(self, task: asyncio.Task[None], work: Coroutine[Any, Any, None]) -> None:
        self._tasks.discard(task)
        # A task cancelled before its first step never touched its coroutine, which must be closed all the same.
        work.close()

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            self.failed += 1
            logger.exception("background task %s failed", name)
