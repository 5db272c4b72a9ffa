"""The observer of legs that nobody waits for any more: answers what needs an answer, ignores the rest."""

from __future__ import annotations

from softswitch.calls.leg import Cause, Information, Leg, LegObserver, LegState, Transfer

#: Told to parties that lost a race or were replaced (RFC 3326 §2: a phone then does not show a missed call).
ELSEWHERE = Cause(200, 26, "Call completed elsewhere")


class _Nobody:
    def leg_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """Too late."""

    def leg_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """The answer crossed our cancellation (RFC 3261 §9.1): hang up."""
        leg.disconnect(ELSEWHERE)

    def leg_confirmed(self, leg: Leg, sdp: bytes | None) -> None:
        """Too late."""

    def leg_rejected(self, leg: Leg, cause: Cause, redirects: tuple[str, ...]) -> None:
        """As it should be."""

    def leg_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """The session is ending."""
        if leg.state is not LegState.ENDED:
            leg.refuse_offer(488)

    def leg_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """Too late."""

    def leg_refused_offer(self, leg: Leg, status: int) -> None:
        """Too late."""

    def leg_transfer_requested(self, leg: Leg, transfer: Transfer) -> None:
        """The session is ending."""
        transfer.refuse(481)

    def leg_information(self, leg: Leg, information: Information) -> None:
        """The session is ending."""
        information.refuse(481)

    def leg_ended(self, leg: Leg, cause: Cause) -> None:
        """As it should be."""


NOBODY: LegObserver = _Nobody()
