"""Explicit call transfer (EN 300 369): an exchange of the user's side has its two calls joined, and leaves.

On a primary rate access it asks for a link identifier of one call (ectLinkIdRequest) and names that in the other
(explicitEctExecute); the form without (ectExecute, on a held call) is taken where only one other call can be meant.
"""

from __future__ import annotations

from gateways.e1.leg import E1Leg
from gateways.e1.line import Line
from gateways.e1.q931 import CallState, IsdnCall, Q931Error
from gateways.e1.q931.events import Invoked
from gateways.e1.q931.rose import (
    MISTYPED_ARGUMENT,
    UNRECOGNIZED_OPERATION,
    Error,
    Reject,
    Result,
    integer,
    read_integer,
)
from softswitch.calls.leg import Leg

#: {itu-t identified-organization etsi(0) 369 operations-and-errors(1)}, below which operations have their numbers.
_OPERATIONS = bytes.fromhex("0400827101")
EXECUTE = 6
EXPLICIT_EXECUTE, LINK_ID_REQUEST = _OPERATIONS + b"\x01", _OPERATIONS + b"\x04"
#: Errors of EN 300 196-1 annex D.
_INVALID_CALL_STATE = 7
_HIGHEST_LINK = 0x7FFF


class CallTransfers:
    """The transfers that the exchanges of one trunk group ask for."""

    def __init__(self) -> None:
        self._links: dict[int, IsdnCall] = {}
        self._next = 1

    def invoked(self, line: Line, event: Invoked) -> None:
        """FACILITY arrived with an operation."""
        call, invoke = event.call, event.invoke
        if invoke.operation == LINK_ID_REQUEST:
            call.send_facility(Result(invoke.identifier, LINK_ID_REQUEST, integer(self._link_of(call))))
        elif invoke.operation == EXPLICIT_EXECUTE:
            try:
                other = self._links.get(read_integer(invoke.argument))
            except Q931Error:
                call.send_facility(Reject(invoke.identifier, MISTYPED_ARGUMENT))
                return
            self._transfer(event, other if other in line.access.calls else None)
        elif invoke.operation == EXECUTE:
            self._transfer(event, _meant(line, call))
        else:
            call.send_facility(Reject(invoke.identifier, UNRECOGNIZED_OPERATION))

    def cleared(self, call: IsdnCall) -> None:
        """A call is over, and its link identifier with it."""
        self._links = {link: linked for link, linked in self._links.items() if linked is not call}

    def _link_of(self, call: IsdnCall) -> int:
        known = next((link for link, linked in self._links.items() if linked is call), None)
        if known is None:
            while self._next in self._links:
                self._next = self._next % _HIGHEST_LINK + 1
            known = self._next
            self._next = known % _HIGHEST_LINK + 1
            self._links[known] = call
        return known

    @staticmethod
    def _transfer(event: Invoked, other: IsdnCall | None) -> None:
        leg, request = event.call.owner, _Request(event)
        consulted = other.owner if other is not None and other is not event.call else None
        if isinstance(leg, E1Leg) and isinstance(consulted, E1Leg):
            request.consulted = consulted
            leg.observer.leg_transfer_requested(leg, request)
        else:
            request.refuse(481)


def _meant(line: Line, call: IsdnCall) -> IsdnCall | None:
    """The call that a held one is to be joined with, when only one is talked in."""

    def held(each: IsdnCall) -> bool:
        return isinstance(each.owner, E1Leg) and each.owner.on_hold

    talked = [each for each in line.access.calls if each.state is CallState.ACTIVE and not held(each)]
    return talked[0] if held(call) and len(talked) == 1 else None


class _Request:
    """One transfer, as calls know it."""

    def __init__(self, event: Invoked) -> None:
        self._event = event
        self.target = self.referred_by = ""
        self.replaces: tuple[str, str, str] | None = None
        self.consulted: Leg | None = None

    def accept(self) -> None:
        """See Transfer: both calls are cleared after this."""
        self._event.call.send_facility(Result(self._event.invoke.identifier))

    def refuse(self, status: int) -> None:
        """See Transfer."""
        self._event.call.send_facility(Error(self._event.invoke.identifier, _INVALID_CALL_STATE))

    def report(self, status: int, reason: str = "") -> None:
        """See Transfer: the exchange has left by then."""
