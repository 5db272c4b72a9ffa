"""How a caller is shown on an outgoing SIP leg, and whom it was diverted from (RFC 3323, RFC 3325, RFC 5806)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from softswitch.calls.hunting import Diverted
from softswitch.calls.leg import Party
from softswitch.sip.headers import NameAddr
from softswitch.sip.privacy import outgoing_identity
from softswitch.sip.uri import escape_user


class ShownCaller(NamedTuple):
    """The From address without its tag, the fields that go with it, and whether other telling fields must be left."""

    from_: NameAddr
    fields: tuple[tuple[str, str], ...]
    hide: bool


@lru_cache(maxsize=4096)
def address_of(number: str, domain: str, display_name: str = "") -> NameAddr:
    """The address of a number here or at a peer."""
    user = f"{escape_user(number)}@" if number else ""
    host = f"[{domain}]" if domain.count(":") > 1 and domain[0] != "[" else domain
    return NameAddr(f"sip:{user}{host}", display_name or None)


def shown_caller(party: Party, domain: str, *, trusted: bool) -> ShownCaller:
    """How `party` is shown to a peer: an untrusted one never learns who asked for privacy, a trusted one is told so."""
    return _shown(party.number, party.display_name, party.asserted, party.privacy, domain, trusted)


@lru_cache(maxsize=4096)
def _shown(
    number: str, display_name: str, asserted: str, privacy: frozenset[str], domain: str, trusted: bool
) -> ShownCaller:
    identity = outgoing_identity(
        privacy,
        (str(address_of(asserted, domain, display_name)),) if asserted else (),
        destination_trusted=trusted,
        from_=address_of(number or "anonymous", domain, display_name),
        assert_to_untrusted=False,
    )
    return ShownCaller(identity.from_, tuple(identity.fields()), identity.hide)


def diversion_fields(diverted: Sequence[Diverted], domain: str) -> list[tuple[str, str]]:
    """Diversion fields, the latest diversion first (RFC 5806 §4.1)."""
    return [
        ("Diversion", f"{address_of(entry.number, domain)};reason={entry.reason};counter=1")
        for entry in reversed(diverted)
    ]
