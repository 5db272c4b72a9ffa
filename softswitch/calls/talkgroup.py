"""Talkgroups: who dials the number of one hears whoever has the floor, and may ask for it.

The arbiter decides who talks; the media engine passes on the talker's packets and nobody else's. A plain telephone
asks with `*` and lets go with `#`, however the keys arrive; short sounds tell it what became of it. It sends all the
time and cannot be told to stop, so what it says without the floor is dropped and the talk time runs from the grant.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softswitch.calls import cues
from softswitch.calls.cues import Cue
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.machine import Method
from softswitch.calls.media_path import NO_SERVICE_CODEC
from softswitch.calls.rooms import RoomHost
from softswitch.events import (
    FloorDenied,
    FloorGranted,
    FloorIdle,
    FloorQueued,
    FloorRevoked,
    FloorWarning,
    FloorWithdrawn,
    GroupJoined,
    GroupLeft,
)
from softswitch.floor import (
    Arbiter,
    ArbiterSettings,
    Denied,
    Granted,
    Idle,
    MediaGate,
    Member,
    QueueCancelled,
    Queued,
    Revoked,
    TalkTimeWarning,
)
from softswitch.floor.adapters import Action, Command, Keypad, apply
from softswitch.media import MediaEngine, MediaError, NotTranscodable, Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.media import FanOut
    from softswitch.sip.timerwheel import Timer

logger = logging.getLogger(__name__)

FAILED = Cause(503, 41, "the talkgroup cannot be opened")


@dataclass(frozen=True, slots=True)
class TalkgroupDefinition:
    """One talkgroup; `members` empty: whoever calls in; `talk_s` is the longest talk in seconds."""

    number: str
    name: str = ""
    members: frozenset[str] = frozenset()
    talk_s: float = 60.0

    @property
    def floor(self) -> ArbiterSettings:
        """The rules of its floor: no grace, for a plain telephone cannot stop by itself; it ends with its members."""
        return ArbiterSettings(t2=self.talk_s, t3=0.0, t3_emergency=0.0, t4=0.0, c7=1)


def plain_telephone(*, dispatcher: bool = False) -> Member:
    """The rights of a party without a floor protocol."""
    return Member(dispatcher=dispatcher, monitored=False, continuous=True)


class Seat:
    """One party in a group; `port` once its media is agreed."""

    __slots__ = ("call", "keypad", "leg", "port", "since")

    def __init__(self, call: Call, leg: Leg, since: float) -> None:
        self.call = call
        self.leg = leg
        self.since = since
        self.keypad = Keypad()
        self.port: Port | None = None

    @property
    def number(self) -> str:
        return self.leg.party.number

    def drive(self, method: Method) -> None:
        """Move the party's call; one that is over does not move any more."""
        if self.call.machine.allows(method):
            self.call.machine.apply(method)


