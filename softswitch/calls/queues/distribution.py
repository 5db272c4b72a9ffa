"""Ringing agents for the first caller of a queue: the ringing part of a call that is answered by the switch already.

The caller hears music until an agent has answered; an agent that does not answer lets the caller wait on, which is what
makes this another thing than a transfer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.calls.hunting import Hunt
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.replacement import Replacement

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.host import CallHost
    from softswitch.calls.hunting import Target


class Offer(Replacement):
    """Agents are rung for the only party of a call; `answered(number)` or `failed()` tells how it went."""

    __slots__ = ("_answered", "_failed")

    def __init__(
        self,
        host: CallHost,
        call: Call,
        staying: Leg,
        answered: Callable[[str], None],
        failed: Callable[[], None],
    ) -> None:
        super().__init__(host, call, None, staying, None)
        self._answered = answered
        self._failed = failed

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self._answered(leg.party.number)
        super().ringing_answered(leg, sdp)

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver; the caller goes on waiting."""
        self.ringing = None
        self.call.replacement = None
        self._failed()

    def ringing_service(self, target: Target) -> Cause | None:
        """An agent's number that leads to a service takes no callers."""
        return Cause(480, 20, "an agent's number leads to a service")

    def begin(self, hunt: Hunt) -> None:
        """Ring; the call knows of it from now on."""
        self.call.replacement = self
        self.start(hunt)


__all__ = ["Offer"]
