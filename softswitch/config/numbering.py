"""The sections that describe numbers: subscribers, trunks, routes, groups, services, classes, schedules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dialplan.schedule import load_zone
from softswitch.config.base import (
    HEX_MD5_PATTERN,
    HEX_SHA256_PATTERN,
    ClockTime,
    Codec,
    Count,
    Days,
    FileName,
    IpNetwork,
    Keying,
    Media,
    Name,
    Number,
    PatternText,
    PortNumber,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Secrecy,
    Secret,
    Section,
    Switch,
    TargetText,
    check_keying,
    matching,
    one_or_more,
)

Role = Literal["dispatcher"]
Md5Hex = Annotated[str, AfterValidator(matching(HEX_MD5_PATTERN, "an MD5 in 32 hexadecimal digits"))]
Sha256Hex = Annotated[str, AfterValidator(matching(HEX_SHA256_PATTERN, "a SHA-256 in 64 hexadecimal digits"))]
Patterns = Annotated[tuple[PatternText, ...], BeforeValidator(one_or_more)]

Dtmf = Literal["auto", "rfc4733", "inband", "info"]
_DTMF = (
    "`rfc4733` telephone-events, `inband` tones, `info` SIP INFO; `auto`: events where they were agreed, else tones, "
    "else INFO."
)


class SubscriberSettings(Section):
    """A number with credentials. Give `password`, or both HA1 values; only the HA1 values are kept."""

    number: Number = Field(description="Number, which is also the user name of digest authentication.")
    password: Secret | None = Field(
        default=None, description="Password, best as `file:/path` or `env:NAME`.", repr=False, exclude=True
    )
    ha1_md5: Md5Hex | None = Field(default=None, description="MD5 of number:realm:password in hexadecimal.", repr=False)
    ha1_sha256: Sha256Hex | None = Field(default=None, description="SHA-256 of number:realm:password.", repr=False)
    display_name: str = Field(default="", description="Name shown to the other side.")
    roles: tuple[Role, ...] = Field(
        default=(), description="Rights: `dispatcher` may insert, listen and release by force."
    )
    class_of_service: Name | None = Field(default=None, description="Class that says which numbers may be called.")
    forward_all: Number | None = Field(default=None, description="Number that takes every call.")
    forward_busy: Number | None = Field(default=None, description="Number that takes calls while busy.")
    forward_no_answer: Number | None = Field(default=None, description="Number that takes calls nobody answers.")
    no_answer_s: PositiveSeconds = Field(
        default=25, description="Ringing in seconds before a call counts as not answered."
    )
    do_not_disturb: Switch = Field(default=False, description="Whether calls are refused with 480.")
    srtp: Secrecy | None = Field(
        default=None, description="Whether media of its devices is secured; the default is `rtp.srtp`."
    )
    srtp_keying: Keying = Field(
        default="sdes",
        description="How keys are agreed on in calls to its devices: in SDP, or by DTLS, without which the device then "
        "cannot be called. Browsers have DTLS anyway, and calls from it have what it offers.",
    )
    dtmf: Dtmf = Field(default="auto", description=f"How keys reach its devices: {_DTMF}")
    pickup_group: Name | None = Field(default=None, description="Group whose members may pick up each other's calls.")
    max_calls: Count = Field(default=20, description="Most simultaneous calls; 0 means no limit.")

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if self.password is not None and (self.ha1_md5 or self.ha1_sha256):
            raise ValueError("give either password or the HA1 values, not both")
        if self.password is None and not (self.ha1_md5 or self.ha1_sha256):
            raise ValueError("a password, or ha1_md5 and ha1_sha256, is needed")
        check_keying(self.srtp, self.srtp_keying)
        for name in ("ha1_md5", "ha1_sha256"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, value.lower())
        return self


class TrunkSettings(Section):
    """A SIP peer that calls come from and are routed to."""

    name: Name = Field(description="Name used by routes and in records.")
    addresses: Annotated[tuple[IpNetwork, ...], BeforeValidator(one_or_more)] = Field(
        default=(), description="Source addresses or networks whose calls belong to this trunk and need no digest."
    )
    listener: Name | None = Field(
        default=None, description="Listener that its calls arrive on and leave by; the default is any of the transport."
    )
    host: str | None = Field(
        default=None, description="Host name or address that calls are sent to; none: incoming only."
    )
    port: PortNumber | None = Field(default=None, description="Port; none: found through DNS (RFC 3263) or 5060.")
    transport: Literal["udp", "tcp", "tls"] = Field(default="udp", description="Transport protocol towards the peer.")
    domain: str | None = Field(default=None, description="Domain written into From and To; the default is the host.")
    username: str | None = Field(default=None, description="User name for digest answers and registration.")
    password: Secret | None = Field(default=None, description="Password, best as `file:/path` or `env:NAME`.")
    register_: Switch = Field(
        default=False, alias="register", description="Whether the switch registers itself at the peer."
    )
    register_expires_s: PositiveCount = Field(default=600, description="Registration time asked for, in seconds.")
    media: Media = Field(
        default="relay", description="`relay` takes media through the switch; `passthrough` leaves SDP alone."
    )
    codecs: tuple[Codec, ...] = Field(
        default=(), description="Codecs offered to the peer, best first; empty: the caller's."
    )
    srtp: Secrecy | None = Field(default=None, description="Whether its media is secured; the default is `rtp.srtp`.")
    srtp_keying: Keying = Field(
        default="sdes", description="How keys are agreed on in calls to it: in SDP, or by DTLS and no other way."
    )
    dtmf: Dtmf = Field(default="auto", description=f"How keys reach it: {_DTMF}")
    floor: Literal["none", "info", "keys"] = Field(
        default="none",
        description="How talkgroups of another platform that are called through it are told who may talk: by SIP INFO "
        "(application/x-floor-control+json), by the keys * and #, or not at all.",
    )
    class_of_service: Name | None = Field(
        default=None, description="Class that limits what calls from this trunk may reach."
    )
    trust_identity: Switch = Field(
        default=False, description="Whether P-Asserted-Identity is believed from and sent to this peer (RFC 3325)."
    )
    max_calls: Count = Field(default=0, description="Most simultaneous calls; 0 means no limit.")
    options_ping_s: Seconds = Field(
        default=0, description="Interval of OPTIONS that watch the peer, in seconds; 0: none."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.register_ and not (self.host and self.username and self.password):
            raise ValueError("register needs host, username and password")
        if self.password is not None and not self.username:
            raise ValueError("password is given without username")
        check_keying(self.srtp, self.srtp_keying)
        if not self.host and not self.addresses:
            raise ValueError("host or addresses is needed, or no call can come or go")
        return self


class RouteSettings(Section):
    """One rule of the dialplan. Of those that match, the narrowest decides; the order of the file breaks ties."""

    name: Name = Field(description="Name shown by `softswitch route`.")
    prefix: str | None = Field(default=None, min_length=1, description="Beginning of the called number.")
    pattern: PatternText | None = Field(
        default=None,
        description="The whole called number: X a digit, Z 1-9, N 2-9, [2-5] one of these, `.` one or more characters, "
        "`!` zero or more; or `~` and a regular expression.",
    )
    caller_class: Name | None = Field(default=None, description="Only callers of this class of service.")
    source_trunk: Name | None = Field(default=None, description="Only calls from this trunk.")
    schedule: Name | None = Field(default=None, description="Only while this schedule holds.")
    strip: Count = Field(default=0, description="Digits removed from the front of the called number.")
    add: str = Field(default="", description="Text put in front of the called number after that.")
    to: TargetText = Field(
        description="Destination: `subscriber`, `trunk:NAME[,NAME2]`, `gateway:NAME`, `hunt:NAME`, `service:NUMBER`, "
        "`conference[:NUMBER]`, `talkgroup[:NUMBER]`, `queue[:NUMBER]`, "
        "`number:NUMBER` (goes on as that number), `refuse:STATUS [TEXT]`."
    )
    media: Media | None = Field(default=None, description="Overrides the trunk's way of media.")
    codecs: tuple[Codec, ...] = Field(default=(), description="Overrides the trunk's codecs.")

    @model_validator(mode="after")
    def _one_match(self) -> Self:
        if (self.prefix is None) == (self.pattern is None):
            raise ValueError("give exactly one of prefix and pattern")
        return self


class HuntGroupSettings(Section):
    """A number that rings several subscribers."""

    name: Name = Field(description="Name used by routes.")
    number: Number | None = Field(default=None, description="Number that reaches the group without a route.")
    members: tuple[Number, ...] = Field(min_length=1, description="Numbers of the members, in order.")
    strategy: Literal["parallel", "serial", "round-robin"] = Field(
        default="parallel", description="How members are tried."
    )
    ring_s: PositiveSeconds = Field(default=20, description="Ringing in seconds of each attempt.")


class ClassOfServiceSettings(Section):
    """What a class of callers may dial: the narrowest pattern that matches decides."""

    name: Name = Field(description="Name used by subscribers, trunks and routes.")
    allow: Patterns = Field(default=(), description="Patterns allowed; empty allows what is not denied.")
    deny: Patterns = Field(default=(), description="Patterns refused with 403.")


class ScheduleSettings(Section):
    """A time of the week."""

    name: Name = Field(description="Name used by routes.")
    days: Annotated[tuple[Days, ...], BeforeValidator(one_or_more)] = Field(
        default=("mon-sun",), description="Days of the week on which it begins, such as mon, tue or mon-fri."
    )
    from_: ClockTime = Field(default="00:00", alias="from", description="Beginning, local time.")
    until: ClockTime = Field(default="24:00", description="End, local time; before the beginning means the next day.")
    timezone: str = Field(default="UTC", description="Time zone such as Asia/Shanghai.")

    holidays: tuple[date, ...] = Field(default=(), description="Dates on which it does not begin.")
    open_on_holidays: Switch = Field(default=False, description="Whether it begins on those dates all the same.")

    @model_validator(mode="after")
    def _zone(self) -> Self:
        load_zone(self.timezone)
        return self


class EmergencySettings(Section):
    """Numbers that no class of service and no limit may block."""

    numbers: Patterns = Field(
        default=("110", "112", "119", "120", "122"), description="Emergency numbers, or patterns of them."
    )
    access_prefixes: Annotated[tuple[Number, ...], BeforeValidator(one_or_more)] = Field(
        default=(), description="Outside-line prefixes behind which they are recognised too (9 110 out of habit)."
    )
    route: TargetText | None = Field(default=None, description="Where they go; none: the ordinary routes decide.")


class ServiceSettings(Section):
    """A number answered by the switch itself."""

    number: Number = Field(
        description="Number, or prefix of the ringing number for pickup, of the queue for queue_login, queue_logout."
    )
    kind: Literal["echo", "tone", "announcement", "park", "pickup", "queue_login", "queue_logout"] = Field(
        description="What it does."
    )
    hz: Annotated[float, Field(gt=0, le=3800)] = Field(default=1004.0, description="Frequency of a tone.")
    level_dbm0: Annotated[float, Field(ge=-60, le=3)] = Field(default=-16.0, description="Level of a tone in dBm0.")
    file: FileName | None = Field(
        default=None, description="Sound file of an announcement: WAV, Ogg-Opus, with PyAV any; none: the built-in one."
    )
    slots: PositiveCount = Field(default=9, description="Parking places: they are number+1, number+2, …")
    timeout_s: PositiveSeconds = Field(
        default=120, description="Longest parking in seconds before the parker is called back."
    )


class ConferenceSettings(Section):
    """A room whose members all speak."""

    number: Number = Field(description="Number of the room.")
    name: str = Field(default="", description="Name shown to people.")
    max_participants: PositiveCount = Field(default=100, description="Most participants at once.")
    pin: Secret | None = Field(default=None, description="Digits asked of who enters.")
    signals: Switch = Field(default=False, description="Whether a short tone tells that somebody comes or goes.")
    comfort_noise: Switch = Field(
        default=False, description="Whether a room in which nobody speaks rustles, at -62 dB of full scale."
    )
    rate_hz: Literal[8000, 16000, 48000] = Field(
        default=8000,
        description="Sample rate it is mixed at: 8000 for telephones; 16000 prefers G.722, 48000 Opus, of who has it.",
    )


class TalkgroupSettings(Section):
    """A standing group whose members take turns."""

    number: Number = Field(description="Number of the group.")
    name: str = Field(default="", description="Name shown to people.")
    members: tuple[Number, ...] = Field(default=(), description="Numbers of the members; empty: whoever calls in.")
    talk_s: PositiveSeconds = Field(default=60, description="Longest talk of one member in seconds.")
    priority: Annotated[int, Field(ge=0, le=15, strict=True)] = Field(
        default=4, description="Which of several groups a terminal that scans hears; 15 the highest."
    )


class DepartmentSettings(Section):
    """A department of the organisation."""

    id: Name = Field(description="Id used by other departments and by access rules.")
    name: str = Field(default="", description="Name shown to people.")
    parent: Name | None = Field(default=None, description="Department above it; none: at the top.")
    members: tuple[Number, ...] = Field(default=(), description="Numbers of subscribers, groups and other rooms.")


class QueueSettings(Section):
    """A number whose callers wait for an agent."""

    number: Number = Field(description="Number of the queue.")
    name: str = Field(default="", description="Name shown to people.")
    agents: tuple[Number, ...] = Field(default=(), description="Agents who always answer; others log in.")
    strategy: Literal["ring_all", "longest_idle", "round_robin", "fewest_calls"] = Field(
        default="longest_idle", description="Which free agent is rung."
    )
    ring_s: PositiveSeconds = Field(default=20, description="Longest ringing of one agent in seconds.")
    wrap_up_s: Seconds = Field(default=5, description="How long an agent is left alone after a call, in seconds.")
    retry_s: Seconds = Field(default=3, description="How long one who did not answer is left alone, in seconds.")
    announce_s: Seconds = Field(default=30, description="How often callers hear their place, in seconds; 0: never.")
    announce_wait: Switch = Field(default=True, description="Whether they hear how long it may last.")
    max_length: Count = Field(default=100, description="Most callers who wait; 0 means no limit.")
    max_wait_s: Seconds = Field(default=600, description="Longest wait in seconds; 0 means no limit.")
    join_empty: Switch = Field(default=False, description="Whether callers wait although no agent is logged in.")
    overflow: Number | None = Field(default=None, description="Where callers go who cannot wait; none: refused.")
    priority: tuple[Number, ...] = Field(default=(), description="Callers who come before others.")
