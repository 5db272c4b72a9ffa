"""What happens to the media of a call after its first agreement: holds, codec changes, strangers put together.

Either party, or the switch itself after a transfer, begins; one change at a time. A party that talks to a service of
the switch is answered by the switch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media.negotiation import Negotiation
from softswitch.calls.media.path import NoMedia

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.host import CallHost
    from softswitch.media import Port
    from softswitch.sip.timerwheel import Timer

#: Starts a service on a port whose formats are agreed; a Cause says why it cannot.
Start = Callable[["Port"], Cause | None]

_BUSY = Cause(491, 41, "another change of media is under way")
_AGAIN_S = 0.5
_TRIES = 60


class Conversation:
    """The changes of media within one call."""

    __slots__ = ("_call", "_host", "_start", "_timer", "_tries", "negotiation")

    def __init__(self, host: CallHost, call: Call) -> None:
        self._host = host
        self._call = call
        self.negotiation: Negotiation | None = None
        self._start: Start | None = None
        self._timer: Timer | None = None
        self._tries = 0

    # -- what the parties want --------------------------------------------------------------------------------------

    def offered(self, leg: Leg, sdp: bytes | None) -> None:
        """`leg` offers, or asks for an offer."""
        if self._changing:
            assert self.negotiation is not None
            if not self.negotiation.offered(leg, sdp):
                leg.refuse_offer(491)
            return
        other = self._call.other(leg)
        if other is None:
            self.answer_for_service(leg, sdp)
        elif sdp is not None and not other.takes_offers:
            self._answer_alone(leg, other, sdp)
        else:
            self.negotiation = Negotiation.begun_by(self._host.media, leg, other, sdp)

    def answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """`leg` answered an offer of ours."""
        if self.negotiation is not None and self.negotiation.answered(leg, sdp):
            return
        if self._call.callee is None:
            try:
                self._host.media.answered_locally(leg, sdp)
            except NoMedia as refused:
                self._call.disconnect(refused.cause)
            else:
                self._start_service(leg)

    def refused_offer(self, leg: Leg, status: int) -> None:
        """`leg` refused an offer of ours; what was agreed before stays."""
        if self._changing:
            assert self.negotiation is not None
            self.negotiation.refused(leg, status)
        elif self._call.callee is None:
            self._start_service(leg)

    def confirmed(self) -> None:
        """One more party may be offered something from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._try(self._host.now())

    def _answer_alone(self, leg: Leg, other: Leg, sdp: bytes) -> None:
        """`leg` offers, and the other party keeps what it has: it is not asked."""
        try:
            leg.answer(self._host.media.answer_alone(leg, other, sdp))
        except NoMedia as refused:
            leg.refuse_offer(refused.cause.status)

    @property
    def _changing(self) -> bool:
        return self.negotiation is not None and not self.negotiation.over

    # -- a service of the switch ------------------------------------------------------------------------------------

    def answer_for_service(self, leg: Leg, sdp: bytes | None) -> None:
        """`leg`, who talks to the switch alone, offers or asks for an offer."""
        media = self._host.media
        try:
            description = media.offer_locally(leg) if sdp is None else media.answer_locally(leg, sdp)
        except NoMedia as refused:
            leg.refuse_offer(refused.cause.status)
        else:
            leg.answer(description)
            self._host.renewed(leg)

    def take_back(self, leg: Leg, start: Start) -> Cause | None:
        """The switch itself talks to `leg`, who talked to somebody until now; `start` begins the service.

        A party that takes no offers keeps what was agreed with it; the service has to do with that.
        """
        media = self._host.media
        if self._changing or (leg.takes_offers and not leg.can_offer):
            return _BUSY
        try:
            offer = media.take_back(leg) if leg.takes_offers else None
        except NoMedia as refused:
            return refused.cause
        self._start = start
        if offer is None:
            media.part(leg)
            return self._start_service(leg)
        if not leg.offer(offer):
            self._start = None
            return _BUSY
        media.part(leg)
        return None

    def start_later(self, start: Start) -> None:
        """Begin a service when the answer to our offer has come."""
        self._start = start

    def _start_service(self, leg: Leg) -> Cause | None:
        start, self._start = self._start, None
        port = self._host.media.port(leg)
        if start is None or port is None:
            return None
        refused = start(port)
        if refused is not None:
            self._call.disconnect(refused)
        return refused

    # -- strangers put together -------------------------------------------------------------------------------------

    def renegotiate(self) -> None:
        """Let the two parties, who never heard of each other, agree on media as soon as both can."""
        self._tries = 0
        self._try(self._host.now())

    def _try(self, now: float) -> None:
        self._timer = None
        caller, callee = self._call.caller, self._call.callee
        if callee is None or self._call.is_over:
            return
        if caller.can_offer and callee.can_offer and not self._changing:
            self.negotiation = Negotiation.begun_by_switch(self._host.media, caller, callee)
            return
        self._tries += 1
        if self._tries < _TRIES:
            self._timer = self._host.timers.schedule(now + _AGAIN_S, self._try)

    def abandon(self, *, keep_service: bool = False) -> None:
        """A party leaves: what was under way between the two is given up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not keep_service:
            self._start = None
        if self.negotiation is not None:
            self.negotiation.abandon()
            self.negotiation = None
