"""Roll-call (点名): everybody named is called, and it is noted who answered and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from softswitch.calls.dispatching.invitation import Invitation, Inviter
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.record import CallRecord
from softswitch.events import CallRecorded, Event
from softswitch.events.conferences import ConferenceRollCallEnded
from softswitch.events.groups import RollCallEnded

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.conversation import Start
    from softswitch.calls.exchange import Exchange

_AT_A_TIME = 50
_HISTORY = 50


@dataclass(slots=True)
class Answer:
    """What became of one number; `answered_at` in seconds since the epoch, 0: not at all."""

    number: str
    answered_at: float = 0.0
    waited_s: float = 0.0
    cause: Cause | None = None
    over: bool = False

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "party": self.number,
            "answered": bool(self.answered_at),
            "answered_at": self.answered_at,
            "waited_s": round(self.waited_s, 3),
            "sip_code": 0 if self.cause is None else self.cause.status,
            "reason": "" if self.cause is None else self.cause.text,
        }


@dataclass(slots=True)
class RollCall:
    """One roll-call of the room `group`, asked for by `by`; times in seconds since the epoch."""

    id: str
    group: str
    by: str
    begun_at: float
    ring_s: float
    ended_at: float = 0.0
    answers: dict[str, Answer] = field(default_factory=dict)
    queue: deque[str] = field(default_factory=deque)

    @property
    def present(self) -> int:
        """How many have answered."""
        return sum(bool(answer.answered_at) for answer in self.answers.values())

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "roll_call_id": self.id,
            "group": self.group,
            "by": self.by,
            "state": "ended" if self.ended_at else "running",
            "started_at": self.begun_at,
            "ended_at": self.ended_at,
            "present": self.present,
            "missing": len(self.answers) - self.present,
            "results": [answer.describe() for answer in self.answers.values()],
        }


class RollCalls:
    """Roll-calls of rooms of one kind. `sound()` starts what is heard by who answers; the call ends with it.

    `told` is the event of their end.
    """

    def __init__(
        self,
        exchange: Exchange,
        inviter: Inviter,
        new_id: Callable[[], str],
        sound: Callable[[], Start],
        told: type[RollCallEnded | ConferenceRollCallEnded] = RollCallEnded,
    ) -> None:
        self._exchange = exchange
        self._inviter = inviter
        self._new_id = new_id
        self._sound = sound
        self._told = told
        self._calls: dict[str, tuple[RollCall, Answer]] = {}
        self._all: deque[RollCall] = deque(maxlen=_HISTORY)
        exchange.bus.subscribe(self._on_record, CallRecorded.type)

    def of(self, group: str) -> list[RollCall]:
        """The roll-calls of a group, the newest first."""
        return [each for each in self._all if each.group == group]

    def start(
        self, group: str, numbers: Iterable[str], *, by: str = "", ring_s: float = 20.0, present: Iterable[str] = ()
    ) -> RollCall:
        """Call everybody, some at a time; who is `present` in the group has answered by being there."""
        roll = RollCall(self._new_id(), group, by, self._exchange.wall(), ring_s)
        here = set(present)
        for number in dict.fromkeys(numbers):
            if number in here:
                roll.answers[number] = Answer(number, self._exchange.wall(), over=True)
            else:
                roll.answers[number] = Answer(number)
                roll.queue.append(number)
        self._all.appendleft(roll)
        for _ in range(_AT_A_TIME):
            self._next(roll)
        self._check(roll)
        return roll

    def _next(self, roll: RollCall) -> None:
        """Call the next one; those that cannot be called at all are passed over at once."""
        while roll.queue:
            answer = roll.answers[roll.queue.popleft()]
            asked = self._exchange.now()
            invitation = Invitation(answer.number, roll.group, "", roll.by, roll.ring_s)

            def welcome(call: Call, leg: Leg, answer: Answer = answer, asked: float = asked) -> Cause | None:
                answer.answered_at = self._exchange.wall()
                answer.waited_s = self._exchange.now() - asked
                return call.answer_with_service(leg, self._sound())

            placed = self._inviter.call(invitation, welcome)
            if placed.record.cause is None:
                self._calls[placed.id] = (roll, answer)
                return
            answer.cause, answer.over = placed.record.cause, True

    def _on_record(self, event: Event) -> None:
        assert isinstance(event, CallRecorded)
        roll, answer = self._calls.pop(event.call_id, (None, None))
        if roll is None or answer is None:
            return
        answer.over = True
        if not answer.answered_at and isinstance(event.record, CallRecord):
            answer.cause = event.record.cause
        self._next(roll)
        self._check(roll)

    def _check(self, roll: RollCall) -> None:
        if roll.ended_at or not all(answer.over for answer in roll.answers.values()):
            return
        roll.ended_at = self._exchange.wall()
        results = [answer.describe() for answer in roll.answers.values()]
        missing = len(results) - roll.present
        self._exchange.bus.tell(self._told, roll.group, roll.id, roll.by, roll.present, missing, results)


__all__ = ["RollCall", "RollCalls"]
