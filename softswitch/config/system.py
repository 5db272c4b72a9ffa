"""The sections that describe the switch itself: node, storage, security, logging, tracing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from softswitch.config.base import (
    Count,
    IpNetwork,
    Name,
    PortNumber,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Secret,
    Section,
    Switch,
)


class NodeSettings(Section):
    """Who this switch is among others."""

    id: Name = Field(default="node1", description="Short identifier that every call and record of this node carries.")
    name: str = Field(
        default="softswitch", description="Name shown to people in the console and in `softswitch status`."
    )


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
    cdr_days: Seconds = Field(default=0, description="Days after which call records are removed; 0 keeps them.")


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
