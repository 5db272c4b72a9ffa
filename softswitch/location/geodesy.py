"""Distances and areas on the globe, good to about half a percent: the earth is a sphere here.

Polygons have edges that are straight in latitude and longitude; one may cross the antimeridian or enclose a pole.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import asin, atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
_METRES_PER_DEGREE = radians(1.0) * EARTH_RADIUS_M

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


class Box(NamedTuple):
    """South, west, north, east in degrees; west beyond east means that it crosses the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, point: Point) -> bool:
        """Whether a point is in the box."""
        latitude, longitude = point
        if not self.south <= latitude <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= longitude <= self.east
        return longitude >= self.west or longitude <= self.east


def distance_m(a: Point, b: Point) -> float:
    """The length of the great circle between two points."""
    (lat1, lon1), (lat2, lon2) = a, b
    lat1, lat2 = radians(lat1), radians(lat2)
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(sqrt(half), 1.0))


def bearing_deg(a: Point, b: Point) -> float:
    """The initial direction from `a` to `b`, clockwise from north, in [0, 360)."""
    lat1, lat2, turn = radians(a[0]), radians(b[0]), radians(b[1] - a[1])
    east = sin(turn) * cos(lat2)
    north = cos(lat1) * sin(lat2) - sin(lat1) * cos(lat2) * cos(turn)
    return degrees(atan2(east, north)) % 360.0


def moved(start: Point, bearing: float, metres: float) -> Point:
    """The point that lies `metres` from `start` in a direction."""
    angle, course, lat = metres / EARTH_RADIUS_M, radians(bearing), radians(start[0])
    latitude = asin(max(-1.0, min(1.0, sin(lat) * cos(angle) + cos(lat) * sin(angle) * cos(course))))
    turn = atan2(sin(course) * sin(angle) * cos(lat), cos(angle) - sin(lat) * sin(latitude))
    return degrees(latitude), (start[1] + degrees(turn) + 180.0) % 360.0 - 180.0


def unrolled(ring: Sequence[Point]) -> list[Point]:
    """The corners with longitudes that go on beyond 180° where the ring crosses the antimeridian.

    A ring around a pole is closed along it: the pole that lies nearer to its corners on average.
    """
    corners: list[Point] = [ring[0]]
    for latitude, longitude in ring[1:]:
        before = corners[-1][1]
        corners.append((latitude, before + (longitude - before + 180.0) % 360.0 - 180.0))
    first, last = corners[0], corners[-1]
    closing = last[1] + (first[1] - last[1] + 180.0) % 360.0 - 180.0
    if abs(closing - first[1]) > 180.0:  # the ring has gone once around the axis
        pole = 90.0 if sum(corner[0] for corner in corners) >= 0 else -90.0
        corners += [(first[0], closing), (pole, closing), (pole, first[1])]
    return corners


def in_polygon(point: Point, corners: Sequence[Point]) -> bool:
    """Whether a point is in the polygon of `unrolled` corners; one on its edge may be either."""
    return any(_in_plane((point[0], point[1] + turn), corners) for turn in (-720.0, -360.0, 0.0, 360.0, 720.0))


def _in_plane(point: Point, corners: Sequence[Point]) -> bool:
    y, x = point
    inside = False
    y1, x1 = corners[-1]
    for y2, x2 in corners:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        y1, x1 = y2, x2
    return inside


def edge_distance_m(point: Point, ring: Sequence[Point]) -> float:
    """About how far a point is from the nearest edge of a ring; meant for areas of up to some hundred kilometres."""
    scale = cos(radians(point[0]))
    flat = [
        (
            ((longitude - point[1] + 180.0) % 360.0 - 180.0) * scale * _METRES_PER_DEGREE,
            (latitude - point[0]) * _METRES_PER_DEGREE,
        )
        for latitude, longitude in ring
    ]
    return min(_segment_distance(flat[index - 1], flat[index]) for index in range(len(flat)))


def _segment_distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    """From the origin to a segment."""
    (x1, y1), (x2, y2) = a, b
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = 0.0 if length == 0.0 else max(0.0, min(1.0, -(x1 * dx + y1 * dy) / length))
    return hypot(x1 + along * dx, y1 + along * dy)


def thinned(track: Sequence[Point], tolerance_m: float) -> list[int]:
    """Indexes of the points that keep a track within `tolerance_m` of what it was (Douglas and Peucker)."""
    if len(track) < 3:
        return list(range(len(track)))
    keep, waiting = {0, len(track) - 1}, [(0, len(track) - 1)]
    while waiting:
        first, last = waiting.pop()
        farthest, at = tolerance_m, -1
        for index in range(first + 1, last):
            away = edge_distance_m(track[index], (track[first], track[last]))
            if away > farthest:
                farthest, at = away, index
        if at > 0:
            keep.add(at)
            waiting += [(first, at), (at, last)]
    return sorted(keep)
