"""A party whose protocol has no SDP: its gateway brings a ready Port, and this class speaks offer and answer for it.

Calls negotiate by descriptions (RFC 3264), so that a relayed video call and a radio look alike to them. A ported leg
answers every offer with what its port carries, at once, and offers the same when it is asked. A gateway derives its
leg from this class, says what its protocol says through `alerted`, `taken`, `refused`, `gone`, and does what the
methods with a leading underscore ask.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from softswitch.calls.leg import Cause, Information, Leg, LegState, Party
from softswitch.calls.routing import Caller
from softswitch.media import Port
from softswitch.sdp.capabilities import Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.fields import Origin
from softswitch.sdp.formats import Codec
from softswitch.sdp.offer_answer import OfferAnswerError, answer, make_offer

_NO_CODEC = Cause(488, 88, "the gateway's codec was not offered")
_NOT_ACCEPTABLE = 488
#: Nothing is ever sent there: the port has a way of its own to the far end.
_NOWHERE = ("127.0.0.1", 9)

#: Runs something as soon as what goes on now is done.
Soon = Callable[[Callable[[], None]], None]


class PortedLeg(Leg):
    """One party behind a gateway. `codecs` is what `port` carries, `caller` with whose rights the party dials.

    `soon` runs a function after the present turn: a call must not be answered while it still asks. `keys` is how keys
    reach the far end, as `softswitch.calls.media.keys` names it, when that is settled by the protocol. With "inband"
    and telephone-events among the codecs each key of the other party becomes a tone, and each tone a key.
    """

    #: one of rfc4733, inband, info; empty: what the port's formats allow.
    keys = ""

    __slots__ = ("_described", "_invited", "_offer", "_soon", "caller", "codecs", "on_hold")

    def __init__(
        self,
        leg_id: str,
        direction: str,
        party: Party,
        port: Port,
        *,
        codecs: tuple[Codec, ...],
        soon: Soon,
        caller: Caller | None = None,
        trusted: bool = False,
    ) -> None:
        super().__init__(leg_id, direction, party, trusted=trusted)
        self.port = port
        self.codecs = codecs
        self.caller = caller
        self._soon = soon
        self._offer: SessionDescription | None = None  # what the other party offered and is not yet answered
        self._described: SessionDescription | None = None
        self._invited = False
        #: the far end does not listen: what we offer only sends.
        self.on_hold = False

    # -- what the gateway asks for and tells ------------------------------------------------------------------------

    def own_offer(self) -> bytes:
        """What the port carries, as an offer."""
        self._described = make_offer(self._capabilities, self._place())
        return self._described.serialize()

    def alerted(self, status: int, *, inband: bool = False) -> None:
        """The far end is rung (180), or gives something to hear (183); the first sound settles the media."""
        self.state = LegState.RINGING
        self.observer.leg_progressed(self, status, self._answer() if inband else None)

    def taken(self) -> None:
        """The far end took the call."""
        self.state = LegState.ANSWERED
        if not self._invited:
            self.observer.leg_answered(self, self.own_offer())
            return
        answered = self._answer()
        if answered is None:
            self.gone(_NO_CODEC)
            self._clear(_NO_CODEC)
        else:
            self.observer.leg_answered(self, answered)

    def confirmed(self) -> None:
        """The far end knows that it was answered."""
        self.observer.leg_confirmed(self, None)

    def refused(self, cause: Cause) -> None:
        """The far end does not take the call."""
        self.state = LegState.ENDED
        self.observer.leg_rejected(self, cause, ())

    def gone(self, cause: Cause) -> None:
        """The session is over."""
        if self.state is not LegState.ENDED:
            self.state = LegState.ENDED
            self.observer.leg_ended(self, cause)

    # -- what the gateway does --------------------------------------------------------------------------------------

    @abstractmethod
    def _progress(self, status: int, *, inband: bool) -> None:
        """Tell the calling far end how its call fares; `inband`: there is something to hear."""

    @abstractmethod
    def _take(self) -> None:
        """Tell the calling far end that its call is answered."""

    @abstractmethod
    def _clear(self, cause: Cause) -> None:
        """End the session, whatever its state; `gone` follows, at once or later."""

    # -- Leg --------------------------------------------------------------------------------------------------------

    @property
    def can_offer(self) -> bool:
        """See Leg."""
        return self.state is LegState.ANSWERED

    def invited(self, offer: bytes | None) -> None:
        """The other party's first offer, None when it waits for ours; raises SdpError."""
        if offer is not None:
            self._invited = True
            self._offer = SessionDescription.parse(offer)

    def progress(self, status: int, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.RINGING
        self._progress(status, inband=sdp is not None)

    def accept(self, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.ANSWERED
        self._take()

    def reject(self, cause: Cause) -> None:
        """See Leg."""
        self.state = LegState.ENDED
        self._clear(cause)

    def offer(self, sdp: bytes | None) -> bool:
        """See Leg."""
        if not self.can_offer:
            return False
        if sdp is None:
            self._soon(lambda: self._tell(lambda: self.observer.leg_offered(self, self.own_offer())))
            return True
        try:
            self._offer = SessionDescription.parse(sdp)
        except SdpError:
            return False
        self._soon(lambda: self._tell(self._answer_offer))
        return True

    def answer(self, sdp: bytes) -> None:
        """See Leg."""

    def refuse_offer(self, status: int) -> None:
        """See Leg."""

    def inform(self, information: Information) -> None:
        """See Leg: what a protocol has no words for is refused."""
        information.refuse(_NOT_ACCEPTABLE)

    def abandon(self, cause: Cause) -> None:
        """Nobody was called yet and nobody will be."""
        self.state = LegState.ENDED
        self._clear(cause)

    def disconnect(self, cause: Cause) -> None:
        """See Leg."""
        if self.state is not LegState.ENDED:
            self._clear(cause)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _tell(self, report: Callable[[], None]) -> None:
        if self.state is LegState.ANSWERED:
            report()

    def _answer_offer(self) -> None:
        answered = self._answer()
        if answered is None:
            self.observer.leg_refused_offer(self, _NOT_ACCEPTABLE)
        else:
            self.observer.leg_answered_offer(self, answered)

    def _answer(self) -> bytes | None:
        """The answer to the offer last made, the same when it was given already; None: nothing fits."""
        if self._offer is not None:
            offered, self._offer = self._offer, None
            index = next((i for i, m in enumerate(offered.media) if m.kind == "audio" and m.port), None)
            if index is None:
                return None
            try:
                described = answer(offered, self._capabilities, self._place(index, len(offered.media)))
            except OfferAnswerError:
                return None
            if not described.media[index].port:
                return None
            self._described = described
        return None if self._described is None else self._described.serialize()

    @property
    def _capabilities(self) -> Capabilities:
        return Capabilities((MediaCapability("audio", self.codecs),), prefer="own")

    def _place(self, index: int = 0, sections: int = 1) -> LocalSession:
        place = LocalMedia(*_NOWHERE, direction="sendonly" if self.on_hold else "sendrecv")
        places = [place if i == index else None for i in range(sections)]
        return LocalSession(Origin.create(_NOWHERE[0], 1), places)
