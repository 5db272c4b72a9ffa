"""Events of conferences: who comes, goes and speaks, calls of their members, orders, raised hands."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class OfConferenceParty(Event):
    """Something that a party of a conference did, or that was done to it."""

    conference: str
    call_id: str
    leg_id: str
    party: str


@dataclasses.dataclass(slots=True)
class ConferenceJoined(OfConferenceParty):
    """A party entered a conference; `present` are in it now."""

    type: ClassVar[str] = "conference.joined"
    present: int


@dataclasses.dataclass(slots=True)
class ConferenceLeft(OfConferenceParty):
    """A party left a conference; `present` are still in it."""

    type: ClassVar[str] = "conference.left"
    present: int


@dataclasses.dataclass(slots=True)
class ConferenceSpeaker(OfConferenceParty):
    """Another party of a conference is the loudest now; empty: nobody speaks."""

    type: ClassVar[str] = "conference.speaker"


@dataclasses.dataclass(slots=True)
class ConferenceChanged(Event):
    """A conference or one of its plans was created, changed or removed (`action`)."""

    type: ClassVar[str] = "conference.changed"
    conference: str
    action: str
    plan: str
    by: str


@dataclasses.dataclass(slots=True)
class ConferenceCallStarted(Event):
    """The members of a conference are being called; `plan` is the stored list they came from, "" for none."""

    type: ClassVar[str] = "conference.call_started"
    conference: str
    conference_call_id: str
    plan: str
    by: str
    members: list[str]


@dataclasses.dataclass(slots=True)
class ConferenceCallEnded(Event):
    """Nobody of those called is in the conference any more, or it was ended."""

    type: ClassVar[str] = "conference.call_ended"
    conference: str
    conference_call_id: str
    reason: str
    duration_s: float


@dataclasses.dataclass(slots=True)
class ConferenceMemberFailed(Event):
    """Attempt number `attempt` to call a member failed; `again`: another one follows."""

    type: ClassVar[str] = "conference.member_failed"
    conference: str
    conference_call_id: str
    party: str
    call_id: str
    cause: int
    reason: str
    attempt: int
    again: bool


@dataclasses.dataclass(slots=True)
class ConferenceOrder(Event):
    """Something was done to a conference or one in it: mute, unmute, deafen, lock, remove, whisper, link, end, …"""

    type: ClassVar[str] = "conference.order"
    conference: str
    operation: str
    party: str
    by: str


@dataclasses.dataclass(slots=True)
class HandRaised(OfConferenceParty):
    """A participant wants to speak (`raised`), or does not any more."""

    type: ClassVar[str] = "conference.hand"
    raised: bool


@dataclasses.dataclass(slots=True)
class ConferenceRollCallEnded(Event):
    """Everybody asked by a roll-call has answered or not; `results` say who, when (Unix time) and why not."""

    type: ClassVar[str] = "conference.roll_call"
    conference: str
    roll_call_id: str
    by: str
    present: int
    missing: int
    results: list[dict[str, Any]]
