"""E1 trunks in their house: lines open and close, events of calls become legs, and routes lead to trunk groups.

Whatever a span tells is carried out inside the switch's own turn (`post`), like a SIP message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gateways.e1.leg import E1Leg
from gateways.e1.line import Line
from gateways.e1.mapping import CauseTable, called_number, calling_number, party_of
from gateways.e1.overlap import Overlap
from gateways.e1.q931 import Cause as IsdnCause
from gateways.e1.q931 import CauseValue, IsdnCall, NumberType, PartyNumber, Setup
from gateways.e1.q931.elements import SPEECH, ULAW, Bearer
from gateways.e1.q931.events import (
    ChannelAssigned,
    ChannelsFaulty,
    Cleared,
    Confirmed,
    Connected,
    DigitsReceived,
    Disconnecting,
    IsdnEvent,
    LinkChanged,
    Offered,
    Progressed,
)
from gateways.e1.span.interface import Alarm
from gateways.e1.trunk_group import TrunkGroup
from softswitch.calls.exchange import Exchange
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.ported_leg import PortedLeg
from softswitch.calls.routing import Caller
from softswitch.events import DigitReceived, TrunkStateChanged
from softswitch.media import MediaError
from softswitch.sip.timerwheel import Timer

logger = logging.getLogger(__name__)

NO_CHANNEL = Cause(503, 34, "no channel is free")
PREEMPTED = Cause(503, 8, "preempted by an emergency call")
_UNRESTRICTED = 0x08
_KEY_MS = 100

#: Runs one change of the calls, at once or after the present one (`SipDriver.post`).
Post = Callable[[Callable[[float], None]], None]


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """How calls through one trunk group are made and taken.

    `bearer` goes into our SETUPs; `prefix` before numbers that come in; `class_of_service` gives incoming calls their
    rights; `number_type` is told of numbers without a +.
    """

    cause_table: CauseTable = CauseTable.RFC3398
    bearer: Bearer = SPEECH
    prefix: str = ""
    class_of_service: str = ""
    number_type: int = NumberType.UNKNOWN
    send_restricted: bool = False
    exclusive: bool = False


class E1Gateway:
    """All lines of one trunk group; routes name it as `gateway:<name>`."""

    def __init__(self, name: str, group: TrunkGroup, exchange: Exchange, post: Post, settings: TrunkSettings) -> None:
        self.name = name
        self.group = group
        self.settings = settings
        self._exchange = exchange
        self._post = post
        self._overlap = Overlap(self._is_known)
        self._timers: dict[Line, Timer] = {}
        self._awaited: dict[IsdnCall, tuple[E1Leg, Target, Leg]] = {}  # victims, and who waits for their channels

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Start every line; one that cannot start is told of and left out."""
        self._exchange.add_gateway(self.name, self)
        for line in self.group.lines:
            try:
                await line.span.open(_Observer(line, self._post))
            except (OSError, MediaError, ValueError) as error:
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

    # -- calls out --------------------------------------------------------------------------------------------------

    def dial(self, target: Target, caller: Leg, leg_id: str) -> PortedLeg | Cause:
        """See Gateway."""
        self.group.outgoing.attempts += 1
        circuit = self.group.select()
        if circuit is not None:
            return self._new_leg(circuit.line, circuit.slot, leg_id, target)
        victim = self._victim(caller)
        if victim is None:
            self.group.outgoing.refused += 1
            return NO_CHANNEL
        return self._take_from(victim, leg_id, target)

    def invite(self, leg: PortedLeg, target: Target, caller: Leg) -> None:
        """See Gateway."""
        assert isinstance(leg, E1Leg)
        for victim, (waiting, _, _) in self._awaited.items():
            if waiting is leg:
                self._awaited[victim] = (leg, target, caller)
                return
        self._set_up(leg, target, caller)

    def _new_leg(self, line: Line, slot: int, leg_id: str, target: Target) -> E1Leg | Cause:
        try:
            port = line.span.open_channel(slot, leg_id)
        except MediaError as error:
            logger.error("channel %s/%d cannot be opened: %s", line.name, slot, error)
            return NO_CHANNEL
        leg = E1Leg(
            leg_id,
            "out",
            party_of(PartyNumber(target.number)),
            port,
            line,
            now=self._exchange.now,
            soon=self._exchange.soon,
            table=self.settings.cause_table,
        )
        leg.slot = slot
        return leg

    def _set_up(self, leg: E1Leg, target: Target, caller: Leg) -> None:
        settings, party = self.settings, caller.party
        setup = Setup(
            called_number(target.number, settings.number_type),
            calling_number(party, send_restricted=settings.send_restricted),
            settings.bearer,
            display=party.display_name if not party.privacy else "",
            redirecting=PartyNumber(target.history[-1].number, presentation=0) if target.history else None,
        )
        now = self._exchange.now()
        call = leg.line.access.call(setup, now, slot=leg.slot, exclusive=settings.exclusive)
        if call is None:
            self.group.outgoing.refused += 1
            self._exchange.soon(lambda: leg.fail(NO_CHANNEL))
            return
        call.owner, leg.call = leg, call
        leg.line.settle(now)

    def _victim(self, caller: Leg) -> IsdnCall | None:
        """Whose channel an emergency call takes when none is free."""
        call = self._exchange.call_of(caller)
        if call is None or not call.record.emergency:
            return None
        protected = [
            isdn
            for line in self.group.lines
            for isdn in line.access.calls
            if not isinstance(isdn.owner, E1Leg)
            or isdn in self._awaited
            or ((of := self._exchange.call_of(isdn.owner)) is not None and of.record.emergency)
        ]
        return self.group.victim(protected)

    def _take_from(self, victim: IsdnCall, leg_id: str, target: Target) -> E1Leg | Cause:
        """End a call for an emergency; the new one is set up as soon as the channel is free."""
        owner: E1Leg = victim.owner
        line, slot = owner.line, victim.slot
        self.group.outgoing.preempted += 1
        call = self._exchange.call_of(owner)
        if owner.port is not None:
            owner.port.close()
        leg = self._new_leg(line, slot or 0, leg_id, target)
        if isinstance(leg, E1Leg):
            self._awaited[victim] = (leg, target, leg)
        if call is not None:
            call.disconnect(PREEMPTED)
        return leg

    # -- calls in, and what becomes of all --------------------------------------------------------------------------

    def deliver(self, line: Line, event: IsdnEvent) -> None:
        """Something happened on a line."""
        if isinstance(event, LinkChanged):
            state = "up" if event.up else "down"
            self._exchange.bus.publish(TrunkStateChanged(f"{self.name}/{line.name}", state, event.reason))
        elif isinstance(event, ChannelsFaulty):
            line.access.blocked |= event.slots
            logger.warning("E1 span %s: channels %s are blocked: %s", line.name, sorted(event.slots), event.reason)
        elif isinstance(event, Offered):
            self._offered(line, event)
        elif isinstance(event, DigitsReceived):
            self._digits(line, event)
        elif isinstance(event, Cleared):
            self._cleared(event)
        elif isinstance(getattr(event, "call", None), IsdnCall):
            self._about_call(line, event)

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
        elif isinstance(event, ChannelAssigned) and leg.port is not None and event.slot != leg.slot:
            leg.slot = event.slot
            line.span.move_channel(leg.port, event.slot)

    def _offered(self, line: Line, event: Offered) -> None:
        call, now = event.call, self._exchange.now()
        self.group.incoming.attempts += 1
        bearer = call.setup.bearer
        if bearer.capability == _UNRESTRICTED or bearer.layer_1 == ULAW:
            call.disconnect(IsdnCause(CauseValue.BEARER_NOT_IMPLEMENTED), now)
            return
        number = self._overlap.offered(event, now)
        if number is not None:
            self._take_in(line, call, number)

    def _digits(self, line: Line, event: DigitsReceived) -> None:
        if self._overlap.waits(event.call):
            number = self._overlap.more(event)
            if number is not None:
                self._take_in(line, event.call, number)
            return
        leg = event.call.owner
        call = self._exchange.call_of(leg) if isinstance(leg, E1Leg) else None
        if call is not None:
            for digit in event.digits:
                self._exchange.bus.tell(DigitReceived, call.id, leg.id, digit, _KEY_MS)

    def _take_in(self, line: Line, call: IsdnCall, number: str) -> None:
        now, setup = self._exchange.now(), call.setup
        assert call.slot is not None, "an offered call has its channel"
        leg_id = self._exchange.new_id()
        try:
            port = line.span.open_channel(call.slot, leg_id)
        except MediaError as error:
            logger.error("channel %s/%d cannot be opened: %s", line.name, call.slot, error)
            call.disconnect(IsdnCause(CauseValue.TEMPORARY_FAILURE), now)
            return
        party = party_of(setup.calling, setup.display)
        leg = E1Leg(
            leg_id,
            "in",
            party,
            port,
            line,
            now=self._exchange.now,
            soon=self._exchange.soon,
            table=self.settings.cause_table,
            caller=self._rights(party.number),
        )
        leg.call, call.owner, leg.slot = call, leg, call.slot
        call.proceed(now)
        dialled = self._dialled(setup.called, number)
        self._exchange.gateway_intake.incoming(leg, dialled, f"e1:{line.name}/{call.slot}")
        line.settle(now)

    def _cleared(self, event: Cleared) -> None:
        self._overlap.forget(event.call)
        leg = event.call.owner
        if isinstance(leg, E1Leg):
            usage = self.group.outgoing if leg.direction == "out" else self.group.incoming
            if leg.answered_at:
                usage.answered += leg.direction == "in"
                usage.talked_s += self._exchange.now() - leg.answered_at
            leg.cleared(event)
        waiting = self._awaited.pop(event.call, None)
        if waiting is not None:
            self._exchange.soon(lambda: self._set_up(*waiting))

    # -- numbers ----------------------------------------------------------------------------------------------------

    def _rights(self, number: str) -> Caller:
        return Caller(number, self.settings.class_of_service, trunk=self.name)

    def _dialled(self, called: PartyNumber, digits: str) -> str:
        plus = "+" if called.type == NumberType.INTERNATIONAL else ""
        return f"{self.settings.prefix}{plus}{digits}"

    def _is_known(self, digits: str, call: IsdnCall) -> bool:
        if not digits:
            return False
        calling = party_of(call.setup.calling).number
        decision = self._exchange.router.decide(self._dialled(call.setup.called, digits), self._rights(calling))
        return decision.refused is None and bool(decision.stages)

    # -- operators --------------------------------------------------------------------------------------------------

    def block(self, span: str, slots: Iterable[int] | None = None) -> None:
        """Take channels of a span out of service; raises KeyError, ValueError."""
        self.group.block(span, slots)

    def unblock(self, span: str, slots: Iterable[int] | None = None) -> None:
        """Put channels back into service; those that a fault had blocked are restarted. Raises KeyError, ValueError."""
        self.group.unblock(span, slots)

    def describe(self) -> dict[str, Any]:
        """What an operator wants to know."""
        return {"gateway": self.name, "kind": "e1", **self.group.describe()}


class _Observer:
    """Brings what a span tells into the switch's own turn."""

    def __init__(self, line: Line, post: Post) -> None:
        self._line = line
        self._post = post

    def dframe_received(self, frame: bytes, now: float) -> None:
        """See SpanObserver."""
        self._post(lambda now: self._line.dframe_received(frame, now))

    def alarms_changed(self, alarms: frozenset[Alarm], now: float) -> None:
        """See SpanObserver."""
        self._post(lambda now: self._line.alarms_changed(alarms, now))
