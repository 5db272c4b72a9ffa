"""How a caller is shown on an outgoing SIP leg: From, P-Asserted-Identity and Privacy (RFC 3323, RFC 3325)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.calls.leg import Party
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import escape_user

ANONYMOUS = NameAddr("sip:anonymous@anonymous.invalid", "Anonymous")


class OutgoingIdentity(NamedTuple):
    """The From address without its tag, and the fields that go with it."""

    from_: NameAddr
    fields: list[tuple[str, str]]

    @staticmethod
    def to(number: str, domain: str) -> NameAddr:
        """The To address of a call to `number`."""
        return NameAddr(f"sip:{escape_user(number)}@{domain}")


def outgoing_identity(party: Party, domain: str, *, trusted: bool) -> OutgoingIdentity:
    """How `party` is shown to a peer: an untrusted one never learns who asked for privacy, a trusted one is told so."""
    shown = NameAddr(f"sip:{escape_user(party.number or 'anonymous')}@{domain}", party.display_name or None)
    fields: list[tuple[str, str]] = []
    if trusted and (party.asserted or party.number):
        asserted = NameAddr(f"sip:{escape_user(party.asserted or party.number)}@{domain}", party.display_name or None)
        fields.append(("P-Asserted-Identity", str(asserted)))
    if party.private:
        fields.append(("Privacy", "id"))
        return OutgoingIdentity(ANONYMOUS, fields)
    return OutgoingIdentity(shown, fields)
