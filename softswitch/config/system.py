"""The sections that describe the switch itself: node, SIP, RTP, HTTP, storage, security, logging, tracing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from softswitch.config.base import (
    HEX_SHA256_PATTERN,
    Count,
    FileName,
    IpAddress,
    IpNetwork,
    Name,
    Number,
    PemFile,
    PortNumber,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Secrecy,
    Secret,
    Section,
    Suite,
    Switch,
    matching,
    one_or_more,
)
from softswitch.roles import STANDS_FOR, Role, check_bearer

Sha256Hex = Annotated[str, AfterValidator(matching(HEX_SHA256_PATTERN, "a SHA-256 in 64 hexadecimal digits"))]


class NodeSettings(Section):
    """Who this switch is among others."""

    id: Name = Field(default="node1", description="Short identifier that every call and record of this node carries.")
    name: str = Field(
        default="softswitch", description="Name shown to people in the console and in `softswitch status`."
    )


class ListenSettings(Section):
    """A place where SIP is received and sent."""

    name: Name = Field(description="Name by which a trunk refers to this listener.")
    transport: Literal["udp", "tcp", "tls"] = Field(default="udp", description="Transport protocol.")
    address: IpAddress = Field(default="127.0.0.1", description="Local address; 0.0.0.0 or :: for every interface.")
    port: PortNumber = Field(default=5060, description="Local port.")
    trusted: Switch = Field(
        default=False, description="Whether requests received here need no digest authentication. For trunks and tests."
    )
    certificate: PemFile | None = Field(
        default=None,
        description="PEM file with the certificate chain (TLS). `self-signed` makes one in the data directory.",
    )
    private_key: FileName | None = Field(default=None, description="PEM file with the private key (TLS).")
    client_authority: FileName | None = Field(
        default=None, description="PEM file with the authorities whose client certificates are demanded (mutual TLS)."
    )


class SipSettings(Section):
    """SIP as this switch speaks it (RFC 3261 and its family)."""

    realm: str = Field(
        default="softswitch", min_length=1, description="Realm of digest authentication. HA1 depends on it."
    )
    domains: tuple[str, ...] = Field(
        default=(), description="Host names that mean this switch, besides its own addresses and the realm."
    )
    advertised_address: IpAddress | None = Field(
        default=None, description="Address written into Via and Contact when it differs from the listening one (NAT)."
    )
    user_agent: str = Field(default="softswitch", description="Text of the Server and User-Agent headers.")
    listen: tuple[ListenSettings, ...] = Field(
        default=(ListenSettings(name="udp", transport="udp"), ListenSettings(name="tcp", transport="tcp")),
        description="Listeners, one table each; without any, UDP and TCP port 5060 of 127.0.0.1.",
    )
    session_expires: Count = Field(
        default=1800, description="Session timer in seconds offered and demanded (RFC 4028); 0 switches it off."
    )
    min_se: Annotated[int, Field(ge=90, strict=True)] = Field(
        default=90, description="Shortest session timer accepted, in seconds (RFC 4028 §4: at least 90)."
    )
    max_forwards: Annotated[int, Field(ge=1, le=255, strict=True)] = Field(
        default=70, description="Max-Forwards of requests that start here."
    )
    t1_s: PositiveSeconds = Field(default=0.5, description="Round-trip estimate T1 in seconds (RFC 3261 §17.1.1.1).")
    invite_timeout_s: PositiveSeconds = Field(
        default=180, description="Longest ringing of one branch in seconds (timer C)."
    )
    reliable_provisional: Literal["off", "supported", "required"] = Field(
        default="supported", description="Use of reliable provisional responses (RFC 3262) towards callees."
    )
    max_calls: Count = Field(default=0, description="Most simultaneous calls; 0 means no limit.")
    max_call_s: Seconds = Field(default=0, description="Longest call in seconds; 0 means no limit.")
    min_expires_s: PositiveCount = Field(default=60, description="Shortest registration accepted, in seconds.")
    default_expires_s: PositiveCount = Field(default=3600, description="Registration time when the phone names none.")
    max_expires_s: PositiveCount = Field(default=7200, description="Longest registration granted, in seconds.")
    max_contacts: PositiveCount = Field(default=10, description="Most contacts registered at once for one subscriber.")
    nat_keepalive_s: Seconds = Field(
        default=25, description="Interval of keepalives to phones behind NAT, in seconds; 0 switches them off."
    )
    tcp_idle_s: PositiveSeconds = Field(
        default=900, description="Idle time in seconds after which a connection closes."
    )
    tcp_connections: PositiveCount = Field(
        default=20000, description="Most simultaneous TCP, TLS and WebSocket connections."
    )
    verify_servers: Switch = Field(
        default=True, description="Whether the certificate of a TLS server that we connect to (a trunk) is verified."
    )
    server_authorities: FileName | None = Field(
        default=None, description="PEM file with the authorities for that; none: those of the system."
    )
    max_message_octets: Annotated[int, Field(ge=1500, le=65536, strict=True)] = Field(
        default=65536, description="Largest message accepted."
    )
    overload_calls_per_s: Count = Field(
        default=0,
        description="New calls a second above which INVITE is answered 503 with Retry-After; 0 means no limit.",
    )
    overload_registrations_per_s: Count = Field(
        default=0, description="REGISTER a second above which they are answered 503 with Retry-After; 0 means no limit."
    )
    overload_lag_s: Seconds = Field(
        default=0.5,
        description="Delay of the event loop in seconds above which new work is answered 503; 0 switches it off.",
    )
    overload_retry_after_s: PositiveCount = Field(
        default=10, description="Retry-After in seconds of those 503 answers."
    )

    @model_validator(mode="after")
    def _order(self) -> Self:
        if not self.min_expires_s <= self.default_expires_s <= self.max_expires_s:
            raise ValueError("min_expires_s ≤ default_expires_s ≤ max_expires_s does not hold")
        if 0 < self.session_expires < self.min_se:
            raise ValueError("session_expires is below min_se")
        return self


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
    workers: Count = Field(default=0, description="Media workers; 0 means one a processor core.")
    isolated: bool = Field(
        default=True,
        description="Media workers are processes of their own: what they carry goes on when the switch itself ends "
        "unexpectedly or is replaced.",
    )
    worker_grace_s: Seconds = Field(
        default=120, description="How long media workers wait, in seconds, for a switch that is gone to come back."
    )
    unclaimed_s: Seconds = Field(
        default=30,
        description="How long, in seconds, ports that a restarted switch finds open go on until they are closed, when "
        "no call claims them.",
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


def _with_zone(value: datetime) -> datetime:
    """A time without zone is UTC."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Component = Literal["voice", "group", "video", "sms", "location", "data", "system", "events", "webrtc"]
