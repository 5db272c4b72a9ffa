"""Calling a number on behalf of the switch itself, to take it somewhere: a talkgroup, a roll-call, a monitored call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.calls.dispatching.origination import OriginatedCall
from softswitch.calls.hunting import Stage
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.routing import Caller
from softswitch.sdp.formats import Codec

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.exchange import Exchange

#: What is done with a party once it has answered; a Cause says why it cannot be, and the party is released with it.
Welcome = Callable[["Call", Leg], Cause | None]

#: Hints that a phone may answer by itself: RFC 5373, and what desk phones understood before there was a standard.
ANSWER_BY_ITSELF: tuple[tuple[str, str], ...] = (
    ("Answer-Mode", "Auto"),
    ("Alert-Info", "<http://127.0.0.1>;info=alert-autoanswer;delay=0"),
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to call, and what its phone shows: the number and name it is called from, and on whose order.

    `near` is the owner of the room in the media engine into which it is called, `joins` the call of others that it is
    let into, and as what; `sounds` are codecs that are offered to it before G.711.
    """

    number: str
    shown: str
    shown_name: str = ""
    by: str = ""
    ring_s: float = 30.0
    answers_by_itself: bool = False
    near: str = ""
    joins: tuple[str, str] = ("", "")
    sounds: tuple[Codec, ...] = ()


class Inviter:
    """Places such calls; `domain` is ours, for the field that asks a phone to answer at once."""

    def __init__(self, exchange: Exchange, domain: str) -> None:
        self._exchange = exchange
        #: header fields that let a phone answer by itself, if it will.
        self.hints = (*ANSWER_BY_ITSELF, ("Call-Info", f"<sip:{domain}>;answer-after=0"))

    def call(self, invitation: Invitation, welcome: Welcome) -> Call:
        """Ring the number; once it has answered, `welcome` takes it on. How it ends is told by the call's record."""
        exchange = self._exchange
        shown, route = Party(invitation.shown, invitation.shown_name), f"invitation:{invitation.by}"
        call = OriginatedCall.begun(
            exchange, shown, invitation.number, route, lambda taken: _welcome(taken, welcome), invitation.joins
        )
        if invitation.near:
            exchange.media.side(call.caller).near = invitation.near
        found = exchange.router.stages(invitation.number, Caller(""))[1]
        if isinstance(found, Cause):
            call.refuse(found)
        else:
            call.ring_caller(self._prepared(found, invitation), invitation.sounds)
        return call

    def _prepared(self, stages: list[Stage], invitation: Invitation) -> list[Stage]:
        for stage in stages:
            stage.ring_s = min(stage.ring_s or invitation.ring_s, invitation.ring_s)
            if invitation.answers_by_itself:
                for target in stage.targets:
                    target.fields = self.hints
        return stages


def _welcome(call: OriginatedCall, welcome: Welcome) -> None:
    if call.caller.trunk:  # its route may have made another number of the one that was invited, and that has the rights
        call.caller.party.number = call.record.callee
    refused = welcome(call, call.caller)
    if refused is not None:
        call.disconnect(refused)


__all__ = ["Invitation", "Inviter", "Welcome"]
