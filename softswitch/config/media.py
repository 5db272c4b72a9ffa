"""The sections that describe RTP and what is recorded of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from softswitch.config.base import (
    Count,
    Dscp,
    IpAddress,
    Name,
    Number,
    PositiveSeconds,
    Seconds,
    Secrecy,
    Section,
    Suite,
    Switch,
)


class RtpSettings(Section):
    """Where media flows."""

    address: IpAddress = Field(default="127.0.0.1", description="Local address of the media ports.")
    advertised_address: IpAddress | None = Field(
        default=None, description="Address written into SDP when it differs from the local one (NAT)."
    )
    first_port: Annotated[int, Field(ge=1024, le=65534, strict=True)] = Field(
        default=30000, description="First UDP port."
    )
    last_port: Annotated[int, Field(ge=1025, le=65535, strict=True)] = Field(
        default=39999, description="Last UDP port."
    )
    timeout_s: Seconds = Field(
        default=60, description="Silence in seconds after which a call without any RTP is released; 0 never releases."
    )
    srtp: Secrecy = Field(
        default="best_effort",
        description="Whether media is secured with keys in SDP: `required`, `forbidden`, or `best_effort`, which "
        "offers keys in plain RTP/AVP and takes what comes. Trunks and subscribers may say otherwise.",
    )
    srtp_suites: Annotated[tuple[Suite, ...], Field(min_length=1)] = Field(
        default=get_args(Suite), description="SRTP crypto suites that are offered and taken, best first."
    )
    extended_reports: Switch = Field(
        default=True, description="Whether phones are asked for extended reports of how they hear us (RFC 3611)."
    )
    dscp: Dscp = Field(
        default=46,
        description="How the network is asked to treat packets of sound: the DiffServ code point of calls from now on, "
        "46 for expedited forwarding (EF); 0 leaves them unmarked.",
    )
    dscp_video: Dscp = Field(default=34, description="The same for pictures and all else that is no sound: 34 is AF41.")
    workers: Count = Field(default=0, description="Media workers; 0 means one a processor core.")
    isolated: bool = Field(
        default=True,
        description="Media workers are processes of their own: what they carry goes on when the switch itself ends "
        "unexpectedly or is replaced.",
    )
    realtime: Literal["auto", "off"] = Field(
        default="auto",
        description="Whether the threads that forward packets run ahead of all other work of the machine: `auto` when "
        "the system lets them (`softswitch doctor` says), `off` never.",
    )
    worker_grace_s: Seconds = Field(
        default=120, description="How long media workers wait, in seconds, for a switch that is gone to come back."
    )
    unclaimed_s: Seconds = Field(
        default=30,
        description="How long, in seconds, ports that a restarted switch finds open go on until they are closed, when "
        "no call claims them.",
    )

    listen: tuple[Literal["speech", "fax"], ...] = Field(
        default=(),
        description="What the sound of every party is listened to for, besides keys: `speech` (event call.speech, when "
        "somebody begins to speak and stops), `fax` (event call.fax). Rooms that need it listen by themselves, and so "
        "do transcoded calls for fax machines.",
    )
    comfort_noise: Switch = Field(
        default=False,
        description="Whether rooms, services and transcoded calls describe silence (RFC 3389) instead of sending it to "
        "those who take comfort noise, and agree to get some.",
    )
    gpl_codecs: Switch = Field(
        default=False,
        description="Whether codecs may be used whose libraries are under the GPL, which this product neither needs "
        "nor brings along: G.729 by libbcg729, where it is installed.",
    )

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.last_port <= self.first_port:
            raise ValueError("last_port must lie above first_port")
        return self


class RecordingSettings(Section):
    """What is recorded by itself, how, and how long it is kept. All else is recorded when somebody asks for it."""

    directory: str = Field(
        default="recordings", min_length=1, description="Folder of the files, below the data directory or a path."
    )
    calls: Switch = Field(default=False, description="Whether every call is recorded.")
    directions: tuple[Literal["inbound", "outbound", "internal"], ...] = Field(
        default=(),
        description="Calls that are recorded by where they come from and go to: from a trunk, to one, or neither.",
    )
    trunks: tuple[Name, ...] = Field(default=(), description="Trunks whose calls are recorded.")
    subscribers: tuple[Number, ...] = Field(default=(), description="Subscribers whose calls are recorded.")
    conferences: tuple[str, ...] = Field(default=(), description="Conferences that are recorded; `all` for every one.")
    talkgroups: tuple[str, ...] = Field(default=(), description="Talkgroups that are recorded; `all` for every one.")
    format: Literal["wav", "ogg", "mka", "mkv"] = Field(
        default="wav",
        description="16-bit WAV, or Opus in Ogg or Matroska files (these need libopus); mkv keeps the pictures of "
        "video calls beside it.",
    )
    layout: Literal["mixed", "stereo", "separate"] = Field(
        default="stereo",
        description="Of calls: all in one channel, caller left and callee right, or a track for each. Rooms are mixed "
        "unless `separate`.",
    )
    sample_rate: Literal[0, 8000, 16000, 48000] = Field(
        default=0, description="Sample rate of the files in Hz; 0: the best of the parties' codecs, at most 16000."
    )
    pre_record_s: Annotated[float, Field(ge=0, le=30)] = Field(
        default=0,
        description="Seconds of every call kept in memory, so that a recording may begin in the past.",
    )
    beep: Switch = Field(default=False, description="Whether the parties hear a short tone when a recording begins.")
    beep_interval_s: Seconds = Field(
        default=0, description="How often they hear it again while `beep` is on, in seconds; 0: never."
    )
    group_idle_s: PositiveSeconds = Field(
        default=60, description="Silence in seconds after which the recording of a talkgroup is complete."
    )
    retention_days: Seconds = Field(default=0, description="Days after which recordings are removed; 0 keeps them.")
    max_gigabytes: Seconds = Field(
        default=0, description="Size of all recordings above which the oldest are removed; 0 sets no limit."
    )
    minimum_free_mb: Count = Field(
        default=256, description="Free space in megabytes below which nothing is recorded, for others need it too."
    )