Scopes = Annotated[tuple[Component, ...], BeforeValidator(one_or_more)]
Texts = Annotated[tuple[str, ...], BeforeValidator(one_or_more)]
Moment = Annotated[datetime, AfterValidator(_with_zone)]


class AccessRuleSettings(Section):
    """Who may do what to whom (PMI). The first rule that fits a target decides; none: the role alone."""

    effect: Literal["allow", "deny"] = Field(description="What is decided.")
    role: Role | None = Field(default=None, description="Only for this role.")
    principal: Name | None = Field(default=None, description="Only for the token or client of this name.")
    department: Name | None = Field(default=None, description="Only for targets in this department or below it.")
    component: str = Field(default="*", description="Component of the API such as voice; `*` is all.")
    action: str = Field(
        default="*", description="`read`, `control` (all but reading), create, change, remove, an order; `*` is all."
    )


class TokenSettings(Section):
    """A bearer token of the HTTP interface. Give `token` or `token_sha256`; only the hash is kept."""

    name: Name = Field(description="Name that the audit log shows.")
    role: Role = Field(default="viewer", description="What the bearer may do.")
    token: Secret | None = Field(
        default=None, description="The token itself, best as `file:/path` or `env:NAME`.", repr=False, exclude=True
    )
    token_sha256: Sha256Hex = Field(
        default="", description="SHA-256 of the token in hexadecimal: `printf %s TOKEN | sha256sum`.", repr=False
    )
    expires: Moment | None = Field(default=None, description="When it ends to be valid; UTC unless a zone is given.")
    scopes: Scopes = Field(default=(), description="Components of the API that it may use; empty: all.")
    number: Number | None = Field(default=None, description=STANDS_FOR)

    @model_validator(mode="after")
    def _has_no_role(self) -> Self:
        check_bearer(self.role, self.number)
        return self

    @model_validator(mode="after")
    def _seal(self) -> Self:
        if self.token is not None:
            if self.token_sha256:
                raise ValueError("give either token or token_sha256, not both")
            digest = hashlib.sha256(self.token.get_secret_value().encode()).hexdigest()
            object.__setattr__(self, "token", None)
            object.__setattr__(self, "token_sha256", digest)
        elif not self.token_sha256:
            raise ValueError("a token or token_sha256 is needed")
        else:
            object.__setattr__(self, "token_sha256", self.token_sha256.lower())
        return self


