"""One call of a talkgroup: whom it invited, who came, and who did not and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from softswitch.calls.leg import Cause

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.sip.timerwheel import Timer

GroupCallKind = Literal["group", "broadcast", "emergency"]


class Attendance(StrEnum):
    """How a member stands to the call."""

    WAITING = "waiting"
    INVITED = "invited"
    PRESENT = "present"
    LEFT = "left"
    FAILED = "failed"


@dataclass(slots=True)
class Attendee:
    """One member of a group call; times in seconds since the epoch, 0: never."""

    number: str
    attendance: Attendance = Attendance.WAITING
    call: Call | None = None
    answered_at: float = 0.0
    left_at: float = 0.0
    cause: Cause | None = None

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "party": self.number,
            "state": self.attendance.value,
            "answered_at": self.answered_at,
            "left_at": self.left_at,
            "sip_code": self.cause.status if self.cause is not None else 0,
            "reason": self.cause.text if self.cause is not None else "",
        }


@dataclass(slots=True)
class GroupCall:
    """A call of the group `group`, asked for by `by`; in a broadcast `talker` alone may talk.

    `acknowledged` members must have answered before it starts; `asked_at` is monotonic, other times Unix.
    """

    id: str
    group: str
    kind: GroupCallKind
    by: str
    talker: str
    acknowledged: int
    asked_at: float
    begun_at: float
    started: bool = False
    ended_at: float = 0.0
    reason: str = ""
    setup_ms: float = 0.0
    attendees: dict[str, Attendee] = field(default_factory=dict)
    queue: deque[str] = field(default_factory=deque)
    pacing: Timer | None = None
    patience: Timer | None = None

    def add(self, numbers: Iterable[str]) -> None:
        """Let more numbers be invited, or again."""
        for number in numbers:
            known = self.attendees.get(number)
            if known is None or known.attendance in (Attendance.LEFT, Attendance.FAILED):
                self.attendees[number] = Attendee(number)
                self.queue.append(number)

    def count(self, *states: Attendance) -> int:
        """How many stand so."""
        return sum(attendee.attendance in states for attendee in self.attendees.values())

    @property
    def open(self) -> bool:
        """Whether somebody is there or may still come."""
        return any(
            each.attendance in (Attendance.WAITING, Attendance.INVITED, Attendance.PRESENT)
            for each in self.attendees.values()
        )

    @property
    def state(self) -> str:
        """setup, active or ended."""
        return "ended" if self.ended_at else "active" if self.started else "setup"

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "group_call_id": self.id,
            "group": self.group,
            "kind": self.kind,
            "by": self.by,
            "talker": self.talker,
            "state": self.state,
            "started_at": self.begun_at,
            "ended_at": self.ended_at,
            "reason": self.reason,
            "setup_ms": round(self.setup_ms, 3),
            "acknowledged": self.acknowledged,
            "invited": len(self.attendees),
            "present": self.count(Attendance.PRESENT),
            "failed": self.count(Attendance.FAILED),
            "attendees": [attendee.describe() for attendee in self.attendees.values()],
        }


__all__ = ["Attendance", "Attendee", "GroupCall", "GroupCallKind"]
