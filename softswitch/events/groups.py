"""Events of talkgroups but for their floor: who is inside, calls of groups, and what dispatchers do."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class OfGroupParty(Event):
    """Something that a party of a talkgroup did."""

    group: str
    call_id: str
    leg_id: str
    party: str


@dataclasses.dataclass(slots=True)
class GroupJoined(OfGroupParty):
    """A party entered a talkgroup; `present` are in it now."""

    type: ClassVar[str] = "group.joined"
    present: int


@dataclasses.dataclass(slots=True)
class GroupLeft(OfGroupParty):
    """A party left a talkgroup; `present` are still in it."""

    type: ClassVar[str] = "group.left"
    present: int


@dataclasses.dataclass(slots=True)
class GroupUrgency(Event):
    """A group's call has another `tier` (normal, peril, emergency) because of what a party declared or took back."""

    type: ClassVar[str] = "group.urgency"
    group: str
    party: str
    tier: str


@dataclasses.dataclass(slots=True)
class GroupAlert(Event):
    """A party raised an emergency alert towards a group, or it was cancelled `by` somebody."""

    type: ClassVar[str] = "group.alert"
    group: str
    party: str
    raised: bool
    by: str


@dataclasses.dataclass(slots=True)
class AffiliationChanged(Event):
    """The groups whose calls a push-to-talk user takes part in are others now."""

    type: ClassVar[str] = "group.affiliation"
    party: str
    groups: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class GroupCallStarted(Event):
    """A call of a talkgroup has begun: `answered` of `invited` members were there `setup_ms` after it was asked for."""

    type: ClassVar[str] = "group.call_started"
    group: str
    group_call_id: str
    kind: str
    by: str
    invited: int
    answered: int
    setup_ms: float


@dataclasses.dataclass(slots=True)
class GroupCallEnded(Event):
    """A call of a talkgroup is over."""

    type: ClassVar[str] = "group.call_ended"
    group: str
    group_call_id: str
    kind: str
    reason: str
    duration_s: float


@dataclasses.dataclass(slots=True)
class MemberInvited(Event):
    """A member of a talkgroup is being called."""

    type: ClassVar[str] = "group.member_invited"
    group: str
    group_call_id: str
    party: str
    call_id: str


@dataclasses.dataclass(slots=True)
class MemberFailed(Event):
    """A member who was called did not come; `cause` is the SIP status."""

    type: ClassVar[str] = "group.member_failed"
    group: str
    group_call_id: str
    party: str
    call_id: str
    cause: int
    reason: str


@dataclasses.dataclass(slots=True)
class GroupRegrouped(Event):
    """A temporary talkgroup was made of members and groups; `expires_at` 0: when it is removed."""

    type: ClassVar[str] = "group.regrouped"
    group: str
    name: str
    members: list[str]
    groups: list[str]
    expires_at: float
    by: str


@dataclasses.dataclass(slots=True)
class GroupsPatched(Event):
    """Talkgroups were joined under one number: whoever is in one of them is in all."""

    type: ClassVar[str] = "group.patched"
    group: str
    groups: list[str]
    by: str


@dataclasses.dataclass(slots=True)
class GroupChanged(Event):
    """A talkgroup was created, changed or removed (`action`)."""

    type: ClassVar[str] = "group.changed"
    group: str
    action: str
    by: str


@dataclasses.dataclass(slots=True)
class DispatcherActed(Event):
    """A dispatcher did something to a party, a call or a talkgroup: insert, listen, mute, force_floor, roll_call, …

    `placed_call_id` is the call that was placed to carry it out, empty when there was none.
    """

    type: ClassVar[str] = "group.dispatcher_acted"
    operation: str
    group: str
    call_id: str
    party: str
    by: str
    placed_call_id: str = ""


@dataclasses.dataclass(slots=True)
class AmbienceChanged(Event):
    """The surroundings of a terminal are listened to: asked, heard, ended, or refused with a SIP status (`cause`)."""

    type: ClassVar[str] = "call.ambience"
    ambience_id: str
    party: str
    listener: str
    by: str
    state: str
    cause: int
    reason: str


@dataclasses.dataclass(slots=True)
class RollCallEnded(Event):
    """Everybody asked by a roll-call has answered or not; `results` say who, when (Unix time) and why not."""

    type: ClassVar[str] = "group.roll_call"
    group: str
    roll_call_id: str
    by: str
    present: int
    missing: int
    results: list[dict[str, Any]]
