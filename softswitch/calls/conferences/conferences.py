"""Conferences: who dials the number of one hears everybody else who did.

A room is made when the first party enters and given up when the last one has left. What is heard is the media engine's
matter; here is decided who may enter, and carried out what participants and operators want.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from softswitch.calls.conferences.definition import PLAIN, ConferenceDefinition, MemberAttributes
from softswitch.calls.conferences.definitions import ConferenceDefinitions
from softswitch.calls.conferences.entrance import Door
from softswitch.calls.conferences.room import ConferenceRoom, Participant
from softswitch.calls.conferences.switched_pictures import SwitchedPictures
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media.path import NO_SERVICE_CODEC
from softswitch.calls.media.side import PICTURE_CODECS, sounds_of
from softswitch.calls.rooms import FULL, RoomHost, take_seat
from softswitch.events import ConferenceJoined, ConferenceLeft, ConferenceSpeaker, DigitReceived, Event
from softswitch.events.conferences import ConferenceOrder, HandRaised
from softswitch.media import LoudestSpeaker, MediaEngine, MediaError, NotTranscodable, Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call

logger = logging.getLogger(__name__)

NO_CONFERENCE = Cause(404, 1, "no such conference")
LOCKED = Cause(403, 21, "the conference is locked")
FAILED = Cause(503, 41, "the conference cannot be opened")
#: Keys of participants after `*`: raise or lower the hand, mute oneself or not; of a chair: lock or unlock.
HAND_KEY, MUTE_KEY, LOCK_KEY = "1", "6", "7"


class Conferences(ConferenceDefinitions):
    """All conferences of this node."""

    def __init__(self, host: RoomHost, engine: MediaEngine, definitions: Iterable[ConferenceDefinition]) -> None:
        super().__init__(definitions)
        self._host = host
        self._engine = engine
        self._rooms: dict[str, ConferenceRoom] = {}
        self._doors: dict[str, Door] = {}  # by leg id
        self._seats: dict[str, tuple[ConferenceRoom, Participant]] = {}  # by leg id
        host.bus.subscribe(self._on_digit, DigitReceived.type)

    # -- rooms in use -------------------------------------------------------------------------------------------------

    def room(self, number: str) -> ConferenceRoom:
        """A conference in use; raises LookupError."""
        room = self._rooms.get(number)
        if room is None:
            raise LookupError(f"nobody is in conference {number!r}")
        return room

    def present(self, number: str) -> list[str]:
        """The numbers of those inside."""
        room = self._rooms.get(number)
        return [each.number for each in room.seated()] if room is not None else []

    # -- coming and going ---------------------------------------------------------------------------------------------

    def enter(
        self, call: Call, leg: Leg, number: str, *, invited: bool = False, attributes: MemberAttributes = PLAIN
    ) -> Cause | None:
        """Let `leg` into the conference `number`; a Cause says why it cannot. Who is `invited` needs no PIN."""
        definition = self._by_number.get(number)
        if definition is None:
            return NO_CONFERENCE
        room = self._rooms.get(number)
        if room is not None:
            if leg in room.participants:
                return None  # it was sent where it is already
            if room.locked and not invited:
                return LOCKED
            if len(room.participants) >= definition.max_participants:
                return FULL
        if definition.closed and not invited:
            return self._knock(call, leg, definition)
        participant = Participant(call, leg, self._host.wall(), attributes)
        opened = self._open(definition)
        if opened is None:
            return FAILED
        opened.participants[leg] = participant
        self._adapt(leg, definition)
        return take_seat(
            call,
            leg,
            lambda port: self._start(opened, participant, port),
            lambda: self._leave(opened, participant),
            near=_owner(number),
        )

    def _open(self, definition: ConferenceDefinition) -> ConferenceRoom | None:
        number = definition.number
        room = self._rooms.get(number)
        if room is None:
            try:
                owner = _owner(number)
                mixer = self._engine.open_conference(
                    owner, definition.rate_hz, signals=definition.signals, comfort_noise=definition.comfort_noise
                )
            except MediaError as error:
                logger.error("conference %s cannot be opened: %s", number, error)
                return None
            open_room = lambda: self._engine.open_fan_out(owner)  # noqa: E731 (made when the first picture comes)
            pictures = SwitchedPictures(open_room, self._host.timers, self._host.now)
            room = self._rooms[number] = ConferenceRoom(number, mixer, pictures)
        return room

    def _adapt(self, leg: Leg, definition: ConferenceDefinition) -> None:
        """Let a party be answered with what suits the conference: codecs as wide as it is, and its pictures."""
        room = self._rooms.get(definition.number)
        self._host.media.hear_sounds(leg, sounds_of(definition.rate_hz))
        self._host.media.show_pictures(leg, room.pictures.codecs if room is not None else PICTURE_CODECS)

    def _forget(self, leg: Leg) -> None:
        """Undo `_adapt`."""
        self._host.media.hear_sounds(leg, ())
        self._host.media.show_pictures(leg, ())

    def _knock(self, call: Call, leg: Leg, definition: ConferenceDefinition) -> Cause | None:
        """Ask for the PIN; the caller is answered and alone until it is right."""
        door = Door(
            self._host, self._engine, call, leg, definition.opens, lambda port: self._admit(call, leg, definition, port)
        )
        self._doors[leg.id] = door
        self._adapt(leg, definition)
        return take_seat(call, leg, door.ask, lambda: self._close_door(leg), near=_owner(definition.number))

    def _close_door(self, leg: Leg) -> None:
        door = self._doors.pop(leg.id, None)
        if door is not None:
            door.close()
        self._forget(leg)

    def _admit(self, call: Call, leg: Leg, definition: ConferenceDefinition, port: Port) -> None:
        """The PIN was right: from the door to a seat, with the media that is agreed already."""
        room = self._open(definition)
        if room is None:
            call.disconnect(FAILED)
            return
        participant = Participant(call, leg, self._host.wall(), PLAIN)
        full = len(room.participants) >= definition.max_participants
        room.participants[leg] = participant
        call.stay(lambda: self._leave(room, participant))  # out of the door, which forgets it
        self._adapt(leg, definition)
        refused = FULL if full else LOCKED if room.locked else self._start(room, participant, port)
        if refused is not None:
            call.disconnect(refused)

    def _start(self, room: ConferenceRoom, participant: Participant, port: Port) -> Cause | None:
        participant.port = port
        try:
            room.take_in(participant)
        except NotTranscodable:
            participant.port = None
            return NO_SERVICE_CODEC
        except MediaError as error:
            participant.port = None
            logger.error("a party cannot enter conference %s: %s", room.number, error)
            return FAILED
        self._seats[participant.leg.id] = (room, participant)
        self.renewed(participant.leg)
        self._tell(ConferenceJoined, room, participant)
        return None

    def _leave(self, room: ConferenceRoom, participant: Participant) -> None:
        del room.participants[participant.leg]
        self._seats.pop(participant.leg.id, None)
        self._forget(participant.leg)
        if participant.picture is not None:
            room.pictures.leave(participant.picture)
        if participant.port is not None:
            room.mixer.leave(participant.port)
            self._tell(ConferenceLeft, room, participant)
        if not room.participants and self._rooms.get(room.number) is room:
            del self._rooms[room.number]
            for other in room.links:
                self._rooms[other].links.discard(room.number)
            room.mixer.close()
            room.pictures.close()

    def resumed(self, leg: Leg) -> None:
        """A party that was kept apart from its conference for a while is back."""
        room, participant = self._seats.get(leg.id, (None, None))
        if room is None or participant is None:
            return
        try:
            room.take_in(participant)
        except MediaError as error:
            logger.error("a party cannot come back to conference %s: %s", room.number, error)
        self.renewed(leg)

    def renewed(self, leg: Leg) -> None:
        """A party has agreed on its media, at first or anew: it may show itself now, or no more."""
        room, participant = self._seats.get(leg.id, (None, None))
        if room is None or participant is None:
            return
        try:
            room.show(participant, self._host.media.picture_port(leg))
        except MediaError as error:
            logger.error("a party cannot be seen in conference %s: %s", room.number, error)

    # -- what is wanted -----------------------------------------------------------------------------------------------

    def seat_of(self, leg_id: str) -> tuple[str, Participant] | None:
        """The conference that a leg is in, and how."""
        found = self._seats.get(leg_id)
        return None if found is None else (found[0].number, found[1])

    def order(self, number: str, operation: str, by: str, carry_out: Callable[[ConferenceRoom], str]) -> None:
        """Do something to a conference in use and tell it; `carry_out` answers whom it was done to.

        Raises LookupError, ValueError, MediaError.
        """
        room = self.room(number)
        party = carry_out(room)
        self._host.bus.tell(ConferenceOrder, number, operation, party, by)

    def link(self, number: str, other: str, by: str, *, linked: bool = True) -> None:
        """Let all in two conferences hear each other, or not any more; raises LookupError, ValueError, MediaError."""
        room, second = self.room(number), self.room(other)
        if linked:
            room.mixer.link(second.mixer)
            room.links.add(other)
            second.links.add(number)
        else:
            room.mixer.unlink(second.mixer)
            room.links.discard(other)
            second.links.discard(number)
        self._host.bus.tell(ConferenceOrder, number, "link" if linked else "unlink", other, by)

    def raise_hand(self, room: ConferenceRoom, participant: Participant, *, raised: bool) -> None:
        """A participant wants to speak, or does not any more."""
        participant.hand_since = self._host.wall() if raised else 0.0
        leg = participant.leg
        self._host.bus.tell(HandRaised, room.number, participant.call.id, leg.id, participant.number, raised)

    def end(self, number: str, cause: Cause, by: str) -> None:
        """Release everybody; raises LookupError."""
        room = self.room(number)
        self._host.bus.tell(ConferenceOrder, number, "end", "", by)
        for participant in list(room.participants.values()):
            participant.call.disconnect(cause)

    def _on_digit(self, event: Event) -> None:
        assert isinstance(event, DigitReceived)
        door = self._doors.get(event.leg_id)
        if door is not None:
            door.key(event.digit)
            return
        room, participant = self._seats.get(event.leg_id, (None, None))
        if room is not None and participant is not None:
            self._key(room, participant, event.digit)

    def _key(self, room: ConferenceRoom, participant: Participant, digit: str) -> None:
        """What a participant wants that pressed a key, after `*`."""
        before, participant.last_key = participant.last_key, digit
        if before != "*":
            return
        order = ""
        if digit == HAND_KEY:
            self.raise_hand(room, participant, raised=not participant.hand_since)
        elif digit == MUTE_KEY:
            room.adjust(participant, muted=not participant.attributes.muted)
            order, party = "mute" if participant.attributes.muted else "unmute", participant.number
        elif digit == LOCK_KEY and participant.attributes.chair:
            room.locked = not room.locked
            order, party = "lock" if room.locked else "unlock", ""
        if order:
            self._host.bus.tell(ConferenceOrder, room.number, order, party, participant.number)

    # -- what is told -------------------------------------------------------------------------------------------------

    def loudest(self, event: LoudestSpeaker) -> None:
        """Somebody else speaks in a room of the media engine, which may be one of ours."""
        for number, room in self._rooms.items():
            if room.mixer is event.room:
                found = (p for p in room.participants.values() if p.port is event.port and p.port is not None)
                speaker = next(found, None)
                room.pictures.loudest(speaker.picture if speaker is not None else None)
                leg = speaker.leg if speaker is not None else None
                names = (speaker.call.id, leg.id, leg.party.number) if speaker is not None and leg else ("", "", "")
                self._host.bus.tell(ConferenceSpeaker, number, *names)

    def _tell(
        self, kind: type[ConferenceJoined | ConferenceLeft], room: ConferenceRoom, participant: Participant
    ) -> None:
        present = len(room.participants)
        names = (room.number, participant.call.id, participant.leg.id, participant.number)
        self._host.bus.tell(kind, *names, present)

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
            "signals": definition.signals,
            "comfort_noise": definition.comfort_noise,
            "rate_hz": definition.rate_hz,
            "origin": self.origin(definition.number),
            "plans": sorted(definition.plans),
            "locked": room.locked if room is not None else False,
            "links": sorted(room.links) if room is not None else [],
            "participants": [p.describe() for p in room.participants.values()] if room is not None else [],
        }


def _owner(number: str) -> str:
    """Whose a room is in the media engine."""
    return f"conference {number}"


__all__ = ["FAILED", "LOCKED", "NO_CONFERENCE", "ConferenceDefinition", "Conferences"]
