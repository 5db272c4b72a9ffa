"""Causes: why a call ended or a message could not be dealt with (Q.850)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gateways.e1.q931.errors import Q931Error


class CauseValue(IntEnum):
    """The values that the call procedures themselves name."""

    UNALLOCATED_NUMBER = 1
    NO_ROUTE = 3
    CHANNEL_UNACCEPTABLE = 6
    PREEMPTION = 8
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONDING = 18
    NO_ANSWER = 19
    CALL_REJECTED = 21
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    STATUS_RESPONSE = 30
    NORMAL_UNSPECIFIED = 31
    NO_CHANNEL = 34
    TEMPORARY_FAILURE = 41
    CHANNEL_NOT_AVAILABLE = 44
    BEARER_NOT_IMPLEMENTED = 65
    INVALID_CALL_REFERENCE = 81
    CHANNEL_DOES_NOT_EXIST = 82
    INVALID_MESSAGE = 95
    MANDATORY_ELEMENT_MISSING = 96
    MESSAGE_TYPE_UNKNOWN = 97
    MESSAGE_NOT_COMPATIBLE = 98
    ELEMENT_UNKNOWN = 99
    INVALID_ELEMENT = 100
    NOT_COMPATIBLE_WITH_STATE = 101
    TIMER_EXPIRED = 102
    INTERWORKING = 127


class Location(IntEnum):
    """Where a cause or progress was found (Q.850 §2.2.3)."""

    USER = 0
    PRIVATE_LOCAL = 1
    PUBLIC_LOCAL = 2
    TRANSIT = 3
    PUBLIC_REMOTE = 4
    PRIVATE_REMOTE = 5
    INTERNATIONAL = 7
    BEYOND_INTERWORKING = 10


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause element (Q.850 §2): `location` as a number, for peers send reserved ones too."""

    value: int
    location: int = Location.PRIVATE_LOCAL
    diagnostic: bytes = b""

    def content(self) -> bytes:
        """The octets after the length."""
        return bytes((0x80 | self.location, 0x80 | self.value)) + self.diagnostic

    @classmethod
    def parse(cls, content: bytes) -> Cause:
        """Raises Q931Error."""
        at = 1 if content and content[0] & 0x80 else 2  # octet 3a is the recommendation
        if len(content) <= at:
            raise Q931Error("a cause without value", CauseValue.INVALID_ELEMENT)
        return cls(content[at] & 0x7F, content[0] & 0x0F, content[at + 1 :])
