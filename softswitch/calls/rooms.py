"""What conferences and talkgroups have in common: numbers behind which parties meet, and how one takes its seat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from softswitch.calls.leg import Cause, Leg
from softswitch.events import EventBus
from softswitch.sip.timerwheel import TimerWheel

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.conversation import Start
    from softswitch.calls.media.path import MediaPath

FULL = Cause(486, 17, "the room is full")


class RoomHost(Protocol):
    """What rooms need of the exchange."""

    timers: TimerWheel
    bus: EventBus
    media: MediaPath

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Seconds since the epoch."""


class Rooms(Protocol):
    """All rooms of one kind."""

    def enter(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """Let `leg` into the room behind `number`; a Cause says why it cannot."""


def take_seat(call: Call, leg: Leg, start: Start, leave: Callable[[], None], *, near: str = "") -> Cause | None:
    """Let the switch answer `leg`, begin with `start` as soon as its media is agreed, and `leave` when it goes.

    `leave` is called exactly once, also when `leg` is refused. `near` is the owner of the room in the media engine.
    """
    if near:
        call.host.media.side(leg).near = near
    refused = call.answer_with_service(leg, start)
    if refused is not None:
        leave()
        return refused
    call.stay(leave)
    return None


__all__ = ["FULL", "RoomHost", "Rooms", "take_seat"]
