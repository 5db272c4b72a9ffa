"""Events of calls, their legs and what parties do in them."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Protocol

from softswitch.events.base import Event, iso


@dataclasses.dataclass(slots=True)
class CallStateChanged(Event):
    """A call's machine was moved by `method`; old and new may be the same state (ringing twice)."""

    type: ClassVar[str] = "call.state"
    call_id: str
    method: str
    old_state: str
    state: str
    caller: str
    callee: str
    cause: int = 0


@dataclasses.dataclass(slots=True)
class LegStateChanged(Event):
    """One party's session with the switch moved."""

    type: ClassVar[str] = "leg.state"
    leg_id: str
    call_id: str
    party: str
    state: str
    cause: int = 0


class Record(Protocol):
    """A call detail record: turned into plain values by whoever stores or shows it, not for nobody.

    Times in seconds since the epoch, 0 where the call never came so far.
    """

    started_at: float
    answered_at: float

    @property
    def disposition(self) -> str:
        """How the call ended, in one word."""

    @property
    def billsec_ms(self) -> int:
        """From the answer to the end."""

    def opening(self) -> dict[str, Any]:
        """What was known when the attempt began."""

    def to_dict(self) -> dict[str, Any]:
        """The whole record."""


@dataclasses.dataclass(slots=True)
class OfRecord(Event):
    """What happened to the call that `record` is of; shown is what was known when the attempt began."""

    call_id: str
    record: Record

    def to_dict(self) -> dict[str, Any]:
        """See Event."""
        return {"type": self.type, "time": iso(self.time), "call_id": self.call_id, "record": self.record.opening()}


@dataclasses.dataclass(slots=True)
class CallRecorded(OfRecord):
    """A call attempt is over; `record` is its call detail record, which nobody changes any more."""

    type: ClassVar[str] = "call.record"

    def to_dict(self) -> dict[str, Any]:
        """See Event; the whole record."""
        return {**OfRecord.to_dict(self), "record": self.record.to_dict()}


@dataclasses.dataclass(slots=True)
class CallOpened(OfRecord):
    """A call attempt began; `record` goes on being filled until the call is over."""

    type: ClassVar[str] = "call.opened"


@dataclasses.dataclass(slots=True)
class CallAnswered(OfRecord):
    """The parties of a call talk from now on; `record` goes on being filled until the call is over."""

    type: ClassVar[str] = "call.answered"


@dataclasses.dataclass(slots=True)
class CallTransferred(Event):
    """A party moved a call to another party: `kind` is blind, attended, pickup, park, retrieve or replace."""

    type: ClassVar[str] = "call.transferred"
    call_id: str
    kind: str
    by: str
    target: str


@dataclasses.dataclass(slots=True)
class CallTransferFailed(Event):
    """`party` stays where it was, for nobody took the call that `by` wanted to send it to; `cause` is of Q.850."""

    type: ClassVar[str] = "call.transfer_failed"
    call_id: str
    by: str
    party: str
    cause: int
    text: str


@dataclasses.dataclass(slots=True)
class DigitReceived(Event):
    """A party pressed a key, told by SIP INFO or by the media engine."""

    type: ClassVar[str] = "call.digit"
    call_id: str
    leg_id: str
    digit: str
    duration_ms: int


@dataclasses.dataclass(slots=True)
class SpeechChanged(Event):
    """A party that is listened to for speech begins to speak, or has stopped."""

    type: ClassVar[str] = "call.speech"
    call_id: str
    leg_id: str
    speaking: bool


@dataclasses.dataclass(slots=True)
class CallIsFax(Event):
    """A party answers as a fax machine or a modem (2100 Hz): its sound is left as it is from now on."""

    type: ClassVar[str] = "call.fax"
    call_id: str
    leg_id: str


@dataclasses.dataclass(slots=True)
class MessageRelayed(Event):
    """A short message went from one party to another; `status` is the SIP answer its sender got."""

    type: ClassVar[str] = "message.relayed"
    sender: str
    recipient: str
    status: int
