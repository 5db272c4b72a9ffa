"""Calls that an exchange brings: the whole number first, then a leg for the switch's own routing."""

from __future__ import annotations

import logging

from gateways.e1 import tones
from gateways.e1.leg import E1Leg
from gateways.e1.line import Line
from gateways.e1.mapping import history_of, party_of
from gateways.e1.overlap import Overlap
from gateways.e1.q931 import Cause, CauseValue, IsdnCall, NumberType, PartyNumber
from gateways.e1.q931.elements import ULAW
from gateways.e1.q931.events import DigitsReceived, Offered
from gateways.e1.trunk_group import TrunkGroup
from gateways.e1.trunk_settings import TrunkSettings
from gateways.e1.user_to_user import header_of
from softswitch.calls.exchange import Exchange
from softswitch.calls.routing import Caller
from softswitch.events import DigitReceived
from softswitch.media import MediaError, Port

logger = logging.getLogger(__name__)

_UNRESTRICTED = 0x08
_KEY_MS = 100


class CallsIn:
    """The calls into one trunk group."""

    def __init__(self, group: TrunkGroup, exchange: Exchange, settings: TrunkSettings) -> None:
        self._group = group
        self._exchange = exchange
        self._settings = settings
        self._overlap = Overlap(self._is_known)
        self._dial_tones: dict[IsdnCall, Port] = {}

    def offered(self, line: Line, event: Offered) -> None:
        """SETUP arrived."""
        call, now = event.call, self._exchange.now()
        self._group.incoming.attempts += 1
        bearer = call.setup.bearer
        if bearer.capability == _UNRESTRICTED or bearer.layer_1 == ULAW:
            call.disconnect(Cause(CauseValue.BEARER_NOT_IMPLEMENTED), now)
            return
        number = self._overlap.offered(event, now, lambda: self._dial_tone(line, call))
        if number is not None:
            self._take_in(line, call, number)

    def digits(self, line: Line, event: DigitsReceived) -> None:
        """INFORMATION arrived: more of the number, or keys."""
        if self._overlap.waits(event.call):
            self._end_dial_tone(event.call)
            number = self._overlap.more(event)
            if number is not None:
                self._take_in(line, event.call, number)
            elif event.complete:
                event.call.disconnect(Cause(CauseValue.INVALID_NUMBER_FORMAT), self._exchange.now())
            return
        leg = event.call.owner
        call = self._exchange.call_of(leg) if isinstance(leg, E1Leg) else None
        if call is not None:
            for digit in event.digits:
                self._exchange.bus.tell(DigitReceived, call.id, leg.id, digit, _KEY_MS)

    def cleared(self, call: IsdnCall) -> None:
        """A call is over."""
        self._overlap.forget(call)
        self._end_dial_tone(call)

    def _dial_tone(self, line: Line, call: IsdnCall) -> bool:
        assert call.slot is not None, "an offered call has its channel"
        if not self._settings.tones:
            return False
        try:
            self._dial_tones[call] = line.span.open_channel(call.slot, f"dial tone {line.name}/{call.slot}")
        except MediaError as error:
            logger.error("channel %s/%d cannot be opened: %s", line.name, call.slot, error)
            return False
        tones.sound(self._exchange, self._dial_tones[call], tones.DIAL)
        return True

    def _end_dial_tone(self, call: IsdnCall) -> None:
        port = self._dial_tones.pop(call, None)
        if port is not None:
            port.close()

    def _take_in(self, line: Line, call: IsdnCall, number: str) -> None:
        now, setup = self._exchange.now(), call.setup
        assert call.slot is not None, "an offered call has its channel"
        leg_id = self._exchange.new_id()
        try:
            port = line.span.open_channel(call.slot, leg_id)
        except MediaError as error:
            logger.error("channel %s/%d cannot be opened: %s", line.name, call.slot, error)
            call.disconnect(Cause(CauseValue.TEMPORARY_FAILURE), now)
            return
        party = party_of(setup.calling, setup.display)
        if setup.user_user is not None and self._settings.user_to_user:
            party.user_to_user = header_of(setup.user_user)
        rights = self._rights(party.number)
        leg = E1Leg(leg_id, "in", party, port, line, exchange=self._exchange, settings=self._settings, caller=rights)
        leg.call, call.owner, leg.slot, leg.trunk = call, leg, call.slot, self._group.name
        call.proceed(now)
        dialled = self._dialled(setup.called, number)
        source = f"e1:{line.name}/{call.slot}"
        self._exchange.gateway_intake.incoming(leg, dialled, source, history_of(setup.redirecting, dialled))
        line.settle(now)

    def _rights(self, number: str) -> Caller:
        return Caller(number, self._settings.class_of_service, trunk=self._group.name)

    def _dialled(self, called: PartyNumber, digits: str) -> str:
        plus = "+" if called.type == NumberType.INTERNATIONAL else ""
        return f"{self._settings.prefix}{plus}{digits}"

    def _is_known(self, digits: str, call: IsdnCall) -> bool:
        if not digits:
            return False
        calling = party_of(call.setup.calling).number
        decision = self._exchange.router.decide(self._dialled(call.setup.called, digits), self._rights(calling))
        return decision.refused is None and bool(decision.stages)
