"""Events of positions and areas."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events import Event


@dataclasses.dataclass(slots=True)
class PositionReported(Event):
    """A device is somewhere new; told at most once in `location.event_interval_s` for each."""

    type: ClassVar[str] = "location.position"
    number: str
    latitude: float
    longitude: float
    measured_at: float
    accuracy_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    device: str
    via: str


@dataclasses.dataclass(slots=True)
class PositionFollowed(Event):
    """A device that a subscription follows is somewhere new; `target` is the subscription's id."""

    type: ClassVar[str] = "location.followed"
    target: str
    number: str
    latitude: float
    longitude: float
    measured_at: float


@dataclasses.dataclass(slots=True)
class GeofenceEntered(Event):
    """A device came into an area; `target` is the geofence's id."""

    type: ClassVar[str] = "location.geofence_entered"
    target: str
    name: str
    number: str
    latitude: float
    longitude: float


@dataclasses.dataclass(slots=True)
class GeofenceLeft(Event):
    """A device left an area in which it had been for `stayed_s`."""

    type: ClassVar[str] = "location.geofence_left"
    target: str
    name: str
    number: str
    latitude: float
    longitude: float
    stayed_s: float


@dataclasses.dataclass(slots=True)
class GeofenceDwelled(Event):
    """A device has been in an area for the time that its geofence names."""

    type: ClassVar[str] = "location.geofence_dwelled"
    target: str
    name: str
    number: str
    latitude: float
    longitude: float
    stayed_s: float
