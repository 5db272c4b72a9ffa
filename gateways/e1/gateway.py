"""E1 trunks in their house: lines open and close, events of calls become legs, and routes lead to trunk groups.

Whatever a span tells is carried out inside the switch's own turn (`post`), like a SIP message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from gateways.e1.alarms import AlarmCleared, AlarmRaised
from gateways.e1.call_transfer import CallTransfers
from gateways.e1.calls_in import CallsIn
from gateways.e1.calls_out import CallsOut
from gateways.e1.leg import E1Leg
from gateways.e1.line import Line, LineEvent
from gateways.e1.q931 import Cause, CauseValue, IsdnCall
from gateways.e1.q931.events import (
    ChannelAssigned,
    ChannelsFaulty,
    ChannelsRestarted,
    Cleared,
    Confirmed,
    Connected,
    DigitsReceived,
    DigitsWanted,
    Disconnecting,
    Invoked,
    LinkChanged,
    Notified,
    Offered,
    Progressed,
    UserInformation,
)
from gateways.e1.span.interface import Alarm
from gateways.e1.trunk_group import TrunkGroup
from gateways.e1.trunk_settings import Hold, TrunkSettings
from gateways.e1.voice_link import follow_groups
from softswitch.calls import leg as calls
from softswitch.calls.exchange import Exchange
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Leg
from softswitch.calls.ported_leg import PortedLeg
from softswitch.events import ChannelsChanged, SpanAlarmCleared, SpanAlarmRaised, TrunkStateChanged
from softswitch.media import MediaError
from softswitch.sip.timerwheel import Timer

logger = logging.getLogger(__name__)

#: Runs one change of the calls, at once or after the present one (`SipDriver.post`).
Post = Callable[[Callable[[float], None]], None]


class E1Gateway:
    """All lines of one trunk group; routes name it as `gateway:<name>`."""

    def __init__(self, name: str, group: TrunkGroup, exchange: Exchange, post: Post, settings: TrunkSettings) -> None:
        self.name = name
        self.group = group
        self.settings = settings
        self._exchange = exchange
        self._post = post
        self._in = CallsIn(group, exchange, settings)
        self._out = CallsOut(group, exchange, settings)
        self._transfers = CallTransfers()
        self._timers: dict[Line, Timer] = {}
        follow_groups(settings.floor, self._leg_of, exchange.bus)

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Start every line; one that cannot start is told of and left out."""
        self._exchange.add_gateway(self.name, self)
        for line in self.group.lines:
            try:
                await line.span.open(_Observer(self, line))
            except (MediaError, ValueError) as error:
                line.last_error = str(error)
                logger.error("E1 span %s does not start: %s", line.name, error)
                self._exchange.bus.publish(TrunkStateChanged(f"{self.name}/{line.name}", "down", str(error)))

    async def close(self) -> None:
        """Take the lines down."""
        for line in self.group.lines:
            line.stop(self._exchange.now())
            await line.span.close()
        for timer in self._timers.values():
            timer.cancel()

    def rearm(self, line: Line) -> None:
        """Be woken when the line wants it."""
        timer = self._timers.pop(line, None)
        if timer is not None:
            timer.cancel()
        at = line.next_timer()
        if at is not None:
            self._timers[line] = self._exchange.timers.schedule(at, line.handle_timer)

    # -- Gateway ----------------------------------------------------------------------------------------------------

    def dial(self, target: Target, caller: Leg, leg_id: str) -> PortedLeg | calls.Cause:
        """See Gateway."""
        return self._out.dial(target, caller, leg_id)

    def invite(self, leg: PortedLeg, target: Target, caller: Leg) -> None:
        """See Gateway."""
        assert isinstance(leg, E1Leg)
        self._out.invite(leg, target, caller)

    # -- what lines tell --------------------------------------------------------------------------------------------

    def posted(self, change: Callable[[float], None]) -> None:
        """Carry out `change` in the switch's own turn."""
        self._post(change)

    def deliver(self, line: Line, event: LineEvent) -> None:
        """Something happened on a line."""
        if isinstance(event, LinkChanged):
            state = "up" if event.up else "down"
            self._exchange.bus.publish(TrunkStateChanged(f"{self.name}/{line.name}", state, event.reason))
        elif isinstance(event, AlarmRaised | AlarmCleared):
            self._tell_alarm(line, event)
        elif isinstance(event, ChannelsFaulty):
            logger.warning("E1 span %s: channels %s are out of order: %s", line.name, sorted(event.slots), event.reason)
            self._tell_channels(line, event.slots, "faulty", event.reason)
        elif isinstance(event, ChannelsRestarted):
            self._tell_channels(line, event.slots, "restarted", "" if event.by_us else "by the far end")
        elif isinstance(event, Offered):
            self._in.offered(line, event)
        elif isinstance(event, DigitsReceived):
            self._in.digits(line, event)
        elif isinstance(event, DigitsWanted):  # the whole number went with SETUP: say so
            event.call.send_digits("", self._exchange.now(), complete=True)
        elif isinstance(event, Invoked):
            self._transfers.invoked(line, event)
        elif isinstance(event, Cleared):
            self._cleared(event)
        elif isinstance(getattr(event, "call", None), IsdnCall):
            self._about_call(line, event)

    def _tell_alarm(self, line: Line, event: AlarmRaised | AlarmCleared) -> None:
        alarm = event.alarm
        if isinstance(event, AlarmCleared):
            self._exchange.bus.publish(SpanAlarmCleared(self.name, line.name, alarm.name))
            return
        if event.repetition == 0:
            logger.warning("E1 span %s: %s", line.name, alarm.value)
        elif event.repetition == 1:
            logger.warning("E1 span %s: %s again; events alone tell how often it comes back", line.name, alarm.value)
        self._exchange.bus.publish(SpanAlarmRaised(self.name, line.name, alarm.name, alarm.value))

    def _about_call(self, line: Line, event: Any) -> None:
        leg = event.call.owner
        if not isinstance(leg, E1Leg):
            return
        if isinstance(event, Progressed):
            leg.progressed(event)
        elif isinstance(event, Connected):
            self.group.outgoing.answered += 1
            leg.connected(event)
        elif isinstance(event, Confirmed):
            leg.confirmed()
        elif isinstance(event, Disconnecting):
            leg.disconnecting(event)
        elif isinstance(event, Notified):
            leg.notified(event)
        elif isinstance(event, UserInformation):
            leg.told(event)
        elif isinstance(event, ChannelAssigned) and leg.port is not None and event.slot != leg.slot:
            leg.slot = event.slot
            line.span.move_channel(leg.port, event.slot)

    def _cleared(self, event: Cleared) -> None:
        self._in.cleared(event.call)
        self._transfers.cleared(event.call)
        leg = event.call.owner
        if isinstance(leg, E1Leg):
            usage = self.group.outgoing if leg.direction == "out" else self.group.incoming
            if leg.answered_at:
                usage.answered += leg.direction == "in"
                usage.talked_s += self._exchange.now() - leg.answered_at
            leg.cleared(event)
        self._out.cleared(event.call)

    def _leg_of(self, leg_id: str) -> E1Leg | None:
        owners = (call.owner for line in self.group.lines for call in line.access.calls)
        return next((each for each in owners if isinstance(each, E1Leg) and each.id == leg_id), None)

    # -- operators --------------------------------------------------------------------------------------------------

    def block(self, span: str = "", slots: Iterable[int] | None = None, *, clear: bool = False) -> None:
        """Take channels of a span, or of all, out of service (busy-out): calls in them go on unless `clear`.

        Raises KeyError, ValueError.
        """
        for line, chosen in self.group.block(span, slots):
            if clear:
                self._clear(line, chosen)
            self._tell_channels(line, chosen, "blocked", "by an operator")

    def unblock(self, span: str = "", slots: Iterable[int] | None = None) -> None:
        """Put channels back into service. Raises KeyError, ValueError."""
        for line, chosen in self.group.unblock(span, slots):
            self._tell_channels(line, chosen, "in_service", "by an operator")

    def restart(self, span: str = "", slots: Iterable[int] | None = None) -> None:
        """Put channels in order at both ends (RESTART), which ends the calls in them. Raises KeyError, ValueError."""
        now = self._exchange.now()
        for line, chosen in self.group.chosen(span, slots):
            if not line.access.is_up:
                raise ValueError(f"the D channel of span {line.name} is down")
            line.access.restart(now, chosen)
            line.settle(now)

    def _clear(self, line: Line, slots: frozenset[int]) -> None:
        for slot in slots:
            call = line.access.channels.call_in(slot)
            if call is not None:
                call.disconnect(Cause(CauseValue.TEMPORARY_FAILURE), self._exchange.now())
        line.settle(self._exchange.now())

    def _tell_channels(self, line: Line, slots: frozenset[int], state: str, reason: str) -> None:
        self._exchange.bus.publish(ChannelsChanged(self.name, line.name, tuple(sorted(slots)), state, reason))

    def problems(self) -> list[str]:
        """What is wrong now, one sentence each."""
        return [line.fault for line in self.group.lines if line.fault]

    def describe(self) -> dict[str, Any]:
        """What an operator wants to know."""
        return {"gateway": self.name, "kind": "e1", **self.group.describe()}


class _Observer:
    """Brings what a span tells into the switch's own turn."""

    def __init__(self, gateway: E1Gateway, line: Line) -> None:
        self._gateway = gateway
        self._line = line

    def dframe_received(self, frame: bytes, now: float) -> None:
        """See SpanObserver."""
        self._gateway.posted(lambda now: self._line.dframe_received(frame, now))

    def defects_changed(self, defects: frozenset[Alarm], now: float) -> None:
        """See SpanObserver."""
        self._gateway.posted(lambda now: self._line.defects_changed(defects, now))


__all__ = ["E1Gateway", "Hold", "TrunkSettings"]
