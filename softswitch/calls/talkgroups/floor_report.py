"""What a party and the bus are told when the floor of a talkgroup moves."""

from __future__ import annotations

import logging
from collections.abc import Callable

from softswitch.calls.machine import Method
from softswitch.calls.talkgroups import cues
from softswitch.calls.talkgroups.cues import Cue
from softswitch.calls.talkgroups.seat import Seat
from softswitch.events import (
    Event,
    FloorDenied,
    FloorGranted,
    FloorQueued,
    FloorRevoked,
    FloorWarning,
    FloorWithdrawn,
)
from softswitch.floor import Denied, Granted, QueueCancelled, Queued, Revoked, TalkTimeWarning
from softswitch.media import MediaEngine, MediaError

logger = logging.getLogger(__name__)

#: What the arbiter tells one party.
Personal = Granted | Denied | Revoked | Queued | QueueCancelled | TalkTimeWarning
Tell = Callable[..., None]


class FloorReport:
    """Tells the bus by events and, if `audible`, plain telephones by short sounds; `tell` is that of the bus."""

    __slots__ = ("_audible", "_engine", "_tell", "group")

    def __init__(self, engine: MediaEngine, tell: Tell, group: str, *, audible: bool = True) -> None:
        self._audible = audible
        self._engine = engine
        self._tell = tell
        self.group = group

    def personal(self, seat: Seat, event: Personal) -> None:
        """One party is told what became of its wish; what was said before is not said again."""
        if isinstance(event, QueueCancelled):
            self._publish(FloorWithdrawn, seat, event.reason.value)
            seat.drive(Method.RELEASE_FLOOR)
        elif isinstance(event, Denied):
            self._publish(FloorDenied, seat, int(event.cause), event.phrase)
            self._sound(seat, Cue.REFUSED)
        elif isinstance(event, TalkTimeWarning):
            self._publish(FloorWarning, seat, event.remaining_s)
            self._sound(seat, Cue.WARNING)
        elif not event.repeated:
            self._first_time(seat, event)

    def _first_time(self, seat: Seat, event: Granted | Revoked | Queued) -> None:
        if isinstance(event, Granted):
            tier = event.tier.name.lower()
            self._publish(
                FloorGranted, seat, event.duration_s, event.priority, tier, event.waited_s, seat.leg.party.display_name
            )
            self._sound(seat, Cue.GRANTED)
        elif isinstance(event, Queued):
            self._publish(FloorQueued, seat, event.position, event.queue_size)
            seat.drive(Method.WAIT_FLOOR)
            self._sound(seat, Cue.QUEUED)
        else:
            self._publish(FloorRevoked, seat, int(event.cause), event.cause.name.lower().replace("_", " "))
            self._sound(seat, Cue.REFUSED)

    def _publish(self, kind: type[Event], seat: Seat, *values: object) -> None:
        self._tell(kind, self.group, seat.call.id, seat.leg.id, seat.number, *values)

    def _sound(self, seat: Seat, cue: Cue) -> None:
        if seat.port is None or seat.speaks_floor or not self._audible:
            return
        try:
            self._engine.play(seat.port, cues.samples(cue))
        except MediaError as error:
            logger.info("no sound for a party of talkgroup %s: %s", self.group, error)


__all__ = ["FloorReport", "Personal"]
