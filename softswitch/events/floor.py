"""Events of the floor of talkgroups: who may talk, who waits, who is stopped."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class OfTalker(Event):
    """What became of a party that wants the floor, or has it."""

    group: str
    call_id: str
    leg_id: str
    party: str


@dataclasses.dataclass(slots=True)
class FloorGranted(OfTalker):
    """A party may talk for `duration_s` (65535: without limit); it waited `waited_s` for it. `tier` is how urgent,
    `name` who it is for those who watch (a radio's node tells who holds the microphone), empty when unknown."""

    type: ClassVar[str] = "floor.granted"
    duration_s: int
    priority: int
    tier: str
    waited_s: float
    name: str


@dataclasses.dataclass(slots=True)
class FloorDenied(OfTalker):
    """A party may not talk; `cause` as in TS 24.380 §8.2.6.2."""

    type: ClassVar[str] = "floor.denied"
    cause: int
    reason: str


@dataclasses.dataclass(slots=True)
class FloorQueued(OfTalker):
    """A party waits for the floor at `position`, 1 is next; `waiting` wait in all."""

    type: ClassVar[str] = "floor.queued"
    position: int
    waiting: int


@dataclasses.dataclass(slots=True)
class FloorWithdrawn(OfTalker):
    """A party does not wait for the floor any more, without having got it."""

    type: ClassVar[str] = "floor.withdrawn"
    reason: str


@dataclasses.dataclass(slots=True)
class FloorWarning(OfTalker):
    """The talker will be stopped in `remaining_s`."""

    type: ClassVar[str] = "floor.warning"
    remaining_s: float


@dataclasses.dataclass(slots=True)
class FloorRevoked(OfTalker):
    """The floor is taken away from the talker; `cause` as in TS 24.380 §8.2.10.2."""

    type: ClassVar[str] = "floor.revoked"
    cause: int
    reason: str


@dataclasses.dataclass(slots=True)
class FloorIdle(Event):
    """Nobody talks in a talkgroup."""

    type: ClassVar[str] = "floor.idle"
    group: str
