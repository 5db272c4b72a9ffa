"""Shapes of `/voice/conferences`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from softswitch.api.models.base import Answer, Number, Request, Time
from softswitch.api.models.group import Attendee, GroupNumber, RollCallProgress

PlanName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^/\s]+$")]
Pin = Annotated[str, Field(max_length=32, pattern=r"^[0-9]*$")]


class ConferenceMember(Request):
    """How a member takes part; times in seconds."""

    chair: bool = Field(default=False, description="Is spared when all are muted, and may lock by keys.")
    muted: bool = False
    deaf: bool = False
    gain: float = Field(default=1.0, ge=0, le=8, description="How loud the others hear it.")
    levelled: bool = Field(default=False, description="Automatic gain besides.")
    answers_by_itself: bool = Field(default=True, description="Its phone is asked to answer at once.")
    ring_s: float = Field(default=30.0, gt=0, le=300, description="Longest ringing of one attempt.")
    attempts: int = Field(default=1, ge=1, le=10, description="How often it is called when it does not answer.")
    retry_s: float = Field(default=10.0, ge=0, le=600, description="Pause between two attempts.")


Members = Annotated[dict[Number, ConferenceMember], Field(max_length=1000)]


class ConferenceRules(Request):
    """What is laid down of a conference."""

    name: str = Field(default="", max_length=128)
    max_participants: int = Field(default=100, ge=1, le=1000)
    pin: Pin | None = Field(default=None, description="Digits asked of who dials in; empty: none, null: as it is.")
    signals: bool = Field(default=False, description="A short tone tells that somebody comes or goes.")
    comfort_noise: bool = Field(default=False, description="A room in which nobody speaks rustles.")
    rate_hz: Literal[8000, 16000, 48000] = Field(
        default=8000, description="What it is mixed at; 16000 prefers G.722, 48000 Opus. Counts when it next opens."
    )


class NewConference(ConferenceRules):
    """A conference to add."""

    number: GroupNumber


class ChangeConference(ConferenceRules):
    """What is to be changed of a conference; what is not given stays."""


class ConferenceDefinition(Answer):
    """What is laid down of a conference: what If-Match speaks of."""

    number: str
    name: str = ""
    max_participants: int = 100
    pin_needed: bool = False
    signals: bool = False
    comfort_noise: bool = False
    rate_hz: int = 8000
    origin: str = Field(default="", description="`configuration` or `store`.")
    plans: list[str] = Field(default_factory=list, description="Names of its stored lists of members (预案).")


class Plan(Request):
    """A stored list of members (预案)."""

    members: Members = Field(min_length=1)


class PlanRow(Answer):
    """A stored list of members."""

    name: str
    conference: str
    members: dict[str, ConferenceMember]


class ConferenceParticipant(Answer):
    """Who is in a conference."""

    party: str
    display_name: str = ""
    leg_id: str
    call_id: str
    since: Time = None
    chair: bool = False
    muted: bool = False
    deaf: bool = False
    gain: float = 1.0
    levelled: bool = False
    hand_since: Time = Field(default=None, description="Since when its hand is raised.")
    whispers_to: str = Field(default="", description="Who alone hears it.")


class Conference(Answer):
    """A room whose participants all speak."""

    number: str
    name: str = ""
    max_participants: int = 0
    pin_needed: bool = False
    signals: bool = False
    comfort_noise: bool = False
    rate_hz: int = 8000
    origin: str = ""
    plans: list[str] = Field(default_factory=list)
    locked: bool = False
    links: list[str] = Field(default_factory=list, description="Conferences that hear each other with this one.")
    participants: list[ConferenceParticipant] = Field(default_factory=list)


class StartConference(Request):
    """Whom to call: a stored list, or members given here, or both; without either the only list there is."""

    plan: PlanName | None = None
    members: Members = Field(default_factory=dict)


class InviteToConference(Request):
    """Whom to call besides."""

    members: Annotated[dict[Number, ConferenceMember], Field(min_length=1, max_length=1000)]


class ConferenceInvitee(Attendee):
    """A member as a call of the conference sees it."""

    attempts: int = 0


class ConferenceCall(Answer):
    """One calling of the members: who answered, who did not and why."""

    conference_call_id: str
    conference: str
    plan: str = ""
    by: str = ""
    state: Literal["running", "ended"]
    started_at: Time = None
    ended_at: Time = None
    reason: str = ""
    invited: int = 0
    present: int = 0
    failed: int = 0
    members: list[ConferenceInvitee] = Field(default_factory=list)


class ConferenceRollCall(RollCallProgress):
    """A roll-call of a conference."""

    conference: str


class RollCallOf(Request):
    """A roll-call (点名) of those who should be there."""

    members: Annotated[list[Number], Field(max_length=1000)] = Field(
        default_factory=list, description="Only these; empty: those of the plan, or of the only one."
    )
    plan: PlanName | None = None
    ring_s: float = Field(default=20.0, gt=0, le=120)
    count_present: bool = Field(default=True, description="Who is in the conference already has answered.")


class MuteAll(Request):
    """Let nobody speak but chairs, or everybody again."""

    muted: bool = True
    spare: Annotated[list[Number], Field(max_length=1000)] = Field(
        default_factory=list, description="Numbers or legs that may go on speaking."
    )


class Lock(Request):
    """Let nobody dial in any more, or again."""

    locked: bool = True


class Link(Request):
    """Another conference in use."""

    conference: GroupNumber
    linked: bool = True


class Announce(Request):
    """What all in the conference hear: a sound by its name, or a tone."""

    source: str = Field(default="", max_length=256, description="Name of a sound: see GET /voice/sounds.")
    tone_hz: float | None = Field(default=None, ge=20, le=3900)
    seconds: float = Field(default=1.0, gt=0, le=60, description="Length of a tone.")
    loop: bool = False
    stop: bool = Field(default=False, description="Stop what is played instead.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum([bool(self.source), self.tone_hz is not None, self.stop]) != 1:
            raise ValueError("give one of source, tone_hz and stop")
        return self


class ChangeParticipant(Request):
    """How a participant is heard and hears from now on; what is not given stays."""

    muted: bool | None = None
    deaf: bool | None = None
    gain: float | None = Field(default=None, ge=0, le=8)
    levelled: bool | None = None
    chair: bool | None = None
    hand_raised: bool | None = None


class Whisper(Request):
    """Who alone hears a participant; null: everybody."""

    to: Number | None = None
