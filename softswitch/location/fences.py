"""Areas that are watched: who enters, leaves, stays. A margin keeps a device at the edge from flickering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from softswitch.location.geodesy import Point, distance_m, edge_distance_m, in_polygon, unrolled
from softswitch.location.position import Position

Happening = Literal["entered", "left", "dwelled"]


@dataclass(frozen=True, slots=True)
class Fence:
    """A circle (`center`, `radius_m`) or a polygon (`polygon`, at least three corners), latitude before longitude.

    `numbers` empty: everybody. A device has left once it is `margin_m` outside; it has stayed after `dwell_s` (0: not
    asked for).
    """

    id: str
    name: str = ""
    center: Point | None = None
    radius_m: float = 0.0
    polygon: tuple[Point, ...] = ()
    numbers: tuple[str, ...] = ()
    margin_m: float = 20.0
    dwell_s: float = 0.0
    active: bool = True
    _corners: tuple[Point, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError when it is neither a circle nor a polygon."""
        if (self.center is None) == (not self.polygon):
            raise ValueError("a geofence is either a circle or a polygon")
        if self.center is not None and self.radius_m <= 0.0:
            raise ValueError("the radius of a circle is above 0")
        if self.polygon and len(set(self.polygon)) < 3:
            raise ValueError("a polygon has three corners at least")
        if self.polygon:
            object.__setattr__(self, "_corners", tuple(unrolled(self.polygon)))

    def holds(self, point: Point) -> bool:
        """Whether a point is inside."""
        if self.center is not None:
            return distance_m(point, self.center) <= self.radius_m
        return in_polygon(point, self._corners)

    def outside_m(self, point: Point) -> float:
        """How far a point is outside; 0 inside."""
        if self.center is not None:
            return max(distance_m(point, self.center) - self.radius_m, 0.0)
        return 0.0 if self.holds(point) else edge_distance_m(point, self.polygon)

    def concerns(self, number: str) -> bool:
        """Whether a device is watched."""
        return self.active and (not self.numbers or number in self.numbers)

    def document(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        found = asdict(self)
        del found["_corners"]
        return found


def fence_of(document: Mapping[str, Any]) -> Fence:
    """The fence out of what `document` made. Raises KeyError, TypeError, ValueError."""
    given = dict(document)
    center = given.pop("center", None)
    polygon = tuple((float(a), float(b)) for a, b in given.pop("polygon", ()))
    numbers = tuple(given.pop("numbers", ()))
    where = None if center is None else (float(center[0]), float(center[1]))
    return Fence(**given, center=where, polygon=polygon, numbers=numbers)


class Crossing(NamedTuple):
    """Something that happened at a fence; `since` is when the device came in."""

    fence: Fence
    position: Position
    happening: Happening
    since: float


@dataclass(slots=True)
class _Stay:
    since: float
    dwelled: bool = False


class Fences:
    """Every fence, and who is inside which."""

    def __init__(self) -> None:
        self._fences: dict[str, Fence] = {}
        self._inside: dict[str, dict[str, _Stay]] = {}

    def __len__(self) -> int:
        return len(self._fences)

    def __iter__(self) -> Iterator[Fence]:
        return iter(self._fences.values())

    def get(self, fence_id: str) -> Fence:
        """One fence; raises LookupError."""
        if fence_id not in self._fences:
            raise LookupError(f"there is no geofence {fence_id!r}")
        return self._fences[fence_id]

    def put(self, fence: Fence) -> None:
        """Add or change one; who is inside one that moved is found out anew, with the next positions."""
        old = self._fences.get(fence.id)
        self._fences[fence.id] = fence
        if old is None or (old.center, old.radius_m, old.polygon) != (fence.center, fence.radius_m, fence.polygon):
            self._inside[fence.id] = {}

    def remove(self, fence_id: str) -> None:
        """Forget one; raises LookupError."""
        self.get(fence_id)
        del self._fences[fence_id]
        del self._inside[fence_id]

    def inside(self, fence_id: str) -> list[str]:
        """The numbers inside one."""
        return sorted(self._inside[fence_id])

    def forget(self, number: str) -> None:
        """A device is not known any more."""
        for stays in self._inside.values():
            stays.pop(number, None)

    def move(self, position: Position) -> list[Crossing]:
        """A device is at a new place: what that means at each fence. Positions come in the order of their times."""
        point = (position.latitude, position.longitude)
        found: list[Crossing] = []
        for fence in self._fences.values():
            if not fence.concerns(position.number):
                continue
            stays = self._inside[fence.id]
            stay = stays.get(position.number)
            if stay is None:
                if fence.holds(point):
                    stays[position.number] = _Stay(position.time)
                    found.append(Crossing(fence, position, "entered", position.time))
            elif fence.outside_m(point) > fence.margin_m:
                del stays[position.number]
                found.append(Crossing(fence, position, "left", stay.since))
            elif fence.dwell_s and not stay.dwelled and position.time - stay.since >= fence.dwell_s:
                stay.dwelled = True
                found.append(Crossing(fence, position, "dwelled", stay.since))
        return found


__all__ = ["Crossing", "Fence", "Fences", "Happening", "fence_of"]
