"""The call detail record: what is kept of every attempt, answered or not.

A record is filled while the call lasts and turned into plain values by whoever stores or shows it. It holds on to no
leg, so that a record somebody keeps does not keep a session alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from softswitch.calls.leg import Cause, Leg, Party


@dataclass(slots=True)
class LegRecord:
    """One leg's part of a record; times are wall-clock seconds since the epoch, 0 where it never happened."""

    leg_id: str
    protocol: str
    direction: str
    party: Party
    reference: str
    started_at: float
    answered_at: float = 0.0
    ended_at: float = 0.0
    cause: Cause | None = None
    codec: str = ""
    quality: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        cause = self.cause
        return {
            "leg_id": self.leg_id,
            "protocol": self.protocol,
            "direction": self.direction,
            "party": self.party.number,
            "display_name": self.party.display_name,
            f"{self.protocol}_call_id": self.reference,
            "started_at": self.started_at,
            "answered_at": self.answered_at,
            "ended_at": self.ended_at,
            "sip_code": cause.status if cause else 0,
            "q850_cause": cause.q850 if cause else 0,
            "reason": cause.text if cause else "",
            "codec": self.codec,
            **(self.quality or {}),
        }


@dataclass(slots=True)
class CallRecord:
    """One attempt from its first message to its end.

    `source` is where the first message came from, `merged_into` the call that went on with this one's party after a
    pick-up, a retrieval or an attended transfer, `talkgroup` the last group its party was in, `queue` the last queue it
    waited in for `queued_s`, `agent` who took it there. A call that was placed to let its party into another one names
    it as `joins`, and as what (insert, listen, whisper) as `joins_as`.
    """

    call_id: str
    caller: str
    callee: str
    source: object
    started_at: float
    route: str = ""
    emergency: bool = False
    answered_at: float = 0.0
    ended_at: float = 0.0
    cause: Cause | None = None
    merged_into: str = ""
    talkgroup: str = ""
    queue: str = ""
    queued_s: float = 0.0
    agent: str = ""
    joins: str = ""
    joins_as: str = ""
    legs: dict[str, LegRecord] = field(default_factory=dict)
    recording_ids: list[str] = field(default_factory=list)
    location: dict[str, object] = field(default_factory=dict)

    def open_leg(self, leg: Leg, now: float) -> None:
        """A leg joined the call."""
        if leg.id not in self.legs:
            self.legs[leg.id] = LegRecord(leg.id, leg.protocol, leg.direction, leg.party, leg.reference, now)

    def answer_leg(self, leg: Leg, now: float) -> None:
        """A leg was answered; the call counts as answered when a callee is."""
        record = self.legs.get(leg.id)
        if record is not None and not record.answered_at:
            record.answered_at = now

    @property
    def disposition(self) -> str:
        """One word for lists: answered, merged, busy, no_answer, cancelled, failed, or open while it lasts."""
        if self.cause is None:
            return "open"
        if self.answered_at:
            return "answered"
        if self.merged_into:
            return "merged"
        status = self.cause.status
        if status in (486, 600):
            return "busy"
        if status == 487:
            return "cancelled"
        return "no_answer" if status in (408, 480) else "failed"

    @property
    def duration_ms(self) -> int:
        """From the first message to the end."""
        return round((self.ended_at - self.started_at) * 1000) if self.ended_at else 0

    @property
    def billsec_ms(self) -> int:
        """From the answer to the end."""
        return round((self.ended_at - self.answered_at) * 1000) if self.ended_at and self.answered_at else 0

    def opening(self) -> dict[str, Any]:
        """What was known when the attempt began; JSON-ready and the same at any later time."""
        return {
            "call_id": self.call_id,
            "caller": self.caller,
            "callee": self.callee,
            "source": str(self.source),
            "started_at": self.started_at,
            **self.joining(),
        }

    def joining(self) -> dict[str, Any]:
        """The call that it was placed to join, empty when there is none."""
        return {"joins": self.joins, "joins_as": self.joins_as} if self.joins else {}

    def queueing(self) -> dict[str, Any]:
        """How it waited, empty when it did not."""
        return {"queue": self.queue, "queued_s": self.queued_s, "agent": self.agent} if self.queue else {}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; times in seconds since the epoch, durations in milliseconds."""
        cause = self.cause
        return {
            **self.opening(),
            "route": self.route,
            "emergency": self.emergency,
            "answered_at": self.answered_at,
            "ended_at": self.ended_at,
            "duration_ms": self.duration_ms,
            "billsec_ms": self.billsec_ms,
            "disposition": self.disposition,
            "sip_code": cause.status if cause else 0,
            "q850_cause": cause.q850 if cause else 0,
            "reason": cause.text if cause else "",
            "released_by": cause.by if cause else "",
            "merged_into": self.merged_into,
            "talkgroup": self.talkgroup,
            **self.queueing(),
            "recording_ids": list(self.recording_ids),
            "location": dict(self.location),
            "legs": [leg.to_dict() for leg in self.legs.values()],
        }
