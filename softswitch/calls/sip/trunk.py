"""Trunks as calls see them: SIP peers that calls come from and are routed to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from softswitch.sip.address import Address
from softswitch.sip.settings import Login
from softswitch.sip.uri import SipUri, escape_user

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Source addresses whose trunk is remembered, so that the networks are searched once per peer and not per message.
_REMEMBERED = 4096


@dataclass(slots=True)
class Trunk:
    """One peer. `networks` and `listener` say which calls are its own, `next_hop` where ours go (None: incoming only).

    `up` turns False when the peer stops answering OPTIONS or refuses our registration; a trunk that is down is tried
    last, never skipped. `active` counts the calls in progress. `floor`: how talkgroups behind it are asked for theirs
    (info, keys; empty: not).
    """

    name: str
    networks: tuple[Network, ...] = ()
    listener: str = ""
    next_hop: Address | SipUri | None = None
    domain: str = ""
    login: Login | None = None
    media: str = "relay"
    codecs: tuple[str, ...] = ()
    class_of_service: str = ""
    trust_identity: bool = False
    max_calls: int = 0
    register: bool = False
    register_expires_s: int = 600
    options_ping_s: float = 0.0
    transport: str = "udp"
    srtp: str = ""
    srtp_keying: str = ""
    dtmf: str = ""
    floor: str = ""
    up: bool = True
    active: int = 0

    @property
    def full(self) -> bool:
        """Whether the trunk carries as many calls as it may."""
        return bool(self.max_calls) and self.active >= self.max_calls

    def request_uri(self, number: str) -> str:
        """The URI by which `number` is called through this trunk."""
        hop = self.next_hop
        if hop is None:
            return ""
        host = f"[{hop.host}]" if ":" in hop.host else hop.host
        port = f":{hop.port}" if hop.port else ""
        suffix = f";transport={self.transport}" if self.transport != "udp" else ""
        return f"sip:{escape_user(number)}@{host}{port}{suffix}"

    def owns(self, source: Address) -> bool:
        """Whether a request from `source` belongs to this trunk."""
        if self.listener and source.listener != self.listener:
            return False
        address = ipaddress.ip_address(source.host)
        return any(address in network for network in self.networks)


@dataclass(slots=True)
class Trunks:
    """All trunks by name, and which of them a source address belongs to."""

    by_name: dict[str, Trunk] = field(default_factory=dict)
    _sources: dict[tuple[str, str], Trunk | None] = field(default_factory=dict)

    @classmethod
    def of(cls, trunks: Iterable[Trunk]) -> Trunks:
        """A table of `trunks`."""
        return cls({trunk.name: trunk for trunk in trunks})

    def replace(self, trunks: Iterable[Trunk]) -> None:
        """Put other trunks in force; those that stay keep their state and their calls."""
        kept = self.by_name
        self.by_name = {trunk.name: trunk for trunk in trunks}
        for name, trunk in self.by_name.items():
            if name in kept:
                trunk.up, trunk.active = kept[name].up, kept[name].active
        self._sources.clear()

    def of_source(self, source: Address) -> Trunk | None:
        """The trunk that a request from `source` belongs to, by address and listener."""
        key = (source.host, source.listener)
        if key not in self._sources:
            if len(self._sources) >= _REMEMBERED:
                self._sources.clear()
            self._sources[key] = next((trunk for trunk in self.by_name.values() if trunk.owns(source)), None)
        return self._sources[key]
