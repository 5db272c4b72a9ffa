"""How a talkgroup reaches a party that speaks a floor protocol of its own, beside its media.

A gateway whose terminals speak MCPTT floor control or talk burst control gives their legs a `FloorLink`; what comes in
goes to `Talkgroups.receive_floor`. A leg without one is a plain telephone: keys ask, short sounds tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from softswitch.floor import Member
    from softswitch.floor.channel import Peer


class FloorLink(Protocol):
    """The floor control channel to one terminal.

    `peer` says who it is and which dialect it speaks, `member` what its service agreed with it (None: what its number
    may do).
    """

    peer: Peer
    member: Member | None

    def send_floor(self, data: bytes) -> None:
        """Send one datagram of floor control to the terminal; never raises, never waits."""


__all__ = ["FloorLink"]
