"""User-user information as SIP carries it: the User-to-User header field (RFC 7433) with ISDN content (RFC 7434)."""

from __future__ import annotations

import binascii

from gateways.e1.q931.elements import UserUser

#: Octets of the element's content beside its discriminator (Q.931 §4.5.30).
LONGEST = 128
_PURPOSE = "isdn-uui"


def header_of(information: UserUser) -> str:
    """The value of the header field; its first octet is the protocol discriminator (RFC 7434 §3.3)."""
    return f"{information.content().hex()};encoding=hex;purpose={_PURPOSE};content={_PURPOSE}"


def information_of(header: str) -> UserUser | None:
    """What a header field's value says to the far user; None for what is no ISDN content in hexadecimal."""
    data, *parameters = (part.strip() for part in header.split(";"))
    told = dict(parameter.partition("=")[::2] for parameter in parameters)
    if told.get("encoding", "hex").lower() != "hex" or told.get("purpose", _PURPOSE).lower() != _PURPOSE:
        return None
    try:
        octets = binascii.unhexlify(data.strip('"'))
    except (binascii.Error, ValueError):
        return None
    return UserUser(octets[0], octets[1:]) if 1 < len(octets) <= LONGEST + 1 else None
