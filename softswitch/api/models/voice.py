"""Shapes of `/voice`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from softswitch.api.models.base import Answer, Number, Request, Time, example

LegId = Annotated[str, Field(max_length=128, description="Id of the leg, or number of the party.")]


class Leg(Answer):
    """One party's session with the switch."""

    leg_id: str
    protocol: str = "sip"
    direction: str = ""
    party: str = ""
    display_name: str = ""
    state: str = ""
    held: bool = False
    reference: str = Field(default="", description="Its id in its own protocol, such as the SIP Call-ID.")
    codec: str = Field(default="", description="In GET /voice/calls/{id} alone, like the next two.")
    srtp: str = Field(default="", description="How its media is secured; empty: not.")
    media: dict[str, Any] = Field(default_factory=dict, description="Counters, loss, jitter, delay and MOS.")


JoinsAs = Literal["", "insert", "listen", "whisper"]


class JoiningCall(Answer):
    """A call that was placed to let `party` into another one; it may be ringing still."""

    call_id: str
    party: str
    joins_as: JoinsAs


class Call(Answer):
    """A call and its legs."""

    call_id: str
    state: str
    caller: str
    callee: str
    started_at: Time = None
    answered_at: Time = None
    emergency: bool = False
    legal_methods: list[str] = Field(default_factory=list, description="Methods of the state machine, legal now.")
    operations: list[str] = Field(default_factory=list, description="What may be posted to this call now.")
    legs: list[Leg] = Field(default_factory=list)
    recordings: list[str] = Field(default_factory=list, description="Recordings in progress.")
    location: dict[str, Any] = Field(default_factory=dict, description="Where the caller said it was (RFC 6442).")
    playback: dict[str, Any] | None = Field(default=None, description="Position and speed of what is played.")
    joins: str = Field(default="", description="The call that this one was placed to join (强插, 监听); empty: none.")
    joins_as: JoinsAs = ""
    joined_by: list[JoiningCall] = Field(default_factory=list, description="Calls placed to join this one.")


class Originate(Request):
    """A call that the switch places: it rings `caller` and, once they answered, connects `callee` or plays a sound."""

    model_config = example(caller="1001", callee="601", timeout_s=1)

    caller: Number
    callee: Number | None = Field(default=None, description="A number: subscriber, trunk number, service, group.")
    play: str | None = Field(default=None, min_length=1, max_length=256, description="Instead: the name of a sound.")
    caller_name: str = Field(default="", max_length=128, description="Name shown to the callee.")
    timeout_s: float = Field(default=60.0, gt=0, le=600, description="Longest ringing of the caller, in seconds.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.callee is None) == (self.play is None):
            raise ValueError("give either callee or play")
        return self


class Disconnect(Request):
    """Why a call is ended."""

    q850_cause: int = Field(default=16, ge=1, le=127, description="Cause told to the parties (Q.850).")
    reason: str = Field(default="", max_length=128)


class ForceRelease(Request):
    """Why a call is ended by force; the parties are told of pre-emption unless another cause is given."""

    q850_cause: int = Field(default=8, ge=1, le=127, description="Cause told to the parties (Q.850).")
    reason: str = Field(default="", max_length=128)


class OfLeg(Request):
    """Which party is meant; empty: the caller."""

    leg_id: LegId = ""


class PlayedTo(Request):
    """Which party is meant; empty: all of them."""

    leg_id: LegId = ""


class TransferCall(Request):
    """Where a party is sent; the other one leaves as soon as the target answers."""

    target: Number
    leg_id: Annotated[str, Field(max_length=128, description="The party sent on; empty: the caller.")] = ""


class Digits(Request):
    """Keys pressed towards a party: as telephone-events, as tones or by SIP INFO, whichever suits it."""

    digits: str = Field(min_length=1, max_length=64, pattern=r"^[0-9A-D*#]+$")
    leg_id: Annotated[str, Field(max_length=128, description="The party that gets them; empty: the callee.")] = ""
    duration_ms: int = Field(default=160, ge=40, le=5000)


class Insert(Request):
    """Who joins a call in progress."""

    party: Number


class WhisperInto(Request):
    """Who joins a call in progress, and which of its parties alone hears it."""

    party: Number
    to: Annotated[str, Field(min_length=1, max_length=128, description="Leg or number of one of the two.")]


class FloorOf(Request):
    """On whose behalf: a leg id or a party's number."""

    party: Number


class ListenToAmbience(Request):
    """Whose terminal is listened to, by whom, and for how long at most."""

    party: Number
    listener: Annotated[Number, Field(description="Called first; hears the terminal once it has answered.")]
    max_s: float = Field(default=60, ge=1, le=3600, description="Ends by itself after so many seconds.")


class AmbienceRow(Answer):
    """A terminal whose surroundings are listened to; `call_id` is the listener's call."""

    ambience_id: str
    party: str
    listener: str
    by: str
    state: Literal["asked", "heard"]
    asked_at: Time
    heard_at: Time
    max_s: float
    call_id: str


class Play(Request):
    """What the parties hear instead of each other: one of a sound, a recording, a file, or a tone.

    `pause`, `resume`, `seek` and `stop` are about what is being played.
    """

    action: Literal["start", "pause", "resume", "seek", "stop"] = "start"
    source: str = Field(default="", max_length=256, description="Name of a sound: see GET /voice/sounds.")
    recording_id: str = Field(default="", max_length=128, description="A recording.")
    file: str = Field(default="", max_length=256, description="A file in the folder `sounds` of the data directory.")
    tone_hz: float | None = Field(default=None, ge=20, le=3900, description="A tone of this frequency.")
    leg_id: Annotated[str, Field(max_length=128, description="Only this party hears it; empty: see `to`.")] = ""
    to: Literal["both", "caller", "callee"] = Field(default="both", description="Who hears it.")
    loop: bool = False
    position_s: float = Field(default=0, ge=0, le=1e6, description="Where to begin, or to go on, in seconds.")
    speed: float | None = Field(default=None, ge=0.5, le=3, description="Tempo; the pitch stays. 1 when not given.")

    @model_validator(mode="after")
    def _one_sound(self) -> Self:
        given = [bool(self.source), bool(self.recording_id), bool(self.file), self.tone_hz is not None]
        if self.action == "start" and sum(given) != 1:
            raise ValueError("give one of source, recording_id, file and tone_hz")
        return self


class Sound(Answer):
    """Something that can be played."""

    name: str
    seconds: float
