"""By which way a user agent is reached: along the flow its request came by, or by the address it wrote in its Contact.

RFC 3261 §18 and RFC 3263 §4 ask for the Contact; behind a NAT (RFC 5626 §1), over WebSocket (RFC 7118 §5) and on a
stream that the peer opened only the flow leads back. Shared by bindings and subscriptions. Left out: STUN, GRUU.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final, Literal

from softswitch.sip.address import Address
from softswitch.sip.headers import Via
from softswitch.sip.uri import SipUri

NatPolicy = Literal["auto", "always", "never"]

_DEFAULT_PORT: Final = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
# Not `is_private`, which counts documentation and benchmark networks in.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


@lru_cache(maxsize=8192)
def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` spells, or None where it is a name."""
    if not host or not (host[-1].isdigit() or ":" in host):
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def same_host(first: str, second: str) -> bool:
    """Whether two hosts are one: the same address however it is written, or the same name in any case."""
    if first == second:
        return True
    address = literal(first)
    return address == literal(second) if address is not None else first.lower() == second.lower()


@lru_cache(maxsize=8192)
def is_private(host: str) -> bool:
    """Whether only the peer's own network can send to `host` (RFC 1918, 6598, 4193, loopback, local names)."""
    address = literal(host)
    if address is None:
        name = host.lower().rstrip(".")
        return "." not in name or name.endswith((".invalid", ".local", ".localdomain", ".lan"))
    return any(address in network for network in _PRIVATE)


def behind_nat(contact: SipUri, via: Via, hops: int, source: Address, policy: NatPolicy = "auto") -> bool:
    """Whether `contact` cannot be meant for us to send to, the sender sitting behind an address translator.

    `via` is the topmost, `hops` the number of Via values. Judged only for a peer that speaks to us directly: its
    Contact names another host than it sends from, and either only its own network can reach that host or the Via shows
    that the sender does not know its own address. A peer that writes its true address in the Via and shares a
    private network with us means what its Contact says (third-party registration).
    """
    if policy == "always":
        return hops == 1
    if policy == "never" or hops != 1 or same_host(contact.host, source.host):
        return False
    knows_itself = same_host(via.host, source.host)
    if is_private(contact.host):
        return not (knows_itself and is_private(source.host) and literal(contact.host) is not None)
    return not knows_itself and literal(via.host) is not None


def keeps_flow(contact: SipUri, via: Via, hops: int, source: Address, nat: bool) -> bool:
    """Whether requests to `contact` go back along the flow from `source`: always for a NAT, and for a stream that the
    owner of the contact opened itself."""
    if nat or source.transport in ("ws", "wss"):
        return True
    if not source.reliable or hops != 1:
        return False
    transport = contact.transport or source.transport
    if transport != source.transport:
        return False
    return same_host(contact.host, source.host) or same_host(contact.host, via.host)


def contact_hop(contact: SipUri, source: Address) -> Address | SipUri:
    """Where a request for `contact` goes when it keeps no flow: an address where the URI spells one, else the URI.

    The listener of `source` is kept where the transport is the same, so that a peer sees one address of ours.
    """
    address = literal(contact.host)
    if address is None or contact.has_param("maddr"):
        return contact
    transport = contact.transport or ("tls" if contact.secure else "udp")
    if transport == "tcp" and contact.secure:
        transport = "tls"
    if transport not in _DEFAULT_PORT:
        return contact
    port = contact.port or _DEFAULT_PORT[transport]
    same_transport = transport == source.transport
    if same_transport and port == source.port and same_host(contact.host, source.host):
        return source
    return Address(transport, str(address), port, source.listener if same_transport else "")
