"""One timer wheel for a whole protocol core, so that no transaction owns a loop timer.

Two kinds of delay. `schedule` puts a callback into the slot of its tick (1/64 s, never early): O(1) to add and to
cancel. A `Lane` serves the many timers that share one fixed delay and are seldom needed once they are due (first
retransmission, wait for stray copies): it is a first-in first-out line of keys, nothing is ever cancelled, and its
callback finds out by the key whether anything is left to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, inf

TICKS_PER_SECOND = 64


class Timer:
    """A scheduled callback that has not run yet; `cancel` forgets it at once."""

    __slots__ = ("_slot", "at", "callback")

    def __init__(self, at: float, callback: Callable[[float], None], slot: dict[Timer, None]) -> None:
        self.at = at
        self.callback = callback
        self._slot = slot
        slot[self] = None

    def cancel(self) -> None:
        """Make sure the callback does not run; harmless when it already has."""
        self._slot.pop(self, None)


class Lane:
    """Keys that all wait the same `delay` in seconds, in the order in which they came."""

    __slots__ = ("callback", "delay", "line")

    def __init__(self, delay: float, callback: Callable[[str, float], None]) -> None:
        self.delay = delay
        self.callback = callback
        #: when each key is due, and the key
        self.line: deque[tuple[float, str]] = deque()

    def add(self, key: str, now: float) -> None:
        """Have the lane's callback called with `key` once `delay` has passed."""
        self.line.append((now + self.delay, key))

    def __len__(self) -> int:
        return len(self.line)

    def advance(self, now: float) -> None:
        """Call back for every key that is due at `now`."""
        line = self.line
        callback = self.callback
        while line and line[0][0] <= now:
            callback(line.popleft()[1], now)


class TimerWheel:
    """All timers of a core: `advance` runs what is due, `next_at` says when to come again."""

    __slots__ = ("_lanes", "_slots", "_ticks")

    def __init__(self) -> None:
        self._slots: dict[int, dict[Timer, None]] = {}
        self._ticks: list[int] = []
        self._lanes: list[Lane] = []

    def schedule(self, at: float, callback: Callable[[float], None]) -> Timer:
        """Run `callback(now)` at the first `advance` whose time is `at` or later (to 1/64 s, never early)."""
        tick = ceil(at * TICKS_PER_SECOND)
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = {}
            heappush(self._ticks, tick)
        return Timer(at, callback, slot)

    def lane(self, delay: float, callback: Callable[[str, float], None]) -> Lane:
        """Add a lane whose keys wait `delay` seconds; made once when a core is built."""
        lane = Lane(delay, callback)
        self._lanes.append(lane)
        return lane

    def advance(self, now: float) -> None:
        """Run every callback that is due at `now`, in the order of their times; callbacks may schedule more."""
        for lane in self._lanes:
            lane.advance(now)
        ticks = self._ticks
        limit = now * TICKS_PER_SECOND
        while ticks and ticks[0] <= limit:
            slot = self._slots.pop(heappop(ticks))
            while slot:
                timer = next(iter(slot))
                del slot[timer]
                timer.callback(now)

    def next_at(self) -> float | None:
        """When to call `advance` next, on a tick so that a busy core wakes 64 times a second at most."""
        earliest = inf
        for lane in self._lanes:
            line = lane.line
            if line and line[0][0] < earliest:
                earliest = line[0][0]
        next_tick = ceil(earliest * TICKS_PER_SECOND) if earliest < inf else inf
        ticks = self._ticks
        while ticks and not self._slots[ticks[0]]:
            del self._slots[heappop(ticks)]
        if ticks and ticks[0] < next_tick:
            next_tick = ticks[0]
        return next_tick / TICKS_PER_SECOND if next_tick < inf else None

    def __len__(self) -> int:
        """How many callbacks and lane keys wait."""
        return sum(map(len, self._slots.values())) + sum(map(len, self._lanes))
