"""Replacing one party of an established call by another: blind transfer and the recovery when it fails.

The party that asked leaves only when the new one has answered; until then, and if the new party does not answer, the
old call stays as it was (RFC 5589 §6). If the asking party hangs up early, the party left over waits for the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.calls.hunting import Hunt, Target
from softswitch.calls.leg import Cause, Leg, LegState, Transfer
from softswitch.calls.nobody import ELSEWHERE
from softswitch.calls.ringing import Ringing
from softswitch.events import CallTransferFailed

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.host import CallHost

TRANSFERRED = Cause(200, 16, "call transferred")
_MERGED = Cause(200, 16, "merged into another call")


class Replacement:
    """One transfer under way: `leaving` asked that `staying` be connected to somebody else.

    `leaving` None: nobody asked, the switch itself looks for somebody (who parked too long is put through).
    """

    __slots__ = ("_host", "_left", "_transfer", "call", "leaving", "ringing", "staying")

    def __init__(
        self, host: CallHost, call: Call, leaving: Leg | None, staying: Leg, transfer: Transfer | None
    ) -> None:
        self._host = host
        self._transfer = transfer
        self.call = call
        self.leaving = leaving
        self.staying = staying
        self.ringing: Ringing | None = None
        self._left = False

    def start(self, hunt: Hunt) -> None:
        """Ring the new party with the media of the party that stays."""
        self.ringing = Ringing(self._host, self, hunt, self._host.media.reoffer(self.staying))
        self.ringing.start()

    def cancel(self, cause: Cause) -> None:
        """The call ended, or went on otherwise, while the new party was being rung."""
        if self.ringing is not None:
            self.ringing.stop(cause)
            self.ringing = None
            self._report(487)

    def merged(self) -> None:
        """The party that stays went on to another call: what was asked for is done."""
        if self.ringing is not None:
            self.ringing.stop(_MERGED)
            self.ringing = None
            self._report(200)

    def taken_by(self, leg: Leg) -> None:
        """Somebody else, whose media is settled, takes the call in the new party's place."""
        if self.ringing is not None:
            self.ringing.stop(ELSEWHERE)
            self.ringing = None
        self._connected(leg, "pickup")

    def leg_ended(self, leg: Leg, cause: Cause) -> bool:
        """A party of the call hung up; returns True when the call goes on without it for now."""
        if leg is not self.leaving or self.ringing is None:
            return False
        self._left = True
        self.call.leave(leg, cause)
        return True

    @property
    def caller(self) -> Leg:
        """On whose behalf the new party is rung."""
        return self.staying

    # -- RingingObserver --------------------------------------------------------------------------------------------

    def ringing_started(self, leg: Leg) -> None:
        """See RingingObserver."""
        self.call.join(leg)

    def ringing_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self._report(status)

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self.ringing = None
        joined = sdp is not None and self._host.media.adopt_answer(leg, self.staying, sdp)
        self._connected(leg, "blind" if self.leaving is not None else "ring_back")
        if not joined:
            self.call.renegotiate()

    def _connected(self, leg: Leg, kind: str) -> None:
        self.call.replacement = None
        self.call.replace(self.leaving, leg, kind)
        self._released()

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver."""
        self.ringing = None
        self.call.replacement = None
        self._report(cause.status, cause.text)
        if self._left or self.leaving is None:
            self.call.disconnect(cause)
            return
        about = self.call.id, self.call.transferred_by, self.staying.party.number
        self._host.bus.publish(CallTransferFailed(*about, cause.q850, cause.text))

    def ringing_ended(self, leg: Leg, cause: Cause) -> None:
        """See RingingObserver."""
        self.call.leave(leg, cause)

    def ringing_service(self, target: Target) -> Cause | None:
        """See RingingObserver."""
        refused = self._host.serve(self.call, self.staying, target)
        if refused is not None:
            return refused
        self.ringing = None
        self.call.replacement = None
        if not self.call.is_over:  # else the service put the party into another call
            self.call.replace(self.leaving, None, "service")
        self._released()
        return None

    def ringing_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        leg.refuse_offer(488)

    def ringing_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """No offer is made before the new party answers."""

    def ringing_refused_offer(self, leg: Leg, status: int) -> None:
        """No offer is made before the new party answers."""

    # -- the outcome ------------------------------------------------------------------------------------------------

    def _report(self, status: int, reason: str = "") -> None:
        if self._transfer is not None:
            self._transfer.report(status, reason)

    def _released(self) -> None:
        """The transfer succeeded: say so and let the party that asked for it go."""
        self._report(200)
        if self.leaving is not None and self.leaving.state is not LegState.ENDED:
            self.leaving.disconnect(TRANSFERRED)
