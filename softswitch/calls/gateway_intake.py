"""Calls that come from a gateway: counted, admitted, put on record and routed like those that come by SIP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.calls.call import Call
from softswitch.calls.hunting import History, Hunt
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.ported_leg import PortedLeg
from softswitch.calls.record import CallRecord
from softswitch.calls.routing import Caller
from softswitch.calls.sip.intake import TOO_MANY_CALLS

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

_OVERLOADED = Cause(503, 42, "the switch is overloaded")


class GatewayIntake:
    """Turns a gateway's new legs into calls. `admit(emergency)` gives 0, or after how many seconds to try again."""

    def __init__(self, exchange: Exchange, admit: Callable[[bool], int], new_id: Callable[[], str]) -> None:
        self._exchange = exchange
        self._admit = admit
        self._new_id = new_id

    def incoming(self, leg: PortedLeg, called: str, source: str, history: History = ()) -> Call:
        """The party of `leg` dials `called`; `source` tells where it comes from, for the record.

        `history`: the numbers that the call was diverted from before it came here.

        Whatever becomes of it, the leg is told through its own methods: progress, accept, reject.
        """
        rights = leg.caller or Caller(leg.party.number)
        return self.offered(leg, leg.own_offer(), rights, called, source, history)

    def offered(self, leg: Leg, offer: bytes, rights: Caller, called: str, source: str, history: History = ()) -> Call:
        """As `incoming`, of a party that has made an offer of its own and dials with `rights`."""
        exchange = self._exchange
        emergency = exchange.router.plan.emergency_number(called) is not None
        record = CallRecord(self._new_id(), leg.party.number, called, source, exchange.wall())
        call = Call(exchange, record.call_id, leg, offer, record)
        exchange.media.side(leg).owner = call.id
        exchange.add(call)
        call.begin()
        limit = exchange.settings.max_calls
        wait = self._admit(emergency)
        if wait and not emergency:
            call.refuse(_OVERLOADED._replace(retry_after=wait))
        elif limit and len(exchange.calls) > limit and not emergency:
            call.refuse(TOO_MANY_CALLS)
        else:
            self._route(call, rights, called, history)
        return call

    def _route(self, call: Call, caller: Caller, called: str, history: History) -> None:
        decision, found = self._exchange.router.stages(called, caller, history)
        call.record.route = decision.rule
        call.record.emergency = decision.emergency
        if isinstance(found, Cause):
            call.refuse(found)
        else:
            call.ring(Hunt.through(found))


__all__ = ["GatewayIntake"]
