"""Shapes of `/data`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Number, Request, Time

SubscriberNumber = Annotated[str, Field(pattern=r"^[0-9A-Za-z*#+][0-9A-Za-z*#+_.-]{0,63}$")]
Password = Annotated[str, Field(min_length=8, max_length=128)]
Roles = list[Literal["dispatcher"]]


Secrecy = Literal["", "forbidden", "best_effort", "required"]


class Subscriber(Answer):
    """A number that devices register for."""

    number: str
    display_name: str = ""
    roles: list[str] = Field(default_factory=list)
    class_of_service: str = ""
    pickup_group: str = ""
    srtp: Secrecy = Field(default="", description="Whether media is secured; empty: as the switch does with everybody.")
    max_calls: int = 0
    origin: str = Field(default="", description="`configuration` (read-only here) or `store`.")
    registered: bool = False
    calls: int = Field(default=0, description="Calls the number takes part in now.")


class NewSubscriber(Request):
    """A subscriber to add. Only hashes of the password are kept."""

    number: SubscriberNumber
    password: Password | None = Field(
        default=None, repr=False, description="None: one is made and shown once in the answer."
    )
    display_name: str = Field(default="", max_length=128)
    roles: Roles = Field(default_factory=list)
    class_of_service: str = Field(default="", max_length=64)
    pickup_group: str = Field(default="", max_length=64)
    srtp: Secrecy = Field(default="", description="Whether media is secured; empty: as the switch does with everybody.")
    max_calls: int = Field(default=20, ge=0, le=10_000, description="Most simultaneous calls; 0: no limit.")


class AddedSubscriber(Subscriber):
    """A subscriber just added."""

    password: str | None = Field(default=None, description="The password that was made; shown this one time.")


class ChangeSubscriber(Request):
    """Members that are given are changed, all others stay."""

    display_name: str | None = Field(default=None, max_length=128)
    roles: Roles | None = None
    class_of_service: str | None = Field(default=None, max_length=64)
    pickup_group: str | None = Field(default=None, max_length=64)
    srtp: Secrecy | None = None
    max_calls: int | None = Field(default=None, ge=0, le=10_000)


class NewPassword(Request):
    """Another password for a subscriber."""

    password: Password | None = Field(
        default=None, repr=False, description="None: one is made and shown once in the answer."
    )


class PasswordChanged(Answer):
    """The password is changed."""

    number: str
    password: str | None = Field(default=None, description="The password that was made; shown this one time.")


class Features(Answer):
    """What a subscriber has chosen, or was given where it has chosen nothing."""

    number: str
    forward_all: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    no_answer_s: float = 25.0
    do_not_disturb: bool = False


class ChangeFeatures(Request):
    """Members that are given are changed; null goes back to what the subscriber was given."""

    forward_all: str | None = Field(default=None, max_length=64)
    forward_busy: str | None = Field(default=None, max_length=64)
    forward_no_answer: str | None = Field(default=None, max_length=64)
    no_answer_s: float | None = Field(default=None, gt=0, le=600)
    do_not_disturb: bool | None = None


class DirectoryEntry(Answer):
    """A number that can be dialled, and what stands behind it."""

    number: str
    name: str = ""
    kind: str = Field(description="subscriber, service, hunt, conference or talkgroup.")
    state: str = Field(default="", description="Of a subscriber: offline, available, busy or do_not_disturb.")


class CallDetailRecord(Answer):
    """What is kept of a call attempt."""

    id: str
    caller: str
    callee: str
    started_at: Time = None
    answered_at: Time = None
    ended_at: Time = None
    duration_ms: int = 0
    billsec_ms: int = 0
    disposition: str = ""
    sip_code: int = 0
    q850_cause: int = 0
    released_by: str = ""
    node: str = ""
    talkgroup: str = Field(default="", description="The last group that its party was in.")
    joins: str = Field(default="", description="The call that it was placed to join.")
    joins_as: str = Field(default="", description="insert, listen or whisper.")
    legs: list[dict[str, Any]] = Field(
        default_factory=list, description="Each party: who, when, how it ended, codec, and what was measured."
    )
    recording_ids: list[str] = Field(default_factory=list)
    location: dict[str, Any] = Field(default_factory=dict, description="Where the caller said it was (RFC 6442).")
    details: dict[str, Any] = Field(
        default_factory=dict, description="source, route, emergency, reason; merged_into, queue, queued_s, agent."
    )


class Statistics(Answer):
    """Calls of a period, counted."""

    since: Time = None
    until: Time = None
    calls: int = 0
    answered: int = 0
    billsec_ms: int = 0
    by_disposition: dict[str, int] = Field(default_factory=dict)


class AuditEntry(Answer):
    """One action of a person or program; the hashes chain all entries."""

    sequence: int
    time: Time
    actor: str
    role: str
    action: str
    subject: str
    details: dict[str, Any] = Field(default_factory=dict)
    previous_hash: str = ""
    hash: str = ""


class NumbersQuery(Request):
    """Which numbers."""

    prefix: str = Field(default="", max_length=64, description="Beginning of the number.")
    after: str = Field(default="", max_length=64, description="Cursor: `next` of the page before.")
    limit: int = Field(default=100, ge=1, le=1000)


class CdrQuery(Request):
    """Which call detail records, newest first."""

    since: datetime | None = Field(default=None, description="Started at or after.")
    until: datetime | None = Field(default=None, description="Started before.")
    caller: Number | None = None
    callee: Number | None = None
    disposition: str | None = Field(default=None, max_length=32)
    cursor: str = Field(default="", max_length=256, description="`next` of the page before.")
    limit: int = Field(default=100, ge=1, le=1000)


class PeriodQuery(Request):
    """A period of time."""

    since: datetime | None = Field(default=None, description="Started at or after.")
    until: datetime | None = Field(default=None, description="Started before.")


class AuditQuery(Request):
    """Which audit entries, oldest first."""

    since: datetime | None = Field(default=None, description="At or after.")
    after: int = Field(default=0, ge=0, le=2**53, description="Cursor: `next` of the page before.")
    limit: int = Field(default=100, ge=1, le=1000)
