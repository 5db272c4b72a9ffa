"""Calling users on behalf of a session: whoever answers first is welcomed, and it is told when nobody does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.calls.dispatching.origination import OriginatedCall
from softswitch.calls.hunting import Stage
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.routing import Caller

if TYPE_CHECKING:
    from gateways.poc.context import Context
    from softswitch.calls.call import Call

#: What is done with a party that has answered; a Cause says why it cannot be, and the party is released with it.
Welcome = Callable[["Call", Leg], Cause | None]
Failed = Callable[[Cause], None]


class CalledParty(OriginatedCall):
    """A call of the server to one user, or to several of whom one is wanted."""

    __slots__ = ("failed",)

    failed: Failed

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver."""
        super().ringing_failed(cause)
        self.failed(cause)


def call_party(
    context: Context, numbers: list[str], shown: Party, welcome: Welcome, failed: Failed = lambda cause: None
) -> CalledParty | None:
    """Ring the devices of all `numbers` at once, who are shown `shown`; None when there is nobody to ring."""
    exchange = context.exchange
    targets, refusal = [], Cause(480, 20, "nobody can be called")
    for number in numbers:
        found = exchange.router.stages(number, Caller(shown.number, exchange.router.directory.class_of(shown.number)))[
            1
        ]
        if isinstance(found, Cause):
            refusal = found
        else:
            targets += [target for stage in found for target in stage.targets if not target.service]
    call = CalledParty.begun(exchange, shown, ",".join(numbers), "poc", lambda taken: _welcome(taken, welcome))
    call.failed = failed
    if not targets:
        call.refuse(refusal)
        failed(refusal)
        return None
    call.ring_caller([Stage(targets, context.settings.ring_s)])
    return call


def _welcome(call: OriginatedCall, welcome: Welcome) -> None:
    refused = welcome(call, call.caller)
    if refused is not None:
        call.disconnect(refused)
