"""Header fields of SIP as values: one family per module, all named here."""

from __future__ import annotations

from softswitch.sip.grammar import split_list
from softswitch.sip.headers.auth import Challenge, Credentials
from softswitch.sip.headers.cseq import CSeq, RAck
from softswitch.sip.headers.event import Event, SubscriptionState
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.headers.name_addr import NameAddr
from softswitch.sip.headers.names import canonical_name
from softswitch.sip.headers.reason import Reason
from softswitch.sip.headers.replaces import Replaces
from softswitch.sip.headers.session_expires import SessionExpires
from softswitch.sip.headers.via import MAGIC_COOKIE, Via

ReferTo = NameAddr

__all__ = [
    "MAGIC_COOKIE",
    "CSeq",
    "Challenge",
    "Credentials",
    "Event",
    "MediaType",
    "NameAddr",
    "RAck",
    "Reason",
    "ReferTo",
    "Replaces",
    "SessionExpires",
    "SubscriptionState",
    "Via",
    "canonical_name",
    "split_list",
]
