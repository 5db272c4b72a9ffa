"""Carrying one change of media from one leg of a call to the other (RFC 3264 §8 across a B2BUA).

One of the two legs makes an offer and the other answers it. What differs is who began: the offerer by itself, the
answerer by asking for an offer (an INVITE without a body), or the switch, after it put two legs together that had
never met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.calls.media.path import NoMedia

if TYPE_CHECKING:
    from softswitch.calls.leg import Leg
    from softswitch.calls.media.path import MediaPath

_GLARE = 491


class Negotiation:
    """One offer and its answer between `offerer` and `answerer`; `over` once both know the outcome."""

    __slots__ = ("_asked_for", "_media", "_offered", "answerer", "offerer", "over")

    def __init__(self, media: MediaPath, offerer: Leg, answerer: Leg, *, asked_for: bool = False) -> None:
        self.offerer = offerer
        self.answerer = answerer
        self.over = False
        self._media = media
        self._asked_for = asked_for
        self._offered = False

    @classmethod
    def begun_by(cls, media: MediaPath, leg: Leg, other: Leg, sdp: bytes | None) -> Negotiation:
        """`leg` offered `sdp`, or asked for an offer (None)."""
        if sdp is None:
            negotiation = cls(media, other, leg, asked_for=True)
            negotiation._ask()
        else:
            negotiation = cls(media, leg, other)
            negotiation.offered(leg, sdp)
        return negotiation

    @classmethod
    def begun_by_switch(cls, media: MediaPath, first: Leg, second: Leg) -> Negotiation:
        """Ask `first` for an offer and have `second` answer it (third-party call control, RFC 3725 flow I)."""
        negotiation = cls(media, first, second)
        negotiation._ask()
        return negotiation

    def _ask(self) -> None:
        if not self.offerer.offer(None):
            self._fail(_GLARE)

    def offered(self, leg: Leg, sdp: bytes | None) -> bool:
        """An offer arrived from `leg`; returns False when it does not belong to this negotiation."""
        if leg is not self.offerer or self._offered or sdp is None:
            return False
        self._offered = True
        try:
            carried = self._media.carry_offer(leg, self.answerer, sdp)
        except NoMedia as refused:
            self._fail(refused.cause.status)
            return True
        if self._asked_for:
            self.answerer.answer(carried)
        elif not self.answerer.offer(carried):
            self._fail(_GLARE)
        return True

    def answered(self, leg: Leg, sdp: bytes) -> bool:
        """The answer arrived from `leg`; returns False when it does not belong to this negotiation."""
        if leg is not self.answerer or not self._offered or self.over:
            return False
        self.over = True
        try:
            carried = self._media.carry_answer(leg, self.offerer, sdp)
        except NoMedia as refused:
            self.offerer.refuse_offer(refused.cause.status)
        else:
            self.offerer.answer(carried)
        return True

    def refused(self, leg: Leg, status: int) -> None:
        """`leg` refused its part; the other is told, and both keep what they had."""
        if leg is self.answerer or leg is self.offerer:
            self._fail(status)

    def abandon(self) -> None:
        """One of the two leaves: whoever waits for the other is told to try again."""
        if not self.over:
            self._fail(_GLARE)

    def _fail(self, status: int) -> None:
        self.over = True
        if self._offered:
            self.offerer.refuse_offer(status)
        elif self._asked_for:
            self.answerer.refuse_offer(status)
