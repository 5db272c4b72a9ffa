"""Shapes of `/system`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Request, Time
from softswitch.roles import Role


class Health(Answer):
    """Whether the switch does its work, and the load it carries."""

    status: Literal["ok", "degraded", "stopping"]
    node: str
    name: str = Field(default="", description="The node's name for people.")
    version: str
    started_at: Time
    uptime_s: float
    calls: int = 0
    registrations: int = 0
    problems: list[str] = Field(default_factory=list, description="What is wrong, one sentence each.")


class Identity(Answer):
    """Who the switch takes the asker for."""

    name: str
    role: Role
    scopes: list[str] = Field(default_factory=list, description="Components that may be used; empty: all.")
    number: str = Field(default="", description="The subscriber as whom alone it may act, empty: no such limit.")


class Registration(Answer):
    """One contact that a device has registered for a number."""

    number: str
    contact: str
    expires_at: Time = None
    source: str = ""
    user_agent: str = ""
    q: float = 1.0


class RegistrationQuery(Request):
    """Which of a number's contacts."""

    contact: str = Field(default="", max_length=512, description="Only this contact; empty: every one.")


class TrunkUsage(Answer):
    """Calls of a trunk group in one direction since the start; `asr` is answered per attempt, `acd_s` their length."""

    attempts: int = 0
    answered: int = 0
    refused: int = 0
    preempted: int = 0
    asr: float = 0.0
    acd_s: float = 0.0


class Span(Answer):
    """One E1 line of a trunk group."""

    span: str
    side: Literal["user", "network"]
    link: Literal["down", "establishing", "up", "recovering"]
    alarms: list[str] = Field(default_factory=list)
    last_error: str = ""
    channels: int
    in_use: list[int] = Field(default_factory=list, description="Timeslots with a call.")
    blocked: list[int] = Field(default_factory=list, description="Timeslots taken out of service.")
    faulty: list[int] = Field(default_factory=list, description="Timeslots the far end does not answer for.")
    restarting: list[int] = Field(default_factory=list, description="Timeslots being put in order at both ends.")
    echo_db: dict[int, float] = Field(
        default_factory=dict, description="By how much the echo of channels in use is weaker (ERLE), by timeslot."
    )
    counters: dict[str, float] = Field(default_factory=dict)


class Trunk(Answer):
    """A way out to other systems."""

    name: str
    kind: Literal["sip", "e1"] = "sip"
    state: str
    calls: int = 0
    max_calls: int = 0
    reason: str = ""
    occupancy: float = Field(default=0.0, description="Share of channels in use (e1).")
    outgoing: TrunkUsage | None = None
    incoming: TrunkUsage | None = None
    spans: list[Span] = Field(default_factory=list)


class TrunkOrder(Request):
    """Channels of a trunk group; without span all spans, without channels all of a span."""

    action: Literal["block", "unblock", "busy_out", "restart"] = Field(
        description="block: no new calls; busy_out: and end those that there are; unblock: back into service; "
        "restart: put in order at both ends, which ends calls.",
    )
    span: str = Field(default="", max_length=64)
    channels: list[int] = Field(default_factory=list, max_length=31, description="Timeslots.")


class MediaWorker(Answer):
    """One media worker: the process it runs in, whether it does, its open ports, processor time used."""

    number: int
    pid: int
    alive: bool
    ports: int
    cpu_s: float


class MediaHelper(Answer):
    """The process beside the media workers that writes recordings; `pid` 0 before anything was asked of it."""

    pid: int
    alive: bool


class Vocoder(Answer):
    """A vocoder of digital radio."""

    name: str
    kind: str
    channels: int
    ready: int = Field(description="Channels that answer.")
    leased: int = Field(description="Channels in use by talkers.")
    exhausted: int = Field(description="Times that a talker found all in use.")
    reason: str = Field(default="", description="Why it cannot be used at all.")


class MediaTotals(Answer):
    """What passed through the media engine since its start, and its ports now."""

    ports_open: int = Field(default=0, description="RTP ports in use.")
    ports_free: int = Field(default=0, description="RTP ports that a call could be given at once.")
    ports_quarantined: int = Field(default=0, description="Those of ended calls, kept closed for some seconds.")
    packet_threads: int = 0
    packets_received: int = 0
    octets_received: int = 0
    packets_sent: int = 0
    octets_sent: int = 0
    lost: int = Field(default=0, description="Packets that never came, by their sequence numbers.")
    dropped_source: int = Field(default=0, description="From an address that is not the party's.")
    dropped_payload_type: int = Field(default=0, description="Of a format that was not agreed.")
    dropped_direction: int = Field(default=0, description="From a party that is on hold or only hears.")
    dropped_unrouted: int = Field(default=0, description="With nowhere to go.")
    malformed: int = Field(default=0, description="Neither RTP nor RTCP nor STUN.")
    ignored: int = 0
    send_errors: int = Field(default=0, description="Not taken by the operating system.")
    rtcp_sent: int = 0
    rtcp_received: int = 0
    srtp_auth_failures: int = Field(default=0, description="Authentication tag wrong.")
    srtp_replayed: int = Field(default=0, description="Came before, or too late to tell.")
    timeouts: int = Field(default=0, description="Times a party fell silent for too long.")
    deadlines_missed: int = Field(default=0, description="Packets of clips left out for want of processor time.")
    events_lost: int = 0
    link_frames_missing: int = Field(default=0, description="Turns in which a linked room was heard too late.")
    link_frames_skipped: int = Field(default=0, description="Left out between linked rooms: too many at once.")
    players: int = Field(default=0, description="Ports into which a sound is played now.")
    dtls_handshakes: int = 0
    dtls_failures: int = 0
    dtls_fingerprint_mismatches: int = 0
    stun_answered: int = 0
    stun_refused: int = 0
    ice_consent_lost: int = Field(default=0, description="Peers that no longer answer.")


class MediaStatus(MediaTotals):
    """The media engine's figures."""

    workers: list[MediaWorker] = Field(default_factory=list)
    helper: MediaHelper | None = None
    vocoders: list[Vocoder] = Field(default_factory=list)
    jitter_buffer_ms: float = Field(default=0.0, description="Mean depth of the jitter buffers in use.")
    degraded: int = Field(default=0, description="Parties that sound bad now.")
    one_way: int = Field(default=0, description="Ports that send and receive nothing.")


class ReloadResult(Answer):
    """What a reload did."""

    detail: str


class Ban(Answer):
    """A source address whose SIP messages are dropped in silence."""

    host: str
    reason: str = ""
    seconds_left: float = 0.0


class AddBan(Request):
    """A source to ban by hand."""

    host: str = Field(min_length=2, max_length=64, pattern=r"^[0-9A-Fa-f:.%a-z]+$", description="IP address.")
    seconds: float = Field(default=3600.0, gt=0, le=31_536_000)
    reason: str = Field(default="", max_length=120)


class TraceQuery(Request):
    """Which SIP messages."""

    call_id: str = Field(default="", max_length=256, description="Only messages of this Call-ID.")
    address: str = Field(default="", max_length=64, description="Only messages from or to this host.")
