"""Agents of call queues: who is logged in, who may be rung now, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from softswitch.calls.queues.definition import QueueDefinition


@dataclass(slots=True)
class Agent:
    """One agent in all its queues; `free_at` is monotonic, the other times are Unix seconds.

    `serving` is the id of the call it talks in or is being rung for.
    """

    number: str
    queues: set[str] = field(default_factory=set)
    paused: bool = False
    serving: str = ""
    talking: bool = False
    free_at: float = 0.0
    idle_since: float = 0.0
    answered: int = 0
    missed: int = 0

    def state(self, now: float) -> str:
        """available, ringing, talking, wrap_up or paused."""
        if self.serving:
            return "talking" if self.talking else "ringing"
        if self.paused:
            return "paused"
        return "wrap_up" if self.free_at > now else "available"

    def describe(self, now: float) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "number": self.number,
            "state": self.state(now),
            "queues": sorted(self.queues),
            "paused": self.paused,
            "answered": self.answered,
            "missed": self.missed,
        }


class Agents:
    """All agents of this node, by number."""

    def __init__(self) -> None:
        self._by_number: dict[str, Agent] = {}
        self._turn: dict[str, str] = {}  # the agent rung last, by queue

    def of(self, definition: QueueDefinition) -> list[Agent]:
        """Those of a queue: the standing ones first, then who logged in."""
        standing = [self.agent(number) for number in definition.agents]
        there = [each for each in self._by_number.values() if definition.number in each.queues]
        return list({each.number: each for each in (*standing, *there)}.values())

    def agent(self, number: str) -> Agent:
        """The agent of a number, made when there is none yet."""
        return self._by_number.setdefault(number, Agent(number))

    def logged_in(self) -> Iterable[Agent]:
        """Agents who have logged in to some queue."""
        return [each for each in self._by_number.values() if each.queues]

    def choose(self, definition: QueueDefinition, free: list[Agent]) -> list[Agent]:
        """Whom of the `free` ones to ring for the next caller, by the strategy of the queue."""
        if not free or definition.strategy == "ring_all":
            return free
        if definition.strategy == "fewest_calls":
            return [min(free, key=lambda each: (each.answered, each.idle_since))]
        if definition.strategy == "longest_idle":
            return [min(free, key=lambda each: each.idle_since)]
        order = [each.number for each in self.of(definition)]
        last = self._turn.get(definition.number, "")
        after = order.index(last) + 1 if last in order else 0
        turns = {number: (place - after) % len(order) for place, number in enumerate(order)}
        chosen = min(free, key=lambda each: turns[each.number])
        self._turn[definition.number] = chosen.number
        return [chosen]


__all__ = ["Agent", "Agents"]
