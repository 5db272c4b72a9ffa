"""Conferences: who dials the number of one hears everybody else who did.

A room is made when the first party enters and given up when the last one has left. What is heard is the media engine's
matter; here is decided who may enter.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media_path import NO_SERVICE_CODEC
from softswitch.calls.rooms import FULL, RoomHost, take_seat
from softswitch.events import ConferenceJoined, ConferenceLeft, ConferenceSpeaker
from softswitch.media import LoudestSpeaker, MediaEngine, MediaError, NotTranscodable, Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.media import Conference

logger = logging.getLogger(__name__)

NO_CONFERENCE = Cause(404, 1, "no such conference")
PIN_NEEDED = Cause(403, 21, "this conference asks for a PIN, which cannot be given by telephone")
FAILED = Cause(503, 41, "the conference cannot be opened")
_RATE_HZ = 8000


@dataclass(frozen=True, slots=True)
class ConferenceDefinition:
    """One conference number; `closed` when a PIN is set."""

    number: str
    name: str = ""
    max_participants: int = 100
    closed: bool = False


@dataclass(slots=True)
class _Participant:
    """One party in a room; `port` once its media is agreed."""

    call: Call
    leg: Leg
    since: float
    port: Port | None = None

    def describe(self) -> dict[str, Any]:
        return {
            "party": self.leg.party.number,
            "display_name": self.leg.party.display_name,
            "leg_id": self.leg.id,
            "call_id": self.call.id,
            "since": self.since,
        }


@dataclass(slots=True)
class _Room:
    """A conference in use."""

    mixer: Conference
    participants: dict[Leg, _Participant] = field(default_factory=dict)


class Conferences:
    """All conferences of this node."""

    def __init__(self, host: RoomHost, engine: MediaEngine, definitions: Iterable[ConferenceDefinition]) -> None:
        self._host = host
        self._engine = engine
        self._by_number: dict[str, ConferenceDefinition] = {}
        self._rooms: dict[str, _Room] = {}
        self.replace(definitions)

    def replace(self, definitions: Iterable[ConferenceDefinition]) -> None:
        """Put other definitions in force; rooms in use go on."""
        self._by_number = {definition.number: definition for definition in definitions}

    def enter(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """Let `leg` into the conference `number`; a Cause says why it cannot."""
        definition = self._by_number.get(number)
        if definition is None:
            return NO_CONFERENCE
        if definition.closed:
            return PIN_NEEDED
        room = self._rooms.get(number)
        if room is not None:
            if leg in room.participants:
                return None  # it was sent where it is already
            if len(room.participants) >= definition.max_participants:
                return FULL
        else:
            try:
                room = self._rooms[number] = _Room(self._engine.open_conference(f"conference {number}", _RATE_HZ))
            except MediaError as error:
                logger.error("conference %s cannot be opened: %s", number, error)
                return FAILED
        participant = _Participant(call, leg, self._host.wall())
        room.participants[leg] = participant
        return take_seat(
            call, leg, lambda port: self._start(number, participant, port), lambda: self._leave(number, participant)
        )

    def _start(self, number: str, participant: _Participant, port: Port) -> Cause | None:
        room = self._rooms[number]
        try:
            room.mixer.join(port)
        except NotTranscodable:
            return NO_SERVICE_CODEC
        except MediaError as error:
            logger.error("a party cannot enter conference %s: %s", number, error)
            return FAILED
        participant.port = port
        self._tell(ConferenceJoined, number, participant)
        return None

    def _leave(self, number: str, participant: _Participant) -> None:
        room = self._rooms[number]
        del room.participants[participant.leg]
        if participant.port is not None:
            room.mixer.leave(participant.port)
            self._tell(ConferenceLeft, number, participant)
        if not room.participants:
            del self._rooms[number]
            room.mixer.close()

    def resumed(self, leg: Leg) -> None:
        """A party that was kept apart from its conference for a while is back."""
        for number, room in self._rooms.items():
            participant = room.participants.get(leg)
            if participant is None or participant.port is None:
                continue
            try:
                room.mixer.join(participant.port)
            except MediaError as error:
                logger.error("a party cannot come back to conference %s: %s", number, error)

    def loudest(self, event: LoudestSpeaker) -> None:
        """Somebody else speaks in a room of the media engine, which may be one of ours."""
        for number, room in self._rooms.items():
            if room.mixer is event.room:
                found = (p for p in room.participants.values() if p.port is event.port and p.port is not None)
                speaker = next(found, None)
                leg = speaker.leg if speaker is not None else None
                names = (speaker.call.id, leg.id, leg.party.number) if speaker is not None and leg else ("", "", "")
                self._host.bus.tell(ConferenceSpeaker, number, *names)

    def _tell(self, kind: type[ConferenceJoined | ConferenceLeft], number: str, participant: _Participant) -> None:
        leg = participant.leg
        present = len(self._rooms[number].participants)
        self._host.bus.tell(kind, number, participant.call.id, leg.id, leg.party.number, present)

    def describe(self) -> list[dict[str, Any]]:
        """Every conference there is, in use or not, and who is in it; `since` in seconds since the epoch."""
        names = {**self._by_number, **{n: ConferenceDefinition(n) for n in self._rooms if n not in self._by_number}}
        return [self._describe(definition) for definition in names.values()]

    def _describe(self, definition: ConferenceDefinition) -> dict[str, Any]:
        room = self._rooms.get(definition.number)
        return {
            "number": definition.number,
            "name": definition.name,
            "max_participants": definition.max_participants,
            "pin_needed": definition.closed,
            "participants": [p.describe() for p in room.participants.values()] if room is not None else [],
        }


__all__ = ["FAILED", "NO_CONFERENCE", "PIN_NEEDED", "ConferenceDefinition", "Conferences"]
