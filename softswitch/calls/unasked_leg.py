"""A party that is asked for nothing: what the switch has for it waits, or is nobody's."""

from __future__ import annotations

from softswitch.calls.leg import Information, Leg


class UnaskedLeg(Leg):
    """The base of legs that take no offers from us and no data, and that have no name of their own for a session."""

    __slots__ = ()

    takes_offers = False

    @property
    def reference(self) -> str:
        """See Leg."""
        return self.id

    @property
    def can_offer(self) -> bool:
        """See Leg."""
        return False

    def offer(self, sdp: bytes | None) -> bool:
        """See Leg."""
        return False

    def inform(self, information: Information) -> None:
        """See Leg."""
        information.refuse(480)


__all__ = ["UnaskedLeg"]
