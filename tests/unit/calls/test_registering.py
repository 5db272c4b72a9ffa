"""REGISTER as the switch answers it: credentials, rights, durability, load (RFC 3261 §10.3)."""

from __future__ import annotations

import pytest

from softswitch.events import AccessRefused, RegistrationChanged
from softswitch.sip.address import Address
from softswitch.sip.events import RequestReceived
from softswitch.sip.message import Response
from softswitch.sip.parser import parse_message
from tests.unit.calls.phone import Phone
from tests.unit.calls.world import World


def register(phone: Phone, number: str, **options: object) -> int:
    phone.send("REGISTER", number, **options)  # type: ignore[arg-type]
    return phone.responses[-1].status


def test_without_credentials_a_phone_is_challenged() -> None:
    world = World()
    phone = world.phone("1001", register=False)
    assert register(phone, "1001") == 401
    challenges = phone.responses[-1].get_all("WWW-Authenticate")
    assert any("SHA-256" in value for value in challenges) and any("MD5" in value for value in challenges)
    assert not world.registrar.bindings("1001", world.now)


def test_nobody_registers_for_another() -> None:
    world = World()
    phone = world.phone("1001", register=False)
    phone.send("REGISTER", "1002", login=True)
    assert phone.responses[-1].status == 403
    assert world.told(AccessRefused)[-1].method == "REGISTER"
    assert not world.registrar.bindings("1002", world.now)


def test_what_is_registered_refreshed_and_removed_is_told() -> None:
    world = World()
    phone = world.phone("1001")
    phone.register()
    phone.register(expires=0)
    told = [(event.number, event.action) for event in world.told(RegistrationChanged)]
    assert told == [("1001", "registered"), ("1001", "refreshed"), ("1001", "removed")]


def test_a_binding_ends_by_itself() -> None:
    world = World()
    world.phone("1001")
    world.advance(3601)
    assert world.told(RegistrationChanged)[-1].action == "expired"
    assert world.phone("1002").call("1001").status == 480


def test_a_registration_that_cannot_be_stored_is_500() -> None:
    world = World()
    world.stored = False
    with pytest.raises(AssertionError, match="500"):
        world.phone("1001")


def test_above_the_load_a_registration_is_503() -> None:
    world = World()
    world.overloaded = 9
    phone = world.phone("1001", register=False)
    assert register(phone, "1001") == 503
    assert phone.responses[-1].get("Retry-After") == "9"


def test_a_challenge_leaves_nothing_and_a_copy_of_the_request_is_asked_again() -> None:
    world = World()
    source = Address("udp", "192.0.2.7", 5060, "udp")
    copy = (
        b"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        b"From: <sip:1001@example.com>;tag=1\r\nTo: <sip:1001@example.com>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n"
        b"Contact: <sip:1001@192.0.2.7>\r\nContent-Length: 0\r\n\r\n"
    )
    answers = []
    for _ in range(2):
        world.agent.receive_data(copy, source, world.now)
        event = world.agent.next_event()
        assert isinstance(event, RequestReceived), "a copy is a new request: nothing of the first is left"
        world.dispatch.handle(event, world.now)
        answers += [parse_message(data) for data, _ in world.agent.data_to_send()]
        assert world.agent.gauges()["server_transactions"] == 0
    first, second = answers
    assert isinstance(first, Response) and first.status == 401
    assert first.to.tag == second.to.tag, "the same request gets the same To tag (RFC 3261 §8.2.7)"
    assert first.get("WWW-Authenticate") != second.get("WWW-Authenticate"), "each challenge has a nonce of its own"