class ClientSettings(Section):
    """A client certificate that stands for a role; its issuer must be among `http.client_authority`."""

    name: Name = Field(description="Name that the audit log shows.")
    role: Role = Field(default="viewer", description="What its holder may do.")
    common_name: str | None = Field(
        default=None, description="Common name of the certificate's subject; the default is `name`."
    )
    scopes: Scopes = Field(default=(), description="Components of the API that it may use; empty: all.")


class WebhookSettings(Section):
    """A server that events are posted to, signed by HMAC-SHA256."""

    name: Name = Field(description="Name shown by the API.")
    url: str = Field(pattern=r"^https?://[^\s]+$", description="Where to post to.")
    secret: Secret = Field(description="Key of the signature, best as `file:/path` or `env:NAME`.")
    types: Texts = Field(default=(), description="Event types; `call.*` is a family; empty: all.")
    components: Scopes = Field(default=(), description="Only events of these components; empty: all.")
    ids: Texts = Field(default=(), description="Only events about these calls, numbers or trunks; empty: all.")


class HttpSettings(Section):
    """Control API, console, metrics and SIP over WebSocket."""

    enabled: Switch = Field(default=True, description="Whether the HTTP interface is served.")
    address: IpAddress = Field(default="127.0.0.1", description="Local address.")
    port: PortNumber = Field(default=8080, description="Local port.")
    certificate: PemFile | None = Field(
        default=None, description="PEM file with the chain, or `self-signed`; makes it HTTPS."
    )
    private_key: FileName | None = Field(default=None, description="PEM file with the private key.")
    client_authority: FileName | None = Field(
        default=None, description="PEM file with the authorities of client certificates; who has none shows a token."
    )
    websocket_sip: Switch = Field(default=True, description="Whether path /sip takes SIP over WebSocket (RFC 7118).")
    metrics: Switch = Field(default=True, description="Whether /metrics is served.")
    map_tiles: str = Field(
        default="",
        max_length=4096,
        description="Folder `zoom/column/row.png` (or jpg, webp) with the console's map; empty: a grid of degrees.",
    )
    audit_reads: Switch = Field(
        default=False,
        description="Whether the audit log also tells of mere reading; changes and refusals it always tells.",
    )
    token: tuple[TokenSettings, ...] = Field(default=(), description="Bearer tokens, one table each.")
    client: tuple[ClientSettings, ...] = Field(default=(), description="Client certificates, one table each.")
    webhook: tuple[WebhookSettings, ...] = Field(default=(), description="Webhooks, one table each.")


class StorageSettings(Section):
    """The database file."""

    path: str = Field(default="softswitch.db", description="File name, taken from the data directory when relative.")
    durability: Literal["full", "batch"] = Field(
        default="full",
        description="`full` survives a power cut (one fsync for a group of writes); `batch` survives the end of the "
        "process, and a power cut may cost the last seconds.",
    )
    queue: PositiveCount = Field(
        default=100000, description="Most writes waiting; beyond it, registrations are answered 503."
    )


def _all_different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("one value stands twice")
    return values


