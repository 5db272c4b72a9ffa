"""Alarms of a line: defects that last, and are over when they have been away for long (ITU-T G.7710 §7.2).

A defect is what the receiver sees at this moment (ITU-T G.775, G.706, RFC 5086 §5.2). The data link goes by defects;
operators are told of alarms, so that a line that is lost for some milliseconds now and then does not cry wolf.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gateways.e1.span.interface import Alarm

#: An alarm that comes back within so many seconds is a repetition.
_REPEATED_S = 600.0


@dataclass(frozen=True, slots=True)
class AlarmTimes:
    """Seconds: how long a defect lasts before it is an alarm, and is away before that is cleared (G.7710 §7.2)."""

    raise_s: float = 2.5
    clear_s: float = 10.0


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """A defect has lasted; `repetition` counts how often it had done so shortly before."""

    alarm: Alarm
    repetition: int


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """It has been away for long."""

    alarm: Alarm


class Alarms:
    """The defects and the alarms of one line. Times are seconds of the clock that callers bring."""

    def __init__(self, times: AlarmTimes | None = None) -> None:
        self.defects: frozenset[Alarm] = frozenset()
        self.raised: frozenset[Alarm] = frozenset()
        self._times = times or AlarmTimes()
        self._due: dict[Alarm, float] = {}
        self._repetitions: dict[Alarm, tuple[float, int]] = {}
        self._events: deque[AlarmRaised | AlarmCleared] = deque()

    def defects_are(self, defects: frozenset[Alarm], now: float) -> None:
        """The defects are these from now on."""
        self.defects = defects
        for alarm in Alarm:
            if (alarm in defects) is (alarm in self.raised):
                self._due.pop(alarm, None)
            else:
                wait = self._times.raise_s if alarm in defects else self._times.clear_s
                self._due.setdefault(alarm, now + wait)

    def handle_timer(self, now: float) -> None:
        """Raise and clear what is due at `now`."""
        for alarm in [alarm for alarm, at in self._due.items() if at <= now]:
            del self._due[alarm]
            self.raised ^= {alarm}
            if alarm in self.raised:
                self._events.append(AlarmRaised(alarm, self._count(alarm, now)))
            else:
                self._events.append(AlarmCleared(alarm))

    def next_timer(self) -> float | None:
        """When `handle_timer` is wanted."""
        return min(self._due.values(), default=None)

    def next_event(self) -> AlarmRaised | AlarmCleared | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def _count(self, alarm: Alarm, now: float) -> int:
        before, count = self._repetitions.get(alarm, (0.0, -1))
        count = count + 1 if count >= 0 and now - before < _REPEATED_S else 0
        self._repetitions[alarm] = now, count
        return count
