"""Talkgroups made, joined, changed and given up while the switch runs: 重组, patches, and definitions as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from softswitch.calls.talkgroups.definition import TalkgroupDefinition, members_of
from softswitch.calls.talkgroups.group_calls import GroupCalls
from softswitch.calls.talkgroups.talkgroups import Talkgroups
from softswitch.events import EventBus
from softswitch.events.groups import GroupChanged, GroupRegrouped, GroupsPatched

if TYPE_CHECKING:
    from softswitch.calls.rooms import RoomHost


class NumberTaken(ValueError):
    """The number of a new talkgroup belongs to somebody."""


class NoNumberLeft(RuntimeError):
    """Every number for temporary talkgroups is in use."""


class Regrouping:
    """Changes of talkgroups.

    `taken(number)` tells whether a number leads somewhere; `keep` and `forget` make a change outlast the process;
    `free` are the numbers for temporary groups.
    """

    def __init__(
        self,
        host: RoomHost,
        groups: Talkgroups,
        calls: GroupCalls,
        *,
        taken: Callable[[str], bool],
        keep: Callable[[TalkgroupDefinition], None],
        forget: Callable[[str], None],
        free: Iterable[str],
    ) -> None:
        self._host = host
        self._groups = groups
        self._calls = calls
        self._taken = taken
        self._keep = keep
        self._forget = forget
        self._free = tuple(free)

    @property
    def _bus(self) -> EventBus:
        return self._host.bus

    def restore(self, definitions: Iterable[TalkgroupDefinition]) -> None:
        """Take in what was kept; what expired meanwhile is forgotten."""
        for definition in definitions:
            if definition.expires_at and definition.expires_at <= self._host.wall():
                self._forget(definition.number)
            elif definition.kind == "patch":
                self._groups.patch(definition)
            else:
                self._groups.book.put(definition)
            self._expect(definition)

    def create(self, definition: TalkgroupDefinition, by: str) -> None:
        """Add a talkgroup; raises NumberTaken."""
        if self._taken(definition.number) or definition.number in self._groups.book.definitions:
            raise NumberTaken(f"the number {definition.number} is in use")
        self._put(definition, "created", by)

    def change(self, definition: TalkgroupDefinition, by: str) -> None:
        """Put a talkgroup under other rules; raises LookupError."""
        if definition.number not in self._groups.book.definitions:
            raise LookupError(f"there is no talkgroup {definition.number!r}")
        self._put(definition, "changed", by)

    def remove(self, number: str, by: str) -> None:
        """Give a talkgroup up, whatever its kind: its call ends, a patch comes apart. Raises LookupError."""
        definition = self._groups.book.definitions.get(number)
        if definition is None:
            raise LookupError(f"there is no talkgroup {number!r}")
        if definition.kind == "patch":
            self._groups.unpatch(number)
            self._end(number)  # who was called into it has no group to go back to
        elif self._groups.book.origin(number) == "store":
            self._end(number)
            self._groups.book.remove(number)
        else:
            raise LookupError(f"talkgroup {number} stands in the configuration")
        self._forget(number)
        self._bus.tell(GroupChanged, number, "removed", by)

    def _end(self, number: str) -> None:
        if self._groups.in_use(number) is not None or number in self._calls.running:
            self._calls.end(number)

    def regroup(self, definition: TalkgroupDefinition, *, by: str, lifetime_s: float = 0.0) -> TalkgroupDefinition:
        """Make a temporary talkgroup; no number given: a free one. Raises NumberTaken, NoNumberLeft."""
        number = definition.number or self._next_free()
        expires_at = self._host.wall() + lifetime_s if lifetime_s else 0.0
        made = replace(definition, number=number, kind="temporary", expires_at=expires_at)
        self.create(made, by)
        members = sorted(members_of(made, self._groups.book.definitions))
        self._bus.tell(GroupRegrouped, number, made.name, members, list(made.groups), expires_at, by)
        self._expect(made)
        return made

    def patch(self, definition: TalkgroupDefinition, *, by: str, lifetime_s: float = 0.0) -> TalkgroupDefinition:
        """Join talkgroups; raises NumberTaken, NoNumberLeft, LookupError, ValueError."""
        for number in definition.groups:
            if number not in self._groups.book.definitions:
                raise LookupError(f"there is no talkgroup {number!r}")
            if self._groups.patch_of(number):
                raise ValueError(f"talkgroup {number} is part of patch {self._groups.patch_of(number)} already")
        number = definition.number or self._next_free()
        if self._taken(number) or number in self._groups.book.definitions:
            raise NumberTaken(f"the number {number} is in use")
        expires_at = self._host.wall() + lifetime_s if lifetime_s else 0.0
        made = replace(definition, number=number, kind="patch", expires_at=expires_at)
        self._groups.patch(made)
        self._keep(made)
        self._bus.tell(GroupsPatched, number, list(made.groups), by)
        self._expect(made)
        return made

    def _put(self, definition: TalkgroupDefinition, action: str, by: str) -> None:
        self._groups.book.put(definition)
        self._keep(definition)
        self._bus.tell(GroupChanged, definition.number, action, by)

    def _next_free(self) -> str:
        known = self._groups.book.definitions
        for number in self._free:
            if number not in known and not self._taken(number):
                return number
        raise NoNumberLeft("all numbers for temporary talkgroups are in use")

    def _expect(self, definition: TalkgroupDefinition) -> None:
        """See that a temporary group ends in time."""
        if definition.expires_at:
            left_s = max(definition.expires_at - self._host.wall(), 0.0)
            self._host.timers.schedule(self._host.now() + left_s, lambda now: self._expired(definition))

    def _expired(self, definition: TalkgroupDefinition) -> None:
        if self._groups.book.definitions.get(definition.number) == definition:
            self.remove(definition.number, "")


__all__ = ["NoNumberLeft", "NumberTaken", "Regrouping"]
