"""The sections that describe where SIP is spoken, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from softswitch.config.base import (
    Count,
    Dscp,
    FileName,
    IpAddress,
    Name,
    PemFile,
    PortNumber,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Section,
    Switch,
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
    dscp: Dscp = Field(
        default=24,
        description="How the network is asked to treat SIP over UDP, TCP and TLS: the DiffServ code point, 24 for "
        "class selector 3 (CS3); 0 leaves it unmarked.",
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
