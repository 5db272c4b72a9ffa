"""One position of one device, and what cannot be one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Literal

#: fix: as it came; suspect: too far from the one before for the time between; late: older than the newest known.
Quality = Literal["fix", "suspect", "late"]


class BadPosition(ValueError):
    """A position that cannot be; `field` is what is wrong with it, where that is one thing."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Position:
    """A point in WGS 84: degrees, metres, metres a second; heading in degrees clockwise from true north.

    `number` is the subscriber, radio or camera; `device` names the terminal when there may be several. `time` is when
    it was measured, Unix seconds. `source` says how it came: sip, api, or a gateway's name.
    """

    number: str
    latitude: float
    longitude: float
    time: float
    altitude_m: float | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    source: str = ""
    device: str = ""
    quality: Quality = "fix"

    def checked(self) -> Position:
        """The position with its longitude in [-180, 180) and its heading in [0, 360); raises BadPosition."""
        for name in ("latitude", "longitude", "time", "altitude_m", "accuracy_m", "speed_mps", "heading_deg"):
            value = getattr(self, name)
            if value is not None and not isfinite(value):
                raise BadPosition(f"{name} is no number", name)
        if not -90.0 <= self.latitude <= 90.0:
            raise BadPosition("latitude is beyond a pole", "latitude")
        if not -360.0 <= self.longitude <= 360.0:
            raise BadPosition("longitude is beyond a full turn", "longitude")
        if self.latitude == 0.0 and self.longitude == 0.0:  # what receivers send before they know where they are
            raise BadPosition("0/0 is no position: the device has no fix yet", "latitude")
        if (self.accuracy_m or 0.0) < 0.0 or (self.speed_mps or 0.0) < 0.0:
            raise BadPosition("accuracy and speed cannot be negative")
        heading = None if self.heading_deg is None else self.heading_deg % 360.0
        return replace(self, longitude=wrapped(self.longitude), heading_deg=heading)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return asdict(self)


def wrapped(longitude: float) -> float:
    """A longitude in [-180, 180)."""
    return longitude if -180.0 <= longitude < 180.0 else (longitude + 180.0) % 360.0 - 180.0


__all__ = ["BadPosition", "Position", "Quality", "wrapped"]
