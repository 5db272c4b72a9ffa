"""Who may talk to us: rate limit per source, bans for scanners and for guessing passwords. Pure logic, no clock.

Every table is bounded: when one is full the entry that was quiet longest goes. A banned source is answered with
silence, because any answer tells a scanner that something lives here.
"""

from __future__ import annotations

import ipaddress
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

SCANNER_AGENTS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "vaxsipuseragent",
    "pplsip",
    "sundayddr",
    "iwar",
    "sipsak",
    "cseq-scanner",
    "sivus",
    "gulp-sip",
)


_TELLTALE_HEADERS = (b"\nuser-agent", b"\nfrom", b"\nf:")


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Limits of the guard: messages per second and burst for each source, `failures` within a window; times in seconds.

    `trusted` holds addresses and networks that are neither limited nor banned; loopback is one of them when
    `trust_loopback` is set. `messages_per_second` 0 switches the rate limit off, `failures` 0 the ban for guessing.
    """

    messages_per_second: float = 200.0
    burst: float = 400.0
    failures: int = 10
    failure_window: float = 60.0
    ban: float = 600.0
    scanner_ban: float = 3600.0
    scanner_agents: tuple[str, ...] = SCANNER_AGENTS
    trusted: tuple[str, ...] = ()
    trust_loopback: bool = True
    table_size: int = 20_000


class Ban(NamedTuple):
    """One source that is not heard until `until` (monotonic seconds)."""

    host: str
    until: float
    reason: str


class _Source:
    """What is remembered of one source address."""

    __slots__ = ("banned_until", "exempt", "failures", "proven", "reason", "tokens", "updated")

    def __init__(self, tokens: float, now: float, exempt: bool) -> None:
        self.tokens = tokens
        self.updated = now
        self.exempt = exempt
        self.proven = exempt
        self.banned_until = 0.0
        self.reason = ""
        self.failures: list[float] = []


@dataclass(slots=True)
class GuardCounters:
    """Messages not let through and bans given, since the start."""

    rate_limited: int = 0
    banned_messages: int = 0
    scanners: int = 0
    authentication_failures: int = 0
    bans: int = 0
    evicted: int = 0


@dataclass(slots=True)
class Guard:
    """Judges sources; one instance for all listeners. All times are monotonic seconds."""

    settings: GuardSettings = field(default_factory=GuardSettings)
    counters: GuardCounters = field(default_factory=GuardCounters)
    _sources: OrderedDict[str, _Source] = field(default_factory=OrderedDict)
    _agents: re.Pattern[bytes] | None = None
    _trusted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def __post_init__(self) -> None:
        self.configure(self.settings)

    def configure(self, settings: GuardSettings) -> None:
        """Put new settings in force; bans stay, exemptions are judged anew. Raises ValueError for a bad network."""
        self._trusted = tuple(ipaddress.ip_network(text, strict=False) for text in settings.trusted)
        names = [re.escape(agent.lower().encode()) for agent in settings.scanner_agents if agent]
        self._agents = re.compile(b"|".join(names)) if names else None
        self.settings = settings
        for host, source in self._sources.items():
            source.exempt = self._is_exempt(host)

    def allow(self, source_host: str, now: float) -> bool:
        """Whether a message from that host may be processed; takes one token of its rate."""
        source = self._sources.get(source_host)
        if source is None:
            source = self._remember(source_host, now)
        if source.exempt:
            return True
        return self._allow(source, now)

    def allow_message(self, data: bytes, source_host: str, now: float) -> bool:
        """`allow`, and besides look for scanners in messages of sources that have never authenticated."""
        source = self._sources.get(source_host)
        if source is None:
            source = self._remember(source_host, now)
        if source.exempt:
            return True
        if not self._allow(source, now):
            return False
        if source.proven or not self._is_scanner(data):
            return True
        self.counters.scanners += 1
        self._ban(source, now, self.settings.scanner_ban, "scanner")
        return False

    def authentication_failed(self, host: str, user: str, now: float) -> bool:
        """Count a wrong password for `user`; True when this one earned a ban."""
        self.counters.authentication_failures += 1
        source = self._sources.get(host) or self._remember(host, now)
        if source.exempt or self.settings.failures <= 0:
            return False
        earliest = now - self.settings.failure_window
        source.failures = [at for at in source.failures if at > earliest]
        source.failures.append(now)
        if len(source.failures) < self.settings.failures:
            return False
        source.failures.clear()
        source.proven = False
        self._ban(source, now, self.settings.ban, f"authentication failed for {user}"[:120])
        return True

    def authentication_succeeded(self, host: str, now: float) -> None:
        """Forget the failures of a source that has shown a right password."""
        source = self._sources.get(host) or self._remember(host, now)
        source.failures.clear()
        source.proven = True

    def ban(self, host: str, now: float, seconds: float, reason: str) -> None:
        """Ban a host by hand, whatever the trust list says of it."""
        source = self._sources.get(host) or self._remember(host, now)
        source.exempt = False
        self._ban(source, now, seconds, reason)

    def unban(self, host: str) -> bool:
        """Lift a ban; False when there was none."""
        source = self._sources.get(host)
        if source is None or not source.banned_until:
            return False
        source.banned_until = 0.0
        source.failures.clear()
        source.exempt = self._is_exempt(host)
        return True

    def is_banned(self, host: str, now: float) -> bool:
        """Whether that host is banned at `now`."""
        source = self._sources.get(host)
        return source is not None and source.banned_until > now

    def bans(self, now: float) -> list[Ban]:
        """The bans in force."""
        return [
            Ban(host, source.banned_until, source.reason)
            for host, source in self._sources.items()
            if source.banned_until > now
        ]

    def _allow(self, source: _Source, now: float) -> bool:
        if source.banned_until:
            if source.banned_until > now:
                self.counters.banned_messages += 1
                return False
            source.banned_until = 0.0
        rate = self.settings.messages_per_second
        if rate <= 0:
            return True
        tokens = min(self.settings.burst, source.tokens + (now - source.updated) * rate)
        source.updated = now
        if tokens < 1.0:
            source.tokens = tokens
            self.counters.rate_limited += 1
            return False
        source.tokens = tokens - 1.0
        return True

    def _is_scanner(self, data: bytes) -> bool:
        agents = self._agents
        if agents is None:
            return False
        end = data.find(b"\r\n\r\n", 0, 4096)
        head = data[: 4096 if end < 0 else end].lower()
        for name in _TELLTALE_HEADERS:
            start = head.find(name)
            if start < 0:
                continue
            line_end = head.find(b"\n", start + 1)
            if agents.search(head, start, line_end if line_end > 0 else len(head)):
                return True
        return False

    def _ban(self, source: _Source, now: float, seconds: float, reason: str) -> None:
        self.counters.bans += 1
        source.banned_until = now + seconds
        source.reason = reason

    def _remember(self, host: str, now: float) -> _Source:
        if len(self._sources) >= self.settings.table_size:
            self._evict(now)
        source = _Source(self.settings.burst, now, self._is_exempt(host))
        self._sources[host] = source
        return source

    def _evict(self, now: float) -> None:
        """Make room: of the oldest few entries drop the one that matters least, a ban only when all are bans."""
        self.counters.evicted += 1
        oldest = []
        for host in self._sources:
            oldest.append(host)
            if len(oldest) == 16:
                break
        least = min(oldest, key=lambda host: (self._sources[host].banned_until > now, self._sources[host].updated))
        del self._sources[least]

    def _is_exempt(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if self.settings.trust_loopback and address.is_loopback:
            return True
        return any(address.version == network.version and address in network for network in self._trusted)
