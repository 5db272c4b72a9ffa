"""One talkgroup in use: whoever has the floor is heard by all others.

The arbiter decides who talks; the media engine passes on the talker's packets and nobody else's. Parties whose leg has
a floor link are told and heard through the floor control channel in their own dialect. A plain telephone asks with `*`
and lets go with `#`, however the keys arrive; short sounds tell it what became of it. It sends all the time and cannot
be told to stop, so what it says without the floor is dropped and the talk time runs from the grant.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from softswitch.calls.leg import Cause
from softswitch.calls.machine import Method
from softswitch.calls.media.path import NO_SERVICE_CODEC
from softswitch.calls.rooms import RoomHost
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.calls.talkgroups.floor_report import FloorReport
from softswitch.calls.talkgroups.room import TalkRoom
from softswitch.calls.talkgroups.seat import Seat
from softswitch.events import FloorIdle, GroupJoined, GroupLeft
from softswitch.floor import (
    Arbiter,
    Denied,
    Granted,
    Idle,
    Inactive,
    MediaGate,
    Member,
    QueueCancelled,
    Queued,
    Revoked,
    TalkTimeWarning,
    Tier,
)
from softswitch.floor.adapters import Action, Command, apply
from softswitch.floor.channel import GroupChannel
from softswitch.media import MediaEngine, MediaError, NotTranscodable, Port

if TYPE_CHECKING:
    from softswitch.sip.timerwheel import Timer

logger = logging.getLogger(__name__)

FAILED = Cause(503, 41, "the talkgroup cannot be opened")
#: How often it is looked whether a talker sends; shorter than T1 and than T20.
_WATCH_S = 0.5


class TalkgroupObserver(Protocol):
    """Who keeps the talkgroups."""

    def floor_wanted(self, group: Talkgroup, seat: Seat) -> None:
        """A party is about to ask for the floor."""

    def floor_moved(self, group: Talkgroup) -> None:
        """Somebody else, or nobody, has the floor now."""

    def group_inactive(self, group: Talkgroup) -> None:
        """The hang time is over."""


class Conduct(NamedTuple):
    """How a call of a group is to be held: how urgent every request is at least, and who alone may talk (its number).

    `held_back`: it is being set up; who asks for the floor gets its answer when it starts.
    """

    tier: Tier = Tier.NORMAL
    broadcaster: str = ""
    held_back: bool = False


ORDINARY = Conduct()


class Talkgroup:
    """A talkgroup in use: its seats by leg id, its arbiter behind a channel, and its room."""

    def __init__(
        self,
        host: RoomHost,
        engine: MediaEngine,
        definition: TalkgroupDefinition,
        room: TalkRoom,
        observer: TalkgroupObserver,
    ) -> None:
        self._host = host
        self._room = room
        self._observer = observer
        self._timer: Timer | None = None
        self._watching: Timer | None = None
        self._early: dict[str, Command] = {}
        self._conducts: dict[str, Conduct] = {}
        self._silent = 0
        self._report = FloorReport(engine, host.bus.tell, definition.number, audible=definition.kind != "ambience")
        self.definition = definition
        self.seats: dict[str, Seat] = {}
        self.channel = GroupChannel(Arbiter(definition.floor()), zlib.crc32(definition.number.encode()))
        self.arbiter.start(host.now())

    @property
    def arbiter(self) -> Arbiter:
        """Who decides."""
        return self.channel.arbiter

    @property
    def number(self) -> str:
        """The number of the group."""
        return self.definition.number

    @property
    def held_back(self) -> bool:
        """Whether a call of the group is still being set up."""
        return any(conduct.held_back for conduct in self._conducts.values())

    @property
    def _tier(self) -> Tier:
        return max((conduct.tier for conduct in self._conducts.values()), default=Tier.NORMAL)

    @property
    def _broadcaster(self) -> str:
        return next((conduct.broadcaster for conduct in self._conducts.values() if conduct.broadcaster), "")

    @property
    def present(self) -> int:
        """How many are inside, silent listeners apart."""
        return len(self.seats) - self._silent

    # -- who is there -----------------------------------------------------------------------------------------------

    def join(self, seat: Seat, port: Port, member: Member) -> Cause | None:
        """The media of a seat is agreed: it hears the group from now on."""
        if seat.tuned:
            try:
                self._room.join(port)
            except NotTranscodable:
                return NO_SERVICE_CODEC
            except MediaError as error:
                logger.error("a party cannot enter talkgroup %s: %s", self.number, error)
                return FAILED
        seat.port = port
        seat.member = member
        if seat.silent:
            self._silent += 1
            return None
        leg_id, now = seat.leg.id, self._host.now()
        if self._broadcaster == seat.number:
            self._configure()
        self.channel.add_peer(leg_id, seat.peer)
        self.arbiter.participant_joined(leg_id, now, self._rights(seat))
        self._settle()
        self._host.bus.tell(GroupJoined, self.number, seat.call.id, leg_id, seat.number, self.present)
        return None

    def tune(self, seat: Seat, *, tuned: bool) -> None:
        """Let a party that scans hear this group, or not; what it says goes where it hears."""
        seat.tuned = tuned
        if seat.port is None:
            return
        if tuned:
            self.rejoin(seat)
        else:
            self.arbiter.release(seat.leg.id, self._host.now())
            self._settle()
            self._room.leave(seat.port)

    def rejoin(self, seat: Seat) -> None:
        """A party that was taken out of the media, because it was held, hears the group again."""
        if seat.port is None or not seat.tuned or seat.port in self._room.members:
            return
        try:
            self._room.join(seat.port)
        except MediaError as error:
            logger.error("a party cannot come back to talkgroup %s: %s", self.number, error)

    def leave(self, seat: Seat) -> None:
        """A party is gone, with what it was saying."""
        leg_id = seat.leg.id
        del self.seats[leg_id]
        self._early.pop(leg_id, None)
        if seat.port is None:
            return
        self._room.leave(seat.port)
        if seat.silent:
            self._silent -= 1
            return
        self.arbiter.participant_left(leg_id, self._host.now())
        self._settle()
        self.channel.remove_peer(leg_id)
        self._host.bus.tell(GroupLeft, self.number, seat.call.id, leg_id, seat.number, self.present)

    def close(self) -> None:
        """Nobody is left."""
        for timer in (self._timer, self._watching):
            if timer is not None:
                timer.cancel()
        self._room.close()

    def configure(self, definition: TalkgroupDefinition) -> None:
        """Go on under another definition; who is in stays in."""
        self.definition = definition
        self._configure()
        self._settle()

    def conduct(self, by: str, conduct: Conduct = ORDINARY) -> None:
        """A call of the group begins, goes on otherwise or ends, for `by`.

        Dispatchers and clients may each have begun one: the more urgent counts, a broadcast of either is one for all,
        and who asks is answered when both have been set up.
        """
        self._conducts.pop(by, None)
        if conduct != ORDINARY:
            self._conducts[by] = conduct
        self._configure()
        if not self.held_back:
            early, self._early = self._early, {}
            for leg_id, command in early.items():
                apply(command, self.arbiter, leg_id, self._host.now())
        self._settle()

    def _configure(self) -> None:
        by = ""
        if self._broadcaster:
            by = next((leg for leg, seat in self.seats.items() if seat.number == self._broadcaster), "nobody")
        self.arbiter.configure(self.definition.floor(tier=self._tier, broadcast_by=by), self._host.now())

    def _rights(self, seat: Seat) -> Member:
        """What a party may do in this group; without a floor protocol T1 runs only where silence is to end a talk."""
        member = seat.member
        if self.definition.kind == "ambience":
            member = replace(member, monitored=False, continuous=True)
        elif not seat.speaks_floor and self.definition.silence_s:
            member = replace(member, monitored=True)
        if seat.muted or (self.definition.broadcast_only and not (member.dispatcher or member.may_override)):
            member = replace(member, may_request=False)
        return member

    def mute(self, seat: Seat, *, muted: bool) -> None:
        """Let a party not talk, or let it again."""
        seat.muted = muted
        self.arbiter.member_changed(seat.leg.id, self._rights(seat), self._host.now())
        self._settle()

    # -- what they want ---------------------------------------------------------------------------------------------

    def key(self, seat: Seat, digit: str) -> None:
        """A party pressed a key."""
        command = seat.keypad.key(digit, self._host.now())
        if command is not None:
            self.command(seat, command)

    def command(self, seat: Seat, command: Command, *, forced: bool = False) -> None:
        """A party wants something of the floor; `forced`: a dispatcher wants it to have the floor."""
        if seat.port is None or seat.silent:
            return
        if command.action is Action.REQUEST:
            seat.drive(Method.REQUEST_FLOOR)
            self._observer.floor_wanted(self, seat)
        if self.held_back:
            self._keep(seat, command)
            return
        if forced:
            self.arbiter.request(seat.leg.id, self._host.now(), tier=command.tier, forced=True)
        else:
            apply(command, self.arbiter, seat.leg.id, self._host.now())
        self._settle()

    def _keep(self, seat: Seat, command: Command) -> None:
        """The call is being set up: the last wish of each counts when it starts."""
        if command.action is Action.REQUEST:
            self._early[seat.leg.id] = command
        elif command.action is Action.RELEASE:
            self._early.pop(seat.leg.id, None)

    def receive_floor(self, seat: Seat, data: bytes) -> None:
        """A terminal sent floor control."""
        if self.held_back:
            return  # it asks again after T101
        leg_id = seat.leg.id
        before = self._concerns(leg_id)
        self.channel.receive_data(leg_id, data, self._host.now())
        if not before and self._concerns(leg_id):
            seat.drive(Method.REQUEST_FLOOR)
            self._observer.floor_wanted(self, seat)
        self._settle()

    def _concerns(self, leg_id: str) -> bool:
        return leg_id in self.arbiter.waiting or any(each.participant == leg_id for each in self.arbiter.talkers)

    def revoke(self, leg_id: str) -> bool:
        """Take the floor from a talker; False when it does not talk."""
        done = self.arbiter.revoke(leg_id, self._host.now())
        self._settle()
        return done

    # -- what the arbiter says --------------------------------------------------------------------------------------

    def _settle(self, now: float | None = None) -> None:
        """Let the arbiter do what is due, act on what it tells, and ask to be woken in time."""
        channel, now = self.channel, self._host.now() if now is None else now
        channel.handle_timer(now)
        moved = False
        while (event := channel.next_event(now)) is not None:
            if isinstance(event, MediaGate):
                self._gate(event)
                moved = True
            elif isinstance(event, Idle):
                if not event.repeated:
                    self._host.bus.tell(FloorIdle, self.number)
            elif isinstance(event, Inactive):
                self._host.timers.schedule(now, lambda _: self._observer.group_inactive(self))
            elif isinstance(event, Granted | Denied | Revoked | Queued | QueueCancelled | TalkTimeWarning):
                seat = self.seats.get(event.participant)
                if seat is not None:
                    self._report.personal(seat, event)
        self._send()
        if self._timer is not None:
            self._timer.cancel()
        at = channel.next_timer()
        self._timer = None if at is None else self._host.timers.schedule(at, self._settle)
        if moved:
            self._watch(now)
            self._observer.floor_moved(self)

    def _send(self) -> None:
        for data, receivers in self.channel.data_to_send():
            for leg_id in receivers:
                seat = self.seats.get(leg_id)
                if seat is not None and seat.leg.floor is not None:
                    seat.leg.floor.send_floor(data)

    def _gate(self, gate: MediaGate) -> None:
        seat = self.seats.get(gate.participant)
        if gate.open:
            if seat is not None and seat.port is not None and seat.port in self._room.members:
                if self._rights(seat).monitored:
                    seat.media_came()
                self._room.let_talk(seat.port)
            else:  # it is held, so that nobody could hear it
                self.arbiter.release(gate.participant, self._host.now())
            return
        if seat is not None:
            if seat.port is not None:
                self._room.silence(seat.port)
            seat.keypad.stopped()
            seat.drive(Method.RELEASE_FLOOR)

    def _watch(self, now: float) -> None:
        """Tell the arbiter of packets from talkers whose silence is to end their talk."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        watched = False
        for talker in self.arbiter.talkers:
            seat = self.seats.get(talker.participant)
            if seat is not None and self._rights(seat).monitored:
                watched = True
                if seat.media_came():
                    self.arbiter.media_heard(talker.participant, now)
        if watched:
            self._watching = self._host.timers.schedule(now + _WATCH_S, self._watched)

    def _watched(self, now: float) -> None:
        self._watching = None
        self._watch(now)
        self._settle(now)

    # -- what it looks like -----------------------------------------------------------------------------------------

    def describe(self) -> list[dict[str, Any]]:
        """Who is in the group and how each stands to the floor."""
        talking = {talker.participant for talker in self.arbiter.talkers}
        waiting = set(self.arbiter.waiting)
        return [
            seat.describe("talking" if leg_id in talking else "waiting" if leg_id in waiting else "listening")
            for leg_id, seat in self.seats.items()
            if not seat.silent
        ]


__all__ = ["FAILED", "Conduct", "Talkgroup", "TalkgroupObserver"]
