"""Positions as they come: late, impossible, often; who is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from softswitch.events import Event, EventBus
from softswitch.location.fences import Fence
from softswitch.location.geodesy import moved
from softswitch.location.locations import Locations, LocationSettings
from softswitch.location.position import BadPosition, Position
from softswitch.location.subscriptions import Subscription
from tests.unit.calls.world import World

NOW = 1_700_000_000.0
HOME = Position("1001", 30.0, 120.0, NOW)


class Memory:
    def __init__(self) -> None:
        self.rows: list[tuple[Position, float]] = []

    def put(self, positions: list[tuple[Position, float]]) -> None:
        self.rows += positions


class Scene:
    def __init__(self, **settings: Any) -> None:
        self.time = NOW
        self.events: list[Event] = []
        self.memory = Memory()
        bus = EventBus(lambda: self.time)
        bus.subscribe(self.events.append)
        self.locations = Locations(
            bus=bus, keeper=self.memory, wall=lambda: self.time, settings=LocationSettings(**settings)
        )

    def move(self, metres: float, seconds: float, **more: Any) -> Position:
        self.time = NOW + seconds
        latitude, longitude = moved((30.0, 120.0), 90, metres)
        return self.locations.report(replace(HOME, latitude=latitude, longitude=longitude, time=NOW + seconds, **more))

    def told(self) -> list[str]:
        return [event.type for event in self.events]


def test_positions_are_kept_together_and_told_in_moderation() -> None:
    scene = Scene(event_interval_s=1.0)
    for tenth in range(30):
        scene.move(tenth, tenth / 10)
    assert not scene.memory.rows
    scene.locations.flush()
    assert len(scene.memory.rows) == 30
    assert scene.told() == ["location.position"] * 3


def test_a_late_position_is_kept_and_moves_nobody() -> None:
    scene = Scene()
    newest = scene.move(100, 10)
    late = scene.locations.report(replace(HOME, time=NOW + 5))
    assert late.quality == "late" and scene.locations.latest.get("1001") == newest
    assert len(scene.told()) == 1


def test_a_jump_is_suspect_until_a_second_position_agrees() -> None:
    scene = Scene(fastest_mps=100.0)
    scene.move(0, 0)
    assert scene.move(100_000, 1).quality == "suspect"
    assert scene.move(10, 2).quality == "fix", "back where it was: the jump was an error"
    assert scene.move(200_000, 3).quality == "suspect"
    assert scene.move(200_050, 4).quality == "fix", "it is there indeed"
    latest = scene.locations.latest.get("1001")
    assert latest is not None and latest.time == NOW + 4


@pytest.mark.parametrize(
    "broken", [{"time": NOW + 1000}, {"time": NOW - 40 * 86400}, {"number": ""}, {"latitude": 0.0, "longitude": 0.0}]
)
def test_what_cannot_be_is_refused_and_counted(broken: dict[str, Any]) -> None:
    scene = Scene()
    with pytest.raises(BadPosition):
        scene.locations.report(replace(HOME, **broken))
    assert scene.locations.refused == 1 and not scene.events


def test_areas_and_followers_are_told() -> None:
    scene = Scene(event_interval_s=1000.0)
    scene.locations.fences.put(Fence("f", "yard", (30.0, 120.0), 500.0, dwell_s=5.0))
    asked: list[tuple[str, float]] = []

    class Gateway:
        def follow(self, number: str, interval_s: float) -> None:
            asked.append((number, interval_s))

    scene.locations.subscriptions.add_source("pdt", Gateway())
    scene.locations.subscriptions.add(Subscription("s", ("1001",), 2.0, 100.0, NOW + 60))
    for seconds, metres in ((0, 0), (1, 200), (3, 50), (4, 300), (6, 400), (9, 900)):
        scene.move(metres, seconds)
    assert scene.told() == [
        "location.position",
        "location.followed",
        "location.geofence_entered",
        "location.followed",
        "location.geofence_dwelled",
        "location.followed",
        "location.geofence_left",
    ]
    assert scene.locations.subscriptions.ended(NOW + 61) == ["s"]
    scene.locations.subscriptions.remove("s")
    assert asked == [("1001", 2.0), ("1001", 0.0)]


def test_what_was_known_before_a_restart_is_not_told_again() -> None:
    scene = Scene()
    scene.locations.fences.put(Fence("f", "yard", (30.0, 120.0), 500.0))
    scene.locations.restore([HOME])
    assert not scene.events and scene.locations.fences.inside("f") == ["1001"]
    assert scene.locations.forget("1001") and not scene.locations.forget("1001")
    assert scene.locations.fences.inside("f") == []


PIDF = (
    b'<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"'
    b' xmlns:gml="http://www.opengis.net/gml" entity="pres:1001@x"><tuple id="t"><status><gp:geopriv>'
    b"<gp:location-info><gml:Point><gml:pos>39.9 116.4</gml:pos></gml:Point></gp:location-info>"
    b"</gp:geopriv></status></tuple></presence>"
)


@pytest.mark.parametrize("method", ["MESSAGE", "PUBLISH"])
def test_a_phone_tells_its_place_by_sip(method: str) -> None:
    world = World()
    locations = Locations(bus=world.bus, keeper=Memory(), wall=world.wall, settings=LocationSettings())

    def hear(identity: Any, request: Any) -> None:
        locations.hear(identity, request)

    world.presence.published = world.messaging.pager.heard = hear
    alice, _ = world.phones("1001", "1002")
    number, fields = ("1001", [("Event", "presence")]) if method == "PUBLISH" else ("1002", [])
    alice.send(method, number, [*fields, ("Content-Type", "application/pidf+xml")], PIDF)
    assert alice.responses[-1].status == 200
    found = locations.latest.get("1001")
    assert found is not None and (found.latitude, found.longitude) == (39.9, 116.4)
