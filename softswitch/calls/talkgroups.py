"""The talkgroups of a node: who may enter which, and the keys and wishes of those inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Cause, Leg
from softswitch.calls.rooms import RoomHost, take_seat
from softswitch.calls.talkgroup import FAILED, Seat, Talkgroup, TalkgroupDefinition
from softswitch.events import DigitReceived, Event
from softswitch.floor import Member
from softswitch.floor.adapters import Action, Command
from softswitch.media import MediaEngine, MediaError, Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call

logger = logging.getLogger(__name__)

NO_GROUP = Cause(404, 1, "no such talkgroup")
NO_MEMBER = Cause(403, 21, "not a member of the talkgroup")
#: What a number may do in talkgroups, by its roles.
Rights = Callable[[str], Member]


class Talkgroups:
    """All talkgroups of this node. `rights(number)` tells what a party may do."""

    def __init__(
        self, host: RoomHost, engine: MediaEngine, definitions: Iterable[TalkgroupDefinition], rights: Rights
    ) -> None:
        self._host = host
        self._engine = engine
        self._rights = rights
        self._by_number: dict[str, TalkgroupDefinition] = {}
        self._groups: dict[str, Talkgroup] = {}
        self._group_of: dict[str, Talkgroup] = {}  # by leg id
        self.replace(definitions)
        host.bus.subscribe(self._on_digit, DigitReceived.type)

    def replace(self, definitions: Iterable[TalkgroupDefinition]) -> None:
        """Put other definitions in force; groups in use go on, one that is not defined any more until all have left."""
        self._by_number = {definition.number: definition for definition in definitions}
        for number, group in self._groups.items():
            definition = self._by_number.get(number)
            if definition is not None and definition != group.definition:
                group.configure(definition)

    def enter(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """Let `leg` into the talkgroup `number`; a Cause says why it cannot."""
        definition = self._by_number.get(number)
        if definition is None:
            return NO_GROUP
        if definition.members and leg.party.number not in definition.members:
            return NO_MEMBER
        group = self._groups.get(number)
        if group is not None and leg.id in group.seats:
            return None  # it was sent where it is already
        if group is None:
            try:
                fan_out = self._engine.open_fan_out(f"talkgroup {number}")
            except MediaError as error:
                logger.error("talkgroup %s cannot be opened: %s", number, error)
                return FAILED
            group = self._groups[number] = Talkgroup(self._host, self._engine, definition, fan_out)
        seat = group.seats[leg.id] = Seat(call, leg, self._host.wall())
        return take_seat(call, leg, lambda port: self._start(group, seat, port), lambda: self._leave(group, seat))

    def _start(self, group: Talkgroup, seat: Seat, port: Port) -> Cause | None:
        refused = group.join(seat, port, self._rights(seat.number))
        if refused is None:
            self._group_of[seat.leg.id] = group
        return refused

    def _leave(self, group: Talkgroup, seat: Seat) -> None:
        if self._group_of.get(seat.leg.id) is group:  # it may have come from one talkgroup to another
            del self._group_of[seat.leg.id]
        group.leave(seat)
        if not group.seats:
            del self._groups[group.definition.number]
            group.close()

    def _on_digit(self, event: Event) -> None:
        if isinstance(event, DigitReceived):
            group = self._group_of.get(event.leg_id)
            if group is not None:
                group.key(group.seats[event.leg_id], event.digit)

    def held(self, leg: Leg) -> None:
        """A party is kept apart from the group for a while: it lets go of the floor."""
        self.command(leg.id, Command(Action.RELEASE))

    def resumed(self, leg: Leg) -> None:
        """A party that was kept apart is back."""
        group = self._group_of.get(leg.id)
        if group is not None:
            group.rejoin(group.seats[leg.id])

    def is_present(self, leg_id: str) -> bool:
        """Whether a party hears a talkgroup."""
        return leg_id in self._group_of

    def command(self, leg_id: str, command: Command) -> bool:
        """Carry out a wish of a party, as an API brings it; False when the party is in no talkgroup."""
        group = self._group_of.get(leg_id)
        if group is None:
            return False
        group.command(group.seats[leg_id], command)
        return True

    def revoke(self, leg_id: str) -> bool:
        """Take the floor from a party; False when it does not have it."""
        group = self._group_of.get(leg_id)
        return group is not None and group.revoke(leg_id)

    def describe(self) -> list[dict[str, Any]]:
        """Every talkgroup there is, in use or not; `since` in seconds since the epoch."""
        known = self._by_number | {n: group.definition for n, group in self._groups.items()}
        return [self._describe(definition) for definition in known.values()]

    def _describe(self, definition: TalkgroupDefinition) -> dict[str, Any]:
        group = self._groups.get(definition.number)
        participants = group.describe() if group is not None else []
        return {
            "number": definition.number,
            "name": definition.name,
            "members": sorted(definition.members),
            "talk_s": definition.talk_s,
            "floor": "taken" if group is not None and group.arbiter.talkers else "idle",
            "talker": next((p["party"] for p in participants if p["floor"] == "talking"), ""),
            "participants": participants,
        }


__all__ = ["NO_GROUP", "NO_MEMBER", "Rights", "Talkgroups"]
