"""Shapes of `/data/recordings`, and of what a call is told about recording and playing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Request, Time


class RecordCall(Request):
    """What is to be done: a recording begins, is paused (a secret passage is not kept), goes on, gets a mark, ends."""

    action: Literal["start", "stop", "pause", "resume", "mark"] = "start"
    recording_id: str = Field(default="", max_length=128, description="Which one; empty: all of them.")
    layout: Literal["", "mixed", "stereo", "separate"] = Field(default="", description="Empty: as configured.")
    format: Literal["", "wav", "ogg", "mka", "mkv"] = Field(default="", description="Empty: as configured.")
    include_past_s: float = Field(default=0, ge=0, le=30, description="Seconds before now, as far as they are kept.")
    leg_id: str = Field(
        default="", max_length=128, description="Only this party (leg or number) is kept; empty: everybody."
    )
    label: str = Field(default="", max_length=128, description="Of a mark.")


class RecordedFile(Answer):
    """One file of a recording; `lane` is the party it holds, empty for all; `offset_s` where it begins."""

    path: str
    lane: str = ""
    offset_s: float = 0.0
    seconds: float = 0.0
    octets: int = 0
    sha256: str = ""


class Recording(Answer):
    """A recording in progress, or as it is kept."""

    id: str
    kind: str = Field(description="call, conference or talkgroup.")
    call_id: str = ""
    room: str = ""
    caller: str = ""
    callee: str = ""
    started_at: Time = None
    ended_at: Time = None
    seconds: float = 0.0
    state: str = Field(description="recording, complete, interrupted (by a crash) or empty.")
    paused: bool = False
    layout: str = ""
    format: str = ""
    started_by: str = ""
    octets: int = 0
    files: list[RecordedFile] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)


class RecordingQuery(Request):
    """Which recordings."""

    number: str | None = Field(default=None, max_length=64, description="Somebody who took part, or a room.")
    since: datetime | None = Field(default=None, description="Began then or later.")
    until: datetime | None = Field(default=None, description="Began before.")
    kind: Literal["call", "conference", "talkgroup"] | None = None
    call_id: str | None = Field(default=None, max_length=128)
    cursor: str | None = Field(default=None, max_length=256, description="`next` of the page before.")
    limit: int = Field(default=100, ge=1, le=1000)


class Burst(Answer):
    """Who had the floor from when to when, and where in the recording that is."""

    id: str
    recording: str = Field(default="", description="The recording that holds it.")
    party: str
    room: str
    call_id: str = ""
    leg_id: str = ""
    started_at: Time = None
    ended_at: Time = None
    offset_s: float = 0.0
    seconds: float = 0.0
    priority: int = 0
    tier: str = ""


class MediaQuery(Request):
    """Which part of a recording."""

    file: int = Field(default=0, ge=0, le=999, description="Number of the file, from 0.")
    burst: str | None = Field(default=None, max_length=160, description="Only this talk burst, as WAV.")
    talk: bool = Field(default=False, description="All talk bursts without the silences between, as WAV.")


class WaveformQuery(Request):
    """How fine."""

    file: int = Field(default=0, ge=0, le=999, description="Number of the file, from 0.")
    points: int = Field(default=500, ge=10, le=4000)


class Waveform(Answer):
    """The loudest sample of each stretch of time, 0 to 1, for every channel."""

    seconds: float
    channels: list[list[float]]


class Finding(Answer):
    """Something that is wrong with the index or a file."""

    kind: str = Field(description="chain, missing or changed.")
    recording: str
    detail: str


class Verification(Answer):
    """Whether recordings are as they were made."""

    whole: bool
    links: int
    files: int
    findings: list[Finding] = Field(default_factory=list)
