"""REGISTER as the switch answers it: credentials, rights, durability, load (RFC 3261 §10.3)."""

from __future__ import annotations

import pytest

from softswitch.events import AccessRefused, RegistrationChanged
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
