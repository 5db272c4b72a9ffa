"""One party in place of another: transfer (RFC 3515, RFC 5589), Replaces (RFC 3891), pick-up, retrieval from park.

A party that joins an existing call comes from a call of its own. If that one has not been answered yet, the party is
answered with the media that the call already has; if it was talking, it keeps its session and both are asked to agree
anew. Either way its own call ends, merged into the one it joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.calls.hunting import Hunt
from softswitch.calls.leg import Cause, Leg, LegState, Transfer
from softswitch.calls.machine import State
from softswitch.calls.media.path import NO_CODEC, NoMedia
from softswitch.calls.nobody import ELSEWHERE
from softswitch.calls.replacement import Replacement
from softswitch.events import CallTransferred

if TYPE_CHECKING:
    from softswitch.calls.call import Call

REPLACED = Cause(200, 16, "replaced by another party")
TRANSFERRED = Cause(200, 16, "call transferred")
_NO_OFFER = Cause(488, 88, "a call without an offer cannot take over another one")
NOT_NOW = Cause(481, 81, "the call cannot be taken over")
_GONE = Cause(487, 16, "the transfer began the call anew")


def _join(call: Call, own: Call, leg: Leg, staying: Leg) -> bool:
    """Give `leg` the media of `call`, in which `staying` waits, and free it of its `own` call; raises NoMedia.

    Returns whether both can talk at once; else `Call.renegotiate` is due when `leg` is part of the call.
    """
    media = call.host.media
    if leg.state is LegState.ANSWERED:
        own.hand_over(leg, call)
        return False
    if own.offer is None:
        raise NoMedia(_NO_OFFER)
    description = media.answer_locally(leg, own.offer, media.formats(staying))
    own.hand_over(leg, call)
    leg.accept(description)
    return media.connect(leg, staying)


def retrieve(call: Call, own: Call, leg: Leg) -> Cause | None:
    """`leg`, who is alone in its `own` call, joins the only party of `call`."""
    if call.is_over or call is own:
        return NOT_NOW
    try:
        settled = _join(call, own, leg, call.caller)
    except NoMedia as refused:
        return refused.cause
    if call.replacement is not None:
        call.replacement.cancel(ELSEWHERE)
        call.replacement = None
    call.replace(None, leg, "retrieve")
    if not settled:
        call.renegotiate()
    return None


def pick_up(call: Call, own: Call, leg: Leg) -> Cause | None:
    """`leg`, who is alone in its `own` call, takes the ringing `call` in the callee's place."""
    if call.replacement is not None:
        return _pick_up_transferred(call, call.replacement, own, leg)
    host, media = call.host, call.host.media
    if call.ringing is None or call is own:
        return NOT_NOW
    if call.offer is None:
        return NO_CODEC
    wanted = media.formats(leg) if own.offer is None else media.common_formats(call.offer, own.offer)
    try:
        answer = media.answer_locally(call.caller, call.offer, wanted)
        settled = _join(call, own, leg, call.caller)
    except NoMedia as refused:
        return refused.cause
    call.ringing.stop(ELSEWHERE)
    call.ringing = None
    call.callee = leg
    leg.observer = call
    call.join(leg)
    call.record.answer_leg(leg, host.wall())
    call.answer(answer)
    host.bus.publish(CallTransferred(call.id, "pickup", leg.party.number, call.record.callee))
    if not settled:
        call.renegotiate()
    return None


def _pick_up_transferred(call: Call, replacement: Replacement, own: Call, leg: Leg) -> Cause | None:
    """`leg` takes the place of the party that is being rung for a transfer."""
    staying = replacement.staying
    if replacement.ringing is None or call is own:
        return NOT_NOW
    try:
        settled = _join(call, own, leg, staying)
    except NoMedia as refused:
        return refused.cause
    replacement.taken_by(leg)
    if not settled or call.host.media.side(staying).paused:
        call.renegotiate()
    return None


def take_place(call: Call, own: Call, leg: Leg, leaving: Leg) -> Cause | None:
    """`leg`, who is alone in its `own` call, takes the place of `leaving` (RFC 3891 §3)."""
    if leaving is not call.caller and leaving is not call.callee:
        return pick_up(call, own, leg)
    staying = call.other(leaving)
    if call.machine.state is not State.ACTIVE or staying is None:
        return NOT_NOW
    try:
        settled = _join(call, own, leg, staying)
    except NoMedia as refused:
        return refused.cause
    if call.replacement is not None:
        call.replacement.cancel(ELSEWHERE)
        call.replacement = None
    call.replace(leaving, leg, "replace")
    leaving.disconnect(REPLACED)
    if not settled or call.host.media.side(staying).paused:
        call.renegotiate()
    return None


def transfer(call: Call, leg: Leg, request: Transfer) -> None:
    """`leg` wants the other party of `call` to talk to somebody else."""
    other = call.other(leg)
    if call.machine.state is not State.ACTIVE or call.replacement is not None:
        request.refuse(491)
    elif other is None:
        request.refuse(603)
    elif request.replaces is None and request.consulted is None:
        call.transferred_by = leg.party.number
        _begin(call, leg, other, request, request.target)
    else:
        call.transferred_by = leg.party.number
        _attended(call, leg, other, request)


def _begin(call: Call, leg: Leg, other: Leg, request: Transfer, number: str) -> None:
    """Ring `number` on behalf of the other party (RFC 5589 §6)."""
    host = call.host
    found = host.stages(number, leg)
    if isinstance(found, Cause):
        request.refuse(found.status)
        return
    request.accept()
    call.replacement = Replacement(host, call, leg, other, request)
    call.replacement.start(Hunt.through(found))


def _attended(call: Call, leg: Leg, other: Leg, request: Transfer) -> None:
    """Put together the other parties of the two calls of `leg` (RFC 5589 §7)."""
    host, consulted = call.host, request.consulted
    if request.replaces is not None:
        consulted = host.find_leg(*request.replaces)
    second = host.call_of(consulted) if consulted is not None else None
    if consulted is None or second is None or second is call:
        request.refuse(481)
        return
    if second.machine.state is not State.ACTIVE:
        # The consulted party still rings: it is rung again, now on behalf of the one who stays.
        number = second.record.callee
        second.disconnect(_GONE)
        _begin(call, leg, other, request, number)
        return
    target = second.other(consulted)
    if target is None:
        request.refuse(481)
        return
    request.accept()
    second.hand_over(target, call)
    call.replace(leg, target, "attended")
    call.renegotiate()
    request.report(200)
    leg.disconnect(TRANSFERRED)
