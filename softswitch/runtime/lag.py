"""How late the event loop runs: one short sleep after another, and how much longer than asked each took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class LagMonitor:
    """A service that measures and reports the loop's lag in seconds to each of `observers`."""

    def __init__(self, *observers: Callable[[float], None], interval: float = 0.25) -> None:
        self.last = 0.0
        self.worst = 0.0
        self._observers = observers
        self._interval = interval

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            expected = time.monotonic() + self._interval
            await asyncio.sleep(self._interval)
            # The loop counts whole milliseconds, so up to one of them is rounding and not lag.
            lag = max(0.0, time.monotonic() - expected - 0.001)
            self.last = lag
            self.worst = max(self.worst, lag)
            for observe in self._observers:
                observe(lag)
