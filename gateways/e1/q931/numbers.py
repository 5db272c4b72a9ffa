"""Party numbers (Q.931 §4.5.8 called, §4.5.10 calling, Q.951 connected, redirecting)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gateways.e1.q931.causes import CauseValue
from gateways.e1.q931.errors import Q931Error

_LONGEST = 64


class NumberType(IntEnum):
    """Type of number."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER = 4
    ABBREVIATED = 6


class NumberingPlan(IntEnum):
    """Numbering plan identification."""

    UNKNOWN = 0
    E164 = 1
    DATA = 3
    TELEX = 4
    NATIONAL = 8
    PRIVATE = 9


class Presentation(IntEnum):
    """Whether the number may be shown."""

    ALLOWED = 0
    RESTRICTED = 1
    NOT_AVAILABLE = 2


class Screening(IntEnum):
    """Who vouches for the number."""

    NOT_SCREENED = 0
    PASSED = 1
    FAILED = 2
    NETWORK = 3


@dataclass(frozen=True, slots=True)
class PartyNumber:
    """A number with its type and plan; `reason` is a redirecting number's alone (1 busy, 2 no reply, 15 always).

    Numbers from the wire may be of undefined types, so these are plain integers. A called number has neither
    presentation nor screening: None leaves octet 3a out.
    """

    digits: str
    type: int = NumberType.UNKNOWN
    plan: int = NumberingPlan.UNKNOWN
    presentation: int | None = None
    screening: int = Screening.NOT_SCREENED
    reason: int | None = None

    @property
    def restricted(self) -> bool:
        """Whether it must not be shown."""
        return self.presentation == Presentation.RESTRICTED

    def content(self) -> bytes:
        """The octets after the length; raises ValueError for digits that are not ASCII."""
        first = self.type << 4 | self.plan
        digits = self.digits.encode("ascii")
        if self.presentation is None:
            return bytes((0x80 | first,)) + digits
        second = self.presentation << 5 | self.screening
        if self.reason is None:
            return bytes((first, 0x80 | second)) + digits
        return bytes((first, second, 0x80 | self.reason)) + digits

    @classmethod
    def parse(cls, content: bytes) -> PartyNumber:
        """Raises Q931Error."""
        octets = 0
        while octets < len(content) and not content[octets] & 0x80:
            octets += 1
        if octets >= len(content) or octets > 2:
            raise Q931Error("a number without the end of its octet 3", CauseValue.INVALID_ELEMENT)
        digits = content[octets + 1 :]
        if len(digits) > _LONGEST or any(not 0x20 < octet < 0x7F for octet in digits):
            raise Q931Error("digits that are none", CauseValue.INVALID_ELEMENT)
        return cls(
            digits.decode("ascii"),
            content[0] >> 4 & 0x07,
            content[0] & 0x0F,
            content[1] >> 5 & 0x03 if octets else None,
            content[1] & 0x03 if octets else Screening.NOT_SCREENED,
            content[2] & 0x0F if octets == 2 else None,
        )
