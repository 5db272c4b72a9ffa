"""Which way leads to a user agent: NAT detection, flows and next hops."""

from __future__ import annotations

import pytest

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding
from softswitch.sip.flow import NatPolicy, behind_nat, contact_hop, is_private, keeps_flow, same_host
from softswitch.sip.headers import Via
from softswitch.sip.uri import SipUri


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.1.2.3", True), ("172.16.0.1", True), ("172.32.0.1", False), ("192.168.1.1", True), ("100.64.0.1", True),
        ("127.0.0.1", True), ("169.254.1.1", True), ("8.8.8.8", False), ("fd00::1", True), ("fe80::1", True),
        ("2606:4700::1111", False), ("localhost", True), ("abc.invalid", True), ("nas.local", True),
        ("phone.example.com", False), ("1.2.3.4.5", False),
    ],
)  # fmt: skip
def test_private_hosts_are_known(host: str, private: bool) -> None:
    assert is_private(host) is private


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True), ("2001:DB8::1", "2001:db8:0::1", True), ("A.example", "a.EXAMPLE", True),
        ("192.0.2.1", "192.0.2.2", False), ("192.0.2.1", "a.example", False),
    ],
)  # fmt: skip
def test_hosts_are_compared_by_what_they_mean(first: str, second: str, same: bool) -> None:
    assert same_host(first, second) is same


@pytest.mark.parametrize(
    ("contact", "via", "source", "hops", "policy", "nat"),
    [
        # a phone on the same network, or with its true address
        ("192.168.1.5:5060", "192.168.1.5:5060", "192.168.1.5:5060", 1, "auto", False),
        ("127.0.0.1:5070", "127.0.0.1:5061", "127.0.0.1:5061", 1, "auto", False),
        # a home router between
        ("192.168.1.5:5060", "192.168.1.5:5060", "8.8.4.4:31000", 1, "auto", True),
        ("192.168.1.5:5060", "8.8.4.4:31000", "8.8.4.4:31000", 1, "auto", True),
        ("172.17.0.2:5060", "172.17.0.2:5060", "192.168.1.9:40000", 1, "auto", True),
        ("abc.invalid", "abc.invalid", "8.8.4.4:31000", 1, "auto", True),
        ("8.8.8.8:5060", "10.0.0.1:5060", "8.8.4.4:31000", 1, "auto", True),
        # somebody registers somebody else, and knows its own address
        ("8.8.8.8:5060", "8.8.4.4:5060", "8.8.4.4:5060", 1, "auto", False),
        ("192.168.1.7:5060", "192.168.1.5:5060", "192.168.1.5:5060", 1, "auto", False),
        ("phone.example.com", "phone.example.com", "8.8.4.4:5060", 1, "auto", False),
        # behind a proxy the source is the proxy's
        ("192.168.1.5:5060", "8.8.4.4:5060", "8.8.4.4:5060", 2, "auto", False),
        # by decree
        ("192.168.1.5:5060", "192.168.1.5:5060", "192.168.1.5:5060", 1, "always", True),
        ("192.168.1.5:5060", "192.168.1.5:5060", "8.8.4.4:31000", 1, "never", False),
    ],
)
def test_nat_is_detected(contact: str, via: str, source: str, hops: int, policy: NatPolicy, nat: bool) -> None:
    host, _, port = source.partition(":")
    found = behind_nat(
        SipUri.parse(f"sip:u@{contact}"),
        Via.parse(f"SIP/2.0/UDP {via};branch=z9hG4bKx"),
        hops,
        Address("udp", host, int(port)),
        policy,
    )
    assert found is nat


@pytest.mark.parametrize(
    ("contact", "transport", "hops", "keeps"),
    [
        ("sip:u@192.0.2.1:5060", "udp", 1, False),
        ("sip:u@192.0.2.1:5060;transport=tcp", "tcp", 1, True),
        ("sip:u@192.0.2.1:5060", "tcp", 1, True),
        ("sip:u@192.0.2.1:5060;transport=udp", "tcp", 1, False),
        ("sip:u@192.0.2.9:5060;transport=tcp", "tcp", 1, False),
        ("sip:u@phone.example.com;transport=tcp", "tcp", 1, True),
        ("sip:u@192.0.2.1:5060;transport=tcp", "tcp", 2, False),
        ("sip:u@x.invalid;transport=ws", "wss", 1, True),
    ],
)
def test_stream_flow_is_kept_for_its_own_contact(contact: str, transport: str, hops: int, keeps: bool) -> None:
    via = Via.parse(f"SIP/2.0/TCP {'phone.example.com' if 'phone' in contact else '192.0.2.1'};branch=z9hG4bKx")
    source = Address(transport, "192.0.2.1", 40000, "", 3)
    assert keeps_flow(SipUri.parse(contact), via, hops, source, nat=False) is keeps


UDP = Address("udp", "192.0.2.1", 5060, "main")


@pytest.mark.parametrize(
    ("contact", "hop"),
    [
        ("sip:u@192.0.2.1", UDP),
        ("sip:u@192.0.2.1:5070", Address("udp", "192.0.2.1", 5070, "main")),
        ("sip:u@192.0.2.1;transport=tcp", Address("tcp", "192.0.2.1", 5060)),
        ("sips:u@192.0.2.1", Address("tls", "192.0.2.1", 5061)),
        ("sips:u@192.0.2.1:5071;transport=tcp", Address("tls", "192.0.2.1", 5071)),
        ("sip:u@[2001:DB8::1]", Address("udp", "2001:db8::1", 5060, "main")),
        ("sip:u@phone.example.com", SipUri.parse("sip:u@phone.example.com")),
        ("sip:u@192.0.2.1;maddr=192.0.2.5", SipUri.parse("sip:u@192.0.2.1;maddr=192.0.2.5")),
        ("sip:u@192.0.2.1;transport=sctp", SipUri.parse("sip:u@192.0.2.1;transport=sctp")),
    ],
)
def test_contact_leads_to_an_address_or_asks_for_a_lookup(contact: str, hop: Address | SipUri) -> None:
    assert contact_hop(SipUri.parse(contact), UDP) == hop


def test_target_behind_nat_is_the_contact_sent_along_the_flow() -> None:
    source = Address("udp", "198.51.100.7", 31000, "main")
    target = Binding("u@x", "sip:u@192.168.1.5:5060", source, 0.0, nat=True, flow=True).target
    assert target == ("sip:u@192.168.1.5:5060", source, ())


def test_target_carries_no_headers_and_no_method() -> None:
    contact = "sip:u@192.0.2.1;method=INVITE;x=1?Route=%3Csip:evil.example%3E"
    assert Binding("u@x", contact, UDP, 0.0).target.request_uri == "sip:u@192.0.2.1;x=1"
