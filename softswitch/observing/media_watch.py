"""What the switch does about its media workers: tells of lost ones, and closes ports that outlived their calls."""

from __future__ import annotations

import logging

from softswitch.events import EventBus, MediaPortsReleased, MediaWorkerGivenUp, MediaWorkerLost, MediaWorkerStarted
from softswitch.media import MediaEngine, MediaEvent, WorkerGivenUp, WorkerLost, WorkerStarted

logger = logging.getLogger(__name__)


class MediaWatch:
    """Ports found open at the start are given `unclaimed_s` for a call to claim them."""

    def __init__(self, engine: MediaEngine, bus: EventBus, unclaimed_s: float) -> None:
        self._engine = engine
        self._bus = bus
        self._unclaimed_s = unclaimed_s
        self._release_at: float | None = None
        self.workers_lost = 0

    def begin(self, now: float) -> None:
        """The engine has started: look what an earlier switch has left in the workers."""
        found = self._engine.adopt()
        if found:
            calls = len({record.owner for record in found})
            logger.warning(
                "%d media ports of %d calls go on from before; they are closed in %g s if no call claims them",
                *(len(found), calls, self._unclaimed_s),
            )
            self._release_at = now + self._unclaimed_s

    def handle_timer(self, now: float) -> None:
        """Close what nobody has claimed."""
        if self._release_at is None or now < self._release_at:
            return
        self._release_at = None
        unclaimed = self._engine.adopt()
        for record in unclaimed:
            self._engine.release(record)
        if unclaimed:
            calls = sorted({record.owner for record in unclaimed})
            logger.warning("%d media ports of %d calls that are gone were closed", len(unclaimed), len(calls))
            self._bus.publish(MediaPortsReleased(len(unclaimed), calls))

    def handle(self, event: MediaEvent) -> None:
        """Pass on what concerns the workers."""
        if isinstance(event, WorkerLost):
            self.workers_lost += 1
            where = "other workers serve them now" if event.moved else "they wait for the next one"
            logger.error(
                "media worker %d (process %d) has ended; it had %d ports: %s",
                *(event.worker, event.pid, event.ports, where),
            )
            self._bus.publish(MediaWorkerLost(event.worker, event.pid, event.ports, event.moved))
        elif isinstance(event, WorkerGivenUp):
            logger.error("media worker %d keeps ending and is given up; its log may say why", event.worker)
            self._bus.publish(MediaWorkerGivenUp(event.worker))
        elif isinstance(event, WorkerStarted):
            logger.warning("media worker %d runs again (process %d)", event.worker, event.pid)
            self._bus.publish(MediaWorkerStarted(event.worker, event.pid, event.ports))
