"""The newest position of every device, with its coordinates in arrays, for cheap questions about all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from softswitch.location.geodesy import EARTH_RADIUS_M, Box, Point, bearing_deg
from softswitch.location.position import Position


class Nearby(NamedTuple):
    """A device, how far it is, and in which direction."""

    position: Position
    distance_m: float
    bearing_deg: float


class Latest:
    """At most `limit` devices; when there are more, the one that was silent longest is forgotten."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._by_number: dict[str, Position] = {}  # in the order of their last reports
        self._slot: dict[str, int] = {}
        self._free: list[int] = []
        self._numbers: list[str] = []
        self._degrees: NDArray[np.float64] = np.full((64, 2), np.nan)

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Position]:
        return iter(self._by_number.values())

    def get(self, number: str) -> Position | None:
        """The newest position of a device."""
        return self._by_number.get(number)

    def put(self, position: Position) -> str:
        """Take a newer one; returns the number that had to be forgotten for it, usually none."""
        number = position.number
        self._by_number.pop(number, None)
        self._by_number[number] = position
        slot = self._slot.get(number)
        forgotten = ""
        if slot is None:
            if len(self._by_number) > self._limit:
                forgotten = next(iter(self._by_number))
                self.forget(forgotten)
            slot = self._slot[number] = self._new_slot(number)
        self._degrees[slot] = position.latitude, position.longitude
        return forgotten

    def forget(self, number: str) -> None:
        """A device is not known any more; harmless when it never was."""
        self._by_number.pop(number, None)
        slot = self._slot.pop(number, None)
        if slot is not None:
            self._degrees[slot] = np.nan
            self._free.append(slot)

    def _new_slot(self, number: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._numbers[slot] = number
            return slot
        self._numbers.append(number)
        if len(self._numbers) > len(self._degrees):
            self._degrees = np.vstack((self._degrees, np.full_like(self._degrees, np.nan)))
        return len(self._numbers) - 1

    def within(self, box: Box) -> list[Position]:
        """The devices in a box, by number."""
        latitude, longitude = self._degrees[: len(self._numbers)].T
        east = (longitude >= box.west) & (longitude <= box.east)
        if box.west > box.east:
            east = (longitude >= box.west) | (longitude <= box.east)
        inside = np.flatnonzero((latitude >= box.south) & (latitude <= box.north) & east)
        return [self._by_number[number] for number in sorted(self._numbers[slot] for slot in inside)]

    def near(self, point: Point, limit: int, radius_m: float = float("inf")) -> list[Nearby]:
        """The devices next to a point, the nearest first."""
        latitude, longitude = np.radians(self._degrees[: len(self._numbers)]).T
        lat, lon = np.radians(point)
        half = np.sin((latitude - lat) / 2) ** 2 + np.cos(lat) * np.cos(latitude) * np.sin((longitude - lon) / 2) ** 2
        away = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(np.sqrt(half), 1.0))
        nearest = [slot for slot in np.argsort(away)[: limit + len(self._free)] if away[slot] <= radius_m][:limit]
        found = [(self._by_number[self._numbers[slot]], float(away[slot])) for slot in nearest]
        return [Nearby(each, distance, bearing_deg(point, (each.latitude, each.longitude))) for each, distance in found]
