"""Many deadlines kept cheaply: bindings, subscriptions and publications that end unless they are refreshed.

Not a timer each: items lie in buckets of one width, found by the end of their bucket, and a heap orders the buckets. A
refresh moves an item between two sets; nothing stale stays behind.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar


class Expiring(Protocol):
    """What can lie in a wheel: a slot for the number of its bucket, -1 while it lies in none."""

    bucket: int


Item = TypeVar("Item", bound=Expiring)


class ExpiryWheel(Generic[Item]):
    """Items by the time at which they end; an item is due at most `width` seconds after its deadline, never before."""

    __slots__ = ("_buckets", "_order", "_width")

    def __init__(self, width: float = 1.0) -> None:
        self._width = width
        self._buckets: dict[int, set[Item]] = {}
        self._order: list[int] = []

    def add(self, item: Item, at: float) -> None:
        """Puts the item in, to end at `at`; it must not lie in the wheel."""
        bucket = int(at / self._width) + 1
        item.bucket = bucket
        items = self._buckets.get(bucket)
        if items is None:
            self._buckets[bucket] = {item}
            heappush(self._order, bucket)
        else:
            items.add(item)

    def discard(self, item: Item) -> None:
        """Takes the item out, if it lies in the wheel."""
        items = self._buckets.get(item.bucket)
        if items is not None:
            items.discard(item)
        item.bucket = -1

    def move(self, item: Item, at: float) -> None:
        """Gives the item a new deadline."""
        if item.bucket != int(at / self._width) + 1:
            self.discard(item)
            self.add(item, at)

    def due(self, now: float) -> list[Item]:
        """Takes out and returns every item whose bucket has ended."""
        last = int(now / self._width)
        found: list[Item] = []
        while self._order and self._order[0] <= last:
            for item in self._buckets.pop(heappop(self._order)):
                item.bucket = -1
                found.append(item)
        return found

    def next_at(self) -> float | None:
        """When the next item is due, on the clock of the deadlines; None while the wheel is empty."""
        while self._order:
            bucket = self._order[0]
            if self._buckets[bucket]:
                return bucket * self._width
            heappop(self._order)
            del self._buckets[bucket]
        return None
