"""A call between two parties: the back-to-back user agent on top of the five-state machine.

The caller's leg is there from the start; the callee's is found by Ringing. Once both talk, whatever one side offers is
carried to the other (Negotiation), and either side may be replaced by another party (Replacement: transfer, pick-up,
park). Every way out leads through `_finish`, which releases everything exactly once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.calls.hunting import Hunt, Target
from softswitch.calls.leg import Cause, Information, Leg, LegState, Transfer
from softswitch.calls.machine import CallMachine, Method, State
from softswitch.calls.negotiation import Negotiation
from softswitch.calls.record import CallRecord
from softswitch.calls.replacement import Replacement
from softswitch.calls.ringing import ELSEWHERE, NOBODY, Ringing
from softswitch.events import CallOpened, CallRecorded, CallStateChanged, CallTransferred

if TYPE_CHECKING:
    from softswitch.calls.host import CallHost
    from softswitch.media import Port
    from softswitch.sip.timerwheel import Timer

NORMAL = Cause(200, 16, "normal call clearing")
CALLER_GAVE_UP = Cause(487, 16, "caller gave up", "caller")
TOO_LONG = Cause(408, 102, "longest duration reached", "switch")
MEDIA_LOST = Cause(408, 27, "no media received", "switch")


class Call:
    """One call. `caller` and `callee` are its two sides; a service of the switch has no callee leg."""

    __slots__ = (
        "_handed_over",
        "_host",
        "_leave_service",
        "_limit",
        "callee",
        "caller",
        "hunt",
        "id",
        "machine",
        "negotiation",
        "offer",
        "record",
        "replacement",
        "ringing",
        "transferred_by",
    )

    def __init__(self, host: CallHost, call_id: str, caller: Leg, offer: bytes | None, record: CallRecord) -> None:
        self._host = host
        self.id = call_id
        self.caller: Leg = caller
        self.callee: Leg | None = None
        self.offer = offer
        self.record = record
        self.machine = CallMachine(self._moved)
        self.ringing: Ringing | None = None
        self.hunt: Hunt | None = None
        self.negotiation: Negotiation | None = None
        self.replacement: Replacement | None = None
        self.transferred_by = ""
        self._handed_over: Leg | None = None
        self._leave_service: Callable[[], None] | None = None
        self._limit: Timer | None = None
        caller.observer = self
        self.join(caller)

    # -- set-up -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The caller is known: leave IDLE, so that whatever happens next is on record."""
        self.machine.apply(Method.ORIGINATE)
        self._host.bus.publish(CallOpened(self.id, self.record.to_dict()))

    def ring(self, hunt: Hunt) -> None:
        """Ring whom the hunt names."""
        self.hunt = hunt
        self.machine.apply(Method.PROCEED)
        self.ringing = Ringing(self._host, self, hunt, self.offer)
        self.ringing.start()

    def refuse(self, cause: Cause) -> None:
        """Turn the caller away before anybody is rung."""
        self._finish(cause, None)

    def join(self, leg: Leg) -> None:
        """`leg` belongs to this call from now on."""
        self.record.open_leg(leg, self._host.wall())
        self._host.joined(leg, self)

    def leave(self, leg: Leg, cause: Cause, *, keep_media: bool = False) -> None:
        """`leg` is no longer part of this call; its media is released unless another call takes it over."""
        record = self.record.legs.get(leg.id)
        if record is not None and record.cause is None:
            record.codec, record.quality = self._host.media.quality(leg)
            self.record.close_leg(leg, cause, self._host.wall())
        self._host.left(leg, self)
        if keep_media:
            self._host.media.part(leg)
        else:
            self._host.media.release(leg)

    def ringing_started(self, leg: Leg) -> None:
        """See RingingObserver."""
        self.join(leg)
        self.machine.apply(Method.NOTIFY_INCOMING)

    def ringing_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """See RingingObserver."""
        if self.machine.state is not State.CALLEE_SETUP:
            return
        self.machine.apply({180: Method.RING, 182: Method.QUEUE}.get(status, Method.PROCEED))
        carried = None
        if sdp is not None and self.offer is not None:
            carried = self._host.media.carry_answer(leg, self.caller, sdp)
        self.caller.progress(status, carried)

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        wall = self._host.wall()
        self.callee = leg
        leg.observer = self
        self.ringing = None
        carried: bytes | None = None
        if sdp is not None:
            carry = self._host.media.carry_answer if self.offer is not None else self._host.media.carry_offer
            carried = carry(leg, self.caller, sdp)
            if carried is None:
                self._finish(Cause(488, 88, "the parties have no codec in common"), leg)
                return
        self.record.answer_leg(leg, wall)
        self.machine.apply(Method.ANSWER)
        self.caller.accept(carried)
        self._became_active(wall)

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver."""
        self.ringing = None
        self._finish(cause, None)

    def ringing_ended(self, leg: Leg, cause: Cause) -> None:
        """See RingingObserver."""
        self.leave(leg, cause)

    def ringing_service(self, target: Target) -> None:
        """See RingingObserver."""
        self.ringing = None
        refused = self._host.serve(self, self.caller, target)
        if refused is not None:
            self._finish(refused, None)

    # -- one party and the switch -----------------------------------------------------------------------------------

    def port_of(self, leg: Leg) -> Port | None:
        """The engine's port of a party's first stream."""
        return self._host.media.port(leg)

    def answer_with_service(self, leg: Leg) -> bool:
        """The switch itself talks to `leg`: answer it, or take it back from the party it talked to."""
        media = self._host.media
        if self.machine.state is State.ACTIVE:
            media.part(leg)
            offer = media.take_back(leg)
            return offer is None or leg.offer(offer)
        description = media.offer_locally(leg) if self.offer is None else media.answer_locally(leg, self.offer)
        if description is None:
            return False
        self.machine.apply(Method.ANSWER)
        self.caller.accept(description)
        self._became_active(self._host.wall())
        return True

    def parked_at(self, place: str, leave: Callable[[], None]) -> None:
        """The only party waits at `place`; `leave` frees it when the call ends or somebody joins."""
        self._leave_service = leave
        self._host.bus.publish(CallTransferred(self.id, "park", self.transferred_by, place))

    def joined_by(self, joining_call: Call, leg: Leg) -> Cause | None:
        """`leg`, who is alone in `joining_call`, joins the only party of this call."""
        media = self._host.media
        description = media.meet(leg, joining_call.offer, self.caller) if joining_call.offer is not None else None
        if description is None:
            return Cause(488, 88, "the parties have no codec in common")
        self._leave_service = None
        joining_call.hand_over(leg)
        leg.accept(description)
        self.replace(None, leg, "retrieve")
        return None

    def ringing_numbers(self) -> set[str]:
        """The numbers at which this call rings now."""
        if self.ringing is None or self.machine.state is not State.CALLEE_SETUP:
            return set()
        return {target.number for target in self.ringing.branches.values()}

    def picked_up_by(self, joining_call: Call, leg: Leg) -> Cause | None:
        """`leg`, who is alone in `joining_call`, takes this ringing call in the callee's place."""
        media = self._host.media
        if self.offer is None or joining_call.offer is None or self.ringing is None:
            return Cause(488, 88, "a call without an offer cannot be picked up")
        wanted = media.common_formats(self.offer, joining_call.offer)
        answer = media.answer_locally(self.caller, self.offer, wanted)
        description = media.meet(leg, joining_call.offer, self.caller) if answer is not None else None
        if answer is None or description is None:
            return Cause(488, 88, "the parties have no codec in common")
        self.ringing.stop(ELSEWHERE)
        self.ringing = None
        joining_call.hand_over(leg)
        leg.accept(description)
        self.callee = leg
        leg.observer = self
        wall = self._host.wall()
        self.join(leg)
        self.record.answer_leg(leg, wall)
        self.machine.apply(Method.ANSWER)
        self.caller.accept(answer)
        self._became_active(wall)
        self._host.bus.publish(CallTransferred(self.id, "pickup", leg.party.number, self.record.callee))
        return None

    def taken_over_by(self, joining_call: Call, leg: Leg, leaving: Leg) -> Cause | None:
        """`leg`, who is alone in `joining_call`, takes the place of `leaving` (RFC 3891 §3)."""
        if self.machine.state is State.CALLEE_SETUP:
            return self.picked_up_by(joining_call, leg)
        staying = self.other(leaving)
        if self.machine.state is not State.ACTIVE or staying is None or joining_call.offer is None:
            return Cause(481, 81, "the call cannot be taken over")
        media = self._host.media
        description = media.meet(leg, joining_call.offer, staying)
        if description is None:
            return Cause(488, 88, "the parties have no codec in common")
        joining_call.hand_over(leg)
        leg.accept(description)
        self.replace(leaving, leg, "replace")
        leaving.disconnect(ELSEWHERE)
        return None

    def hand_over(self, leg: Leg) -> None:
        """`leg` goes to another call and keeps its media; this call ends, and a party left alone is released."""
        leg.observer = NOBODY
        self._handed_over = leg
        self.leave(leg, NORMAL, keep_media=True)
        self._finish(NORMAL, leg)

    def _became_active(self, wall: float) -> None:
        self.record.answered_at = wall
        self.record.answer_leg(self.caller, wall)
        limit = self._host.settings.max_duration_s
        if limit:
            self._limit = self._host.timers.schedule(self._host.now() + limit, self._reached_limit)

    # -- mid-call media ---------------------------------------------------------------------------------------------

    def other(self, leg: Leg) -> Leg | None:
        """The party opposite `leg`; before the answer, the only one being rung."""
        if leg is self.caller:
            return self.callee or (self.ringing.only_branch if self.ringing else None)
        return self.caller

    def leg_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver."""
        if self.negotiation is not None and not self.negotiation.over:
            if not self.negotiation.offered(leg, sdp):
                leg.refuse_offer(491)
            return
        other = self.other(leg)
        if other is None:
            self._answer_for_service(leg, sdp)
            return
        media = self._host.media
        self.negotiation = Negotiation.begun_by(leg, other, sdp, media.carry_offer, media.carry_answer)

    def _answer_for_service(self, leg: Leg, sdp: bytes | None) -> None:
        media = self._host.media
        description = media.offer_locally(leg) if sdp is None else media.answer_locally(leg, sdp)
        if description is None:
            leg.refuse_offer(488)
        else:
            leg.answer(description)

    def leg_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """See LegObserver."""
        if self.negotiation is not None and self.negotiation.answered(leg, sdp):
            return
        if self.callee is None:
            self._host.media.answered_locally(leg, sdp)

    def leg_refused_offer(self, leg: Leg, status: int) -> None:
        """See LegObserver."""
        if self.negotiation is not None and not self.negotiation.over:
            self.negotiation.refused(leg, status)

    def leg_confirmed(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver."""
        if sdp is None:
            return
        if self.callee is None:
            self._host.media.answered_locally(leg, sdp)
        elif (carried := self._host.media.carry_answer(leg, self.callee, sdp)) is not None:
            self.callee.answer(carried)
        else:
            self._finish(Cause(488, 88, "the parties have no codec in common"), None)

    def ringing_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self.leg_offered(leg, sdp)

    def ringing_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """See RingingObserver."""
        self.leg_answered_offer(leg, sdp)

    def ringing_refused_offer(self, leg: Leg, status: int) -> None:
        """See RingingObserver."""
        self.leg_refused_offer(leg, status)

    def renegotiate(self) -> None:
        """Let the two parties, who never heard of each other, agree on media."""
        if self.callee is not None:
            media = self._host.media
            self.negotiation = Negotiation.begun_by_switch(
                self.caller, self.callee, media.carry_offer, media.carry_answer
            )

    # -- application data and transfer ------------------------------------------------------------------------------

    def leg_information(self, leg: Leg, information: Information) -> None:
        """See LegObserver."""
        other = self.other(leg)
        if other is None:
            information.accept()
        else:
            other.inform(information)

    def leg_transfer_requested(self, leg: Leg, transfer: Transfer) -> None:
        """See LegObserver."""
        other = self.other(leg)
        if self.machine.state is not State.ACTIVE or other is None:
            transfer.refuse(481 if other is None else 491)
            return
        if self.replacement is not None:
            transfer.refuse(491)
            return
        self.transferred_by = leg.party.number
        if transfer.replaces is not None:
            self._transfer_attended(leg, other, transfer)
        else:
            self._transfer_blind(leg, other, transfer)

    def _transfer_blind(self, leg: Leg, other: Leg, transfer: Transfer) -> None:
        found = self._host.stages(transfer.target, leg, ())
        if isinstance(found, Cause):
            transfer.refuse(found.status)
            return
        transfer.accept()
        self.replacement = Replacement(self._host, self, leg, other, transfer)
        self.replacement.start(Hunt.through(found))

    def _transfer_attended(self, leg: Leg, other: Leg, transfer: Transfer) -> None:
        assert transfer.replaces is not None
        consulted = self._host.find_leg(*transfer.replaces)
        second = self._host.call_of(consulted) if consulted is not None else None
        target = second.other(consulted) if second is not None and consulted is not None else None
        if consulted is None or second is None or target is None or second is self:
            transfer.refuse(481)
            return
        transfer.accept()
        second.hand_over(target)
        self.replace(leg, target, "attended")
        self.renegotiate()
        transfer.report(200)
        leg.disconnect(NORMAL)

    def replace(self, leaving: Leg | None, joining: Leg | None, kind: str) -> None:
        """`joining` takes the place of `leaving`, who is no longer part of the call; None: nobody does."""
        wall = self._host.wall()
        host = self._host
        names = [leg.party.number if leg is not None else "" for leg in (leaving, joining)]
        host.bus.publish(CallTransferred(self.id, kind, *names))
        if leaving is not None:
            self.transferred_by = leaving.party.number
            leaving.observer = NOBODY
            self.leave(leaving, NORMAL)
            if leaving is self.caller and self.callee is not None:
                self.caller = self.callee
        self.callee = joining
        self.negotiation = None
        if self._leave_service is not None and joining is not None:
            self._leave_service()
            self._leave_service = None
        if joining is not None:
            self.join(joining)
            self.record.answer_leg(joining, wall)
            joining.observer = self

    # -- the end ----------------------------------------------------------------------------------------------------

    def leg_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """An answered party does not ring again."""

    def leg_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """Only Ringing waits for answers."""

    def leg_rejected(self, leg: Leg, cause: Cause, redirects: tuple[str, ...]) -> None:
        """See LegObserver."""
        self.leg_ended(leg, cause)

    def leg_ended(self, leg: Leg, cause: Cause) -> None:
        """See LegObserver."""
        if self.replacement is not None and self.replacement.leg_ended(leg, cause):
            return
        by = "caller" if leg is self.caller else "callee"
        if not self.record.answered_at and leg is self.caller:
            cause = Cause(487, cause.q850 or 16, cause.text or CALLER_GAVE_UP.text, by)
        self._finish(Cause(cause.status, cause.q850, cause.text, by), leg)

    def disconnect(self, cause: Cause = NORMAL) -> None:
        """End the call from our side: operator, limit, lost media."""
        self._finish(cause, None)

    def media_lost(self) -> None:
        """The media engine has not heard from a party for too long."""
        self._finish(MEDIA_LOST, None)

    def _reached_limit(self, now: float) -> None:
        self._limit = None
        self._finish(TOO_LONG, None)

    def _finish(self, cause: Cause, gone: Leg | None) -> None:
        """Release everything; `gone` is the leg that has already ended by itself."""
        if self.machine.state is State.DISCONNECTED or self.machine.state is State.IDLE:
            return
        self.record.cause = cause
        self.machine.apply(Method.DISCONNECT)
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if self.ringing is not None:
            self.ringing.stop(cause if cause.by == "caller" else ELSEWHERE)
            self.ringing = None
        if self.replacement is not None:
            self.replacement.cancel(cause)
            self.replacement = None
        for leg in (self.caller, self.callee):
            if leg is not None and leg is not self._handed_over:
                self._release(leg, cause, ended=leg is gone)
        if self._leave_service is not None:
            self._leave_service()
        self.record.ended_at = self._host.wall()
        self._host.bus.publish(CallRecorded(self.id, self.record.to_dict()))
        self.machine.reset()
        self._host.finished(self)

    def _release(self, leg: Leg, cause: Cause, *, ended: bool) -> None:
        self.leave(leg, cause)
        if leg.observer is not self:
            return
        leg.observer = NOBODY
        if ended or leg.state is LegState.ENDED:
            return
        if leg.direction == "in" and leg.state is not LegState.ANSWERED:
            leg.reject(cause)
        else:
            leg.disconnect(cause)

    def _moved(self, method: Method, old: State, new: State) -> None:
        cause = self.record.cause.status if self.record.cause is not None else 0
        self._host.bus.publish(
            CallStateChanged(self.id, method.value, old.value, new.value, self.record.caller, self.record.callee, cause)
        )
