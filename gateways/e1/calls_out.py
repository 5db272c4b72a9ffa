"""Calls that routes bring to a trunk group: a channel, SETUP, and what an emergency does when no channel is free."""

from __future__ import annotations

import logging

from gateways.e1.leg import E1Leg
from gateways.e1.line import Line
from gateways.e1.mapping import called_number, calling_number, party_of, redirecting_number
from gateways.e1.q931 import IsdnCall, PartyNumber, Setup
from gateways.e1.trunk_group import TrunkGroup
from gateways.e1.trunk_settings import TrunkSettings
from gateways.e1.user_to_user import information_of
from softswitch.calls.exchange import Exchange
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg
from softswitch.media import MediaError

logger = logging.getLogger(__name__)

NO_CHANNEL = Cause(503, 34, "no channel is free")
PREEMPTED = Cause(503, 8, "preempted by an emergency call")


class CallsOut:
    """The calls out of one trunk group."""

    def __init__(self, group: TrunkGroup, exchange: Exchange, settings: TrunkSettings) -> None:
        self._group = group
        self._exchange = exchange
        self._settings = settings
        # Victims of emergencies, and who waits for their channels.
        self._awaited: dict[IsdnCall, tuple[E1Leg, Target, Leg]] = {}

    def dial(self, target: Target, caller: Leg, leg_id: str) -> E1Leg | Cause:
        """A leg with the channel it will use."""
        self._group.outgoing.attempts += 1
        circuit = self._group.select()
        if circuit is not None:
            return self._new_leg(circuit.line, circuit.slot, leg_id, target)
        victim = self._victim(caller)
        if victim is None:
            self._group.outgoing.refused += 1
            return NO_CHANNEL
        return self._take_from(victim, leg_id, target)

    def invite(self, leg: E1Leg, target: Target, caller: Leg) -> None:
        """Send SETUP, now or as soon as the leg's channel is free."""
        for victim, (waiting, _, _) in self._awaited.items():
            if waiting is leg:
                self._awaited[victim] = (leg, target, caller)
                return
        self._set_up(leg, target, caller)

    def cleared(self, call: IsdnCall) -> None:
        """A call is over; whoever waits for its channel may have it."""
        waiting = self._awaited.pop(call, None)
        if waiting is not None:
            self._exchange.soon(lambda: self._set_up(*waiting))

    def _new_leg(self, line: Line, slot: int, leg_id: str, target: Target) -> E1Leg | Cause:
        try:
            port = line.span.open_channel(slot, leg_id)
        except MediaError as error:
            logger.error("channel %s/%d cannot be opened: %s", line.name, slot, error)
            self._group.outgoing.refused += 1
            return NO_CHANNEL
        party = party_of(PartyNumber(target.number))
        leg = E1Leg(leg_id, "out", party, port, line, exchange=self._exchange, settings=self._settings)
        leg.slot, leg.trunk = slot, self._group.name
        return leg

    def _set_up(self, leg: E1Leg, target: Target, caller: Leg) -> None:
        settings, now = self._settings, self._exchange.now()
        setup = self._setup(leg.line, target, caller)
        call = leg.line.access.call(setup, now, slot=leg.slot, exclusive=settings.exclusive)
        if call is None:
            self._group.outgoing.refused += 1
            self._exchange.soon(lambda: leg.fail(NO_CHANNEL))
            return
        call.owner, leg.call = leg, call
        leg.line.settle(now)

    def _setup(self, line: Line, target: Target, caller: Leg) -> Setup:
        settings, party = self._settings, caller.party
        display = party.display_name if settings.display_encoding and not party.privacy else ""
        return Setup(
            called_number(target.number, settings.numbering),
            calling_number(party, settings.numbering, send_restricted=settings.send_restricted),
            settings.bearer,
            complete=not line.access.parameters.overlap_sending,
            display=display,
            display_encoding=settings.display_encoding or "utf-8",
            redirecting=redirecting_number(target.history, settings.numbering),
            user_user=information_of(party.user_to_user) if settings.user_to_user else None,
        )

    def _victim(self, caller: Leg) -> IsdnCall | None:
        """Whose channel an emergency call takes when none is free."""
        call = self._exchange.call_of(caller)
        if call is None or not call.record.emergency:
            return None
        protected = [
            isdn
            for line in self._group.lines
            for isdn in line.access.calls
            if not isinstance(isdn.owner, E1Leg)
            or isdn in self._awaited
            or ((of := self._exchange.call_of(isdn.owner)) is not None and of.record.emergency)
        ]
        return self._group.victim(protected)

    def _take_from(self, victim: IsdnCall, leg_id: str, target: Target) -> E1Leg | Cause:
        """End a call for an emergency; the new one is set up as soon as the channel is free."""
        owner: E1Leg = victim.owner
        self._group.outgoing.preempted += 1
        call = self._exchange.call_of(owner)
        if owner.port is not None:
            owner.port.close()
        leg = self._new_leg(owner.line, victim.slot or 0, leg_id, target)
        if isinstance(leg, E1Leg):
            self._awaited[victim] = (leg, target, leg)
        if call is not None:
            call.disconnect(PREEMPTED)
        return leg
