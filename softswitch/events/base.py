"""What every event is."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, cast


@dataclasses.dataclass(slots=True)
class Event:
    """Something that happened; `time` is wall-clock seconds since the epoch, set by the bus."""

    type: ClassVar[str] = "event"
    time: float = dataclasses.field(default=0.0, init=False)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping: `type`, ISO 8601 UTC `time`, then the event's own fields."""
        told: dict[str, Any] = {"type": self.type, "time": iso(self.time)}
        kind = cast(Hashable, type(self))  # mypy takes the class to be as unhashable as its instances
        for name in _members(kind):
            told[name] = getattr(self, name)
        return told


@cache
def _members(kind: Any) -> tuple[str, ...]:
    """The fields of a type of event; their values are plain, so that none has to be taken apart."""
    return tuple(each.name for each in dataclasses.fields(kind) if each.name != "time")


def iso(time: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
