"""One call on a B channel as a leg: what Q.931 says becomes what calls understand, and the other way round.

The gateway gives it the events of its call; calls give it commands. See docs/e1.md for the ladders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateways.e1.mapping import CauseTable, call_cause, isdn_cause
from gateways.e1.q931 import CallState, IsdnCall
from gateways.e1.q931.elements import INBAND
from gateways.e1.q931.errors import IllegalInState
from gateways.e1.q931.events import Cleared, Connected, Disconnecting, Progressed
from softswitch.calls.leg import Cause, LegState, Party
from softswitch.calls.ported_leg import PortedLeg, Soon
from softswitch.calls.routing import Caller
from softswitch.sdp.formats import Codec

if TYPE_CHECKING:
    from gateways.e1.line import Line
    from softswitch.media import Port

#: What a B channel carries: A-law, and no events beside it, for keys travel in the sound.
CODECS = (Codec("PCMA"),)
_ENDING = frozenset({CallState.NULL, CallState.DISCONNECT_REQUEST, CallState.RELEASE_REQUEST})


class E1Leg(PortedLeg):
    """One party behind an exchange. `call` is None until a call out has begun."""

    __slots__ = ("_now", "_table", "answered_at", "call", "line", "slot")

    protocol = "e1"

    def __init__(
        self,
        leg_id: str,
        direction: str,
        party: Party,
        port: Port,
        line: Line,
        *,
        now: Callable[[], float],
        soon: Soon,
        table: CauseTable = CauseTable.RFC3398,
        caller: Caller | None = None,
    ) -> None:
        super().__init__(leg_id, direction, party, port, codecs=CODECS, soon=soon, caller=caller, trusted=True)
        self.line = line
        self.call: IsdnCall | None = None
        #: the timeslot that its port carries.
        self.slot = 0
        self.answered_at = 0.0
        self._now = now
        self._table = table

    @property
    def reference(self) -> str:
        """Span, timeslot and call reference."""
        if self.call is None:
            return self.line.name
        return f"{self.line.name}/{self.call.slot}#{self.call.reference}"

    # -- what the call tells ----------------------------------------------------------------------------------------

    def progressed(self, event: Progressed) -> None:
        """CALL PROCEEDING, PROGRESS or ALERTING arrived."""
        if event.inband:
            self.alerted(183, inband=True)
        elif event.alerting:
            self.alerted(180)

    def connected(self, event: Connected) -> None:
        """CONNECT arrived."""
        self.answered_at = self._now()
        self.taken()

    def disconnecting(self, event: Disconnecting) -> None:
        """The far end clears and plays why; whoever has not been answered yet may listen."""
        if self.state is LegState.ANSWERED or event.call.state is CallState.NULL:
            self.disconnect(call_cause(event.cause, self._table))
        else:
            self.alerted(183, inband=True)

    def fail(self, cause: Cause) -> None:
        """The call could not be set up."""
        if self.port is not None:
            self.port.close()
        if self.state is not LegState.ENDED:
            self.refused(cause)

    def cleared(self, event: Cleared) -> None:
        """The call is over; its channel is free again."""
        cause = call_cause(event.cause, self._table)
        if self.port is not None:
            self.port.close()
        if self.state is LegState.ENDED:
            return
        if self.direction == "out" and self.state is not LegState.ANSWERED:
            self.refused(cause)
        else:
            self.gone(cause)

    # -- PortedLeg --------------------------------------------------------------------------------------------------

    def _progress(self, status: int, *, inband: bool) -> None:
        call = self._incoming()
        if call is None:
            return
        try:
            if status == 180 and call.state is not CallState.RECEIVED:
                call.alert(self._now(), inband=inband)
            elif inband and call.state is CallState.PRESENT:
                call.proceed(self._now())
                call.progress(self._now(), INBAND)
            elif inband:
                call.progress(self._now(), INBAND)
            elif call.state is CallState.PRESENT:
                call.proceed(self._now())
        except IllegalInState:  # it is being cleared
            return
        self.line.settle(self._now())

    def _take(self) -> None:
        call = self._incoming()
        if call is None:
            return
        try:
            call.connect(self._now())
        except IllegalInState:
            return
        self.answered_at = self._now()
        self.line.settle(self._now())

    def _clear(self, cause: Cause) -> None:
        call = self.call
        if call is None or call.state is CallState.NULL:
            if self.port is not None:
                self.port.close()
            if self.state is not LegState.ENDED:
                self.gone(cause)
            return
        if call.state not in _ENDING:
            call.disconnect(isdn_cause(cause), self._now())
            self.line.settle(self._now())

    # -- inside -----------------------------------------------------------------------------------------------------

    def _incoming(self) -> IsdnCall | None:
        return self.call if self.call is not None and self.call.state not in _ENDING else None
