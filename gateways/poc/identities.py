"""Identities of push-to-talk as numbers of the switch: the user part of a SIP URI, the digits of a tel URI."""

from __future__ import annotations

from dialplan import normalise
from softswitch.sip.errors import ProtocolError
from softswitch.sip.uri import SipUri, TelUri, parse_uri


def number_of_uri(text: str) -> str:
    """The number that an identity stands for, "" for one that cannot be read."""
    try:
        uri = parse_uri(text.strip())
    except ProtocolError:
        return ""
    if isinstance(uri, SipUri):
        return normalise(uri.username)
    return uri.digits if isinstance(uri, TelUri) else ""
