"""From a SIP URI to addresses by NAPTR, SRV, A and AAAA records (RFC 3263 §4), with a bounded cache.

Left out: NAPTR services other than SIP's, and DNSSEC. The weighted order of SRV records (RFC 2782) is drawn anew for
every answer, so a cached name still spreads its load.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from softswitch.sip.address import Address

if TYPE_CHECKING:
    from softswitch.sip.uri import SipUri

logger = logging.getLogger(__name__)

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
_SRV_PREFIXES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_NAPTR_SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """Times in seconds; `nameservers` empty means those of the system; `transports` is our order of preference."""

    nameservers: tuple[tuple[str, int], ...] = ()
    timeout: float = 3.0
    shortest_ttl: float = 5.0
    longest_ttl: float = 3600.0
    negative_ttl: float = 30.0
    cache_size: int = 10_000
    transports: tuple[str, ...] = ("udp", "tcp", "tls")
    ipv4: bool = True
    ipv6: bool = True
    hosts_file: Path | None = Path("/etc/hosts")
    srv_targets: int = 16


class _Server(NamedTuple):
    """One SRV target with the addresses of its name."""

    priority: int
    weight: int
    addresses: tuple[Address, ...]


class _Answer(NamedTuple):
    """What a name resolved to: groups of servers in order of preference, valid until `expires`."""

    groups: tuple[tuple[_Server, ...], ...]
    expires: float


_Key = tuple[str, str, int | None, str]


class Resolver:
    """Resolves SIP URIs; `random` gives numbers in [0, 1), `clock` the monotonic time of the cache."""

    def __init__(self, settings: ResolverSettings, *, random: Callable[[], float], clock: Callable[[], float]) -> None:
        self.settings = settings
        self.queries = 0
        self.cache_hits = 0
        self.failures = 0
        self._random = random
        self._clock = clock
        self._cache: OrderedDict[_Key, _Answer] = OrderedDict()
        self._names: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._locks: dict[_Key, asyncio.Lock] = {}
        self._hosts = _read_hosts(settings.hosts_file)
        self._dns = _make_resolver(settings)

    def known(self, uri: SipUri, now: float) -> list[Address] | None:
        """The addresses as far as they are literal, in the hosts file or in the cache; None when DNS must be asked."""
        if uri.transport and uri.transport not in DEFAULT_PORTS:
            return []
        host = _target(uri)
        literal = _literal(host) or self._hosts.get(host)
        if literal is not None:
            transport = _transport_without_dns(uri)
            port = uri.port or DEFAULT_PORTS[transport]
            return self._remember_names(uri, [Address(transport, each, port) for each in self._usable(literal)])
        key = _key(uri, host)
        answer = self._cache.get(key)
        if answer is None or answer.expires <= now:
            return None
        self._cache.move_to_end(key)
        self.cache_hits += 1
        return self._ordered(uri, answer)

    async def resolve(self, uri: SipUri) -> list[Address]:
        """The addresses to try, best first; empty when the name leads nowhere or nobody answers in time."""
        known = self.known(uri, self._clock())
        if known is not None:
            return known
        key = _key(uri, _target(uri))
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                known = self.known(uri, self._clock())
                return known if known is not None else await self._ask(uri, key)
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    def server_name(self, address: Address) -> str | None:
        """The domain that led to `address`, which its certificate must show (RFC 5922 §7)."""
        return self._names.get((address.host, address.port))

    def forget(self) -> None:
        """Empty the cache and read the hosts file again, as a reload wants it."""
        self._cache.clear()
        self._hosts = _read_hosts(self.settings.hosts_file)

    async def _ask(self, uri: SipUri, key: _Key) -> list[Address]:
        groups: list[tuple[_Server, ...]] = []
        lifetimes: list[float] = []
        try:
            async with asyncio.timeout(self.settings.timeout):
                groups = await self._groups(uri, lifetimes)
        except (TimeoutError, dns.exception.DNSException, OSError) as problem:
            logger.info("cannot resolve %s: %s", _target(uri), problem or type(problem).__name__)
        groups = [group for group in groups if group]
        if groups:
            ttl = min(max(min(lifetimes, default=0.0), self.settings.shortest_ttl), self.settings.longest_ttl)
        else:
            self.failures += 1
            ttl = self.settings.negative_ttl
        answer = _Answer(tuple(groups), self._clock() + ttl)
        if len(self._cache) >= self.settings.cache_size:
            self._cache.popitem(last=False)
        self._cache[key] = answer
        return self._ordered(uri, answer)

    async def _groups(self, uri: SipUri, lifetimes: list[float]) -> list[tuple[_Server, ...]]:
        """Groups of servers in order of preference, by RFC 3263 §4.1 and §4.2."""
        host = _target(uri)
        fixed = _transport_without_dns(uri)
        if uri.port is not None:
            return [await self._plain(host, fixed, uri.port, lifetimes)]
        if uri.transport:
            group = await self._service(f"{_SRV_PREFIXES.get(fixed, '')}.{host}", fixed, lifetimes)
            return [group or await self._plain(host, fixed, DEFAULT_PORTS[fixed], lifetimes)]
        transports = ("tls",) if uri.scheme == "sips" else self.settings.transports
        services = await self._naptr(host, transports, lifetimes)
        if not services:
            services = [(f"{_SRV_PREFIXES[transport]}.{host}", transport) for transport in transports]
        groups = [await self._service(name, transport, lifetimes) for name, transport in services]
        return groups if any(groups) else [await self._plain(host, fixed, DEFAULT_PORTS[fixed], lifetimes)]

    async def _naptr(self, host: str, transports: tuple[str, ...], lifetimes: list[float]) -> list[tuple[str, str]]:
        records = cast("list[NAPTR]", await self._query(host, "NAPTR", lifetimes))
        found = []
        for record in sorted(records, key=lambda each: (each.order, each.preference)):
            transport = _NAPTR_SERVICES.get(record.service.decode("ascii", "replace").upper())
            if transport in transports and record.flags.lower() == b"s":
                found.append((record.replacement.to_text(omit_final_dot=True), transport))
        return found

    async def _service(self, name: str, transport: str, lifetimes: list[float]) -> tuple[_Server, ...]:
        if name.startswith("."):
            return ()
        servers = []
        records = cast("list[SRV]", await self._query(name, "SRV", lifetimes))
        for record in sorted(records, key=lambda each: each.priority)[: self.settings.srv_targets]:
            target = record.target.to_text(omit_final_dot=True)
            if target == ".":
                continue
            addresses = await self._addresses(target, transport, record.port, lifetimes)
            if addresses:
                servers.append(_Server(record.priority, record.weight, addresses))
        return tuple(servers)

    async def _plain(self, host: str, transport: str, port: int, lifetimes: list[float]) -> tuple[_Server, ...]:
        addresses = await self._addresses(host, transport, port, lifetimes)
        return (_Server(0, 0, addresses),) if addresses else ()

    async def _addresses(self, host: str, transport: str, port: int, lifetimes: list[float]) -> tuple[Address, ...]:
        literal = _literal(host) or self._hosts.get(host.lower())
        if literal:
            return tuple(Address(transport, each, port) for each in self._usable(literal))
        found: list[str] = []
        for wanted, kind in ((self.settings.ipv4, "A"), (self.settings.ipv6, "AAAA")):
            if wanted:
                found.extend(record.to_text() for record in await self._query(host, kind, lifetimes))
        return tuple(Address(transport, each, port) for each in found)

    async def _query(self, name: str, kind: str, lifetimes: list[float]) -> list[dns.rdata.Rdata]:
        self.queries += 1
        try:
            question = dns.name.from_text(name)
            answer = await self._dns.resolve(
                question, kind, raise_on_no_answer=False, lifetime=self.settings.timeout, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return []
        if answer.rrset is None:
            return []
        lifetimes.append(float(answer.rrset.ttl))
        return list(answer.rrset)

    def _ordered(self, uri: SipUri, answer: _Answer) -> list[Address]:
        addresses: list[Address] = []
        for group in answer.groups:
            for server in order_by_weight(group, self._random):
                addresses.extend(server.addresses)
        return self._remember_names(uri, addresses)

    def _remember_names(self, uri: SipUri, addresses: list[Address]) -> list[Address]:
        for address in addresses:
            if address.secure:
                if len(self._names) >= self.settings.cache_size:
                    self._names.popitem(last=False)
                self._names[(address.host, address.port)] = uri.host
        return addresses

    def _usable(self, hosts: list[str]) -> list[str]:
        settings = self.settings
        return [host for host in hosts if (settings.ipv6 if ":" in host else settings.ipv4)]


def order_by_weight(servers: tuple[_Server, ...], random: Callable[[], float]) -> list[_Server]:
    """Servers by priority, and within one priority drawn by weight, weight 0 rarely first (RFC 2782)."""
    if len(servers) < 2:
        return list(servers)
    ordered: list[_Server] = []
    for priority in sorted({server.priority for server in servers}):
        left = sorted((server for server in servers if server.priority == priority), key=lambda each: each.weight)
        while left:
            mark = random() * sum(server.weight for server in left)
            running = 0
            for index, server in enumerate(left):
                running += server.weight
                if running >= mark:
                    ordered.append(left.pop(index))
                    break
    return ordered


def _target(uri: SipUri) -> str:
    return (uri.param("maddr") or uri.host).lower().rstrip(".")


def _key(uri: SipUri, host: str) -> _Key:
    return (uri.scheme, host, uri.port, uri.transport)


def _transport_without_dns(uri: SipUri) -> str:
    """The transport when no record chooses one (RFC 3263 §4.1): as asked, TLS for sips, else UDP."""
    wanted = uri.transport
    if uri.scheme == "sips":
        return "wss" if wanted in ("ws", "wss") else "tls"
    return wanted if wanted in DEFAULT_PORTS else "udp"


def _literal(host: str) -> list[str] | None:
    try:
        return [str(ipaddress.ip_address(host.strip("[]")))]
    except ValueError:
        return None


def _make_resolver(settings: ResolverSettings) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=False)
    if settings.nameservers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in settings.nameservers]
        return resolver
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        logger.warning("no name server is configured: only literal addresses and the hosts file resolve")
        return resolver


def _read_hosts(path: Path | None) -> dict[str, list[str]]:
    """Names of a hosts file to addresses, IPv4 first; `localhost` is always there."""
    hosts: dict[str, list[str]] = {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path is not None else ""
    except OSError:
        text = ""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        address = _literal(words[0]) if words else None
        if address is None:
            continue
        for name in words[1:]:
            known = hosts.setdefault(name.lower(), [])
            if address[0] not in known:
                known.append(address[0])
    hosts.setdefault("localhost", ["127.0.0.1", "::1"])
    for addresses in hosts.values():
        addresses.sort(key=lambda each: ":" in each)
    return hosts
