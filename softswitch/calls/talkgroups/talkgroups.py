"""The talkgroups of a node: who may enter which, who sits in which, and those that are joined to patches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Cause, Leg
from softswitch.calls.rooms import RoomHost, take_seat
from softswitch.calls.talkgroups.book import TalkgroupBook
from softswitch.calls.talkgroups.definition import TalkgroupDefinition, describe_definition
from softswitch.calls.talkgroups.room import open_room
from softswitch.calls.talkgroups.scanning import best_seat
from softswitch.calls.talkgroups.seat import Seat
from softswitch.calls.talkgroups.talkgroup import FAILED, Talkgroup
from softswitch.calls.talkgroups.wishes import Wishes
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
    """All talkgroups of this node. `rights(number)` tells what a party may do.

    `on_wanted` is called before a party asks for the floor, `on_inactive` when a group's hang time is over.
    """

    def __init__(
        self, host: RoomHost, engine: MediaEngine, definitions: Iterable[TalkgroupDefinition], rights: Rights
    ) -> None:
        self._host = host
        self._engine = engine
        self._rights = rights
        self.book = TalkgroupBook(definitions)
        self.book.on_change = self._changed
        self.wishes = Wishes(host, self.book, self.seat_of)
        self._groups: dict[str, Talkgroup] = {}
        self._seats: dict[str, list[Seat]] = {}  # by leg id; the first one is where the party called in
        self._patched: dict[str, str] = {}
        #: the groups that terminals of a number hear besides the one they called.
        self.scan_lists: dict[str, tuple[str, ...]] = {}
        self.on_wanted: Callable[[Talkgroup, Seat], None] = lambda group, seat: None
        self.on_inactive: Callable[[Talkgroup], None] = lambda group: None

    # -- which there are --------------------------------------------------------------------------------------------

    def in_use(self, number: str) -> Talkgroup | None:
        """The group that a number leads to now, if somebody is in it."""
        return self._groups.get(self._patched.get(number, number))

    @property
    def used(self) -> tuple[str, ...]:
        """The numbers of the groups in which somebody is."""
        return tuple(self._groups)

    def present(self, number: str) -> list[str]:
        """The numbers that are in a group now, those who hear it unknown to the others left out."""
        group = self.in_use(number)
        return [] if group is None else [seat.number for seat in group.seats.values() if not seat.silent]

    def seat_of(self, leg_id: str) -> Seat | None:
        """The seat of a party in the group that it hears now."""
        seats = self._seats.get(leg_id)
        return None if seats is None else next((seat for seat in seats if seat.tuned), seats[0])

    def is_present(self, leg_id: str) -> bool:
        """Whether a party hears a talkgroup."""
        return leg_id in self._seats

    def _changed(self) -> None:
        """Groups in use go on under their new definition, one that is not defined any more until all have left."""
        for number, group in self._groups.items():
            definition = self.book.definitions.get(number)
            if definition is not None and definition != group.definition:
                group.configure(definition)

    # -- coming and going -------------------------------------------------------------------------------------------

    def enter(
        self, call: Call, leg: Leg, number: str, *, invited: bool = False, dispatcher: bool = False
    ) -> Cause | None:
        """Let `leg` into the talkgroup `number`, if it is a member or was `invited`; a Cause says why it cannot.

        `dispatcher`: there it has a dispatcher's right to the floor, whatever it is elsewhere.
        """
        definition = self.book.definitions.get(number)
        if definition is None:
            return NO_GROUP
        if not invited and not self._may_enter(leg, definition):
            return NO_MEMBER
        return self._seat(call, leg, definition, silent=False, dispatcher=dispatcher)

    def listen(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """Let `leg` hear the talkgroup `number` unknown to those inside; a Cause says why it cannot."""
        definition = self.book.definitions.get(number)
        return NO_GROUP if definition is None else self._seat(call, leg, definition, silent=True)

    def _seat(
        self, call: Call, leg: Leg, definition: TalkgroupDefinition, *, silent: bool, dispatcher: bool = False
    ) -> Cause | None:
        group = self.in_use(definition.number)
        if group is not None and leg.id in group.seats:
            return None  # it was sent where it is already
        if group is None:
            group = self._open(self.book.definitions[self._patched.get(definition.number, definition.number)])
        if group is None:
            return FAILED
        seat = Seat(call, leg, self._host.wall(), group, definition.number, silent=silent)
        seat.dispatcher = dispatcher
        call.record.talkgroup = definition.number
        group.seats[leg.id] = seat
        start, leave = lambda port: self._start(seat, port), lambda: self._leave(seat)
        return take_seat(call, leg, start, leave, near=self.room_of(definition.number))

    def room_of(self, number: str) -> str:
        """Whose the room of a group is in the media engine."""
        return f"talkgroup {self._patched.get(number, number)}"

    def _may_enter(self, leg: Leg, definition: TalkgroupDefinition) -> bool:
        if definition.is_open or self._rights(leg.party.number).dispatcher:
            return True
        return leg.party.number in self.book.members(definition)

    def _open(self, definition: TalkgroupDefinition) -> Talkgroup | None:
        number = definition.number
        try:
            room = open_room(self._engine, self.room_of(number), both_heard=definition.both_heard)
        except MediaError as error:
            logger.error("talkgroup %s cannot be opened: %s", number, error)
            return None
        group = self._groups[number] = Talkgroup(self._host, self._engine, definition, room, self)
        return group

    def _start(self, seat: Seat, port: Port) -> Cause | None:
        refused = seat.group.join(seat, port, self._member(seat))
        if refused is None:
            self._seats[seat.leg.id] = [seat]
            if self.wishes.floor_by(seat) == "voice" and not seat.speaks_floor:
                self._listen(seat, port)
            if not seat.silent:
                self._scan(seat, port)
        return refused

    def _listen(self, seat: Seat, port: Port) -> None:
        try:
            port.listen(speech=True)
        except MediaError as error:
            logger.info("the voice of %s cannot be listened to: %s", seat.number, error)

    def _member(self, seat: Seat) -> Member:
        """What a party may do: what its service or its number says, within what the group allows it."""
        number = seat.number
        member, link = self._rights(number), seat.leg.floor
        if link is not None:
            member = link.member or Member(dispatcher=member.dispatcher)
        definition = self.book.definitions.get(seat.home, seat.group.definition)
        laid_down = self.book.members(definition).get(number)
        if laid_down is not None:
            member = laid_down.limit(member, agreed=link is not None and link.member is not None)
        return replace(member, dispatcher=True, may_request=True) if seat.dispatcher else member

    def _leave(self, seat: Seat) -> None:
        seats = self._seats.get(seat.leg.id, [])
        if seat in seats:  # it may have come from one talkgroup to another
            del self._seats[seat.leg.id]
        for each in {id(one): one for one in (seat, *(seats if seat in seats else ()))}.values():
            self._vacate(each)

    def _vacate(self, seat: Seat) -> None:
        group = seat.group
        group.leave(seat)
        self._close_empty(group)

    def _close_empty(self, group: Talkgroup) -> None:
        if not group.seats and self._groups.get(group.number) is group:
            del self._groups[group.number]
            group.close()

    def held(self, leg: Leg) -> None:
        """A party is kept apart from the group for a while: it lets go of the floor."""
        self.wishes.command(leg.id, Command(Action.RELEASE))

    def resumed(self, leg: Leg) -> None:
        """A party that was kept apart is back."""
        seat = self.seat_of(leg.id)
        if seat is not None:
            seat.group.rejoin(seat)

    # -- several groups at once -------------------------------------------------------------------------------------

    def _scan(self, home: Seat, port: Port) -> None:
        """Seat a party also in the groups of its scan list."""
        for number in self.scan_lists.get(home.number, ()):
            definition = self.book.definitions.get(number)
            group = self.in_use(number) or (self._open(definition) if definition is not None else None)
            if definition is None or group is None or home.leg.id in group.seats:
                continue
            seat = Seat(home.call, home.leg, home.since, group, number)
            seat.tuned = False
            group.seats[home.leg.id] = seat
            self._seats[home.leg.id].append(seat)
            group.join(seat, port, self._member(seat))

    def floor_moved(self, group: Talkgroup) -> None:
        """See TalkgroupObserver: parties that scan hear the most important group in which somebody talks."""
        for leg_id in list(group.seats):
            seats = self._seats.get(leg_id, [])
            if len(seats) < 2:
                continue
            tuned, best = next(seat for seat in seats if seat.tuned), best_seat(seats)
            if best is not tuned:
                tuned.group.tune(tuned, tuned=False)
                best.group.tune(best, tuned=True)

    def floor_wanted(self, group: Talkgroup, seat: Seat) -> None:
        """See TalkgroupObserver."""
        self.on_wanted(group, seat)

    def group_inactive(self, group: Talkgroup) -> None:
        """See TalkgroupObserver."""
        self.on_inactive(group)

    def move(self, seat: Seat, number: str) -> None:
        """Take a party from its group into another; it is released when that one cannot take it."""
        definition = self.book.definitions[number]
        group, port = self._groups.get(number) or self._open(definition), seat.port
        before = seat.group
        if port is None or group is before or (group is not None and seat.leg.id in group.seats):
            return
        before.leave(seat)
        refused = FAILED
        if group is not None:
            group.seats[seat.leg.id] = seat
            seat.group = group
            refused_by = group.join(seat, port, self._member(seat))
            self._close_empty(before)
            if refused_by is None:
                return
            refused = refused_by
        seat.call.disconnect(refused)

    def patch(self, definition: TalkgroupDefinition) -> None:
        """Join the groups of `definition` into one with one arbiter; whoever is in one of them is in all."""
        self.book.put(definition)
        for number in definition.groups:
            group = self._groups.get(number)
            self._patched[number] = definition.number
            for seat in list(group.seats.values()) if group is not None else ():
                self.move(seat, definition.number)

    def patch_of(self, number: str) -> str:
        """The patch that a group is part of, "" for none."""
        return self._patched.get(number, "")

    def unpatch(self, number: str) -> None:
        """Let every group go on by itself; raises LookupError."""
        if self.book.origin(number) != "store" or self.book.definitions[number].kind != "patch":
            raise LookupError(f"there is no patch {number!r}")
        group = self._groups.get(number)
        self._patched = {each: patch for each, patch in self._patched.items() if patch != number}
        for seat in list(group.seats.values()) if group is not None else ():
            if seat.home != number and seat.home in self.book.definitions:
                self.move(seat, seat.home)
        self.book.remove(number)

    # -- what is told of them -----------------------------------------------------------------------------------------

    def describe(self) -> list[dict[str, Any]]:
        """Every talkgroup there is, in use or not, but those of ambience listening; `since` in seconds since 1970."""
        known = dict(self.book.definitions) | {n: group.definition for n, group in self._groups.items()}
        return [self._describe(definition) for definition in known.values() if definition.kind != "ambience"]

    def _describe(self, definition: TalkgroupDefinition) -> dict[str, Any]:
        group = self.in_use(definition.number)
        participants = group.describe() if group is not None else []
        return {
            **describe_definition(definition),
            "origin": self.book.origin(definition.number),
            "patched_into": self.patch_of(definition.number),
            "floor": "taken" if group is not None and group.arbiter.talkers else "idle",
            "talker": next((p["party"] for p in participants if p["floor"] == "talking"), ""),
            "participants": participants,
        }


__all__ = ["NO_GROUP", "NO_MEMBER", "Rights", "Talkgroups"]
