"""Where everybody is: positions are checked, kept, compared with areas, and told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from softswitch.calls.access import Identity
from softswitch.events import EventBus
from softswitch.location.events import (
    GeofenceDwelled,
    GeofenceEntered,
    GeofenceLeft,
    PositionFollowed,
    PositionReported,
)
from softswitch.location.fences import Crossing, Fences
from softswitch.location.geodesy import distance_m
from softswitch.location.geolocation import conveyed, positions_of
from softswitch.location.latest import Latest
from softswitch.location.position import BadPosition, Position
from softswitch.location.subscriptions import Subscriptions
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request

logger = logging.getLogger(__name__)


class PositionKeeper(Protocol):
    """Durable memory."""

    def put(self, positions: list[tuple[Position, float]]) -> None:
        """Keep positions with the time of each arrival."""


@dataclass(frozen=True, slots=True)
class LocationSettings:
    """Limits. Times in seconds, speeds in metres a second.

    A device that seems to be faster than `fastest_mps` is `suspect` until a second position agrees; positions from
    further ahead than `ahead_s`, or older than `oldest_s`, are refused.
    """

    event_interval_s: float = 1.0
    fastest_mps: float = 350.0
    ahead_s: float = 120.0
    oldest_s: float = 30 * 86400.0
    max_devices: int = 100_000
    most_waiting: int = 20_000


class Locations:
    """Every position of one node goes through here."""

    def __init__(
        self, *, bus: EventBus, keeper: PositionKeeper, wall: Callable[[], float], settings: LocationSettings
    ) -> None:
        self._bus = bus
        self._keeper = keeper
        self._wall = wall
        self.settings = settings
        self.latest = Latest(settings.max_devices)
        self.fences = Fences()
        self.subscriptions = Subscriptions()
        self._told_at: dict[str, float] = {}
        self._suspects: dict[str, Position] = {}
        self._waiting: list[tuple[Position, float]] = []
        self.received = 0
        self.refused = 0

    def report(self, position: Position) -> Position:
        """A device says where it is; the position as it was taken. Raises BadPosition."""
        self.received += 1
        try:
            position = self._checked(position)
        except BadPosition:
            self.refused += 1
            raise
        position = self._judged(position)
        if len(self._waiting) < self.settings.most_waiting:
            self._waiting.append((position, self._wall()))
        if position.quality == "fix":
            self._take(position)
        return position

    def hear(self, identity: Identity, request: Request) -> dict[str, object]:
        """A SIP request came from somebody who is known: take the position that it may carry, and describe it."""
        if request.get("Geolocation") is None and b"geopriv10" not in request.body:
            return {}
        try:
            found = conveyed(request)
            for position in positions_of(identity.party.number, found, self._wall()):
                self.report(position)
        except (ProtocolError, BadPosition) as error:
            logger.info("a position was not taken", extra={"number": identity.party.number, "reason": str(error)})
            return {}
        return found.describe()

    def flush(self) -> None:
        """Hand what came to the keeper; to be called a few times a second."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._keeper.put(waiting)

    def restore(self, positions: Iterable[Position]) -> None:
        """Take the newest positions of the last run; nobody is told."""
        for position in positions:
            self.latest.put(position)
            self.fences.move(position)

    def forget(self, number: str) -> bool:
        """Forget a device; False when it was not known."""
        known = self.latest.get(number) is not None
        self.latest.forget(number)
        self.fences.forget(number)
        self._told_at.pop(number, None)
        self._suspects.pop(number, None)
        self._waiting = [each for each in self._waiting if each[0].number != number]
        return known

    # -- judging ----------------------------------------------------------------------------------------------------

    def _checked(self, position: Position) -> Position:
        if not position.number:
            raise BadPosition("nobody's position", "number")
        position = position.checked()
        now = self._wall()
        if position.time > now + self.settings.ahead_s:
            raise BadPosition("a position of the future", "time")
        if position.time < now - self.settings.oldest_s:
            raise BadPosition("a position too old to be kept", "time")
        return position

    def _judged(self, position: Position) -> Position:
        """With its quality: one that came late, or lies too far off, does not move the device."""
        last = self.latest.get(position.number)
        if last is None:
            return position
        if position.time <= last.time:
            return replace(position, quality="late")
        if self._agree(last, position):
            self._suspects.pop(position.number, None)
            return position
        suspect = self._suspects.get(position.number)
        if suspect is not None and position.time > suspect.time and self._agree(suspect, position):
            del self._suspects[position.number]  # it was the older one that was wrong
            return position
        self._suspects[position.number] = position
        return replace(position, quality="suspect")

    def _agree(self, a: Position, b: Position) -> bool:
        """Whether a device can have gone from one to the other."""
        away = distance_m((a.latitude, a.longitude), (b.latitude, b.longitude))
        slack = (a.accuracy_m or 0.0) + (b.accuracy_m or 0.0)
        return away - slack <= self.settings.fastest_mps * max(b.time - a.time, 1.0)

    # -- telling ----------------------------------------------------------------------------------------------------

    def _take(self, position: Position) -> None:
        forgotten = self.latest.put(position)
        if forgotten:
            self.fences.forget(forgotten)
            self._told_at.pop(forgotten, None)
        now = self._wall()
        if now - self._told_at.get(position.number, 0.0) >= self.settings.event_interval_s:
            self._told_at[position.number] = now
            self._bus.tell(
                PositionReported,
                position.number,
                position.latitude,
                position.longitude,
                position.time,
                position.accuracy_m,
                position.speed_mps,
                position.heading_deg,
                position.device,
                position.source,
            )
        for subscription in self.subscriptions.move(position):
            self._bus.tell(
                PositionFollowed,
                subscription.id,
                position.number,
                position.latitude,
                position.longitude,
                position.time,
            )
        for crossing in self.fences.move(position):
            self._tell_crossing(crossing)

    def _tell_crossing(self, crossing: Crossing) -> None:
        fence, position = crossing.fence, crossing.position
        values = (fence.id, fence.name, position.number, position.latitude, position.longitude)
        if crossing.happening == "entered":
            self._bus.tell(GeofenceEntered, *values)
            return
        kind = GeofenceLeft if crossing.happening == "left" else GeofenceDwelled
        self._bus.tell(kind, *values, round(position.time - crossing.since, 3))
