"""Shapes of `/location`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from softswitch.api.models.base import Answer, Number, Request, Time, example

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Point = Annotated[list[float], Field(min_length=2, max_length=2, description="[latitude, longitude]")]
Metres = Annotated[float, Field(ge=0, le=2e7, allow_inf_nan=False)]


class NewPosition(Request):
    """Where a device is, WGS 84."""

    model_config = example(number="1001", latitude=39.9087, longitude=116.3975, accuracy_m=5)

    number: Number
    latitude: Latitude
    longitude: Longitude
    time: datetime | None = Field(default=None, description="When it was measured; none: now.")
    altitude_m: float | None = Field(default=None, ge=-20000, le=1e6, allow_inf_nan=False)
    accuracy_m: Metres | None = None
    speed_mps: float | None = Field(default=None, ge=0, le=20000, allow_inf_nan=False)
    heading_deg: float | None = Field(default=None, ge=0, le=360, allow_inf_nan=False)
    device: str = Field(default="", max_length=128)
    source: str = Field(default="api", max_length=64)


class NewPositions(Request):
    """Many at once."""

    positions: Annotated[list[NewPosition], Field(min_length=1, max_length=1000)]


class PositionRow(Answer):
    """A position."""

    number: str
    latitude: float
    longitude: float
    time: Time
    received_at: Time = Field(default=None, description="When the switch heard of it; `time` is when it was measured.")
    altitude_m: float | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    source: str = ""
    device: str = ""
    quality: str = Field(default="fix", description="fix, suspect (too far from the last one) or late.")
    distance_m: float | None = Field(default=None, description="From the point that was asked for.")
    bearing_deg: float | None = Field(default=None, description="Direction from that point.")


class PositionsTaken(Answer):
    """What became of many positions; `refused` names those that were not taken by their place in the list."""

    taken: int
    refused: list[dict[str, Any]] = Field(default_factory=list)


def _numbers_of(text: str, count: int, names: str) -> tuple[float, ...]:
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise ValueError(f"give {names}") from error
    if len(values) != count or not all(-360 <= value <= 360 for value in values):
        raise ValueError(f"give {names} in degrees")
    return values


class PositionsQuery(Request):
    """Which of the newest positions: in a box, next to a point, or by number."""

    numbers: str = Field(default="", max_length=4000, description="Numbers with commas between.")
    box: str | None = Field(default=None, max_length=128, description="south,west,north,east; may cross 180°.")
    near: str | None = Field(default=None, max_length=64, description="latitude,longitude: the nearest first.")
    radius_m: float | None = Field(default=None, gt=0, le=2e7, description="With near: no farther than this.")
    after: str = Field(default="", max_length=128, description="Cursor: `next` of the page before; not with near.")
    limit: int = Field(default=100, ge=1, le=1000)

    @field_validator("box")
    @classmethod
    def _box(cls, text: str | None) -> str | None:
        if text is not None:
            south, west, north, east = _numbers_of(text, 4, "south,west,north,east")
            if not -90 <= south <= north <= 90 or max(abs(west), abs(east)) > 180:
                raise ValueError("south lies below north, all of them on the globe")
        return text

    @field_validator("near")
    @classmethod
    def _near(cls, text: str | None) -> str | None:
        if text is not None:
            latitude, longitude = _numbers_of(text, 2, "latitude,longitude")
            if abs(latitude) > 90 or abs(longitude) > 180:
                raise ValueError("latitude and longitude lie on the globe")
        return text


class TrackQuery(Request):
    """Which part of a track, and how fine."""

    since: datetime | None = None
    until: datetime | None = None
    limit: int = Field(default=1000, ge=1, le=10000, description="The newest so many.")
    tolerance_m: float = Field(default=0, ge=0, le=1e5, description="Leave points out that change the line less.")
    suspects: bool = Field(default=False, description="Whether positions that cannot be right are shown too.")


class FenceShape(Request):
    """A circle or a polygon; points are [latitude, longitude]."""

    model_config = example(name="Gate 3", center=[39.9087, 116.3975], radius_m=250)

    name: str = Field(default="", max_length=128)
    center: tuple[Latitude, Longitude] | None = None
    radius_m: float = Field(default=0, ge=0, le=1e6, allow_inf_nan=False)
    polygon: list[tuple[Latitude, Longitude]] = Field(default_factory=list, max_length=500)
    numbers: list[Number] = Field(default_factory=list, max_length=10000, description="Who is watched; none: all.")
    margin_m: float = Field(default=20, ge=0, le=1e5, allow_inf_nan=False, description="So far outside is outside.")
    dwell_s: float = Field(default=0, ge=0, le=1e7, allow_inf_nan=False, description="Told after so long; 0: not.")
    active: bool = True

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if (self.center is None) == (not self.polygon):
            raise ValueError("give either center and radius_m, or polygon")
        if self.center is not None and self.radius_m <= 0:
            raise ValueError("the radius of a circle is above 0")
        if self.polygon and len(set(self.polygon)) < 3:
            raise ValueError("a polygon has three corners at least")
        return self


class FenceRow(Answer):
    """A geofence, and who is inside now."""

    id: str
    name: str = ""
    center: Point | None = None
    radius_m: float = 0
    polygon: list[Point] = Field(default_factory=list)
    numbers: list[str] = Field(default_factory=list)
    margin_m: float = 20
    dwell_s: float = 0
    active: bool = True


class FenceInside(Answer):
    """Who is inside a geofence now."""

    id: str
    numbers: list[str]


class NewSubscription(Request):
    """Devices that are to be followed."""

    numbers: Annotated[list[Number], Field(min_length=1, max_length=1000)]
    interval_s: float = Field(default=10, ge=1, le=86400, description="Told at most so often of each.")
    distance_m: float = Field(default=0, ge=0, le=1e6, description="Told only after so far.")
    lifetime_s: float = Field(default=3600, ge=10, le=31536000)


class SubscriptionRow(Answer):
    """A subscription; its events are `location.followed` with its id as `target`."""

    id: str
    numbers: list[str]
    interval_s: float
    distance_m: float
    expires_at: Time
