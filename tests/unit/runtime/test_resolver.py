"""RFC 3263 against a small DNS server on loopback: NAPTR, SRV, A and AAAA, weights, cache, failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from softswitch.runtime.resolver import Resolver, ResolverSettings, _Server, order_by_weight
from softswitch.sip.address import Address
from softswitch.sip.uri import SipUri

ZONE: dict[tuple[str, str], list[str]] = {
    ("full.example.", "NAPTR"): [
        '20 50 "s" "SIP+D2U" "" _sip._udp.full.example.',
        '10 50 "s" "SIPS+D2T" "" _sips._tcp.full.example.',
        '15 50 "s" "SIP+D2X" "" _sip._other.full.example.',
    ],
    ("_sips._tcp.full.example.", "SRV"): ["1 1 5061 one.example."],
    ("_sip._udp.full.example.", "SRV"): ["2 1 5070 two.example.", "1 1 5060 one.example."],
    ("_sip._udp.srv.example.", "SRV"): ["1 1 5080 two.example."],
    ("_sip._tcp.srv.example.", "SRV"): ["1 1 5081 two.example."],
    ("_sips._tcp.srv.example.", "SRV"): ["1 1 5082 two.example."],
    ("_sip._udp.none.example.", "SRV"): ["0 0 0 ."],
    ("one.example.", "A"): ["192.0.2.1"],
    ("two.example.", "A"): ["192.0.2.2"],
    ("two.example.", "AAAA"): ["2001:db8::2"],
    ("plain.example.", "A"): ["192.0.2.9", "192.0.2.10"],
    ("none.example.", "A"): ["192.0.2.11"],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from ZONE, counts questions, and can fall silent."""

    def __init__(self) -> None:
        self.questions: Counter[tuple[str, str]] = Counter()
        self.silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, peer: tuple[str | Any, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.questions[(name, kind)] += 1
        if self.silent:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = ZONE.get((name, kind))
        if records:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(want_shuffle=False), peer)


class Names:
    """A resolver that asks the name server; its clock stands still until it is moved."""

    def __init__(self, server: NameServer, port: int, hosts: Path) -> None:
        self.server = server
        self.now = 0.0
        self.random: Callable[[], float] = lambda: 0.0
        self.settings = ResolverSettings(nameservers=(("127.0.0.1", port),), timeout=20.0, hosts_file=hosts)
        self.resolver = Resolver(self.settings, random=lambda: self.random(), clock=lambda: self.now)

    async def ask(self, text: str) -> list[str]:
        return [str(each) for each in await self.resolver.resolve(SipUri.parse(text))]


@pytest.fixture
async def names(tmp_path: Path) -> AsyncIterator[Names]:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "# ours\n127.0.0.1 localhost\n::1 localhost\n192.0.2.77 pbx pbx.local # the old one\nbroken line\n"
    )
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    yield Names(server, transport.get_extra_info("sockname")[1], hosts)
    transport.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (
            "sip:full.example",
            ["tls:192.0.2.1:5061", "udp:192.0.2.1:5060", "udp:192.0.2.2:5070", "udp:[2001:db8::2]:5070"],
        ),
        ("sips:full.example", ["tls:192.0.2.1:5061"]),
        ("sip:srv.example;transport=tcp", ["tcp:192.0.2.2:5081", "tcp:[2001:db8::2]:5081"]),
        ("sip:srv.example;transport=tls", ["tls:192.0.2.2:5082", "tls:[2001:db8::2]:5082"]),
        ("sips:srv.example", ["tls:192.0.2.2:5082", "tls:[2001:db8::2]:5082"]),
        ("sip:plain.example", ["udp:192.0.2.9:5060", "udp:192.0.2.10:5060"]),
        ("sip:plain.example;transport=tcp", ["tcp:192.0.2.9:5060", "tcp:192.0.2.10:5060"]),
        ("sip:plain.example:5090", ["udp:192.0.2.9:5090", "udp:192.0.2.10:5090"]),
        ("sips:plain.example", ["tls:192.0.2.9:5061", "tls:192.0.2.10:5061"]),
        ("sip:full.example:5090;transport=tcp", []),
        ("sip:none.example", ["udp:192.0.2.11:5060"]),
        ("sip:nowhere.example", []),
        ("sip:ignored.example;maddr=192.0.2.50", ["udp:192.0.2.50:5060"]),
        ("sip:192.0.2.5", ["udp:192.0.2.5:5060"]),
        ("sips:192.0.2.5:5071", ["tls:192.0.2.5:5071"]),
        ("sip:[2001:db8::5];transport=tcp", ["tcp:[2001:db8::5]:5060"]),
        ("sip:192.0.2.5;transport=sctp", []),
        ("sip:localhost", ["udp:127.0.0.1:5060", "udp:[::1]:5060"]),
        ("sip:PBX.local", ["udp:192.0.2.77:5060"]),
        ("sip:a..b", []),
    ],
)
async def test_uri_leads_to_these_addresses_in_this_order(names: Names, uri: str, expected: list[str]) -> None:
    assert await names.ask(uri) == expected


