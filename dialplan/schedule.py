"""Times of day at which a rule applies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from dialplan.errors import DialplanError

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ALL_DAYS = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Open on `days` (0 = Monday) from `start` until before `end` in its own time zone.

    An `end` at or before `start` lies on the next day and belongs to the day on which it began; equal ends mean the
    whole day. On the dates in `holidays` it is closed, or open all the same when `open_on_holidays`.
    """

    name: str
    days: frozenset[int] = _ALL_DAYS
    start: time = time(0)
    end: time = time(0)
    zone: tzinfo = field(default=UTC)
    holidays: frozenset[date] = frozenset()
    open_on_holidays: bool = False

    @classmethod
    def create(
        cls,
        name: str,
        *,
        days: Iterable[str] = (),
        start: str = "00:00",
        end: str = "00:00",
        zone: str = "UTC",
        holidays: Iterable[str | date] = (),
        open_on_holidays: bool = False,
    ) -> Schedule:
        """Build from text: days ``mon``, ``mon-fri``, times ``HH:MM``, IANA zone, ISO dates; `DialplanError`."""
        try:
            dates = frozenset(date.fromisoformat(day) if isinstance(day, str) else day for day in holidays)
            times = _time(start), _time(end)
        except ValueError as error:
            raise DialplanError(f"schedule {name!r}: {error}") from error
        return cls(name, _days(name, days), *times, load_zone(zone), dates, open_on_holidays)

    def is_open(self, when: datetime) -> bool:
        """Whether the schedule covers the instant `when`; one without a zone is taken as local to the schedule."""
        local = when.astimezone(self.zone) if when.tzinfo is not None else when
        clock = local.time()
        if self.start < self.end:
            return self.start <= clock < self.end and self._counts(local.date())
        if clock >= self.start and self._counts(local.date()):
            return True
        return clock < self.end and self._counts(local.date() - timedelta(days=1))

    def _counts(self, day: date) -> bool:
        if day in self.holidays:
            return self.open_on_holidays
        return day.weekday() in self.days


def load_zone(name: str) -> tzinfo:
    """The IANA time zone `name`; raises `DialplanError` when this machine does not know it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise DialplanError(f"unknown time zone {name!r}") from error


def _time(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text).replace(tzinfo=None)


def _days(name: str, texts: Iterable[str]) -> frozenset[int]:
    found: set[int] = set()
    for text in texts:
        first, dash, last = text.strip().lower().partition("-")
        try:
            low = DAY_NAMES.index(first[:3])
            high = DAY_NAMES.index(last.strip()[:3]) if dash else low
        except ValueError as error:
            raise DialplanError(f"schedule {name!r}: unknown day {text!r}; write {', '.join(DAY_NAMES)}") from error
        found.update((low + step) % 7 for step in range((high - low) % 7 + 1))
    return frozenset(found) or _ALL_DAYS
