"""Distances, boxes, polygons over the antimeridian and around poles, thinned tracks, fences."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from softswitch.location.fences import Fence, Fences, fence_of
from softswitch.location.geodesy import Box, Point, bearing_deg, distance_m, in_polygon, moved, thinned, unrolled
from softswitch.location.latest import Latest
from softswitch.location.position import BadPosition, Position

latitudes, longitudes = st.floats(-89.9, 89.9), st.floats(-180, 179.999)
points = st.tuples(latitudes, longitudes)


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        ((39.9042, 116.4074), (31.2304, 121.4737), 1_067_000),  # Beijing, Shanghai
        ((0, 179.5), (0, -179.5), 111_195),
        ((90, 0), (-90, 0), 20_015_000),
    ],
)
def test_distances(a: Point, b: Point, metres: float) -> None:
    assert distance_m(a, b) == pytest.approx(metres, rel=0.005)


@given(points, st.floats(0, 359.9), st.floats(1, 1e6))
def test_who_goes_so_far_is_so_far_away(start: Point, bearing: float, metres: float) -> None:
    end = moved(start, bearing, metres)
    assert distance_m(start, end) == pytest.approx(metres, rel=1e-3, abs=0.05)
    if abs(start[0]) < 80 and metres > 100:
        assert math.cos(math.radians(bearing_deg(start, end) - bearing)) == pytest.approx(1, abs=1e-3)


@given(points, points, points)
def test_distance_is_a_metric(a: Point, b: Point, c: Point) -> None:
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-3)
    assert distance_m(a, c) <= distance_m(a, b) + distance_m(b, c) + 1.0


@given(points, st.floats(100, 200_000), st.integers(3, 12), st.floats(0, 359))
def test_a_polygon_anywhere_holds_its_middle_and_not_its_opposite(
    middle: Point, radius: float, corners: int, turn: float
) -> None:
    """Also over the antimeridian; shrunk with the cosine so that it stays a polygon in degrees near the poles."""
    assume(abs(middle[0]) < 80)
    half = math.degrees(radius / 6.371e6)
    ring = [
        (
            middle[0] + half * math.cos(math.radians(turn + 360 * k / corners)),
            (middle[1] + half * math.sin(math.radians(turn + 360 * k / corners)) + 180) % 360 - 180,
        )
        for k in range(corners)
    ]
    shape = unrolled(ring)
    assert in_polygon(middle, shape)
    assert not in_polygon((-middle[0], (middle[1] + 360) % 360 - 180), shape)
    assert not in_polygon((middle[0], (middle[1] + 3 * half + 180) % 360 - 180), shape)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_polygon_around_a_pole(sign: int, direction: int) -> None:
    ring = [(sign * 70.0, longitude) for longitude in (-180, -90, 0, 90)][::direction]
    shape = unrolled(ring)
    for longitude in (-179.0, -45.0, 10.0, 179.9):
        assert in_polygon((sign * 80.0, longitude), shape), longitude
        assert not in_polygon((sign * 60.0, longitude), shape), longitude
    assert not in_polygon((sign * -80.0, 10.0), shape)


def test_a_box_over_the_antimeridian() -> None:
    box = Box(-10, 170, 10, -170)
    assert box.holds((0, 175)) and box.holds((0, -175)) and not box.holds((0, 0)) and not box.holds((20, 175))


@given(st.lists(st.tuples(st.floats(30, 31), st.floats(120, 121)), max_size=30), st.floats(1, 10_000))
def test_thinning_keeps_the_ends_and_their_order(track: list[Point], tolerance: float) -> None:
    kept = thinned(track, tolerance)
    assert kept == sorted(set(kept))
    if track:
        assert (kept[0], kept[-1]) == (0, len(track) - 1)


def test_thinning_leaves_a_straight_line_with_its_ends() -> None:
    assert thinned([(30 + k / 1000, 120.0) for k in range(50)], 1) == [0, 49]
    bent = [(30.0, 120.0), (30.0, 120.1), (30.1, 120.1)]
    assert thinned(bent, 10) == [0, 1, 2]


def at(point: Point, time: float, number: str = "1001") -> Position:
    return Position(number, point[0], point[1], time)


CIRCLE = Fence("f", "yard", (30.0, 120.0), 1000.0, margin_m=50.0, dwell_s=60.0)


def test_a_device_at_the_edge_does_not_flicker() -> None:
    fences = Fences()
    fences.put(CIRCLE)
    edge = [990, 1010, 995, 1040, 999, 1049]
    told = [fences.move(at(moved(CIRCLE.center or (0, 0), 45, away), k)) for k, away in enumerate(edge)]
    assert [[each.happening for each in some] for some in told] == [["entered"], [], [], [], [], []]
    (left,) = fences.move(at(moved((30.0, 120.0), 45, 1060), 30))
    assert (left.happening, left.since) == ("left", 0)
    assert fences.inside("f") == []


def test_who_stays_is_told_of_once() -> None:
    fences = Fences()
    fences.put(CIRCLE)
    told = [fences.move(at((30.0, 120.0), time)) for time in (0, 30, 61, 90, 200)]
    assert [each.happening for some in told for each in some] == ["entered", "dwelled"]


def test_a_fence_for_some_and_one_that_moves() -> None:
    fences = Fences()
    fences.put(Fence("f", center=(30.0, 120.0), radius_m=1000.0, numbers=("1002",)))
    assert not fences.move(at((30.0, 120.0), 1)) and fences.move(at((30.0, 120.0), 1, "1002"))
    fences.put(Fence("f", center=(30.0, 120.0), radius_m=1000.0, numbers=("1002",), name="new"))
    assert fences.inside("f") == ["1002"], "a new name changes nothing"
    fences.put(Fence("f", center=(31.0, 120.0), radius_m=1000.0))
    assert fences.inside("f") == []
    with pytest.raises(LookupError):
        fences.remove("g")


@pytest.mark.parametrize(
    "broken",
    [{}, {"center": (1, 2)}, {"polygon": ((1, 2), (3, 4))}, {"center": (1, 2), "radius_m": 3, "polygon": ((1, 2),)}],
)
def test_fences_that_are_no_area(broken: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Fence("f", **broken)  # type: ignore[arg-type]


def test_a_fence_comes_back_from_its_document() -> None:
    polygon = Fence("p", polygon=((1.0, 179.0), (1.0, -179.0), (2.0, 180.0)), numbers=("1",))
    for fence in (CIRCLE, polygon):
        assert fence_of(fence.document()) == fence
    assert polygon.holds((1.2, 179.9)) and polygon.holds((1.2, -179.9)) and not polygon.holds((1.2, 0))


@given(st.lists(st.tuples(st.sampled_from("abcdef"), points), max_size=40), points, st.integers(1, 5))
def test_the_nearest_are_those_that_are_nearest(reports: list[tuple[str, Point]], here: Point, limit: int) -> None:
    latest = Latest()
    for time, (number, point) in enumerate(reports):
        latest.put(at(point, time, number))
        if time % 7 == 6:
            latest.forget("a")
    expected = sorted(distance_m(here, (each.latitude, each.longitude)) for each in latest)[:limit]
    assert [each.distance_m for each in latest.near(here, limit)] == pytest.approx(expected, abs=1.0)
    box = Box(-45, 90, 45, -90)
    inside = sorted(each.number for each in latest if box.holds((each.latitude, each.longitude)))
    assert [each.number for each in latest.within(box)] == inside


def test_the_device_that_was_silent_longest_is_forgotten() -> None:
    latest = Latest(2)
    for number in "abab":
        latest.put(at((1, 2), 0, number))
    assert latest.put(at((1, 2), 1, "c")) == "a" and len(latest) == 2
    assert {each.position.number for each in latest.near((1, 2), 9)} == {"b", "c"}


@pytest.mark.parametrize("broken", [(91, 0), (0, 0), (float("nan"), 1), (1, 400)])
def test_positions_that_cannot_be(broken: Point) -> None:
    with pytest.raises(BadPosition):
        at(broken, 1).checked()
