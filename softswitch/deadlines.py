"""Named deadlines of one machine: a handful at a time, restarted far more often than they expire."""

from __future__ import annotations


class TimerSet:
    """Deadlines by (timer's name, whose it is). Restarting is one assignment, because T1 restarts with the media."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], float] = {}

    def start(self, name: str, at: float, owner: str = "") -> None:
        """Have the timer expire at `at` seconds, whether it ran before or not."""
        self._at[name, owner] = at

    def stop(self, name: str, owner: str = "") -> None:
        """Make sure the timer does not expire."""
        self._at.pop((name, owner), None)

    def stop_all(self, names: tuple[str, ...], owner: str) -> None:
        """Stop several timers of one owner."""
        pop = self._at.pop
        for name in names:
            pop((name, owner), None)

    def clear(self) -> None:
        """Stop all."""
        self._at.clear()

    def runs(self, name: str, owner: str = "") -> bool:
        """Whether the timer is running."""
        return (name, owner) in self._at

    def remaining(self, name: str, now: float, owner: str = "") -> float | None:
        """Seconds until the timer expires, None when it does not run."""
        at = self._at.get((name, owner))
        return None if at is None else max(0.0, at - now)

    def next_at(self) -> float | None:
        """The earliest deadline."""
        return min(self._at.values()) if self._at else None

    def pop_due(self, now: float) -> tuple[str, str] | None:
        """(name, owner) of the earliest timer that is due at `now`, which runs no longer; None when none is."""
        if not self._at:
            return None
        key = min(self._at, key=self._at.__getitem__)
        if self._at[key] > now:
            return None
        del self._at[key]
        return key

    def export(self, now: float) -> list[tuple[str, str, float]]:
        """(name, owner, seconds left) of every running timer."""
        return [(name, owner, at - now) for (name, owner), at in self._at.items()]