class SecuritySettings(Section):
    """Defence against strangers."""

    authentication: Switch = Field(default=True, description="Digest authentication of subscribers (RFC 8760).")
    digest_algorithms: Annotated[
        tuple[Literal["SHA-256", "MD5"], ...], Field(min_length=1), AfterValidator(_all_different)
    ] = Field(
        default=("SHA-256", "MD5"),
        description="Digest algorithms offered, the preferred one first (RFC 8760). Each is a challenge of its own; "
        "old phones, and sipp, understand the first one only.",
    )
    nonce_seconds: PositiveCount = Field(default=300, description="Life of a digest nonce in seconds.")
    rate_requests: Count = Field(
        default=200,
        description="Requests from one source within `rate_window_s` before the rest is dropped; 0: no limit.",
    )
    rate_window_s: PositiveSeconds = Field(default=2, description="Window of the request limit in seconds.")
    failed_authentications: Count = Field(
        default=10, description="Failed authentications within `failed_window_s` that ban a source; 0 never bans."
    )
    failed_window_s: PositiveSeconds = Field(default=60, description="Window of that count in seconds.")
    ban_seconds: PositiveSeconds = Field(default=300, description="Length of a ban in seconds.")
    scanner_agents: tuple[str, ...] = Field(
        default=(
            "friendly-scanner",
            "sipvicious",
            "sipcli",
            "sip-scan",
            "sipsak",
            "vaxsipuseragent",
            "pplsip",
            "sundayddr",
        ),
        description="Parts of User-Agent, in any case, whose senders are dropped in silence and banned.",
    )
    exempt_networks: tuple[IpNetwork, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        description="Sources that are never limited or banned, besides trunk addresses.",
    )
    max_sources: PositiveCount = Field(default=65536, description="Most sources remembered at once.")


class LoggingSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Lowest level written.")
    format: Literal["text", "json"] = Field(
        default="text", description="Lines for people or JSON objects for machines."
    )


class HepSettings(Section):
    """Copy of the signalling, and reports on calls, for Homer and its kind (HEP version 3)."""

    enabled: Switch = Field(default=False, description="Whether messages are copied.")
    host: str = Field(default="127.0.0.1", description="Collector.")
    port: PortNumber = Field(default=9060, description="UDP port of the collector.")
    agent_id: Annotated[int, Field(ge=0, le=0xFFFFFFFF, strict=True)] = Field(
        default=1, description="Capture agent id."
    )
    password: Secret | None = Field(default=None, description="Authentication key of the collector.")


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


class MessagingSettings(Section):
    """Short messages (SIP MESSAGE): what is taken, kept and tried again."""

    store_and_forward: Switch = Field(
        default=True,
        description="Whether messages for subscribers and gateways that cannot be reached are kept and sent later.",
    )
    keep_hours: PositiveSeconds = Field(
        default=72, description="Hours that a message waits for its recipient when its sender names no time."
    )
    longest_hours: PositiveSeconds = Field(default=336, description="Longest time in hours that a sender may ask for.")
    history_days: Seconds = Field(
        default=30, description="Days after which messages that nobody waits for are removed; 0 keeps them."
    )
    max_octets: Annotated[int, Field(ge=160, le=60000, strict=True)] = Field(
        default=16384, description="Longest message taken; a longer one is answered 413."
    )
    content_types: Texts = Field(
        default=("text/*", "message/*", "multipart/*", "application/*"),
        description="Content types that are taken; others are answered 415.",
    )
    max_waiting: PositiveCount = Field(default=100_000, description="Most messages that wait in all.")
    max_per_recipient: PositiveCount = Field(default=500, description="Most messages that wait for one recipient.")
    max_per_sender: PositiveCount = Field(default=2_000, description="Most waiting messages of one sender.")


class LocationSettings(Section):
    """Positions of phones, radios and cameras."""

    history_days: Seconds = Field(default=30, description="Days for which tracks are kept; 0 keeps them for ever.")
    event_interval_s: Seconds = Field(
        default=1, description="Least time in seconds between two events of one device's position."
    )
    fastest_mps: PositiveSeconds = Field(
        default=350,
        description="Speed in metres a second above which a position is suspect, until a second one agrees.",
    )
    max_devices: PositiveCount = Field(default=100_000, description="Most devices whose newest position is known.")
