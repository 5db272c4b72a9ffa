"""Settings of the SIP user agent: times, limits, and what it says that it can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from softswitch.sip.digest import HA1s
from softswitch.sip.parser import DEFAULT_LIMITS, Limits
from softswitch.sip.timers import TimerSettings


class Login(NamedTuple):
    """User name and secret (clear password or HA1s) with which a challenge is answered (RFC 3261 §22.2)."""

    username: str
    secret: str | HA1s


@dataclass(frozen=True, slots=True)
class UserAgentSettings:
    """What a `UserAgent` may do; times in seconds, sizes in octets.

    `reliable` is "supported" (reliable provisionals when the peer requires them or the caller of `progress` wishes),
    "always" (whenever the peer supports them), "required" (421 to a peer without them) or "off" (RFC 3262 §3).
    `session_expires` 0 asks for no session timer; a peer's wish is honoured all the same (RFC 4028 §4).
    `limits` is what a message may measure. `datagram_limit` is the size above which a request goes by TCP, 0 for never
    (RFC 3261 §18.1.1).
    """

    timers: TimerSettings = field(default_factory=TimerSettings)
    user_agent: str = ""
    allow: tuple[str, ...] = (
        "INVITE",
        "ACK",
        "CANCEL",
        "BYE",
        "OPTIONS",
        "PRACK",
        "UPDATE",
        "INFO",
        "REFER",
        "NOTIFY",
        "MESSAGE",
        "SUBSCRIBE",
        "REGISTER",
        "PUBLISH",
    )
    supported: tuple[str, ...] = ("100rel", "timer", "replaces", "path", "outbound", "norefersub")
    accept: tuple[str, ...] = ("application/sdp", "multipart/*")
    max_forwards: int = 70
    limits: Limits = DEFAULT_LIMITS
    reliable: str = "supported"
    session_expires: int = 1800
    min_se: int = 90
    datagram_limit: int = 1300
    max_transactions: int = 200_000
    max_sessions: int = 50_000
    max_early_dialogs: int = 16
    max_lookups: int = 10_000
    retry_after: int = 5
    lookup_timeout: float = 10.0
