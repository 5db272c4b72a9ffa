"""The talkgroups of a node: their definitions, who may enter which, and the keys and wishes of those inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Cause, Information, Leg
from softswitch.calls.rooms import RoomHost, take_seat
from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition, describe_definition, members_of
from softswitch.calls.talkgroups.room import open_room
from softswitch.calls.talkgroups.scanning import best_seat
from softswitch.calls.talkgroups.seat import Seat
from softswitch.calls.talkgroups.talkgroup import FAILED, Talkgroup
from softswitch.events import DigitReceived, Event
from softswitch.floor import Member
from softswitch.floor.adapters import FLOOR_MEDIA_TYPE, Action, Command, CommandError, Keypad, command_of_info
from softswitch.media import MediaEngine, MediaError, Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call

logger = logging.getLogger(__name__)

NO_GROUP = Cause(404, 1, "no such talkgroup")
NO_MEMBER = Cause(403, 21, "not a member of the talkgroup")
#: What a number may do in talkgroups, by its roles.
Rights = Callable[[str], Member]
_NO_KEYS = Keypad()
#: How long a member whose floor follows its voice keeps it while it says nothing, in seconds.
VOICE_HANG_S = 1.0


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
        self._configured: dict[str, TalkgroupDefinition] = {}
        self._added: dict[str, TalkgroupDefinition] = {}
        self._by_number: dict[str, TalkgroupDefinition] = {}
        self._members: dict[str, Mapping[str, GroupMember]] = {}
        self._groups: dict[str, Talkgroup] = {}
        self._seats: dict[str, list[Seat]] = {}  # by leg id; the first one is where the party called in
        self._patched: dict[str, str] = {}
        #: the groups that terminals of a number hear besides the one they called.
        self.scan_lists: dict[str, tuple[str, ...]] = {}
        self.on_wanted: Callable[[Talkgroup, Seat], None] = lambda group, seat: None
        self.on_inactive: Callable[[Talkgroup], None] = lambda group: None
        self.replace(definitions)
        host.bus.subscribe(self._on_digit, DigitReceived.type)

    # -- definitions ------------------------------------------------------------------------------------------------

    @property
    def definitions(self) -> Mapping[str, TalkgroupDefinition]:
        """Every talkgroup there is, by number."""
        return self._by_number

    def in_use(self, number: str) -> Talkgroup | None:
        """The group that a number leads to now, if somebody is in it."""
        return self._groups.get(self._patched.get(number, number))

    @property
    def used(self) -> tuple[str, ...]:
        """The numbers of the groups in which somebody is."""
        return tuple(self._groups)

    def members(self, definition: TalkgroupDefinition) -> Mapping[str, GroupMember]:
        """Every member of a group by number, those of groups within it included."""
        found = self._members.get(definition.number)
        if found is None:
            found = self._members[definition.number] = members_of(definition, self._by_number)
        return found

    def members_of(self, number: str) -> Collection[str] | None:
        """The numbers of a group's members, none for one that is open to all; None when there is no such group."""
        definition = self._by_number.get(number)
        return None if definition is None else self.members(definition)

    def present(self, number: str) -> list[str]:
        """The numbers that are in a group now, those who hear it unknown to the others left out."""
        group = self.in_use(number)
        return [] if group is None else [seat.number for seat in group.seats.values() if not seat.silent]

    def origin(self, number: str) -> str:
        """Where a definition stands: store (which may cover one of the configuration), configuration or nowhere."""
        return "store" if number in self._added else "configuration" if number in self._configured else ""

    def replace(self, definitions: Iterable[TalkgroupDefinition]) -> None:
        """Put other definitions of the configuration in force; one that was added covers that of its number."""
        self._configured = {definition.number: definition for definition in definitions}
        self._renew()

    def put(self, definition: TalkgroupDefinition) -> None:
        """Add a definition, or change it; it is in force at once."""
        self._added[definition.number] = definition
        self._renew()

    def remove(self, number: str) -> None:
        """Forget what was added; one of the configuration is in force again. Raises LookupError."""
        if number not in self._added:
            raise LookupError(f"there is no talkgroup {number!r} that can be removed")
        del self._added[number]
        self._renew()

    def _renew(self) -> None:
        """Groups in use go on under their new definition, one that is not defined any more until all have left."""
        self._by_number = self._configured | self._added
        self._members.clear()
        for number, group in self._groups.items():
            definition = self._by_number.get(number)
            if definition is not None and definition != group.definition:
                group.configure(definition)

    # -- coming and going -------------------------------------------------------------------------------------------

    def enter(
        self, call: Call, leg: Leg, number: str, *, invited: bool = False, dispatcher: bool = False
    ) -> Cause | None:
        """Let `leg` into the talkgroup `number`, if it is a member or was `invited`; a Cause says why it cannot.

        `dispatcher`: there it has a dispatcher's right to the floor, whatever it is elsewhere.
        """
        definition = self._by_number.get(number)
        if definition is None:
            return NO_GROUP
        if not invited and not self._may_enter(leg, definition):
            return NO_MEMBER
        return self._seat(call, leg, definition, silent=False, dispatcher=dispatcher)

    def listen(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """Let `leg` hear the talkgroup `number` unknown to those inside; a Cause says why it cannot."""
        definition = self._by_number.get(number)
        return NO_GROUP if definition is None else self._seat(call, leg, definition, silent=True)

    def _seat(
        self, call: Call, leg: Leg, definition: TalkgroupDefinition, *, silent: bool, dispatcher: bool = False
    ) -> Cause | None:
        group = self.in_use(definition.number)
        if group is not None and leg.id in group.seats:
            return None  # it was sent where it is already
        if group is None:
            group = self._open(self._by_number[self._patched.get(definition.number, definition.number)])
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
        return leg.party.number in self.members(definition)

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
            if self._floor_by(seat) == "voice" and not seat.speaks_floor:
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
        definition = self._by_number.get(seat.home, seat.group.definition)
        laid_down = self.members(definition).get(number)
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

    # -- several groups at once -------------------------------------------------------------------------------------

    def _scan(self, home: Seat, port: Port) -> None:
        """Seat a party also in the groups of its scan list."""
        for number in self.scan_lists.get(home.number, ()):
            definition = self._by_number.get(number)
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
        definition = self._by_number[number]
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
        self.put(definition)
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
        if number not in self._added or self._added[number].kind != "patch":
            raise LookupError(f"there is no patch {number!r}")
        group = self._groups.get(number)
        self._patched = {each: patch for each, patch in self._patched.items() if patch != number}
        for seat in list(group.seats.values()) if group is not None else ():
            if seat.home != number and seat.home in self._by_number:
                self.move(seat, seat.home)
        self.remove(number)

    # -- what they want ---------------------------------------------------------------------------------------------

    def _on_digit(self, event: Event) -> None:
        if isinstance(event, DigitReceived):
            seat = self.seat_of(event.leg_id)
            if seat is not None and self._floor_by(seat) == "keys":
                seat.group.key(seat, event.digit)

    def _floor_by(self, seat: Seat) -> str:
        member = self.members(seat.group.definition).get(seat.number)
        return member.floor_by if member is not None else "keys"

    def voice_heard(self, leg_id: str, *, speaking: bool) -> None:
        """Somebody began or ended speaking: a request of a member whose floor follows its voice.

        What it says counts until it has been silent for a while, so that a breath does not cost the floor.
        """
        seat = self.seat_of(leg_id)
        if seat is None or self._floor_by(seat) != "voice":
            return
        if seat.hang_over is not None:
            seat.hang_over.cancel()
            seat.hang_over = None
            if speaking:
                return  # it has the floor, or waits for it, still
        if speaking:
            seat.group.command(seat, Command(Action.REQUEST))
        else:
            at = self._host.now() + VOICE_HANG_S
            seat.hang_over = self._host.timers.schedule(at, lambda now: self._fell_silent(seat))

    def _fell_silent(self, seat: Seat) -> None:
        seat.hang_over = None
        if seat.leg.id in seat.group.seats:
            seat.group.command(seat, Command(Action.RELEASE))

    def receive_floor(self, leg_id: str, data: bytes) -> None:
        """A terminal with a floor link sent one datagram of floor control; one that is in no group is passed over."""
        seat = self.seat_of(leg_id)
        if seat is not None:
            seat.group.receive_floor(seat, data)

    def receive_information(self, leg: Leg, information: Information) -> bool:
        """A party asks for the floor by a document in a SIP INFO; False when it is something else."""
        seat = self.seat_of(leg.id)
        if seat is None or information.content_type.partition(";")[0].strip().lower() != FLOOR_MEDIA_TYPE:
            return False
        try:
            command = command_of_info(information.content_type, information.body, _NO_KEYS, self._host.now())
        except CommandError as error:
            logger.info("a floor request of %s is refused: %s", seat.number, error)
            information.refuse(400)
            return True
        information.accept()
        if command is not None:
            seat.group.command(seat, command)
        return True

    def held(self, leg: Leg) -> None:
        """A party is kept apart from the group for a while: it lets go of the floor."""
        self.command(leg.id, Command(Action.RELEASE))

    def resumed(self, leg: Leg) -> None:
        """A party that was kept apart is back."""
        seat = self.seat_of(leg.id)
        if seat is not None:
            seat.group.rejoin(seat)

    def seat_of(self, leg_id: str) -> Seat | None:
        """The seat of a party in the group that it hears now."""
        seats = self._seats.get(leg_id)
        return None if seats is None else next((seat for seat in seats if seat.tuned), seats[0])

    def is_present(self, leg_id: str) -> bool:
        """Whether a party hears a talkgroup."""
        return leg_id in self._seats

    def command(self, leg_id: str, command: Command, *, forced: bool = False) -> bool:
        """Carry out a wish of a party, as an API brings it; False when the party is in no talkgroup."""
        seat = self.seat_of(leg_id)
        if seat is None:
            return False
        seat.group.command(seat, command, forced=forced)
        return True

    def revoke(self, leg_id: str) -> bool:
        """Take the floor from a party; False when it does not have it."""
        seat = self.seat_of(leg_id)
        return seat is not None and seat.group.revoke(leg_id)

    def describe(self) -> list[dict[str, Any]]:
        """Every talkgroup there is, in use or not, but those of ambience listening; `since` in seconds since 1970."""
        known = self._by_number | {n: group.definition for n, group in self._groups.items()}
        return [self._describe(definition) for definition in known.values() if definition.kind != "ambience"]

    def _describe(self, definition: TalkgroupDefinition) -> dict[str, Any]:
        group = self.in_use(definition.number)
        participants = group.describe() if group is not None else []
        return {
            **describe_definition(definition),
            "origin": self.origin(definition.number),
            "patched_into": self.patch_of(definition.number),
            "floor": "taken" if group is not None and group.arbiter.talkers else "idle",
            "talker": next((p["party"] for p in participants if p["floor"] == "talking"), ""),
            "participants": participants,
        }


__all__ = ["NO_GROUP", "NO_MEMBER", "Rights", "Talkgroups"]
