"""A group of spans that lead to the same place: which channel a call takes, what is shut, how it is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from gateways.e1.line import Line
from gateways.e1.q931 import CallState, IsdnCall


class Selection(StrEnum):
    """In which order idle channels are taken."""

    ASCENDING = "ascending"
    DESCENDING = "descending"
    ROUND_ROBIN = "round_robin"
    LEAST_RECENTLY_USED = "least_recently_used"


class Circuit(NamedTuple):
    """One B channel of one line."""

    line: Line
    slot: int


@dataclass(slots=True)
class Usage:
    """Calls of a trunk group since the start; seconds are of conversation."""

    attempts: int = 0
    answered: int = 0
    talked_s: float = 0.0
    preempted: int = 0
    refused: int = 0

    @property
    def asr(self) -> float:
        """Answer-seizure ratio, 0 to 1."""
        return self.answered / self.attempts if self.attempts else 0.0

    @property
    def acd_s(self) -> float:
        """Average call duration in seconds."""
        return self.talked_s / self.answered if self.answered else 0.0


@dataclass(slots=True)
class TrunkGroup:
    """The lines of one route. `emergency_preempts`: an emergency call may take the channel of another one."""

    name: str
    lines: list[Line]
    selection: Selection = Selection.DESCENDING
    emergency_preempts: bool = True
    outgoing: Usage = field(default_factory=Usage)
    incoming: Usage = field(default_factory=Usage)
    _last: tuple[int, int] = field(default=(-1, 0), init=False)
    _used: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    _turn: int = field(default=0, init=False)

    def select(self) -> Circuit | None:
        """The channel for the next call; None when every line is down, full or shut."""
        idle = [
            (at, slot)
            for at, line in enumerate(self.lines)
            if line.access.is_up
            for slot in sorted(line.access.channels.idle)
        ]
        if not idle:
            return None
        chosen = self._choose(idle)
        self._last = chosen
        line, slot = self.lines[chosen[0]], chosen[1]
        self._turn += 1
        self._used[line.name, slot] = self._turn
        return Circuit(line, slot)

    def _choose(self, idle: list[tuple[int, int]]) -> tuple[int, int]:
        if self.selection is Selection.ASCENDING:
            return idle[0]
        if self.selection is Selection.DESCENDING:
            return idle[-1]
        if self.selection is Selection.ROUND_ROBIN:
            return next((place for place in idle if place > self._last), idle[0])
        return min(idle, key=lambda place: self._used.get((self.lines[place[0]].name, place[1]), 0))

    def victim(self, protected: Iterable[IsdnCall]) -> IsdnCall | None:
        """The call to end for an emergency: one not answered yet, else the one begun last; never a protected one."""
        if not self.emergency_preempts:
            return None
        spared = set(map(id, protected))
        calls = [
            call for line in self.lines if line.access.is_up for call in line.access.calls if id(call) not in spared
        ]
        if not calls:
            return None
        waiting = [call for call in calls if call.state is not CallState.ACTIVE]
        return (waiting or calls)[-1]

    def line(self, name: str) -> Line:
        """The line of that name; raises KeyError."""
        for line in self.lines:
            if line.name == name:
                return line
        raise KeyError(name)

    def chosen(self, name: str = "", slots: Iterable[int] | None = None) -> list[tuple[Line, frozenset[int]]]:
        """The channels of one span, or of all; raises KeyError, ValueError for what does not exist."""
        wanted = None if slots is None else frozenset(slots)
        found = []
        for line in [self.line(name)] if name else self.lines:
            has = line.access.channels.slots
            if wanted is not None and not wanted <= has:
                raise ValueError(f"span {line.name} has no channel {min(wanted - has)}")
            found.append((line, has if wanted is None else wanted))
        return found

    def block(self, name: str = "", slots: Iterable[int] | None = None) -> list[tuple[Line, frozenset[int]]]:
        """Take channels out of service: calls in them go on, no new ones begin. Raises KeyError, ValueError."""
        chosen = self.chosen(name, slots)
        for line, wanted in chosen:
            line.access.channels.blocked |= wanted
        return chosen

    def unblock(self, name: str = "", slots: Iterable[int] | None = None) -> list[tuple[Line, frozenset[int]]]:
        """Put channels back into service, faulty ones too. Raises KeyError, ValueError."""
        chosen = self.chosen(name, slots)
        for line, wanted in chosen:
            line.access.channels.blocked -= wanted
            line.access.channels.faulty -= wanted
        return chosen

    @property
    def occupancy(self) -> float:
        """The share of channels that are in use now, 0 to 1."""
        channels = sum(len(line.access.channels.slots) for line in self.lines)
        used = sum(len(line.access.calls) for line in self.lines)
        return used / channels if channels else 0.0

    @property
    def is_up(self) -> bool:
        """Whether any D channel is up."""
        return any(line.access.is_up for line in self.lines)

    def describe(self) -> dict[str, Any]:
        """What an operator wants to know of this group."""
        return {
            "name": self.name,
            "up": self.is_up,
            "selection": self.selection.value,
            "occupancy": round(self.occupancy, 4),
            "outgoing": _described(self.outgoing),
            "incoming": _described(self.incoming),
            "spans": [line.describe() for line in self.lines],
        }


def _described(usage: Usage) -> dict[str, Any]:
    return {
        "attempts": usage.attempts,
        "answered": usage.answered,
        "asr": round(usage.asr, 4),
        "acd_s": round(usage.acd_s, 1),
        "preempted": usage.preempted,
        "refused": usage.refused,
    }
