"""`softswitch init` writes a configuration that can be used as it is and holds no secret."""

from __future__ import annotations

import hashlib
import ipaddress
import stat
from pathlib import Path

import pytest

from softswitch.config import load
from softswitch.config.initialise import PASSWORD_LENGTH, Initialised, initialise, own_address, own_realm
from softswitch.config.models import ha1_pair


@pytest.fixture
def made(tmp_path: Path) -> Initialised:
    return initialise(tmp_path / "new" / "softswitch.toml", address="192.0.2.10", realm="sip.example.com")


def test_written_file_is_valid_for_a_real_network(made: Initialised) -> None:
    settings = load(made.path)
    assert {listen.address for listen in settings.sip.listen} == {"192.0.2.10"}
    assert settings.rtp.address == "192.0.2.10" and settings.http.address == "127.0.0.1"
    assert settings.sip.realm == "sip.example.com"


def test_file_is_for_its_owner_only(made: Initialised) -> None:
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600


def test_file_holds_hashes_and_the_credentials_fit_them(made: Initialised) -> None:
    text = made.path.read_text()
    assert [secret for secret in (*made.passwords.values(), *made.tokens.values()) if secret in text] == []
    settings = load(made.path)
    for subscriber in settings.subscriber:
        pair = ha1_pair(subscriber.number, made.realm, made.passwords[subscriber.number])
        assert (subscriber.ha1_md5, subscriber.ha1_sha256) == pair
    for token in settings.http.token:
        assert token.token_sha256 == hashlib.sha256(made.tokens[token.name].encode()).hexdigest()


def test_credentials_are_long_and_differ_every_time(made: Initialised, tmp_path: Path) -> None:
    other = initialise(tmp_path / "other.toml", address="192.0.2.10")
    both = [*made.passwords.values(), *other.passwords.values()]
    assert len(set(both)) == len(both) and {len(password) for password in both} == {PASSWORD_LENGTH}
    assert set(made.tokens.values()).isdisjoint(other.tokens.values())


def test_existing_file_is_replaced_only_by_force(made: Initialised) -> None:
    before = made.path.read_text()
    with pytest.raises(FileExistsError):
        initialise(made.path)
    assert made.path.read_text() == before
    initialise(made.path, force=True, address="192.0.2.11")
    assert load(made.path).rtp.address == "192.0.2.11"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert [file.name for file in made.path.parent.iterdir()] == ["softswitch.toml"]


def test_ipv6_address_works(tmp_path: Path) -> None:
    made = initialise(tmp_path / "x.toml", address="2001:db8::5")
    assert load(made.path).sip.listen[0].address == "2001:db8::5"


def test_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        initialise(tmp_path / "x.toml", address="my-host")
    assert list(tmp_path.iterdir()) == []


def test_own_address_and_realm_are_usable() -> None:
    assert not ipaddress.ip_address(own_address()).is_unspecified
    assert own_realm() and " " not in own_realm()
