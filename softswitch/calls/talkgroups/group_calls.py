"""Calls of talkgroups: members are invited in parallel, come late, leave, and are released together.

Invitations go out a handful per tick of the timer wheel, so that two thousand of them do not keep other messages
waiting. Who registers while a call of its group is going on is invited then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from softswitch.calls.call import NORMAL
from softswitch.calls.dispatching.invitation import Invitation, Inviter
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.record import CallRecord
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.calls.talkgroups.group_call import Attendance, Attendee, GroupCall, GroupCallKind
from softswitch.calls.talkgroups.seat import Seat
from softswitch.calls.talkgroups.talkgroup import Conduct, Talkgroup
from softswitch.calls.talkgroups.talkgroups import NO_GROUP, Talkgroups
from softswitch.events import CallRecorded, Event, GroupJoined, GroupLeft, RegistrationChanged
from softswitch.events.groups import GroupCallEnded, GroupCallStarted, MemberFailed, MemberInvited
from softswitch.floor import Tier

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.exchange import Exchange

#: Invitations of one tick of the timer wheel, of which there are 64 a second.
PACE = 32
_HISTORY = 50
_RING_S = 30.0
RELEASED = Cause(200, 16, "the group call is over", "operator")
_GONE = Cause(480, 16, "left")
_CONDUCTOR = "group call"


class GroupCallBusy(RuntimeError):
    """There is a call of the group already."""


class GroupCalls:
    """All calls of talkgroups of this node, one at most for each group."""

    def __init__(
        self, exchange: Exchange, groups: Talkgroups, inviter: Inviter, new_id: Callable[[], str], *, pace: int = PACE
    ) -> None:
        self._exchange = exchange
        self._groups = groups
        self._inviter = inviter
        self._new_id = new_id
        self._pace = pace
        self._running: dict[str, GroupCall] = {}
        self._invited: dict[str, tuple[GroupCall, Attendee]] = {}  # by call id
        self._history: dict[str, deque[GroupCall]] = {}
        groups.on_wanted = self._floor_wanted
        groups.on_inactive = self._inactive
        bus = exchange.bus
        bus.subscribe(self._on_joined, GroupJoined.type)
        bus.subscribe(self._on_left, GroupLeft.type)
        bus.subscribe(self._on_record, CallRecorded.type)
        bus.subscribe(self._on_registration, RegistrationChanged.type)

    # -- what can be read ---------------------------------------------------------------------------------------------

    @property
    def running(self) -> Mapping[str, GroupCall]:
        """The calls in progress, by the number of their group."""
        return self._running

    def history(self, number: str) -> list[GroupCall]:
        """The last calls of a group that are over, the newest first."""
        return list(self._history.get(number, ()))

    # -- beginning and end --------------------------------------------------------------------------------------------

    def start(
        self,
        number: str,
        kind: GroupCallKind = "group",
        *,
        by: str = "",
        talker: str = "",
        members: Iterable[str] = (),
        acknowledged: int | None = None,
    ) -> GroupCall:
        """Call the members of a group (or `members` alone); raises LookupError, GroupCallBusy.

        Those who are inside already stay; members of groups within it are pulled over from there.
        """
        definition = self._groups.book.definitions.get(number)
        if definition is None:
            raise LookupError(NO_GROUP.text)
        if number in self._running:
            raise GroupCallBusy(f"a call of group {number} is going on")
        wanted = definition.acknowledged if acknowledged is None else acknowledged
        exchange = self._exchange
        call = GroupCall(self._new_id(), number, kind, by, talker, wanted, exchange.now(), exchange.wall())
        self._running[number] = call
        numbers = list(members) or list(self._groups.book.members(definition))
        call.add(dict.fromkeys([*([talker] if talker else []), *numbers]))
        self._take_present(call, definition)
        if wanted:
            call.patience = exchange.timers.schedule(
                exchange.now() + definition.acknowledge_s, lambda now: self._begin(call)
            )
        self._conduct(call)
        self._invite_some(call)
        self._check(call)
        return call

    def _take_present(self, call: GroupCall, definition: TalkgroupDefinition) -> None:
        """Who is in the group is there already; who is in a group that belongs to it is moved.

        A temporary group takes its members out of whatever group they are in.
        """
        pulled = {"static": definition.groups, "temporary": self._groups.used}.get(definition.kind, ())
        for number in dict.fromkeys((definition.number, *pulled)):
            group = self._groups.in_use(number)
            for seat in list(group.seats.values()) if group is not None else ():
                if seat.silent or (seat.number not in call.attendees and number != definition.number):
                    continue
                attendee = call.attendees.setdefault(seat.number, Attendee(seat.number))
                attendee.attendance, attendee.answered_at = Attendance.PRESENT, self._exchange.wall()
                attendee.call = seat.call
                self._invited[seat.call.id] = (call, attendee)
                if number != definition.number:
                    self._groups.move(seat, definition.number)

    def include(self, number: str, members: Iterable[str], by: str = "") -> GroupCall:
        """Call more numbers into the running call of a group, or begin one with them; raises LookupError."""
        call = self._running.get(number)
        if call is None:
            return self.start(number, by=by, members=members, acknowledged=0)
        call.add(members)
        self._invite_some(call)
        return call

    def end(self, number: str, cause: Cause = RELEASED) -> None:
        """Release everybody in a group; who was moved there goes back where it came from. Raises LookupError."""
        call, group = self._running.get(number), self._groups.in_use(number)
        if call is None and group is None:
            raise LookupError(f"there is no call of group {number!r}")
        if call is not None:
            self._finish(call, cause.text)
        for seat in list(group.seats.values()) if group is not None else ():
            if (
                group is not None
                and seat.home not in (number, group.number)
                and seat.home in self._groups.book.definitions
            ):
                self._groups.move(seat, seat.home)
            else:
                seat.call.disconnect(cause)
        if call is not None:
            for attendee in call.attendees.values():
                if attendee.attendance is Attendance.INVITED and attendee.call is not None:
                    attendee.call.disconnect(cause)

    def _finish(self, call: GroupCall, reason: str) -> None:
        if self._running.get(call.group) is not call:
            return
        del self._running[call.group]
        for timer in (call.pacing, call.patience):
            if timer is not None:
                timer.cancel()
        call.queue.clear()
        call.ended_at, call.reason = self._exchange.wall(), reason
        for attendee in call.attendees.values():
            if attendee.call is not None:
                self._invited.pop(attendee.call.id, None)
        self._history.setdefault(call.group, deque(maxlen=_HISTORY)).appendleft(call)
        group = self._groups.in_use(call.group)
        if group is not None:
            group.conduct(_CONDUCTOR)
        duration_s = call.ended_at - call.begun_at
        self._exchange.bus.tell(GroupCallEnded, call.group, call.id, call.kind, reason, round(duration_s, 3))

    # -- inviting -----------------------------------------------------------------------------------------------------

    def _invite_some(self, call: GroupCall) -> None:
        """Send as many invitations as one tick may, and go on with the next."""
        for _ in range(min(self._pace, len(call.queue))):
            attendee = call.attendees[call.queue.popleft()]
            if attendee.attendance is Attendance.WAITING:
                self._invite(call, attendee)
        waits = call.pacing is not None
        if call.queue and not waits and self._running.get(call.group) is call:
            call.pacing = self._exchange.timers.schedule(self._exchange.now(), lambda now: self._go_on(call))

    def _go_on(self, call: GroupCall) -> None:
        call.pacing = None
        self._invite_some(call)
        self._check(call)

    def _invite(self, call: GroupCall, attendee: Attendee) -> None:
        definition = self._groups.book.definitions.get(call.group)
        name = definition.name if definition is not None else ""
        attendee.attendance = Attendance.INVITED
        near = self._groups.room_of(call.group)
        invitation = Invitation(attendee.number, call.group, name, call.by, _RING_S, answers_by_itself=True, near=near)
        attendee.call = placed = self._inviter.call(invitation, lambda taken, leg: self._welcome(call, taken, leg))
        if placed.record.cause is not None:
            self._failed(call, attendee, placed.record.cause)
            return
        self._invited[placed.id] = (call, attendee)
        self._exchange.bus.tell(MemberInvited, call.group, call.id, attendee.number, placed.id)

    def _welcome(self, call: GroupCall, taken: Call, leg: Leg) -> Cause | None:
        if call.ended_at:
            return RELEASED
        return self._groups.enter(taken, leg, call.group, invited=True)

    def _failed(self, call: GroupCall, attendee: Attendee, cause: Cause) -> None:
        attendee.attendance, attendee.cause = Attendance.FAILED, cause
        call_id = attendee.call.id if attendee.call is not None else ""
        tell = self._exchange.bus.tell
        tell(MemberFailed, call.group, call.id, attendee.number, call_id, cause.status, cause.text)

    # -- what happens meanwhile ---------------------------------------------------------------------------------------

    def _on_joined(self, event: Event) -> None:
        assert isinstance(event, GroupJoined)
        call = self._running.get(event.group) or self._running_in(event.group)
        if call is None:
            return
        placed = self._exchange.calls.get(event.call_id)
        attendee = call.attendees.setdefault(event.party, Attendee(event.party))
        attendee.attendance, attendee.answered_at, attendee.call = Attendance.PRESENT, self._exchange.wall(), placed
        self._invited[event.call_id] = (call, attendee)
        if event.present == 1:
            self._conduct(call)
        self._check(call)

    def _running_in(self, number: str) -> GroupCall | None:
        """The call of a group that is part of the patch `number`."""
        definition = self._groups.book.definitions.get(number)
        groups = definition.groups if definition is not None and definition.kind == "patch" else ()
        return next((self._running[each] for each in groups if each in self._running), None)

    def _on_left(self, event: Event) -> None:
        assert isinstance(event, GroupLeft)
        call, attendee = self._invited.pop(event.call_id, (None, None))
        if call is None or attendee is None or call.ended_at:
            return
        attendee.attendance, attendee.left_at = Attendance.LEFT, self._exchange.wall()
        if not call.open:
            self._finish(call, "everybody has left")

    def _on_record(self, event: Event) -> None:
        assert isinstance(event, CallRecorded)
        call, attendee = self._invited.pop(event.call_id, (None, None))
        if call is None or attendee is None or call.ended_at or attendee.attendance is not Attendance.INVITED:
            return
        record = event.record
        self._failed(call, attendee, (record.cause if isinstance(record, CallRecord) else None) or _GONE)
        self._check(call)

    def _on_registration(self, event: Event) -> None:
        assert isinstance(event, RegistrationChanged)
        if event.action != "registered":
            return
        for call in tuple(self._running.values()):
            attendee = call.attendees.get(event.number)
            if attendee is not None and attendee.attendance is Attendance.FAILED:
                call.add([event.number])
                self._invite_some(call)

    def _conduct(self, call: GroupCall) -> None:
        group = self._groups.in_use(call.group)
        if group is not None:
            tier = Tier.EMERGENCY if call.kind == "emergency" else Tier.NORMAL
            broadcaster = (call.talker or "nobody") if call.kind == "broadcast" else ""
            held_back = bool(call.acknowledged) and not call.started
            group.conduct(_CONDUCTOR, Conduct(tier, broadcaster, held_back))

    def _check(self, call: GroupCall) -> None:
        """Start the call when enough have answered; end it when nobody came."""
        if call.ended_at:
            return
        if not call.open:
            self._finish(call, "nobody came")
        elif not call.started and call.count(Attendance.PRESENT) >= max(call.acknowledged, 1):
            self._begin(call)

    def _begin(self, call: GroupCall) -> None:
        if call.started or call.ended_at:
            return
        call.started = True
        if call.patience is not None:
            call.patience.cancel()
        present = call.count(Attendance.PRESENT)
        call.setup_ms = (self._exchange.now() - call.asked_at) * 1000
        values = (call.kind, call.by, len(call.attendees), present, round(call.setup_ms, 3))
        self._exchange.bus.tell(GroupCallStarted, call.group, call.id, *values)
        self._conduct(call)

    def _floor_wanted(self, group: Talkgroup, seat: Seat) -> None:
        """The first who presses the key in a group with automatic start calls the others."""
        definition = group.definition
        if not definition.auto_start or group.number in self._running:
            return
        if self._groups.book.members(definition):
            # The one who presses is there already; somebody else must hear it.
            wanted = max(definition.acknowledged, 1) + 1 if group.present < 2 else 0
            self.start(group.number, by=seat.number, acknowledged=wanted)

    def _inactive(self, group: Talkgroup) -> None:
        """The hang time is over."""
        if group.definition.auto_end or group.number in self._running:
            self.end(group.number, NORMAL._replace(text="nobody talked any more"))


__all__ = ["PACE", "RELEASED", "GroupCallBusy", "GroupCalls"]
