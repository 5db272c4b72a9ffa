"""What calls and restarts ask of the access that they belong to."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from gateways.e1.q921 import Side
from gateways.e1.q931.message import Message
from gateways.e1.q931.parameters import AccessParameters
from softswitch.deadlines import TimerSet


class Host(Protocol):
    """Sends, keeps time, and is told what happened."""

    side: Side
    parameters: AccessParameters
    timers: TimerSet
    counters: Counter[str]

    def send(self, message: Message) -> None:
        """Queue a message."""

    def tell(self, event: Any) -> None:
        """Queue an event."""

    def tell_faulty(self, slots: frozenset[int], reason: str) -> None:
        """The far end does not answer for these channels."""


class CallHost(Host, Protocol):
    """Keeps calls and their channels."""

    def forget(self, call: Any) -> None:
        """A call is over."""

    def move(self, call: Any, slot: int) -> bool:
        """Put a call into another timeslot, as the far end wishes; False when that one is taken."""


class RestartHost(Host, Protocol):
    """Knows the calls in channels that are restarted."""

    def clear_slots(self, slots: frozenset[int]) -> None:
        """Calls in these timeslots end without a message."""

    def restarted(self, slots: frozenset[int], *, by_us: bool) -> None:
        """Both ends agree that these are idle."""
