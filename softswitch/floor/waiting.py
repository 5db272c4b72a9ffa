"""Requests that wait for the floor: the more urgent first, equals in the order in which they came."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

from softswitch.floor.priorities import Rank


class Entry:
    """One request that waits, asked at `since` seconds; `user` is who asked behind the participant."""

    __slots__ = ("order", "participant", "rank", "since", "told", "user")

    def __init__(self, participant: str, rank: Rank, user: str, since: float, arrival: int) -> None:
        self.participant = participant
        self.rank = rank
        self.user = user
        self.since = since
        self.order = (-rank.tier, not rank.override, -rank.priority, arrival)
        #: the position it was told last, 0: none.
        self.told = 0


class WaitingList:
    """At most one entry per participant, sorted."""

    __slots__ = ("_arrivals", "_by_participant", "_line")

    def __init__(self) -> None:
        self._by_participant: dict[str, Entry] = {}
        self._line: list[Entry] = []
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._line)

    def __contains__(self, participant: str) -> bool:
        return participant in self._by_participant

    def add(self, participant: str, rank: Rank, user: str, since: float) -> Entry:
        """Put a request into its place; it must not be waiting already."""
        self._arrivals += 1
        entry = Entry(participant, rank, user, since, self._arrivals)
        self._by_participant[participant] = entry
        insort(self._line, entry, key=_order)
        return entry

    def get(self, participant: str) -> Entry | None:
        """The entry of a participant."""
        return self._by_participant.get(participant)

    def remove(self, participant: str) -> Entry | None:
        """Take a participant's request out, None when there is none."""
        entry = self._by_participant.pop(participant, None)
        if entry is not None:
            self._line.remove(entry)
        return entry

    @property
    def head(self) -> Entry | None:
        """Whose turn is next."""
        return self._line[0] if self._line else None

    @property
    def tail(self) -> Entry | None:
        """Whose turn is last."""
        return self._line[-1] if self._line else None

    def position(self, participant: str) -> int:
        """Place in the line, 1 is next; 0 when not waiting."""
        entry = self._by_participant.get(participant)
        return 0 if entry is None else self._line.index(entry) + 1


def _order(entry: Entry) -> tuple[int, bool, int, int]:
    return entry.order
