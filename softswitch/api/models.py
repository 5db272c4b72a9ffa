"""The shapes of requests and answers: the one source of validation and of the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


def _moment(value: object) -> object:
    """Seconds since 1970 as a UTC time; 0 and None mean never."""
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC) if value else None
    return value


def _iso(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Time = Annotated[datetime | None, BeforeValidator(_moment), PlainSerializer(_iso, return_type=str | None)]
Number = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s<>\"@;]+$")]


class Request(BaseModel):
    """A request body or query; unknown members are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Answer(BaseModel):
    """A successful answer; members that a service adds are passed on."""

    model_config = ConfigDict(extra="allow")


class NoContent(Answer):
    """Nothing."""


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="A URN that names the kind of problem.")
    title: str
    status: int
    detail: str


# --- system --------------------------------------------------------------------------------------------------------


class Health(Answer):
    """Whether the switch does its work, and the load it carries."""

    status: Literal["ok", "degraded", "stopping"]
    node: str
    version: str
    started_at: Time
    uptime_s: float
    calls: int = 0
    registrations: int = 0
    problems: list[str] = Field(default_factory=list, description="What is wrong, one sentence each.")


class Registration(Answer):
    """One contact that a device has registered for a number."""

    number: str
    contact: str
    expires_at: Time = None
    source: str = ""
    user_agent: str = ""
    q: float = 1.0


class Trunk(Answer):
    """A way out to other systems."""

    name: str
    state: str
    calls: int = 0
    max_calls: int = 0
    reason: str = ""


class MediaStatus(Answer):
    """The media engine's figures."""


class ReloadResult(Answer):
    """What a reload did."""

    detail: str


# --- voice ---------------------------------------------------------------------------------------------------------


class Leg(Answer):
    """One party's session with the switch."""

    leg_id: str
    protocol: str = "sip"
    direction: str = ""
    party: str = ""
    display_name: str = ""
    state: str = ""


class Call(Answer):
    """A call and its legs."""

    call_id: str
    state: str
    caller: str
    callee: str
    started_at: Time = None
    answered_at: Time = None
    emergency: bool = False
    legal_methods: list[str] = Field(default_factory=list)
    legs: list[Leg] = Field(default_factory=list)


class Originate(Request):
    """A call that the switch places: it rings `caller` and, once answered, connects `callee`."""

    caller: Number
    callee: Number
    caller_name: str = Field(default="", max_length=128, description="Name shown to the callee.")
    timeout_s: float = Field(default=60.0, gt=0, le=600, description="Longest ringing of the caller, in seconds.")


class NoArguments(Request):
    """An empty body or object."""


class Disconnect(Request):
    """Why a call is ended."""

    q850_cause: int = Field(default=16, ge=1, le=127, description="Cause told to the parties (Q.850).")
    reason: str = Field(default="", max_length=128)


class OfLeg(Request):
    """Which party is meant; empty: the caller's."""

    leg_id: str = Field(default="", max_length=128)


class TransferCall(Request):
    """Where a party is sent."""

    target: Number
    leg_id: str = Field(default="", max_length=128, description="The party sent on; empty: the caller.")


class Digits(Request):
    """Keys pressed on behalf of a party."""

    digits: str = Field(min_length=1, max_length=64, pattern=r"^[0-9A-D*#]+$")
    leg_id: str = Field(default="", max_length=128, description="The party that hears them; empty: the callee.")
    duration_ms: int = Field(default=160, ge=40, le=5000)


class Insert(Request):
    """Who joins a call in progress."""

    party: Number


class Play(Request):
    """What the parties hear."""

    source: str = Field(min_length=1, max_length=256, description="Name of an announcement.")
    loop: bool = False


# --- data ----------------------------------------------------------------------------------------------------------


class Subscriber(Answer):
    """A number that devices register for."""

    number: str
    display_name: str = ""
    roles: list[str] = Field(default_factory=list)
    class_of_service: str = ""
    registered: bool = False


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
    legs: list[dict[str, Any]] = Field(default_factory=list)


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


class SubscriberQuery(Request):
    """Which subscribers."""

    prefix: str = Field(default="", max_length=64, description="Beginning of the number.")
    after: str = Field(default="", max_length=64, description="Cursor: the last number of the page before.")
    limit: int = Field(default=100, ge=1, le=1000)


class CdrQuery(Request):
    """Which call detail records, newest first."""

    since: datetime | None = Field(default=None, description="Started at or after.")
    until: datetime | None = Field(default=None, description="Started before; the cursor of the page before.")
    caller: str | None = Field(default=None, max_length=128)
    callee: str | None = Field(default=None, max_length=128)
    limit: int = Field(default=100, ge=1, le=1000)


class AuditQuery(Request):
    """Which audit entries, oldest first."""

    since: datetime | None = Field(default=None, description="At or after.")
    limit: int = Field(default=100, ge=1, le=1000)


class EventsQuery(Request):
    """Which events, and from where on."""

    since: int | None = Field(default=None, ge=0, description="Resume after this sequence number.")
    types: str = Field(default="", max_length=512, description="Event types, comma-separated; `call.*` for a family.")


class TraceQuery(Request):
    """Which SIP messages."""

    call_id: str = Field(default="", max_length=256, description="Only messages of this Call-ID.")
    address: str = Field(default="", max_length=64, description="Only messages from or to this host.")
