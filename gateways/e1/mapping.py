"""Causes and numbers between Q.931 and SIP: which status tells of which cause, and how numbers are shown.

RFC 3398 §7.2.4.1 and §8.2.6.1 by default; the Q.1912.5 profile differs where its own table does. The tables of RFC 3398
are those of `softswitch.sip.causes`, because SIP trunks need them as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from gateways.e1.q931 import (
    Cause,
    CauseValue,
    Location,
    NumberingPlan,
    NumberType,
    PartyNumber,
    Presentation,
    Screening,
)
from softswitch.calls.hunting import Diverted, History
from softswitch.calls.leg import Cause as CallCause
from softswitch.calls.leg import Party
from softswitch.sip.causes import CAUSE_OF_STATUS, STATUS_OF_CAUSE, cause_of_status, cause_text, status_of_cause

_PRIVATE = frozenset({"id", "user", "header"})


class CauseTable(StrEnum):
    """By which table causes become statuses."""

    RFC3398 = "rfc3398"
    Q1912_5 = "q1912.5"


#: Where ITU-T Q.1912.5 table 21 says otherwise.
_Q1912_5 = {2: 500, 3: 500, 16: 480, 18: 480, 21: 480, 27: 480, 31: 480, 34: 480, 102: 480, 127: 480} | dict.fromkeys(
    range(38, 48), 500
)
#: Causes that RFC 3398 leaves to their class, where one status says more.
_MORE = {16: 480, 44: 503, 63: 501, 5: 484, 6: 503, 8: 503, 24: 480, 25: 502}
#: The status of a class of causes, by its first one (Q.850 §2.2.5).
_CLASSES = ((80, 500), (64, 501), (48, 500), (32, 503), (0, 480))


def call_cause(cause: Cause, table: CauseTable = CauseTable.RFC3398) -> CallCause:
    """Why a call ended, as calls know it; the cause itself goes along for the Reason header."""
    value = cause.value
    if table is CauseTable.Q1912_5 and value in _Q1912_5:
        status = _Q1912_5[value]
    elif value in STATUS_OF_CAUSE:
        status = status_of_cause(value, from_user=cause.location == Location.USER)
    else:
        status = _MORE.get(value) or next(status for first, status in _CLASSES if value >= first)
    return CallCause(status, value, cause_text(value).lower(), "network")


def isdn_cause(cause: CallCause) -> Cause:
    """The cause that tells the exchange why a call of ours ends."""
    value = cause.q850 or _cause_for(cause.status)
    if value == CauseValue.NORMAL_CLEARING and cause.status >= 400 and cause.status != 487:
        value = _cause_for(cause.status)  # "normal" is no reason for a refusal (RFC 3398 §8.2.6.1)
    return Cause(value, Location.USER if cause.by in ("caller", "callee") else Location.PRIVATE_LOCAL)


def _cause_for(status: int) -> int:
    """By RFC 3398 §8.2.6.1; a status that it does not list is told as its class."""
    if status >= 500 and status not in CAUSE_OF_STATUS:
        return CauseValue.TEMPORARY_FAILURE if status < 600 else CauseValue.CALL_REJECTED
    return cause_of_status(status)


@dataclass(frozen=True, slots=True)
class Numbering:
    """What an exchange is told of numbers without a leading +, which are international: their types and plan.

    `called` are numbers behind the line, `ours` those of callers, of who answered, and of who diverted a call.
    """

    called: int = NumberType.UNKNOWN
    ours: int = NumberType.UNKNOWN
    plan: int = NumberingPlan.E164

    def number(self, number: str, number_type: int) -> PartyNumber:
        """The number with its type and plan."""
        if number.startswith("+"):
            return PartyNumber(number[1:], NumberType.INTERNATIONAL, NumberingPlan.E164)
        return PartyNumber(number, number_type, self.plan)


#: What most exchanges are told.
USUAL = Numbering()


def called_number(number: str, numbering: Numbering = USUAL) -> PartyNumber:
    """A dialled number."""
    return numbering.number(number, numbering.called)


def calling_number(party: Party, numbering: Numbering = USUAL, *, send_restricted: bool = False) -> PartyNumber | None:
    """Who calls, as the exchange is told; None when nothing is to be said.

    A number that its party keeps private is marked so, and sent at all only to an exchange that keeps it to itself.
    """
    number = party.asserted or party.number
    restricted = bool(party.privacy & _PRIVATE)
    if not number.lstrip("+").isdigit() or (restricted and not send_restricted):
        return PartyNumber("", presentation=Presentation.RESTRICTED) if restricted else None
    screening = Screening.PASSED if party.asserted else Screening.NOT_SCREENED
    presentation = Presentation.RESTRICTED if restricted else Presentation.ALLOWED
    return replace(numbering.number(number, numbering.ours), presentation=presentation, screening=screening)


def party_of(number: PartyNumber | None, display: str = "") -> Party:
    """Who calls, as calls know it: a screened number is an asserted identity (RFC 3325)."""
    if number is None or number.presentation == Presentation.NOT_AVAILABLE or not number.digits:
        restricted = number is not None and number.restricted
        return Party("anonymous", privacy=frozenset({"id"}) if restricted else frozenset())
    digits = f"+{number.digits}" if number.type == NumberType.INTERNATIONAL else number.digits
    vouched = number.screening in (Screening.PASSED, Screening.NETWORK)
    return Party(
        digits,
        display,
        asserted=digits if vouched else "",
        privacy=frozenset({"id"}) if number.restricted else frozenset(),
    )


#: Reasons of a redirection (Q.931 §4.6.7 and Q.952) and their words in SIP (RFC 5806 §4.1).
_REASONS = {0: "unknown", 1: "user-busy", 2: "no-answer", 9: "out-of-service", 10: "deflection", 15: "unconditional"}
_REASON_CODES = {word: code for code, word in _REASONS.items()} | {"unavailable": 9}


def redirecting_number(history: History, numbering: Numbering = USUAL) -> PartyNumber | None:
    """The number that sent a call on last, as the exchange is told; None when there is none in digits."""
    if not history or not history[-1].number.lstrip("+").isdigit():
        return None
    number = numbering.number(history[-1].number, numbering.ours)
    return replace(number, presentation=Presentation.ALLOWED, reason=_REASON_CODES.get(history[-1].reason, 0))


def history_of(redirecting: PartyNumber | None, called: str) -> History:
    """Where an incoming call was diverted from; a number in a circle with the `called` one says nothing."""
    if redirecting is None or redirecting.restricted or not redirecting.digits:
        return ()
    number = party_of(redirecting).number
    return (Diverted(number, _REASONS.get(redirecting.reason or 0, "unknown")),) if number != called else ()


def connected_number(party: Party, numbering: Numbering = USUAL) -> PartyNumber | None:
    """Who answered, as the exchange is told; None for a party without number."""
    return calling_number(party, numbering) if party.number else None
