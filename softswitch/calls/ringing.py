"""Ringing: carries out a hunt for a call and tells it who progressed, who answered, or why nobody did.

A new call rings its callee this way; a transfer rings the new party this way. Until one answers, the legs it dialled
report here; the one that answers is handed over and every other is told that the call was completed elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from softswitch.calls.hunting import Diverted, History, Hunt, Stage, Target, may_try_next_trunk
from softswitch.calls.leg import Cause, Information, Leg, Transfer
from softswitch.calls.nobody import ELSEWHERE, NOBODY

if TYPE_CHECKING:
    from softswitch.calls.host import CallHost
    from softswitch.sip.timerwheel import Timer

NO_ANSWER = Cause(480, 19, "no answer")
NOWHERE = Cause(480, 20, "redirected to nowhere")
MAX_REDIRECTIONS = 10
_BUSY = frozenset({486, 600})
_ABSENT = frozenset({408, 480})


class RingingObserver(Protocol):
    """Who wanted somebody rung, and on whose behalf: `caller` is the party that will be connected."""

    @property
    def caller(self) -> Leg:
        """The party that will be connected."""

    def ringing_started(self, leg: Leg) -> None:
        """One more party is being told."""

    def ringing_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """A party is being alerted; `sdp` is early media, given only while it is the only party rung."""

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """The first party answered; all others are being cancelled."""

    def ringing_failed(self, cause: Cause) -> None:
        """Nobody answered, and nobody is left to try."""

    def ringing_ended(self, leg: Leg, cause: Cause) -> None:
        """One party is out of the race: refused, unreachable, or lost it."""

    def ringing_service(self, target: Target) -> Cause | None:
        """The next target is a service of the switch itself; a Cause says why it does not take the call."""

    def ringing_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """A party that has not answered yet wants to change the media (RFC 3311)."""

    def ringing_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """A party that has not answered yet answered an offer of ours."""

    def ringing_refused_offer(self, leg: Leg, status: int) -> None:
        """A party that has not answered yet refused an offer of ours."""


class Ringing:
    """One hunt under way, with the `offer` that is made to everyone rung (None: they are asked for theirs)."""

    __slots__ = ("_busy", "_host", "_observer", "_over", "_timer", "branches", "hunt", "offer", "stage")

    def __init__(self, host: CallHost, observer: RingingObserver, hunt: Hunt, offer: bytes | None) -> None:
        self._host = host
        self._observer = observer
        self._timer: Timer | None = None
        self._over = False
        self._busy = False
        self.hunt = hunt
        self.offer = offer
        self.stage: Stage | None = None
        self.branches: dict[Leg, Target] = {}

    def start(self) -> None:
        """Ring the first stage."""
        self._next_stage()

    def stop(self, cause: Cause, winner: Leg | None = None) -> None:
        """End the race: disconnect every party but `winner`."""
        self._over = True
        self._cancel_timer()
        self.hunt.stop()
        branches, self.branches = self.branches, {}
        for leg in branches:
            if leg is not winner:
                self._drop(leg, cause)

    @property
    def only_branch(self) -> Leg | None:
        """The party rung, if it is the only one."""
        return next(iter(self.branches)) if len(self.branches) == 1 else None

    def _drop(self, leg: Leg, cause: Cause) -> None:
        leg.observer = NOBODY
        leg.disconnect(cause)
        self._observer.ringing_ended(leg, cause)

    def _next_stage(self) -> None:
        self._cancel_timer()
        while not self._over:
            stage = self.hunt.next_stage()
            if stage is None:
                self._over = True
                self._observer.ringing_failed(self.hunt.refusal())
                return
            self.stage = stage
            self._busy = False
            if self._ring(stage):
                return

    def _ring(self, stage: Stage) -> bool:
        """Dial the targets of a stage; False when none of them could be dialled."""
        for target in stage.targets:
            if target.service and self._serve(target):
                return True
        for target in stage.targets:
            if not target.service:
                self._dial(target)
        if self.branches and stage.ring_s:
            self._timer = self._host.timers.schedule(self._host.now() + stage.ring_s, self._rang_long_enough)
        return bool(self.branches)

    def _serve(self, target: Target) -> bool:
        """Let a service take the call: it answers at once, so nobody need be rung beside it."""
        refused = self._observer.ringing_service(target)
        if refused is not None:
            self.hunt.note(refused)
            return False
        self._over = True
        return True

    def _dial(self, target: Target) -> None:
        dialled = self._host.dial(target, self, self._observer)
        if isinstance(dialled, Leg):
            self.branches[dialled] = target
            self._observer.ringing_started(dialled)
        else:
            self.hunt.note(dialled)

    def _rang_long_enough(self, now: float) -> None:
        self._timer = None
        self.hunt.note(NO_ANSWER)
        branches, self.branches = self.branches, {}
        for leg in branches:
            self._drop(leg, NO_ANSWER)
        stage = self.stage
        if stage is not None and stage.forward_no_answer:
            self._forward(stage, stage.forward_no_answer, "no-answer")
        self._next_stage()

    def _forward(self, stage: Stage, number: str, reason: str) -> None:
        history: History = (*stage.history, Diverted(stage.number, reason))
        self._try(self._host.diverted(number, history, self._observer))

    def _try(self, found: list[Stage] | Cause) -> None:
        if isinstance(found, list):
            self.hunt.insert(found)
        else:
            self.hunt.note(found)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what the legs say ------------------------------------------------------------------------------------------

    def leg_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """See LegObserver."""
        if leg in self.branches:
            alone = len(self.branches) == 1
            self._observer.ringing_progressed(leg, status, sdp if alone else None)

    def leg_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver."""
        if leg not in self.branches:
            return
        self.stop(ELSEWHERE, winner=leg)
        self._observer.ringing_answered(leg, sdp)

    def leg_rejected(self, leg: Leg, cause: Cause, redirects: tuple[str, ...]) -> None:
        """See LegObserver."""
        target = self.branches.pop(leg, None)
        if target is None:
            return
        self._observer.ringing_ended(leg, cause)
        if 300 <= cause.status < 400:
            self._redirect(target, redirects)
        else:
            self.hunt.note(cause)
        self._busy = self._busy or cause.status in _BUSY
        diverts = cause.status == 600 and self.stage is not None and self.stage.forward_busy
        if cause.status >= 600 and not diverts:
            self.stop(cause)
            self._observer.ringing_failed(cause)
        elif not self.branches:
            self._stage_failed(cause)

    def _stage_failed(self, cause: Cause) -> None:
        stage = self.stage
        if stage is not None and cause.status >= 400:
            if stage.failover_only and not may_try_next_trunk(cause.status):
                self.hunt.stop()
            elif stage.forward_busy and self._busy:
                self._forward(stage, stage.forward_busy, "user-busy")
            elif stage.forward_no_answer and cause.status in _ABSENT:
                self._forward(stage, stage.forward_no_answer, "no-answer" if cause.status == 408 else "unavailable")
        self._next_stage()

    def _redirect(self, target: Target, redirects: tuple[str, ...]) -> None:
        """Follow a 3xx: each new URI once, a bounded number of times, one after the other (RFC 3261 §8.1.3.4)."""
        fresh = [uri for uri in dict.fromkeys(redirects) if uri not in self.hunt.redirected]
        fresh = fresh[: max(MAX_REDIRECTIONS - len(self.hunt.redirected), 0)]
        self.hunt.redirected.update(fresh)
        stages: list[Stage] = []
        refusal = NOWHERE
        for uri in fresh:
            found = self._host.redirected(uri, target, self.stage)
            if isinstance(found, list):
                stages.extend(found)
            else:
                refusal = found
        self._try(stages or refusal)

    def leg_ended(self, leg: Leg, cause: Cause) -> None:
        """See LegObserver."""
        self.leg_rejected(leg, cause, ())

    def leg_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver."""
        if self.only_branch is leg:
            self._observer.ringing_offered(leg, sdp)
        else:
            leg.refuse_offer(488)

    def leg_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """See LegObserver."""
        self._observer.ringing_answered_offer(leg, sdp)

    def leg_refused_offer(self, leg: Leg, status: int) -> None:
        """See LegObserver."""
        self._observer.ringing_refused_offer(leg, status)

    def leg_confirmed(self, leg: Leg, sdp: bytes | None) -> None:
        """A party that we called confirms nothing; only callers do."""

    def leg_transfer_requested(self, leg: Leg, transfer: Transfer) -> None:
        """Nobody can be transferred before the call is answered."""
        transfer.refuse(491)

    def leg_information(self, leg: Leg, information: Information) -> None:
        """Early information has no other party yet."""
        information.refuse(480)
