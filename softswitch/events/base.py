"""What every event is."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, ClassVar


@dataclasses.dataclass(slots=True)
class Event:
    """Something that happened; `time` is wall-clock seconds since the epoch, set by the bus."""

    type: ClassVar[str] = "event"
    time: float = dataclasses.field(default=0.0, init=False)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping: `type`, ISO 8601 UTC `time`, then the event's own fields."""
        body = dataclasses.asdict(self)
        return {"type": self.type, "time": iso(body.pop("time")), **body}


def iso(time: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
