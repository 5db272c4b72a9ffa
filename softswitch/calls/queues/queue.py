"""One call queue in use: who waits in which order, how long that lasted, and what was counted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Leg
from softswitch.calls.queues.definition import QueueDefinition

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.media import Port
    from softswitch.sip.timerwheel import Timer

#: How many waits the estimate is made of, and what a wait counts as before there was any, in seconds.
_REMEMBERED = 20
_FIRST_GUESS_S = 60.0
EMERGENCY, PREFERRED, ORDINARY = 2, 1, 0


@dataclass(slots=True, eq=False)
class Waiting:
    """One caller; `since` is monotonic. `offered_to` are the agents being rung for it."""

    call: Call
    leg: Leg
    since: float
    priority: int
    port: Port | None = None
    offered_to: tuple[str, ...] = ()
    announcing: Timer | None = None
    patience: Timer | None = None

    @property
    def number(self) -> str:
        """Who waits."""
        return self.leg.party.number


class CallQueue:
    """The callers of one queue, the first to be served first, and its statistics."""

    def __init__(self, definition: QueueDefinition) -> None:
        self.definition = definition
        self.waiting: list[Waiting] = []
        self._waits: deque[float] = deque(maxlen=_REMEMBERED)
        self.counted = {"offered": 0, "answered": 0, "abandoned": 0, "overflowed": 0}
        self._total_wait_s = 0.0
        self._longest_wait_s = 0.0

    def add(self, caller: Waiting) -> int:
        """Put a caller behind those of the same or a higher priority; the place it has, from 1."""
        place = next(
            (at for at, other in enumerate(self.waiting) if other.priority < caller.priority), len(self.waiting)
        )
        self.waiting.insert(place, caller)
        self.counted["offered"] += 1
        return place + 1

    def place_of(self, caller: Waiting) -> int:
        """The place of a caller, from 1."""
        return self.waiting.index(caller) + 1

    def remove(self, caller: Waiting, outcome: str, waited_s: float) -> None:
        """A caller does not wait any more: it was answered, abandoned, or overflowed."""
        self.waiting.remove(caller)
        self.counted[outcome] += 1
        if outcome == "answered":
            self._waits.append(waited_s)
            self._total_wait_s += waited_s
            self._longest_wait_s = max(self._longest_wait_s, waited_s)

    def expected_wait_s(self, place: int) -> float:
        """How long a caller at `place` may have to wait, from the last waits of those that were first in line."""
        usual = sum(self._waits) / len(self._waits) if self._waits else _FIRST_GUESS_S
        return usual * place

    def statistics(self) -> dict[str, Any]:
        """JSON-ready; counted since the switch started."""
        answered = self.counted["answered"]
        return {
            **self.counted,
            "average_wait_s": round(self._total_wait_s / answered, 3) if answered else 0.0,
            "longest_wait_s": round(self._longest_wait_s, 3),
        }


__all__ = ["EMERGENCY", "ORDINARY", "PREFERRED", "CallQueue", "Waiting"]
