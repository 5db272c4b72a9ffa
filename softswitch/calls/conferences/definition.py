"""What is laid down of a conference: its number, who may enter, and the stored lists of members (预案)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: Attempts to reach one member, with this pause between two of them.
MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class MemberAttributes:
    """How a member takes part; `gain` 0 to 8, times in seconds.

    A `chair` may let others speak and lock the conference by its keys; `answers_by_itself` asks its phone to answer
    at once; who does not answer within `ring_s` is called `attempts` times in all, `retry_s` apart.
    """

    chair: bool = False
    muted: bool = False
    deaf: bool = False
    gain: float = 1.0
    levelled: bool = False
    answers_by_itself: bool = True
    ring_s: float = 30.0
    attempts: int = 1
    retry_s: float = 10.0


PLAIN = MemberAttributes()


@dataclass(frozen=True, slots=True)
class ConferencePlan:
    """A stored list of members (预案): one order calls all of them."""

    name: str
    members: Mapping[str, MemberAttributes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConferenceDefinition:
    """One conference number. `pin_hash` (see `hash_pin`) is "" when everybody may enter.

    `signals`: a short tone tells that somebody comes or goes; `comfort_noise`: it rustles while nobody speaks.
    At a `rate_hz` of 16000 or 48000 it is mixed for more than a telephone's band, and wide codecs are preferred.
    """

    number: str
    name: str = ""
    max_participants: int = 100
    pin_hash: str = ""
    plans: Mapping[str, ConferencePlan] = field(default_factory=dict)
    signals: bool = False
    comfort_noise: bool = False
    rate_hz: int = 8000

    @property
    def closed(self) -> bool:
        """Whether a PIN is asked."""
        return bool(self.pin_hash)

    def opens(self, pin: str) -> bool:
        """Whether that is the PIN."""
        return hmac.compare_digest(self.pin_hash, hash_pin(self.number, pin))


def hash_pin(number: str, pin: str) -> str:
    """What is kept of a PIN; "" for none."""
    return hashlib.sha256(f"{number}:{pin}".encode()).hexdigest() if pin else ""


def describe_members(members: Mapping[str, MemberAttributes]) -> dict[str, dict[str, Any]]:
    """JSON-ready, by number."""
    return {number: asdict(attributes) for number, attributes in members.items()}


def members_from(document: Mapping[str, Mapping[str, Any]]) -> dict[str, MemberAttributes]:
    """The reverse of `describe_members`; raises TypeError."""
    return {number: MemberAttributes(**attributes) for number, attributes in document.items()}


def describe_conference(definition: ConferenceDefinition) -> dict[str, Any]:
    """JSON-ready, as it is stored."""
    return {
        "number": definition.number,
        "name": definition.name,
        "max_participants": definition.max_participants,
        "pin_hash": definition.pin_hash,
        "signals": definition.signals,
        "comfort_noise": definition.comfort_noise,
        "rate_hz": definition.rate_hz,
        "plans": {name: describe_members(plan.members) for name, plan in definition.plans.items()},
    }


def conference_of(document: Mapping[str, Any]) -> ConferenceDefinition:
    """The reverse of `describe_conference`; raises KeyError, TypeError."""
    plans = {name: ConferencePlan(name, members_from(members)) for name, members in document["plans"].items()}
    return ConferenceDefinition(**{**document, "plans": plans})


__all__ = [
    "MOST_ATTEMPTS",
    "PLAIN",
    "ConferenceDefinition",
    "ConferencePlan",
    "MemberAttributes",
    "conference_of",
    "describe_conference",
    "describe_members",
    "hash_pin",
    "members_from",
]
