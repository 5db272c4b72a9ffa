"""The call detail record: what is kept of every attempt, answered or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from softswitch.calls.leg import Cause, Leg


@dataclass(slots=True)
class LegRecord:
    """One leg's part of a record; times are wall-clock seconds since the epoch, 0 where it never happened."""

    leg: Leg
    started_at: float
    answered_at: float = 0.0
    ended_at: float = 0.0
    cause: Cause | None = None
    codec: str = ""
    quality: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {
            **self.leg.describe(),
            "started_at": self.started_at,
            "answered_at": self.answered_at,
            "ended_at": self.ended_at,
            "sip_code": self.cause.status if self.cause else 0,
            "q850_cause": self.cause.q850 if self.cause else 0,
            "reason": self.cause.text if self.cause else "",
            "codec": self.codec,
            **self.quality,
        }


@dataclass(slots=True)
class CallRecord:
    """One attempt from its first message to its end."""

    call_id: str
    caller: str
    callee: str
    source: str
    started_at: float
    route: str = ""
    emergency: bool = False
    answered_at: float = 0.0
    ended_at: float = 0.0
    cause: Cause | None = None
    legs: dict[str, LegRecord] = field(default_factory=dict)

    def open_leg(self, leg: Leg, now: float) -> None:
        """A leg joined the call."""
        if leg.id not in self.legs:
            self.legs[leg.id] = LegRecord(leg, now)

    def answer_leg(self, leg: Leg, now: float) -> None:
        """A leg was answered; the call counts as answered when a callee is."""
        record = self.legs.get(leg.id)
        if record is not None and not record.answered_at:
            record.answered_at = now

    def close_leg(self, leg: Leg, cause: Cause, now: float) -> None:
        """A leg left; said more than once, the first counts."""
        record = self.legs.get(leg.id)
        if record is not None and record.cause is None:
            record.cause = cause
            record.ended_at = now

    @property
    def disposition(self) -> str:
        """One word for lists: answered, busy, no_answer, cancelled, failed, or open while it lasts."""
        if self.cause is None:
            return "open"
        if self.answered_at:
            return "answered"
        status = self.cause.status
        if status in (486, 600):
            return "busy"
        if status == 487:
            return "cancelled"
        return "no_answer" if status in (408, 480) else "failed"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; times in seconds since the epoch, durations in milliseconds."""
        ended = self.ended_at
        return {
            "call_id": self.call_id,
            "caller": self.caller,
            "callee": self.callee,
            "source": self.source,
            "route": self.route,
            "emergency": self.emergency,
            "started_at": self.started_at,
            "answered_at": self.answered_at,
            "ended_at": ended,
            "duration_ms": round((ended - self.started_at) * 1000) if ended else 0,
            "billsec_ms": round((ended - self.answered_at) * 1000) if ended and self.answered_at else 0,
            "disposition": self.disposition,
            "sip_code": self.cause.status if self.cause else 0,
            "q850_cause": self.cause.q850 if self.cause else 0,
            "reason": self.cause.text if self.cause else "",
            "released_by": self.cause.by if self.cause else "",
            "legs": [leg.to_dict() for leg in self.legs.values()],
        }
