"""The offer/answer exchange of one dialog as a machine: at most one offer is open at a time (RFC 3264 §4)."""

from __future__ import annotations

from softswitch.sdp.checking import check_answer, check_new_offer
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import GlareError, OfferAnswerError

STABLE = "stable"
LOCAL_OFFER = "local-offer"
REMOTE_OFFER = "remote-offer"

#: (state, event) → state; a pair that is not listed is an error, an offer against an open offer is glare.
TRANSITIONS: dict[tuple[str, str], str] = {
    (STABLE, "send_offer"): LOCAL_OFFER,
    (STABLE, "receive_offer"): REMOTE_OFFER,
    (LOCAL_OFFER, "receive_answer"): STABLE,
    (REMOTE_OFFER, "send_answer"): STABLE,
    (LOCAL_OFFER, "fail"): STABLE,
    (REMOTE_OFFER, "fail"): STABLE,
}

_OFFERS = frozenset({"send_offer", "receive_offer"})


class OfferAnswerState:
    """What both sides last agreed on, and the offer that is open.

    `local` and `remote` are the descriptions in force (None before the first answer), `pending` the open offer,
    `deviations` what the peer's last description did against the rules without making it useless.
    """

    __slots__ = ("deviations", "local", "pending", "remote", "state")

    def __init__(self) -> None:
        self.state = STABLE
        self.local: SessionDescription | None = None
        self.remote: SessionDescription | None = None
        self.pending: SessionDescription | None = None
        self.deviations: list[str] = []

    def send_offer(self, offer: SessionDescription) -> None:
        """We offer; raises `GlareError` if an offer is open already, `OfferAnswerError` if it breaks RFC 3264 §8."""
        state = self._next("send_offer")
        if self.local is not None:
            check_new_offer(self.local, offer)
        self.state, self.pending = state, offer

    def receive_offer(self, offer: SessionDescription) -> None:
        """The peer offers; raises `GlareError` (answer 491) or `OfferAnswerError` (answer 488)."""
        state = self._next("receive_offer")
        self.deviations = check_new_offer(self.remote, offer) if self.remote is not None else []
        self.state, self.pending = state, offer

    def send_answer(self, given: SessionDescription) -> None:
        """We answer the peer's offer; raises `OfferAnswerError` if the answer does not fit it."""
        state = self._next("send_answer")
        offer = self._open()
        check_answer(offer, given)
        self.local, self.remote, self.pending, self.state = given, offer, None, state

    def receive_answer(self, given: SessionDescription) -> None:
        """The peer answers our offer; raises `OfferAnswerError` if the answer does not fit, the offer stays open."""
        state = self._next("receive_answer")
        offer = self._open()
        self.deviations = check_answer(offer, given)
        self.local, self.remote, self.pending, self.state = offer, given, None, state

    def fail(self) -> None:
        """The open offer was refused or given up: the descriptions in force stay in force (RFC 3264 §4)."""
        self.state = self._next("fail")
        self.pending = None

    def _open(self) -> SessionDescription:
        if self.pending is None:
            raise OfferAnswerError("no offer is open", "RFC 3264 §4")
        return self.pending

    def _next(self, event: str) -> str:
        state = TRANSITIONS.get((self.state, event))
        if state is not None:
            return state
        if event in _OFFERS:
            raise GlareError(f"{event} while a {self.state} is open", "RFC 3264 §4")
        raise OfferAnswerError(f"{event} is not possible in state {self.state}", "RFC 3264 §4")
