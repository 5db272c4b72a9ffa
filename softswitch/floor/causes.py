"""Reasons, tiers and indicator bits of floor control (TS 24.380 §8.2; OMA PoC user plane)."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag


class Tier(IntEnum):
    """How urgent a request is; a higher tier always comes before a lower one (TS 24.380 §4.1.1.4)."""

    NORMAL = 0
    PERIL = 1
    EMERGENCY = 2


class Indicator(IntFlag):
    """The bits of the Floor Indicator field (TS 24.380 §8.2.3.15)."""

    NORMAL = 0x8000
    BROADCAST = 0x4000
    SYSTEM = 0x2000
    EMERGENCY = 0x1000
    PERIL = 0x0800
    QUEUEING = 0x0400
    DUAL_FLOOR = 0x0200
    TEMPORARY_GROUP = 0x0100
    MULTI_TALKER = 0x0080


#: The indicator bit that goes with each tier.
TIER_BITS = {
    Tier.NORMAL: int(Indicator.NORMAL),
    Tier.PERIL: int(Indicator.PERIL),
    Tier.EMERGENCY: int(Indicator.EMERGENCY),
}


def tier_of(indicator: int | None) -> Tier:
    """The tier that a Floor Indicator asks for; none or unknown bits mean normal."""
    if indicator is None:
        return Tier.NORMAL
    if indicator & Indicator.EMERGENCY:
        return Tier.EMERGENCY
    return Tier.PERIL if indicator & Indicator.PERIL else Tier.NORMAL


class DenyCause(IntEnum):
    """Why a request was refused (TS 24.380 §8.2.6.2)."""

    ANOTHER_TALKS = 1
    SERVER_ERROR = 2
    ONLY_ONE = 3
    RETRY_AFTER = 4
    RECEIVE_ONLY = 5
    NO_RESOURCES = 6
    QUEUE_FULL = 7
    OTHER = 255


class RevokeCause(IntEnum):
    """Why a talker must stop (TS 24.380 §8.2.10.2)."""

    ONLY_ONE = 1
    TOO_LONG = 2
    NO_PERMISSION = 3
    PREEMPTED = 4
    NO_RESOURCES = 6
    ANOTHER_CLIENT = 7
    OTHER = 255


class CancelReason(Enum):
    """How a queued request ended other than by a grant."""

    #: the user let go, or took the request back.
    RELEASED = "released"
    #: it waited longer than the group allows.
    TIMED_OUT = "timed out"
    #: the participant is gone.
    LEFT = "left"
    #: a dispatcher removed it.
    OPERATOR = "operator"
    #: a more urgent request needed its place in a full queue.
    DISPLACED = "displaced"
    #: the participant may not speak any more.
    RECEIVE_ONLY = "receive only"
    #: nobody else is left to listen.
    ONLY_ONE = "only one participant"
    #: the call is over.
    CLOSED = "closed"


#: Words that go with a refusal on the wire and in records.
DENY_PHRASES = {
    DenyCause.ANOTHER_TALKS: "another user talks",
    DenyCause.SERVER_ERROR: "server error",
    DenyCause.ONLY_ONE: "only one participant",
    DenyCause.RETRY_AFTER: "too early to ask again",
    DenyCause.RECEIVE_ONLY: "receive only",
    DenyCause.NO_RESOURCES: "no resources",
    DenyCause.QUEUE_FULL: "queue full",
    DenyCause.OTHER: "not possible",
}
