"""Numbers that the switch answers itself: echo, tone, announcement, call pick-up and call park."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media.path import NO_SERVICE_CODEC
from softswitch.media import MediaEngine, MediaError, NotTranscodable, Port
from softswitch.media.playing import tones

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.hunting import Target
    from softswitch.calls.queues.queues import Queues
    from softswitch.calls.rooms import Rooms
    from softswitch.calls.services.parking import Parking
    from softswitch.calls.services.pickup import Pickup

logger = logging.getLogger(__name__)

NO_SERVICE = Cause(404, 1, "no such service")
FAILED = Cause(503, 41, "the service cannot be started")
#: How long the tone is that tells an agent of logging in or out, at 8 kHz.
_SIGN_SAMPLES = 4000


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """One service number; `hz` and `level_dbm0` belong to a tone, `file` (WAV, 8 kHz mono) to an announcement."""

    number: str
    kind: str
    hz: float = 1004.0
    level_dbm0: float = -16.0
    file: Path | None = None
    slots: int = 9
    timeout_s: float = 120.0


Sound = Callable[[Path | None], NDArray[np.int16]]


class Services:
    """Starts services on legs. `sound(file)` gives the samples of an announcement, None the built-in one."""

    def __init__(
        self,
        definitions: Iterable[ServiceDefinition],
        engine: MediaEngine,
        sound: Sound,
        parking: Parking,
        pickup: Pickup,
    ) -> None:
        self._engine = engine
        self._sound = sound
        self._parking = parking
        self._pickup = pickup
        self._by_number: dict[str, ServiceDefinition] = {}
        #: where agents log in by feature codes.
        self.queues: Queues | None = None
        #: where parties meet, by the kind of the destination: conference, talkgroup, queue.
        self.rooms: Mapping[str, Rooms] = {}
        self.replace(definitions)

    def replace(self, definitions: Iterable[ServiceDefinition]) -> None:
        """Put other definitions in force; services in use go on."""
        self._by_number = {definition.number: definition for definition in definitions}

    def serve(self, call: Call, leg: Leg, target: Target) -> Cause | None:
        """Let the service that `target` names answer `leg`; a Cause says why it cannot."""
        kind, _, number = target.service.partition(":")
        rooms = self.rooms.get(kind)
        if rooms is not None:
            return rooms.enter(call, leg, number)
        definition = self._by_number.get(number)
        if definition is None:
            return NO_SERVICE
        if definition.kind == "pickup":
            return self._pickup.pick_up(call, leg, target.number.removeprefix(definition.number))
        if definition.kind in ("queue_login", "queue_logout"):
            return self._sign_agent(call, leg, target.number.removeprefix(definition.number), definition)
        if definition.kind == "park":
            return self._parking.serve(call, leg, target.number, definition)
        return call.answer_with_service(leg, lambda port: self._start(definition, port))

    def _sign_agent(self, call: Call, leg: Leg, queue: str, definition: ServiceDefinition) -> Cause | None:
        """Who dials the feature code logs in to a queue, or out, and hears a tone."""
        if self.queues is None:
            return NO_SERVICE
        comes = definition.kind == "queue_login"
        try:
            (self.queues.log_in if comes else self.queues.log_out)(queue, leg.party.number)
        except LookupError as error:
            return Cause(404, 1, str(error))
        samples = np.resize(tones.sine(880.0 if comes else 440.0, -16.0), _SIGN_SAMPLES)
        return call.answer_with_service(leg, lambda port: self._play(definition, port, samples))

    def _play(self, definition: ServiceDefinition, port: Port, samples: NDArray[np.int16]) -> Cause | None:
        try:
            self._engine.play(port, samples)
        except NotTranscodable:
            return NO_SERVICE_CODEC
        except MediaError as error:
            logger.error("service %s cannot be started: %s", definition.number, error)
            return FAILED
        return None

    def _start(self, definition: ServiceDefinition, port: Port) -> Cause | None:
        engine = self._engine
        try:
            if definition.kind == "echo":
                engine.echo(port)
            elif definition.kind == "tone":
                engine.tone(port, definition.hz, definition.level_dbm0)
            else:
                engine.play(port, self._sound(definition.file), loop=False)
        except NotTranscodable:
            return NO_SERVICE_CODEC
        except (MediaError, OSError, ValueError) as error:
            logger.error("service %s cannot be started: %s", definition.number, error)
            return FAILED
        return None


__all__ = ["FAILED", "NO_SERVICE", "ServiceDefinition", "Services"]
