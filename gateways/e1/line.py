"""One span with its D channel: driver, data link and layer 3 put together.

The driver gives frames, the line makes events of calls of them; whoever owns the line drains both after every change
by `settle`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateways.e1.alarms import AlarmCleared, AlarmRaised, Alarms, AlarmTimes
from gateways.e1.q921 import DataReceived, Link, LinkError, LinkEstablished, LinkParameters, LinkReleased, Side
from gateways.e1.q931 import Access, AccessParameters
from gateways.e1.q931.channels import Choice
from gateways.e1.q931.events import IsdnEvent
from gateways.e1.span.interface import Alarm, Span

#: What a line tells: events of its calls, and alarms.
LineEvent = IsdnEvent | AlarmRaised | AlarmCleared

#: Defects with which nothing can be heard on the D channel (Q.921 §5.5.1.3, PH-DEACTIVATE).
_SILENT = frozenset({Alarm.LOS, Alarm.LOF, Alarm.AIS, Alarm.PACKETS})


class Line:
    """Span `name`; `side` is ours. `deliver` gets each event of layer 3 and each alarm.

    `rearm` is called when `next_timer` may have changed. `hold_off_s`: how long a defect may last before the data link
    is given up; `alarm_times`: how long before it is an alarm. `optional`: it is no fault when nobody is at the far
    end.
    """

    def __init__(
        self,
        name: str,
        span: Span,
        side: Side,
        *,
        deliver: Callable[[Line, LineEvent], None],
        rearm: Callable[[Line], None],
        link: LinkParameters | None = None,
        parameters: AccessParameters | None = None,
        slots: Iterable[int] | None = None,
        choose: Choice | None = None,
        hold_off_s: float = 0.5,
        alarm_times: AlarmTimes | None = None,
        optional: bool = False,
    ) -> None:
        self.name = name
        self.span = span
        self.link = Link(side, link)
        self.access = Access(side, parameters, slots=span.slots if slots is None else slots, choose=choose)
        #: monotonic seconds of the last change of the data link.
        self.changed_at = 0.0
        #: whether it may be that nobody is at the far end.
        self.optional = optional
        self.last_error = ""
        self._deliver = deliver
        self._rearm = rearm
        self._hold_off_s = hold_off_s
        self._give_up: float | None = None
        self._started = False
        self._alarms = Alarms(alarm_times)
        self._was_there = not optional

    @property
    def alarms(self) -> frozenset[Alarm]:
        """The defects that have lasted: what operators are told."""
        return self._alarms.raised

    # -- what the driver tells --------------------------------------------------------------------------------------

    def dframe_received(self, frame: bytes, now: float) -> None:
        """See SpanObserver."""
        self.link.receive_data(frame, now)
        self.settle(now)

    def defects_changed(self, defects: frozenset[Alarm], now: float) -> None:
        """See SpanObserver."""
        self._was_there |= Alarm.PACKETS not in defects
        self._alarms.defects_are(defects if self._was_there else defects - {Alarm.PACKETS}, now)
        if not defects & _SILENT:
            self._give_up = None
            if not self._started:
                self._started = True
                self.link.establish(now)
        elif self._started and self._give_up is None:
            self._give_up = now + self._hold_off_s
        self.settle(now)

    # -- time -------------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """When `handle_timer` is wanted."""
        candidates = (self.link.next_timer(), self.access.next_timer(), self._alarms.next_timer(), self._give_up)
        return min((at for at in candidates if at is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        if self._give_up is not None and now >= self._give_up:
            self._give_up, self._started = None, False
            self.link.line_failed()
        self.link.handle_timer(now)
        self.access.handle_timer(now)
        self._alarms.handle_timer(now)
        self.settle(now)

    def stop(self, now: float) -> None:
        """Take the data link down."""
        self.link.release(now)
        self.settle(now)

    @property
    def fault(self) -> str:
        """What is wrong with it now, empty when nothing is."""
        if self.optional and not self.access.is_up and self.alarms <= {Alarm.PACKETS}:
            return ""
        if self.alarms:
            return f"E1 span {self.name}: " + ", ".join(sorted(alarm.value for alarm in self.alarms))
        if not self.access.is_up:
            return f"the D channel of E1 span {self.name} is down" + (self.last_error and f": {self.last_error}")
        return ""

    # -- draining ---------------------------------------------------------------------------------------------------

    def settle(self, now: float) -> None:
        """Carry messages between the layers, send what is to be sent, and deliver what happened."""
        busy = True
        while busy:
            busy = False
            while (event := self.link.next_event()) is not None:
                busy = True
                self._on_link(event, now)
            while (told := self.access.next_event() or self._alarms.next_event()) is not None:
                busy = True
                self._deliver(self, told)
            for message in self.access.data_to_send():
                busy = True
                self.link.send(message, now)
        for frame in self.link.data_to_send():
            self.span.send_dframe(frame)
        self._rearm(self)

    def _on_link(self, event: object, now: float) -> None:
        if isinstance(event, DataReceived):
            self.access.receive_data(event.data, now)
        elif isinstance(event, LinkEstablished):
            self.changed_at = now
            self.access.link_up(now, reset=event.reset)
        elif isinstance(event, LinkReleased):
            self.changed_at = now
            self.access.link_down(now, event.reason)
        elif isinstance(event, LinkError):
            self.last_error = event.text

    def describe(self) -> dict[str, Any]:
        """What an operator wants to know of this line."""
        access = self.access
        return {
            "span": self.name,
            "side": self.link.side.value,
            "link": self.link.supervision,
            "alarms": sorted(alarm.name for alarm in self.alarms),
            "last_error": self.last_error,
            "channels": len(access.channels.slots),
            "in_use": sorted(slot for slot in access.channels.slots if access.channels.call_in(slot) is not None),
            "blocked": sorted(access.channels.blocked),
            "faulty": sorted(access.channels.faulty),
            "restarting": sorted(access.restarting),
            "echo_db": self.span.echo_loss_db(),
            "counters": self.counters(),
        }

    def usage(self) -> list[tuple[str, int]]:
        """How many channels do what."""
        access = self.access
        used = sum(access.channels.call_in(slot) is not None for slot in access.channels.slots)
        blocked, faulty = len(access.channels.blocked & access.channels.slots), len(access.channels.faulty)
        return [("in_use", used), ("idle", len(access.channels.idle)), ("blocked", blocked), ("faulty", faulty)]

    def counters(self) -> dict[str, Any]:
        """What was counted, from the driver up to layer 3."""
        counted = dict(self.link.counters) | dict(self.access.counters) | self.span.counters()
        return {what: n for what, n in counted.items() if isinstance(n, int | float)}
