"""A call between two parties: the back-to-back user agent on top of the five-state machine.

The caller's leg is there from the start; the callee's is found by Ringing. Once both talk, whatever one side offers is
carried to the other (Conversation), and either side may be replaced by another party (Replacement, takeover). Every
way out leads through `_finish`, which releases everything exactly once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from softswitch.calls import takeover
from softswitch.calls.conversation import Conversation, Start
from softswitch.calls.hunting import Hunt, Target
from softswitch.calls.leg import Cause, Information, Leg, LegState, Transfer
from softswitch.calls.machine import CallMachine, Method, State
from softswitch.calls.media.digits import pressed_key
from softswitch.calls.media.path import NoMedia
from softswitch.calls.nobody import ELSEWHERE, NOBODY
from softswitch.calls.record import CallRecord
from softswitch.calls.replacement import Replacement
from softswitch.calls.ringing import Ringing
from softswitch.events import (
    CallAnswered,
    CallOpened,
    CallRecorded,
    CallStateChanged,
    CallTransferred,
    DigitReceived,
    LegStateChanged,
)

if TYPE_CHECKING:
    from softswitch.calls.host import CallHost
    from softswitch.media import Port
    from softswitch.sip.timerwheel import Timer

NORMAL = Cause(200, 16, "normal call clearing")
TOO_LONG = Cause(408, 102, "longest duration reached", "switch")
MEDIA_LOST = Cause(408, 27, "no media received", "switch")
_UNANSWERED = Cause(488, 88, "the caller did not answer our offer")
_GAVE_UP = "caller gave up"
_METHOD_OF = {180: Method.RING, 182: Method.QUEUE}
#: Provisional statuses a caller hears of; 199 speaks of one branch alone (RFC 6228 §4).
_PASSED_ON = frozenset({180, 181, 182, 183})


class Call:
    """One call. `caller` and `callee` are its two sides; a service of the switch has no callee leg."""

    __slots__ = (
        "_conversation",
        "_handed_over",
        "_host",
        "_leave_service",
        "_limit",
        "_told",
        "callee",
        "caller",
        "id",
        "machine",
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
        self.machine = CallMachine(partial(_tell_move, host, call_id, record))
        self.ringing: Ringing | None = None
        self.replacement: Replacement | None = None
        self.transferred_by = ""
        self._conversation: Conversation | None = None
        self._handed_over: Leg | None = None
        self._leave_service: Callable[[], None] | None = None
        self._limit: Timer | None = None
        self._told = 0
        caller.observer = self
        self.join(caller)

    # -- set-up -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The caller is known: leave IDLE, so that whatever happens next is on record."""
        self.machine.apply(Method.ORIGINATE)
        self._host.bus.tell(CallOpened, self.id, self.record)

    def ring(self, hunt: Hunt) -> None:
        """Ring whom the hunt names."""
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
        self.tell(leg, leg.state)

    def leave(self, leg: Leg, cause: Cause, *, keep_media: bool = False) -> None:
        """`leg` is no longer part of this call; its media is released unless another call takes it over."""
        media = self._host.media
        record = self.record.legs.get(leg.id)
        if record is not None and record.cause is None:
            record.codec, record.quality = media.quality(leg)
            record.cause = cause
            record.ended_at = self._host.wall()
        self._host.left(leg, self)
        if keep_media:
            media.part(leg)
        else:
            media.release(leg)
        self.tell(leg, "left", cause.status)

    def tell(self, leg: Leg, state: str, cause: int = 0) -> None:
        """Let the bus know how a party fares: setup, ringing, answered, held, left."""
        self._host.bus.tell(LegStateChanged, leg.id, self.id, leg.party.number, state, cause)

    # -- what Ringing tells -----------------------------------------------------------------------------------------

    def ringing_started(self, leg: Leg) -> None:
        """See RingingObserver."""
        self.join(leg)
        self.machine.apply(Method.NOTIFY_INCOMING)

    def ringing_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """See RingingObserver."""
        if self.machine.state is not State.CALLEE_SETUP or status not in _PASSED_ON:
            return
        self.machine.apply(_METHOD_OF.get(status, Method.PROCEED))
        carried = None
        if sdp is not None and self.offer is not None:
            try:
                carried = self._host.media.carry_answer(leg, self.caller, sdp)
            except NoMedia:
                carried = None  # the final answer will tell; until then the caller hears its own ringing
        if carried is None and status == 183:
            status = 180  # without early media somebody must make the caller's phone ring
        if carried is not None or status != self._told:
            self._told = status
            self.caller.progress(status, carried)

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self.ringing = None
        self.callee = leg
        leg.observer = self
        carried: bytes | None = None
        if sdp is not None:
            media = self._host.media
            carry = media.carry_answer if self.offer is not None else media.carry_offer
            try:
                carried = carry(leg, self.caller, sdp)
            except NoMedia as refused:
                self._finish(refused.cause, None)
                return
        self.record.answer_leg(leg, self._host.wall())
        self.answer(carried)

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver."""
        self.ringing = None
        self._finish(cause, None)

    def ringing_ended(self, leg: Leg, cause: Cause) -> None:
        """See RingingObserver."""
        self.leave(leg, cause)

    def ringing_service(self, target: Target) -> Cause | None:
        """See RingingObserver."""
        refused = self._host.serve(self, self.caller, target)
        if refused is None:
            self.ringing = None
        return refused

    def ringing_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self.leg_offered(leg, sdp)

    def ringing_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """See RingingObserver."""
        self.leg_answered_offer(leg, sdp)

    def ringing_refused_offer(self, leg: Leg, status: int) -> None:
        """See RingingObserver."""
        self.leg_refused_offer(leg, status)

    def ringing_numbers(self) -> set[str]:
        """The numbers at which this call rings now, for the first time or for a transfer."""
        ringing = self.ringing or (self.replacement.ringing if self.replacement is not None else None)
        return {target.number for target in ringing.branches.values()} if ringing is not None else set()

    # -- talking ----------------------------------------------------------------------------------------------------

    def answer(self, description: bytes | None) -> None:
        """The caller is answered with `description`: the parties talk from now on."""
        self.talk()
        if self.callee is not None:
            self.caller.answered_by(self.callee.party)
        self.caller.accept(description)

    def talk(self) -> None:
        """The call is answered."""
        wall = self._host.wall()
        self.machine.apply(Method.ANSWER)
        self.record.answered_at = wall
        self._host.bus.publish(CallAnswered(self.id, self.record))
        self.record.answer_leg(self.caller, wall)
        limit = self._host.settings.max_duration_s
        if limit and not self.record.emergency:
            self._limit = self._host.timers.schedule(self._host.now() + limit, self._reached_limit)
        if self.callee is not None:
            self.tell(self.callee, "answered")

    def answer_with_service(self, leg: Leg, start: Start) -> Cause | None:
        """The switch itself talks to `leg`: answer it, or take it back from the party it talked to.

        `start` begins the service on the leg's port, as soon as its formats are agreed.
        """
        if self.machine.state is State.ACTIVE:
            refused = self.conversation.take_back(leg, start)
            if refused is None:
                self._leave_place()
            return refused
        media = self._host.media
        try:
            if self.offer is None:
                description = media.offer_locally(leg)
                self.conversation.start_later(start)
            else:
                description = media.answer_locally(leg, self.offer)
                port = media.port(leg)
                refused = start(port) if port is not None else None
                if refused is not None:
                    return refused
        except NoMedia as error:
            return error.cause
        self.answer(description)
        return None

    def parked_at(self, place: str, leave: Callable[[], None]) -> None:
        """The only party waits at `place`; `leave` frees it when the call ends or somebody joins."""
        self._leave_service = leave
        self._host.bus.publish(CallTransferred(self.id, "park", self.transferred_by, place))

    def stay(self, leave: Callable[[], None]) -> None:
        """The only party is in a place of the switch until it goes elsewhere, whereupon `leave` is called."""
        self._leave_place()
        self._leave_service = leave

    @property
    def stays(self) -> bool:
        """Whether the only party is in a place that does not end with a sound."""
        return self._leave_service is not None

    def _leave_place(self) -> None:
        leave, self._leave_service = self._leave_service, None
        if leave is not None:
            leave()

    def port_of(self, leg: Leg) -> Port | None:
        """The engine's port of a party's first stream."""
        return self._host.media.port(leg)

    @property
    def host(self) -> CallHost:
        """The exchange that keeps this call."""
        return self._host

    @property
    def conversation(self) -> Conversation:
        """The changes of media within this call, made when the first one happens."""
        if self._conversation is None:
            self._conversation = Conversation(self._host, self)
        return self._conversation

    def renegotiate(self) -> None:
        """Let the two parties, who never heard of each other, agree on media as soon as both can."""
        self.conversation.renegotiate()

    @property
    def is_over(self) -> bool:
        """Whether everything has been released."""
        return self.machine.state in (State.IDLE, State.DISCONNECTED)

    def other(self, leg: Leg) -> Leg | None:
        """The party opposite `leg`; before the answer, the only one being rung."""
        if leg is self.caller:
            return self.callee or (self.ringing.only_branch if self.ringing else None)
        return self.caller

    def leg_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver."""
        self.conversation.offered(leg, sdp)

    def leg_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """See LegObserver."""
        self.conversation.answered_offer(leg, sdp)

    def leg_refused_offer(self, leg: Leg, status: int) -> None:
        """See LegObserver."""
        self.conversation.refused_offer(leg, status)

    def leg_confirmed(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver."""
        if sdp is not None:
            if self.callee is None:
                self.conversation.answered_offer(leg, sdp)
                return
            try:
                self.callee.answer(self._host.media.carry_answer(leg, self.callee, sdp))
            except NoMedia as refused:
                self._finish(refused.cause, None)
                return
        elif self.offer is None and leg is self.caller:
            self._finish(_UNANSWERED, None)
        if self._conversation is not None:
            self._conversation.confirmed()

    def leg_information(self, leg: Leg, information: Information) -> None:
        """See LegObserver."""
        key = pressed_key(information.content_type, information.body)
        if key is not None:
            self._host.bus.tell(DigitReceived, self.id, leg.id, key.digit, key.duration_ms)
        other = self.other(leg)
        keyed = other is not None and key is not None and self._host.pass_key(other, key)
        if keyed or self._host.picture_requested(leg, information):
            information.accept()
        elif other is not None:
            other.inform(information)
        elif not self._host.information(leg, information):
            information.accept()

    def leg_transfer_requested(self, leg: Leg, transfer: Transfer) -> None:
        """See LegObserver."""
        takeover.transfer(self, leg, transfer)

    # -- one party in place of another ------------------------------------------------------------------------------

    def hand_over(self, leg: Leg, to: Call) -> None:
        """`leg` goes to another call and keeps its media; this call ends, and a party left alone is released."""
        leg.observer = NOBODY
        if self.replacement is not None:
            self.replacement.merged()
            self.replacement = None
        self._handed_over = leg
        self.record.merged_into = to.id
        self._finish(NORMAL, None)

    def replace(self, leaving: Leg | None, joining: Leg | None, kind: str) -> None:
        """`joining` takes the place of `leaving`, who is no longer part of the call; None: nobody does."""
        names = [leg.party.number if leg is not None else "" for leg in (leaving, joining)]
        self._host.bus.publish(CallTransferred(self.id, kind, *names))
        if self._conversation is not None:
            self._conversation.abandon(keep_service=joining is None)
        if leaving is not None:
            self.transferred_by = leaving.party.number
            leaving.observer = NOBODY
            self.leave(leaving, NORMAL)
            if leaving is self.caller and self.callee is not None:
                self.caller = self.callee
        self.callee = joining
        if joining is not None:
            if self._leave_service is not None:
                self._leave_service()
                self._leave_service = None
            self.join(joining)
            self.record.answer_leg(joining, self._host.wall())
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
        status, q850, text = cause.status, cause.q850, cause.text
        if by == "caller" and not self.record.answered_at:
            status, text = 487, text if q850 == ELSEWHERE.q850 else _GAVE_UP
        self._finish(Cause(status, q850, text, by), leg)

    def disconnect(self, cause: Cause = NORMAL) -> None:
        """End the call from our side: operator, limit, lost media."""
        self._finish(cause, None)

    def media_lost(self) -> None:
        """The media engine has not heard from a party for too long; while it rings, that is nobody's fault."""
        if self.machine.state is State.ACTIVE:
            self._finish(MEDIA_LOST, None)

    def _reached_limit(self, now: float) -> None:
        self._limit = None
        self._finish(TOO_LONG, None)

    def _finish(self, cause: Cause, gone: Leg | None) -> None:
        """Release everything; `gone` is the leg that has already ended by itself."""
        if self.is_over:
            return
        self.record.cause = cause
        self.machine.apply(Method.DISCONNECT)
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if self._conversation is not None:
            self._conversation.abandon()
        if self.ringing is not None:
            self.ringing.stop(cause)
            self.ringing = None
        if self.replacement is not None:
            self.replacement.cancel(cause)
            self.replacement = None
        self._release(self.caller, cause, gone)
        if self.callee is not None:
            self._release(self.callee, cause, gone)
        if self._leave_service is not None:
            self._leave_service()
        self.record.ended_at = self._host.wall()
        self._host.bus.tell(CallRecorded, self.id, self.record)
        self.machine.reset()
        self._host.finished(self)

    def _release(self, leg: Leg, cause: Cause, gone: Leg | None) -> None:
        self.leave(leg, cause, keep_media=leg is self._handed_over)
        if leg.observer is not self:
            return
        leg.observer = NOBODY
        if leg is gone or leg.state is LegState.ENDED:
            return
        if leg.direction == "in" and leg.state is not LegState.ANSWERED:
            leg.reject(cause)
        else:
            leg.disconnect(cause)


def _tell_move(host: CallHost, call_id: str, record: CallRecord, method: Method, old: State, new: State) -> None:
    """Every move of a call's machine is an event. The machine holds no call, so that a call goes when it is over."""
    cause = 0 if record.cause is None else record.cause.status
    host.bus.tell(CallStateChanged, call_id, method, old, new, record.caller, record.callee, cause)
