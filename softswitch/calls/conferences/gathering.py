"""The members of a conference called together: who answered when, who did not and why, after how many attempts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from softswitch.calls.conferences.conferences import Conferences
from softswitch.calls.conferences.definition import PLAIN, MemberAttributes
from softswitch.calls.dispatching.invitation import Invitation, Inviter
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media.side import sounds_of
from softswitch.calls.record import CallRecord
from softswitch.calls.talkgroups.group_call import Attendance, Attendee
from softswitch.events import CallRecorded, ConferenceJoined, ConferenceLeft, Event
from softswitch.events.conferences import ConferenceCallEnded, ConferenceCallStarted, ConferenceMemberFailed

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.exchange import Exchange

#: Invitations of one tick of the timer wheel, of which there are 64 a second.
PACE = 32
_HISTORY = 50
ENDED = Cause(200, 16, "the conference is over", "operator")
_GONE = Cause(480, 16, "left")


@dataclass(slots=True)
class Invitee(Attendee):
    """One member: how it is to take part, and how often it has been called."""

    attributes: MemberAttributes = PLAIN
    attempts: int = 0

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**Attendee.describe(self), "attempts": self.attempts}


@dataclass(slots=True)
class ConferenceCall:
    """One such call of the conference `number`, asked for by `by`; times in seconds since the epoch."""

    id: str
    number: str
    plan: str
    by: str
    begun_at: float
    ended_at: float = 0.0
    reason: str = ""
    invitees: dict[str, Invitee] = field(default_factory=dict)
    queue: deque[Invitee] = field(default_factory=deque)
    pacing: bool = False

    def count(self, attendance: Attendance) -> int:
        """How many stand so."""
        return sum(each.attendance is attendance for each in self.invitees.values())

    @property
    def open(self) -> bool:
        """Whether somebody is there or may still come."""
        waits = (Attendance.WAITING, Attendance.INVITED, Attendance.PRESENT)
        return any(each.attendance in waits for each in self.invitees.values())

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "conference_call_id": self.id,
            "conference": self.number,
            "plan": self.plan,
            "by": self.by,
            "state": "ended" if self.ended_at else "running",
            "started_at": self.begun_at,
            "ended_at": self.ended_at,
            "reason": self.reason,
            "invited": len(self.invitees),
            "present": self.count(Attendance.PRESENT),
            "failed": self.count(Attendance.FAILED),
            "members": [each.describe() for each in self.invitees.values()],
        }


class ConferenceCalls:
    """All such calls of this node, one at most for each conference; more members join the one that runs."""

    def __init__(
        self, exchange: Exchange, conferences: Conferences, inviter: Inviter, new_id: Callable[[], str]
    ) -> None:
        self._exchange = exchange
        self._conferences = conferences
        self._inviter = inviter
        self._new_id = new_id
        self._running: dict[str, ConferenceCall] = {}
        self._invited: dict[str, tuple[ConferenceCall, Invitee]] = {}  # by call id
        self._history: dict[str, deque[ConferenceCall]] = {}
        exchange.bus.subscribe(self._on_joined, ConferenceJoined.type)
        exchange.bus.subscribe(self._on_left, ConferenceLeft.type)
        exchange.bus.subscribe(self._on_record, CallRecorded.type)

    def of(self, number: str) -> list[ConferenceCall]:
        """The call in progress and the last ones, the newest first."""
        running = self._running.get(number)
        return [*([running] if running is not None else []), *self._history.get(number, ())]

    def start(
        self, number: str, members: Mapping[str, MemberAttributes], *, plan: str = "", by: str = ""
    ) -> ConferenceCall:
        """Call members into a conference, all at once; those inside stay. Raises LookupError."""
        if number not in self._conferences.definitions:
            raise LookupError(f"there is no conference {number!r}")
        call = self._running.get(number)
        if call is None:
            call = ConferenceCall(self._new_id(), number, plan, by, self._exchange.wall())
            self._running[number] = call
        self._exchange.bus.tell(ConferenceCallStarted, number, call.id, plan, by, list(members))
        present = set(self._conferences.present(number))
        for member, attributes in members.items():
            known = call.invitees.get(member)
            if known is not None and known.attendance not in (Attendance.LEFT, Attendance.FAILED):
                continue
            invitee = call.invitees[member] = Invitee(member, attributes=attributes)
            if member in present:
                self._is_here(call, invitee, "")
            else:
                call.queue.append(invitee)
        self._invite_some(call)
        self._check(call)
        return call

    def end(self, number: str, cause: Cause = ENDED, by: str = "") -> None:
        """Release everybody in a conference and call nobody any more; raises LookupError."""
        call = self._running.get(number)
        if call is None:
            self._conferences.end(number, cause, by)
            return
        under_way = [each.call for each in call.invitees.values() if each.call is not None]
        self._finish(call, cause.text)
        if self._conferences.present(number):
            self._conferences.end(number, cause, by)
        for placed in under_way:
            placed.disconnect(cause)

    # -- inviting -----------------------------------------------------------------------------------------------------

    def _invite_some(self, call: ConferenceCall) -> None:
        """Send as many invitations as one tick may, and go on with the next."""
        for _ in range(min(PACE, len(call.queue))):
            self._invite(call, call.queue.popleft())
        if call.queue and not call.pacing:
            call.pacing = True
            self._exchange.timers.schedule(self._exchange.now(), lambda now: self._go_on(call))

    def _go_on(self, call: ConferenceCall) -> None:
        call.pacing = False
        if not call.ended_at:
            self._invite_some(call)
            self._check(call)

    def _invite(self, call: ConferenceCall, invitee: Invitee) -> None:
        if call.ended_at or invitee.attendance is Attendance.PRESENT:
            return
        definition = self._conferences.definitions.get(call.number)
        name = definition.name if definition is not None else ""
        wanted = invitee.attributes
        invitee.attempts += 1
        invitee.attendance = Attendance.INVITED
        sounds = sounds_of(definition.rate_hz) if definition is not None else ()
        invitation = Invitation(
            number=invitee.number,
            shown=call.number,
            shown_name=name,
            by=call.by,
            ring_s=wanted.ring_s,
            answers_by_itself=wanted.answers_by_itself,
            sounds=sounds,
        )
        placed = self._inviter.call(invitation, lambda taken, leg: self._welcome(call, invitee, taken, leg))
        invitee.call = placed
        if placed.record.cause is not None:
            self._failed(call, invitee, placed.record.cause)
        else:
            self._invited[placed.id] = (call, invitee)

    def _welcome(self, call: ConferenceCall, invitee: Invitee, taken: Call, leg: Leg) -> Cause | None:
        if call.ended_at:
            return ENDED
        return self._conferences.enter(taken, leg, call.number, invited=True, attributes=invitee.attributes)

    def _failed(self, call: ConferenceCall, invitee: Invitee, cause: Cause) -> None:
        """An attempt failed: there may be another one after a while."""
        again = invitee.attempts < invitee.attributes.attempts and cause.status not in (404, 600, 603)
        invitee.cause = cause
        invitee.attendance = Attendance.WAITING if again else Attendance.FAILED
        call_id = invitee.call.id if invitee.call is not None else ""
        values = (invitee.number, call_id, cause.status, cause.text, invitee.attempts, again)
        self._exchange.bus.tell(ConferenceMemberFailed, call.number, call.id, *values)
        invitee.call = None
        if again:
            at = self._exchange.now() + invitee.attributes.retry_s
            self._exchange.timers.schedule(at, lambda now: self._invite_again(call, invitee))

    def _invite_again(self, call: ConferenceCall, invitee: Invitee) -> None:
        if not call.ended_at and invitee.attendance is Attendance.WAITING:
            self._invite(call, invitee)
            self._check(call)

    # -- what happens meanwhile ---------------------------------------------------------------------------------------

    def _is_here(self, call: ConferenceCall, invitee: Invitee, call_id: str) -> None:
        invitee.attendance, invitee.answered_at = Attendance.PRESENT, self._exchange.wall()
        placed = self._exchange.calls.get(call_id)
        if placed is not None:
            invitee.call = placed
            self._invited[call_id] = (call, invitee)

    def _on_joined(self, event: Event) -> None:
        assert isinstance(event, ConferenceJoined)
        call = self._running.get(event.conference)
        if call is not None:
            invitee = call.invitees.setdefault(event.party, Invitee(event.party))
            self._is_here(call, invitee, event.call_id)

    def _on_left(self, event: Event) -> None:
        assert isinstance(event, ConferenceLeft)
        call, invitee = self._invited.pop(event.call_id, (None, None))
        if call is not None and invitee is not None and not call.ended_at:
            invitee.attendance, invitee.left_at = Attendance.LEFT, self._exchange.wall()
            self._check(call)

    def _on_record(self, event: Event) -> None:
        assert isinstance(event, CallRecorded)
        call, invitee = self._invited.pop(event.call_id, (None, None))
        if call is None or invitee is None or call.ended_at or invitee.attendance is not Attendance.INVITED:
            return
        record = event.record
        self._failed(call, invitee, (record.cause if isinstance(record, CallRecord) else None) or _GONE)
        self._check(call)

    def _check(self, call: ConferenceCall) -> None:
        if not call.ended_at and not call.open and not call.queue:
            came = call.count(Attendance.LEFT)
            self._finish(call, "everybody has left" if came else "nobody came")

    def _finish(self, call: ConferenceCall, reason: str) -> None:
        del self._running[call.number]
        call.queue.clear()
        call.ended_at, call.reason = self._exchange.wall(), reason
        for invitee in call.invitees.values():
            if invitee.call is not None:
                self._invited.pop(invitee.call.id, None)
        self._history.setdefault(call.number, deque(maxlen=_HISTORY)).appendleft(call)
        duration_s = round(call.ended_at - call.begun_at, 3)
        self._exchange.bus.tell(ConferenceCallEnded, call.number, call.id, reason, duration_s)


def plain_members(numbers: Iterable[str]) -> dict[str, MemberAttributes]:
    """Members without attributes of their own."""
    return dict.fromkeys(numbers, PLAIN)


__all__ = ["ENDED", "ConferenceCall", "ConferenceCalls", "Invitee", "plain_members"]
