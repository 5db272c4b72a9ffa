"""A browser as a Leg: what its call tells it is kept until the browser fetches it."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.leg import Cause, LegState, Party
from softswitch.calls.unasked_leg import UnaskedLeg


class BrowserLeg(UnaskedLeg):
    """One session of a browser, which is asked for nothing between its own requests.

    `sdp` is the description the browser is to apply next, `refused` the status of its last offer when that was not
    taken, `cause` why the session ended. `changed` is called after each of these; `later` runs something after the
    present change.
    """

    __slots__ = ("_changed", "_later", "cause", "refused", "sdp")

    protocol = "webrtc"

    def __init__(
        self,
        leg_id: str,
        direction: str,
        party: Party,
        changed: Callable[[BrowserLeg], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        super().__init__(leg_id, direction, party, trusted=True)
        self._changed = changed
        self._later = later
        self.sdp: bytes | None = None
        self.refused = 0
        self.cause: Cause | None = None

    # -- commands of the call ---------------------------------------------------------------------------------------

    def progress(self, status: int, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.RINGING
        self._tell(sdp)

    def accept(self, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.ANSWERED
        self._tell(sdp)
        self._later(lambda: self.observer.leg_confirmed(self, None))

    def reject(self, cause: Cause) -> None:
        """See Leg."""
        self._end(cause)

    def answer(self, sdp: bytes) -> None:
        """See Leg."""
        self._tell(sdp)

    def refuse_offer(self, status: int) -> None:
        """See Leg."""
        self.refused = status
        self._changed(self)

    def disconnect(self, cause: Cause) -> None:
        """See Leg."""
        if self.state is not LegState.ENDED:
            self._end(cause)
            self._later(lambda: self.observer.leg_ended(self, cause))

    # -- what the browser does ---------------------------------------------------------------------------------------

    def take(self, sdp: bytes) -> None:
        """The browser answers the call that it was offered."""
        self.state = LegState.ANSWERED
        self.observer.leg_answered(self, sdp)

    def change(self, sdp: bytes) -> None:
        """The browser offers anew: another network (ICE restart), hold, other streams."""
        self.sdp = None
        self.refused = 0
        self.observer.leg_offered(self, sdp)

    def hang_up(self, cause: Cause) -> None:
        """The browser ends its session, or refuses the call it was offered."""
        if self.state is LegState.ENDED:
            return
        offered = self.direction == "out" and self.state is not LegState.ANSWERED
        self._end(cause)
        if offered:
            self.observer.leg_rejected(self, cause, ())
        else:
            self.observer.leg_ended(self, cause)

    def _tell(self, sdp: bytes | None) -> None:
        if sdp is not None:
            self.sdp = sdp
        self._changed(self)

    def _end(self, cause: Cause) -> None:
        self.state = LegState.ENDED
        self.cause = cause
        self._changed(self)