class Talkgroup:
    """A talkgroup in use: its seats by leg id, its arbiter and its fan-out."""

    def __init__(self, host: RoomHost, engine: MediaEngine, definition: TalkgroupDefinition, fan_out: FanOut) -> None:
        self._host = host
        self._engine = engine
        self._fan_out = fan_out
        self._timer: Timer | None = None
        self.definition = definition
        self.seats: dict[str, Seat] = {}
        self.arbiter = Arbiter(definition.floor)
        self.arbiter.start(host.now())

    # -- who is there -----------------------------------------------------------------------------------------------

    def join(self, seat: Seat, port: Port, member: Member) -> Cause | None:
        """The media of a seat is agreed: it hears the group from now on."""
        number = self.definition.number
        try:
            self._fan_out.join(port)
        except NotTranscodable:
            return NO_SERVICE_CODEC
        except MediaError as error:
            logger.error("a party cannot enter talkgroup %s: %s", number, error)
            return FAILED
        seat.port = port
        self._host.bus.tell(GroupJoined, number, seat.call.id, seat.leg.id, seat.number, len(self.seats))
        self.arbiter.participant_joined(seat.leg.id, self._host.now(), member)
        self._settle()
        return None

    def rejoin(self, seat: Seat) -> None:
        """A party that was taken out of the media, because it was held, hears the group again."""
        if seat.port is None or seat.port in self._fan_out.members:
            return
        try:
            self._fan_out.join(seat.port)
        except MediaError as error:
            logger.error("a party cannot come back to talkgroup %s: %s", self.definition.number, error)

    def leave(self, seat: Seat) -> None:
        """A party is gone, with what it was saying."""
        del self.seats[seat.leg.id]
        if seat.port is None:
            return
        self._fan_out.leave(seat.port)
        self.arbiter.participant_left(seat.leg.id, self._host.now())
        self._settle()
        number = self.definition.number
        self._host.bus.tell(GroupLeft, number, seat.call.id, seat.leg.id, seat.number, len(self.seats))

    def close(self) -> None:
        """Nobody is left."""
        if self._timer is not None:
            self._timer.cancel()
        self._fan_out.close()

    def configure(self, definition: TalkgroupDefinition) -> None:
        """Go on under another definition; who is in stays in."""
        self.definition = definition
        self.arbiter.configure(definition.floor, self._host.now())
        self._settle()

    # -- what they want ---------------------------------------------------------------------------------------------

    def key(self, seat: Seat, digit: str) -> None:
        """A party pressed a key."""
        command = seat.keypad.key(digit, self._host.now())
        if command is not None:
            self.command(seat, command)

    def command(self, seat: Seat, command: Command) -> None:
        """A party wants something of the floor."""
        if seat.port is None:
            return
        if command.action is Action.REQUEST:
            seat.drive(Method.REQUEST_FLOOR)
        apply(command, self.arbiter, seat.leg.id, self._host.now())
        self._settle()

    def revoke(self, leg_id: str) -> bool:
        """Take the floor from a talker; False when it does not talk."""
        done = self.arbiter.revoke(leg_id, self._host.now())
        self._settle()
        return done

    # -- what the arbiter says --------------------------------------------------------------------------------------

    def _settle(self, now: float | None = None) -> None:
        """Let the arbiter do what is due, act on what it tells, and ask to be woken in time."""
        arbiter = self.arbiter
        arbiter.handle_timer(self._host.now() if now is None else now)
        while (event := arbiter.next_event()) is not None:
            if isinstance(event, MediaGate):
                self._gate(event)
            elif isinstance(event, Idle):
                if not event.repeated:
                    self._host.bus.tell(FloorIdle, self.definition.number)
            elif isinstance(event, Granted | Denied | Revoked | Queued | QueueCancelled | TalkTimeWarning):
                seat = self.seats.get(event.participant)
                if seat is not None:
                    self._tell(seat, event)
        if self._timer is not None:
            self._timer.cancel()
        at = arbiter.next_timer()
        self._timer = None if at is None else self._host.timers.schedule(at, self._settle)

    def _gate(self, gate: MediaGate) -> None:
        seat = self.seats.get(gate.participant)
        if gate.open:
            if seat is not None and seat.port in self._fan_out.members:
                self._fan_out.talk(seat.port)
            else:  # it is held, so that nobody could hear it
                self.arbiter.release(gate.participant, self._host.now())
            return
        self._fan_out.talk(None)
        if seat is not None:
            seat.keypad.stopped()
            seat.drive(Method.RELEASE_FLOOR)

    def _tell(self, seat: Seat, event: Granted | Denied | Revoked | Queued | QueueCancelled | TalkTimeWarning) -> None:
        """One party is told what became of its wish: the bus by an event, the party by a sound."""
        tell = self._host.bus.tell
        who = (self.definition.number, seat.call.id, seat.leg.id, seat.number)
        if isinstance(event, QueueCancelled):
            tell(FloorWithdrawn, *who, event.reason.value)
            seat.drive(Method.RELEASE_FLOOR)
        elif isinstance(event, Denied):
            tell(FloorDenied, *who, int(event.cause), event.phrase)
            self._sound(seat, Cue.REFUSED)
        elif isinstance(event, TalkTimeWarning):
            tell(FloorWarning, *who, event.remaining_s)
            self._sound(seat, Cue.WARNING)
        elif event.repeated:
            return
        elif isinstance(event, Granted):
            tell(FloorGranted, *who, event.duration_s, event.priority, event.tier.name.lower(), event.waited_s)
            self._sound(seat, Cue.GRANTED)
        elif isinstance(event, Queued):
            tell(FloorQueued, *who, event.position, event.queue_size)
            seat.drive(Method.WAIT_FLOOR)
            self._sound(seat, Cue.QUEUED)
        else:
            tell(FloorRevoked, *who, int(event.cause), event.cause.name.lower().replace("_", " "))
            self._sound(seat, Cue.REFUSED)

    def _sound(self, seat: Seat, cue: Cue) -> None:
        if seat.port is None:
            return
        try:
            self._engine.play(seat.port, cues.samples(cue))
        except MediaError as error:
            logger.info("no sound for a party of talkgroup %s: %s", self.definition.number, error)

    # -- what it looks like -----------------------------------------------------------------------------------------

    def describe(self) -> list[dict[str, Any]]:
        """Who is in the group and how each stands to the floor."""
        talking = {talker.participant for talker in self.arbiter.talkers}
        waiting = self.arbiter.waiting
        return [
            {
                "party": seat.number,
                "display_name": seat.leg.party.display_name,
                "leg_id": leg_id,
                "call_id": seat.call.id,
                "since": seat.since,
                "floor": "talking" if leg_id in talking else "waiting" if leg_id in waiting else "listening",
            }
            for leg_id, seat in self.seats.items()
        ]


__all__ = ["FAILED", "Seat", "Talkgroup", "TalkgroupDefinition", "plain_telephone"]
