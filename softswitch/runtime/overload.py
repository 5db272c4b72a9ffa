"""Overload control: new calls and registrations beyond what the switch can bear get 503 and Retry-After.

Pure logic with injected clock and random. Requests inside a dialog are never asked about, so calls in progress go on;
emergency calls are always admitted. Two signs of load: the configured rate, and how late the event loop runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["call", "registration"]


@dataclass(frozen=True, slots=True)
class OverloadSettings:
    """Rates per second (0: no limit), the loop lag in seconds where shedding starts, Retry-After bounds in seconds."""

    calls_per_second: float = 0.0
    registrations_per_second: float = 0.0
    lag_limit: float = 0.1
    lag_weight: float = 0.2
    retry_after_least: int = 2
    retry_after_most: int = 12


class _Rate:
    """A token bucket that holds one second's worth."""

    __slots__ = ("_per_second", "_tokens", "_updated")

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._tokens = max(per_second, 1.0)
        self._updated: float | None = None

    def take(self, now: float) -> bool:
        if self._per_second <= 0:
            return True
        if self._updated is not None:
            gained = (now - self._updated) * self._per_second
            self._tokens = min(max(self._per_second, 1.0), self._tokens + gained)
        self._updated = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Overload:
    """Decides whether a new INVITE or REGISTER may come in; `random` gives numbers in [0, 1)."""

    def __init__(self, settings: OverloadSettings, random: Callable[[], float]) -> None:
        self._random = random
        self.lag = 0.0
        self.refused: dict[Kind, int] = {"call": 0, "registration": 0}
        self.configure(settings)

    def configure(self, settings: OverloadSettings) -> None:
        """Put new settings in force."""
        self.settings = settings
        self._rates: dict[Kind, _Rate] = {
            "call": _Rate(settings.calls_per_second),
            "registration": _Rate(settings.registrations_per_second),
        }

    def note_lag(self, lag: float) -> None:
        """Take one measurement of how late the event loop was, in seconds."""
        self.lag += self.settings.lag_weight * (lag - self.lag)

    @property
    def shedding(self) -> float:
        """The share of new work refused because the loop is late: 0 up to the limit, 0.95 from twice the limit on."""
        limit = self.settings.lag_limit
        if limit <= 0 or self.lag <= limit:
            return 0.0
        return min(0.95, (self.lag - limit) / limit)

    def admit(self, kind: Kind, now: float, *, emergency: bool = False) -> int:
        """0 when the request may come in, else seconds for Retry-After, spread so that not all come back at once."""
        if emergency:
            return 0
        shedding = self.shedding
        if (not shedding or self._random() >= shedding) and self._rates[kind].take(now):
            return 0
        self.refused[kind] += 1
        spread = self.settings.retry_after_most - self.settings.retry_after_least + 1
        return self.settings.retry_after_least + int(self._random() * spread)