async def test_answer_is_cached_for_its_lifetime(names: Names) -> None:
    await names.ask("sip:plain.example:5090")
    assert names.resolver.known(SipUri.parse("sip:plain.example:5090"), 59.0) is not None
    names.now = 59.0
    await names.ask("sip:plain.example:5090")
    assert names.server.questions[("plain.example.", "A")] == 1
    names.now = 61.0
    await names.ask("sip:plain.example:5090")
    assert names.server.questions[("plain.example.", "A")] == 2


async def test_absence_is_cached_shorter(names: Names) -> None:
    assert await names.ask("sip:nowhere.example:5060") == []
    names.now = 29.0
    assert names.resolver.known(SipUri.parse("sip:nowhere.example:5060"), 29.0) == []
    assert names.resolver.known(SipUri.parse("sip:nowhere.example:5060"), 31.0) is None
    assert names.resolver.failures == 1


async def test_same_name_asked_at_once_is_asked_of_dns_once(names: Names) -> None:
    answers = await asyncio.gather(*(names.ask("sip:plain.example:5090") for _ in range(20)))
    assert all(answer == ["udp:192.0.2.9:5090", "udp:192.0.2.10:5090"] for answer in answers)
    assert names.server.questions[("plain.example.", "A")] == 1
    assert not names.resolver._locks


async def test_silent_server_costs_no_more_than_the_timeout(names: Names) -> None:
    names.server.silent = True
    names.resolver.settings = ResolverSettings(nameservers=names.settings.nameservers, timeout=0.1)
    async with asyncio.timeout(20):
        assert await names.ask("sip:plain.example") == [], "nothing is found, and not after dnspython's five seconds"


async def test_domain_of_a_secure_address_is_remembered(names: Names) -> None:
    await names.ask("sips:srv.example")
    assert names.resolver.server_name(Address("tls", "192.0.2.2", 5082)) == "srv.example"
    assert names.resolver.server_name(Address("tls", "192.0.2.3", 5082)) is None


async def test_forgetting_asks_again(names: Names) -> None:
    await names.ask("sip:plain.example:5090")
    names.resolver.forget()
    await names.ask("sip:plain.example:5090")
    assert names.server.questions[("plain.example.", "A")] == 2


def server(name: str, priority: int, weight: int) -> _Server:
    return _Server(priority, weight, (Address("udp", name, 5060),))


def test_weights_share_the_load_and_priorities_do_not() -> None:
    servers = (server("big", 1, 75), server("small", 1, 25), server("spare", 2, 1000))
    numbers = iter(index / 1000 for index in range(1000) for _ in range(3))
    first: Counter[str] = Counter()
    for _ in range(1000):
        ordered = [each.addresses[0].host for each in order_by_weight(servers, lambda: next(numbers))]
        assert sorted(ordered) == ["big", "small", "spare"]
        assert ordered[-1] == "spare"
        first[ordered[0]] += 1
    assert first["big"] == pytest.approx(750, abs=5)


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
def test_zero_weights_lose_no_server(random: float) -> None:
    servers = (server("a", 1, 0), server("b", 1, 0), server("c", 1, 5))
    assert len(order_by_weight(servers, lambda: random)) == 3


async def test_cache_is_bounded(names: Names) -> None:
    names.resolver.settings = ResolverSettings(nameservers=names.settings.nameservers, cache_size=3, timeout=20.0)
    for index in range(6):
        await names.ask(f"sip:plain.example:{5100 + index}")
    assert len(names.resolver._cache) == 3
