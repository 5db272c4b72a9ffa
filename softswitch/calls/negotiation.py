"""Carrying one change of media from one leg of a call to the other (RFC 3264 §8 across a B2BUA).

One of the two legs makes an offer and the other answers it. What differs is who began: the offerer by itself, the
answerer by asking for an offer (an INVITE without a body), or the switch, after it put two legs together that had
never met.
"""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.leg import Leg

#: Turns a description that came from the first leg into one for the second.
Carry = Callable[[Leg, Leg, bytes], bytes | None]


class Negotiation:
    """One offer and its answer between `offerer` and `answerer`; `over` once both know the outcome."""

    __slots__ = ("_asked_for", "_carry_answer", "_carry_offer", "_offered", "answerer", "offerer", "over")

    def __init__(
        self, offerer: Leg, answerer: Leg, carry_offer: Carry, carry_answer: Carry, *, asked_for: bool = False
    ) -> None:
        self.offerer = offerer
        self.answerer = answerer
        self.over = False
        self._carry_offer = carry_offer
        self._carry_answer = carry_answer
        self._asked_for = asked_for
        self._offered = False

    @classmethod
    def begun_by(cls, leg: Leg, other: Leg, sdp: bytes | None, carry_offer: Carry, carry_answer: Carry) -> Negotiation:
        """`leg` offered `sdp`, or asked for an offer (None)."""
        if sdp is None:
            negotiation = cls(other, leg, carry_offer, carry_answer, asked_for=True)
            negotiation._ask()
        else:
            negotiation = cls(leg, other, carry_offer, carry_answer)
            negotiation.offered(leg, sdp)
        return negotiation

    @classmethod
    def begun_by_switch(cls, first: Leg, second: Leg, carry_offer: Carry, carry_answer: Carry) -> Negotiation:
        """Ask `first` for an offer and have `second` answer it (third-party call control, RFC 3725 flow I)."""
        negotiation = cls(first, second, carry_offer, carry_answer)
        negotiation._ask()
        return negotiation

    def _ask(self) -> None:
        if not self.offerer.offer(None):
            self._fail(491)

    def offered(self, leg: Leg, sdp: bytes | None) -> bool:
        """An offer arrived from `leg`; returns False when it does not belong to this negotiation."""
        if leg is not self.offerer or self._offered or sdp is None:
            return False
        self._offered = True
        carried = self._carry_offer(leg, self.answerer, sdp)
        if carried is None:
            self._fail(488)
        elif self._asked_for:
            self.answerer.answer(carried)
        elif not self.answerer.offer(carried):
            self._fail(491)
        return True

    def answered(self, leg: Leg, sdp: bytes) -> bool:
        """The answer arrived from `leg`; returns False when it does not belong to this negotiation."""
        if leg is not self.answerer or not self._offered:
            return False
        self.over = True
        carried = self._carry_answer(leg, self.offerer, sdp)
        if carried is None:
            self.offerer.refuse_offer(488)
        else:
            self.offerer.answer(carried)
        return True

    def refused(self, leg: Leg, status: int) -> None:
        """`leg` refused its part; the other is told, and both keep what they had."""
        if leg is self.answerer or leg is self.offerer:
            self._fail(status)

    def _fail(self, status: int) -> None:
        self.over = True
        if self._offered:
            self.offerer.refuse_offer(status)
        elif self._asked_for:
            self.answerer.refuse_offer(status)
