"""Replacing one party of an established call by another: blind transfer and the recovery when it fails.

The party that asked leaves only when the new one has answered; until then, and if the new party does not answer, the
old call stays as it was (RFC 5589 §6). If the asking party hangs up early, the party left over waits for the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.calls.hunting import Hunt, Target
from softswitch.calls.leg import Cause, Leg, LegState, Transfer
from softswitch.calls.ringing import ELSEWHERE, Ringing

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.host import CallHost


class Replacement:
    """One transfer under way: `leaving` asked that `staying` be connected to somebody else."""

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
        offer = self._host.media.reoffer(self.staying)
        self.ringing = Ringing(self._host, self, hunt, offer)
        self.ringing.start()

    def cancel(self, cause: Cause) -> None:
        """The call ended while the new party was being rung."""
        if self.ringing is not None:
            self.ringing.stop(cause)
            self.ringing = None
            self._report(487)

    def leg_ended(self, leg: Leg, cause: Cause) -> bool:
        """A party of the call hung up; returns True when the call goes on without it for now."""
        if leg is not self.leaving or self.ringing is None:
            return False
        self._left = True
        self.call.record.close_leg(leg, cause, self._host.wall())
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
        self.call.replacement = None
        media = self._host.media
        joined = sdp is not None and media.adopt_answer(leg, self.staying, sdp)
        self.call.replace(self.leaving, leg, "blind")
        if not joined:
            self.call.renegotiate()
        self._released()

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver."""
        self.ringing = None
        self.call.replacement = None
        self._report(cause.status, cause.text)
        if self._left or self.leaving is None:
            self.call.disconnect(cause)

    def ringing_ended(self, leg: Leg, cause: Cause) -> None:
        """See RingingObserver."""
        self.call.leave(leg, cause)

    def ringing_service(self, target: Target) -> None:
        """See RingingObserver."""
        self.ringing = None
        self.call.replacement = None
        refused = self._host.serve(self.call, self.staying, target)
        if refused is not None:
            self._report(refused.status, refused.text)
            return
        self.call.replace(self.leaving, None, "service")
        self._released()

    def _report(self, status: int, reason: str = "") -> None:
        if self._transfer is not None:
            self._transfer.report(status, reason)

    def _released(self) -> None:
        """The transfer succeeded: say so and let the party that asked for it go."""
        self._report(200)
        if self.leaving is not None and self.leaving.state is not LegState.ENDED:
            self.leaving.disconnect(ELSEWHERE)

    def ringing_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        leg.refuse_offer(488)

    def ringing_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """No offer is made before the new party answers."""

    def ringing_refused_offer(self, leg: Leg, status: int) -> None:
        """No offer is made before the new party answers."""
