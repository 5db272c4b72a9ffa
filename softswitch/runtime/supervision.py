"""Runs the switch's long-lived services, restarts the ones that may be, and turns signals into a graceful end.

SIGTERM and SIGINT start the drain, a second one ends it at once; SIGHUP calls the reload hook.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

HEALTHY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """One long-lived coroutine.

    `restarts` is how often in a row it may fail before the whole switch ends (0: its first failure ends it); the
    wait before the n-th restart is `backoff`·2ⁿ⁻¹ seconds, at most 30. A run of a minute forgives earlier failures.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    restarts: int = 5
    backoff: float = 0.5


class ServiceFailed(RuntimeError):
    """A service failed more often than it may."""


class Supervisor:
    """Owns services until `stop` or a signal; `drain` runs first, at most `drain_seconds`, then all are cancelled."""

    def __init__(
        self,
        *,
        drain: Callable[[], Awaitable[None]] | None = None,
        reload: Callable[[], Awaitable[None]] | None = None,
        drain_seconds: float = 10.0,
    ) -> None:
        self.failures: dict[str, int] = {}
        self.running: set[str] = set()
        self._drain = drain
        self._reload = reload
        self._drain_seconds = drain_seconds
        self._services: list[Service] = []
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, service: Service) -> None:
        """Supervise one more service, at once when the supervisor already runs."""
        self._services.append(service)
        if self._group is not None:
            self._tasks.append(self._group.create_task(self._keep_running(service), name=service.name))

    def stop(self) -> None:
        """Begin the graceful end; called a second time, do not wait for the drain."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def request_reload(self) -> None:
        """Call the reload hook in the background; its failure is logged and changes nothing."""
        if self._reload is not None and self._group is not None:
            self._tasks.append(self._group.create_task(self._reload_safely(self._reload), name="reload"))
            self._tasks = [task for task in self._tasks if not task.done()]

    async def run(self, *, signals: bool = True) -> None:
        """Run until stopped. Raises ServiceFailed (in an exception group) when a service is beyond its restarts."""
        loop = asyncio.get_running_loop()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            loop.add_signal_handler(signal.SIGHUP, self.request_reload)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._tasks = [group.create_task(self._keep_running(each), name=each.name) for each in self._services]
                await self._stopping.wait()
                await self._drain_at_most()
                for task in self._tasks:
                    task.cancel()
        finally:
            self._group = None
            if signals:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    loop.remove_signal_handler(number)

    async def _drain_at_most(self) -> None:
        if self._drain is None:
            return
        drain = asyncio.ensure_future(self._drain())
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait((drain, hurry), timeout=self._drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (drain, hurry):
                each.cancel()
            results = await asyncio.gather(drain, hurry, return_exceptions=True)
        if isinstance(results[0], Exception):
            logger.error("draining failed", exc_info=results[0])

    async def _keep_running(self, service: Service) -> None:
        loop = asyncio.get_running_loop()
        in_a_row = 0
        while True:
            started = loop.time()
            try:
                self.running.add(service.name)
                await service.run()
                return
            except Exception as problem:
                self.failures[service.name] = self.failures.get(service.name, 0) + 1
                in_a_row = 1 if loop.time() - started > HEALTHY_SECONDS else in_a_row + 1
                if in_a_row > service.restarts:
                    raise ServiceFailed(f"service {service.name} failed {in_a_row} times in a row") from problem
                logger.exception("service %s failed and is started again", service.name)
            finally:
                self.running.discard(service.name)
            await asyncio.sleep(min(service.backoff * 2 ** (in_a_row - 1), 30.0))

    async def _reload_safely(self, reload: Callable[[], Awaitable[None]]) -> None:
        try:
            await reload()
        except Exception:
            logger.exception("reload failed; the old configuration stays in force")
