"""The 12 IPv6 torture messages of RFC 5118."""

from __future__ import annotations

import ipaddress

import pytest

from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request
from softswitch.sip.parser import parse_message, validate
from softswitch.sip.uri import SipUri
from tests.unit.sip_message.torture import TortureMessage, load

MESSAGES = load("rfc5118")
BY_NAME = {message.name: message for message in MESSAGES}


def request(name: str) -> Request:
    message = parse_message(BY_NAME[name].data)
    assert isinstance(message, Request)
    validate(message)
    return message


def uri(name: str) -> SipUri:
    found = request(name).uri
    assert isinstance(found, SipUri)
    return found


def test_all_messages_of_the_rfc_are_here() -> None:
    assert len(BY_NAME) == 12


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_action(message: TortureMessage) -> None:
    try:
        validate(parse_message(message.data))
        action = "accept"
    except ProtocolError as error:
        action = str(error.status)
    assert action == message.action, f"RFC 5118 §{message.section}"


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("ipv6-good", "2001:db8::10", None),
        ("port-ambiguous", "2001:db8::10:5070", None),
        ("port-unambiguous", "2001:db8::10", 5070),
        ("ipv6-bug-abnf-3-colons", "2001:db8::192.0.2.1", None),
        ("ipv6-correct-abnf-2-colons", "2001:db8::192.0.2.1", None),
    ],
)
def test_request_uri(name: str, host: str, port: int | None) -> None:
    found = uri(name)
    assert (found.host, found.port) == (host, port)
    assert f"[{host}]" in str(found), "brackets come back when it is written"


@pytest.mark.parametrize("name", ["via-received-param-with-delim", "via-received-param-no-delim"])
def test_received_is_read_with_and_without_brackets(name: str) -> None:
    assert request(name).via.received == "2001:db8::9:255"


def test_several_addresses_in_headers() -> None:
    assert [(via.transport, via.host, via.port) for via in request("mult-ip-in-header").vias] == [
        ("UDP", "2001:db8::9:1", 6050),
        ("UDP", "192.0.2.1", None),
        ("TCP", "2001:db8::9:255", None),
    ]


def test_mapped_addresses() -> None:
    message = request("ipv4-mapped-ipv6")
    hosts = [ipaddress.IPv6Address(via.host).ipv4_mapped for via in message.vias]
    assert [str(host) for host in hosts] == ["192.0.2.10", "192.0.2.2"]
    assert message.contact is not None and message.contact.display == "T. desk phone"


@pytest.mark.parametrize("name", ["ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6"])
def test_bodies_are_whole(name: str) -> None:
    assert request(name).body.endswith(b"a=rtpmap:107 H263-1998/90000\r\n")
