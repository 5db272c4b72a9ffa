"""Call park: a party waits at a numbered place, with music, until somebody dials the place.

The service number takes the next free place; number+1, number+2 … are the places. Who waits too long is put through to
whoever parked it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from softswitch.calls import takeover
from softswitch.calls.call import Call
from softswitch.calls.leg import Cause, Leg
from softswitch.media import MediaEngine, MediaError, Port
from softswitch.sip.timerwheel import Timer, TimerWheel

if TYPE_CHECKING:
    from softswitch.calls.services.services import ServiceDefinition

logger = logging.getLogger(__name__)

FULL = Cause(486, 17, "every parking place is taken")
EMPTY = Cause(404, 1, "nobody is parked here")
ABANDONED = Cause(480, 19, "parked too long")


class ParkHost(Protocol):
    """What parking needs of the exchange."""

    timers: TimerWheel

    def now(self) -> float:
        """Monotonic seconds."""

    def ring_back(self, call: Call, number: str) -> Cause | None:
        """Ring `number` for the only party of `call`; a Cause says why it cannot be."""


@dataclass(slots=True)
class Parked:
    """One party that waits."""

    call: Call
    parker: str
    timer: Timer


class Parking:
    """All parking places. `music` gives the samples a parked party hears, 8 kHz."""

    def __init__(self, host: ParkHost, engine: MediaEngine, music: Callable[[], NDArray[np.int16]]) -> None:
        self._host = host
        self._engine = engine
        self._music = music
        self._places: dict[str, Parked] = {}

    def serve(self, call: Call, leg: Leg, number: str, definition: ServiceDefinition) -> Cause | None:
        """Park `leg` when `number` is the service itself, else connect it to whoever waits at that place."""
        if number != definition.number:
            return self._retrieve(call, leg, number)
        place = next((p for p in places(definition) if p not in self._places), None)
        if place is None:
            return FULL
        refused = call.answer_with_service(leg, self._play)
        if refused is not None:
            return refused
        at = self._host.now() + definition.timeout_s
        timer = self._host.timers.schedule(at, lambda now: self._waited_too_long(place))
        self._places[place] = Parked(call, call.transferred_by or leg.party.number, timer)
        call.parked_at(place, lambda: self._leave(place))
        return None

    def _retrieve(self, call: Call, leg: Leg, place: str) -> Cause | None:
        parked = self._places.get(place)
        if parked is None:
            return EMPTY
        refused = takeover.retrieve(parked.call, call, leg)
        if refused is None:
            self._leave(place)
        return refused

    def _play(self, port: Port) -> Cause | None:
        """Music for who waits; one that cannot be played leaves silence."""
        try:
            self._engine.play(port, self._music(), loop=True)
        except MediaError as error:
            logger.warning("no music while parked: %s", error)
        return None

    def _leave(self, place: str) -> None:
        parked = self._places.pop(place, None)
        if parked is not None:
            parked.timer.cancel()

    def _waited_too_long(self, place: str) -> None:
        parked = self._places.pop(place, None)
        if parked is None:
            return
        refused = self._host.ring_back(parked.call, parked.parker)
        if refused is not None:
            parked.call.disconnect(ABANDONED)


def places(definition: ServiceDefinition) -> list[str]:
    """The numbers of the places of a park service: those after its own."""
    number = definition.number
    if not (number.isascii() and number.isdigit()):
        return []
    return [str(int(number) + offset).zfill(len(number)) for offset in range(1, definition.slots + 1)]
