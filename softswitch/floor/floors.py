"""Granting, revoking and ending: the floors of one group with their timers, below the decisions of the arbiter.

TS 24.380 §6.3.4 and §6.3.5. A group has one floor; a second while somebody overrides with both heard, several with
multi-talker. Everything that is told to anyone is told from here.
"""

from __future__ import annotations

from collections import Counter, deque

from softswitch.deadlines import TimerSet
from softswitch.floor.burst import Burst, Seat
from softswitch.floor.causes import DENY_PHRASES, TIER_BITS, CancelReason, DenyCause, Indicator, RevokeCause, Tier
from softswitch.floor.events import (
    Denied,
    Event,
    Granted,
    Idle,
    MediaGate,
    QueueCancelled,
    Queued,
    Revoked,
    Taken,
    TalkerStopped,
)
from softswitch.floor.priorities import Rank, preempts
from softswitch.floor.settings import UNLIMITED_S, ArbiterSettings, Override
from softswitch.floor.states import FloorInput, FloorState
from softswitch.floor.waiting import Entry, WaitingList

_BURST_TIMERS = ("T1", "T11", "T2", "T12", "T20", "T3", "T8", "warning")


class Floors:
    """Talkers, those who wait and everyone else; `Arbiter` decides, this carries out."""

    def __init__(self, settings: ArbiterSettings) -> None:
        self.settings = settings
        self.seats: dict[str, Seat] = {}
        self.bursts: dict[str, Burst] = {}
        self.waiting = WaitingList()
        self.timers = TimerSet()
        self.events: deque[Event] = deque()
        self.counters: Counter[str] = Counter()
        self.sequence = 0
        #: the state while nobody has the floor.
        self.rest = FloorState.START_STOP
        self.c7 = 0
        self.idle_since = 0.0

    # --- what is told -------------------------------------------------------------------------------------------

    def indicator(self, tier: Tier) -> int:
        """The Floor Indicator of a message about a talk of `tier`."""
        settings = self.settings
        bits = TIER_BITS[tier]
        if settings.broadcast_by:
            bits = bits & ~Indicator.NORMAL | Indicator.BROADCAST
        if settings.temporary_group:
            bits |= Indicator.TEMPORARY_GROUP
        if settings.max_talkers > 1:
            bits |= Indicator.MULTI_TALKER
        elif len(self.bursts) > 1:
            bits |= Indicator.DUAL_FLOOR
        return int(bits)

    def tell_granted(self, burst: Burst, duration_s: int, waited_s: float, *, repeated: bool) -> None:
        """Floor Granted to a talker."""
        tier = burst.rank.tier
        bits = self.indicator(tier)
        if self.settings.queue_limit and self.seats[burst.participant].member.queueing:
            bits |= int(Indicator.QUEUEING)
        size = len(self.waiting)
        priority = burst.rank.priority
        self.events.append(
            Granted(burst.participant, duration_s, priority, tier, bits, burst.user, waited_s, size, repeated)
        )
        self.counters["repeated" if repeated else "granted"] += 1

    def tell_taken(self, excluding: str) -> None:
        """Floor Taken with a new sequence number to everyone but the talker who knows by his Granted."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.events.append(self._taken(None, excluding, repeated=False))

    def _taken(self, to: str | None, excluding: str, *, repeated: bool) -> Taken:
        talkers = tuple(burst.talker for burst in self.bursts.values())
        tier = max(talker.tier for talker in talkers)
        may_request = not self.settings.broadcast_by
        return Taken(to, excluding, talkers, self.sequence, may_request, self.indicator(tier), repeated)

    def tell_status(self, to: str | None) -> None:
        """How the floor stands, once more and with the sequence number it was told with; None: to everyone."""
        if self.bursts:
            if to is None or to not in self.bursts:
                self.events.append(self._taken(to, next(iter(self.bursts)), repeated=True))
        elif self.rest is FloorState.IDLE:
            self.events.append(Idle(to, self.sequence, self.indicator(self.settings.tier), True))

    def deny(self, participant: str, cause: DenyCause, phrase: str = "") -> None:
        """Floor Deny."""
        self.events.append(Denied(participant, cause, phrase or DENY_PHRASES[cause]))
        self.counters["denied"] += 1

    def tell_queued(self, entry: Entry, *, repeated: bool = False) -> None:
        """Queue Position Info, when queueing was agreed with the participant."""
        if self.seats[entry.participant].member.queueing:
            entry.told = self.waiting.position(entry.participant)
            size = len(self.waiting)
            self.events.append(Queued(entry.participant, entry.told, entry.rank.priority, size, repeated))

    def tell_positions(self) -> None:
        """Queue Position Info to those who have moved up or down."""
        if self.settings.announce_positions:
            for position, entry in enumerate(self.waiting, 1):
                if entry.told and entry.told != position:
                    self.tell_queued(entry)

    # --- the queue ----------------------------------------------------------------------------------------------

    def enqueue(self, participant: str, rank: Rank, user: str, now: float, since: float | None = None) -> None:
        """Let a request wait; the time of its first asking is kept when only its rank has changed."""
        entry = self.waiting.add(participant, rank, user, now if since is None else since)
        if self.settings.queue_wait and since is None:
            self.timers.start("queue", now + self.settings.queue_wait, participant)
        self.counters["queued"] += 1
        self.tell_queued(entry)
        self.tell_positions()

    def cancel(self, participant: str, reason: CancelReason) -> bool:
        """Take a waiting request out for `reason`; False when there is none."""
        if self.waiting.remove(participant) is None:
            return False
        self.timers.stop("queue", participant)
        self.counters["cancelled"] += 1
        self.events.append(QueueCancelled(participant, reason))
        self.tell_positions()
        return True

    # --- talks --------------------------------------------------------------------------------------------------

    def grant(self, participant: str, rank: Rank, user: str, now: float, *, since: float | None = None) -> None:
        """Give a floor; `since` is when a request that comes out of the queue was made."""
        settings, timers, seat = self.settings, self.timers, self.seats[participant]
        if not self.bursts:
            timers.stop("T4")
            timers.stop("T7")
        if seat.offending:
            seat.offending = False
            timers.stop("T8", participant)
        burst = Burst(participant, rank, user, now, second=bool(self.bursts) and settings.max_talkers == 1)
        self.bursts[participant] = burst
        if seat.member.monitored:
            timers.start(burst.t1, now + settings.t1, participant)
        else:
            self.start_talk_time(burst, now)
        if burst.second and settings.override is Override.DUAL_UNHEARD:
            for other in self.bursts.values():
                self.set_gate(other, open_=other is burst)
        else:
            self.set_gate(burst, open_=True)
        self.tell_granted(burst, self.talk_time(burst), 0.0 if since is None else now - since, repeated=False)
        if since is not None and seat.member.monitored:
            burst.c20 = 1
            timers.start("T20", now + settings.t20, participant)
        self.tell_taken(participant)

    def talk_time(self, burst: Burst) -> int:
        """Whole seconds told as duration."""
        if self.settings.emergency_unlimited and burst.rank.tier is Tier.EMERGENCY:
            return UNLIMITED_S
        return self.settings.duration_s

    def start_talk_time(self, burst: Burst, now: float) -> None:
        """T2 (T12), and the warning before its end."""
        settings = self.settings
        if not settings.t2 or self.talk_time(burst) == UNLIMITED_S:
            return
        self.timers.start(burst.t2, now + settings.t2, burst.participant)
        if 0 < settings.warn_before < settings.t2:
            self.timers.start("warning", now + settings.t2 - settings.warn_before, burst.participant)

    def set_gate(self, burst: Burst, *, open_: bool) -> None:
        """Have the talker's media passed on, or not."""
        if burst.gate is not open_:
            burst.gate = open_
            self.events.append(MediaGate(burst.participant, open_))

    def revoke(self, burst: Burst, cause: RevokeCause, given: FloorInput, now: float) -> None:
        """Ask a talker to stop: Floor Revoke, T3 and T8; without any grace the floor is taken away at once."""
        settings, timers, participant = self.settings, self.timers, burst.participant
        burst.move(given)
        burst.cause = cause
        timers.stop_all((burst.t2, "T20", "warning"), participant)
        self.tell_revoked(burst, repeated=False)
        self.counters["revoked"] += 1
        head = self.waiting.head
        urgent = cause is RevokeCause.PREEMPTED and head is not None and head.rank.tier is Tier.EMERGENCY
        grace = 0.0 if settings.cut_in else settings.t3_emergency if urgent else settings.t3
        timers.start("T3", now + grace, participant)
        timers.start("T8", now + settings.t8, participant)

    def tell_revoked(self, burst: Burst, *, repeated: bool) -> None:
        """Floor Revoke to a talker who is being stopped."""
        retry = round(self.settings.retry_after) if burst.cause is RevokeCause.TOO_LONG else 0
        self.events.append(Revoked(burst.participant, burst.cause or RevokeCause.OTHER, retry, repeated))

    def end(self, burst: Burst, given: FloorInput, now: float) -> None:
        """A talk is over: its timers stop, its media is not passed on, the next one is granted or the floor is idle."""
        participant = burst.participant
        burst.move(given)
        del self.bursts[participant]
        self.timers.stop_all(_BURST_TIMERS, participant)
        self.set_gate(burst, open_=False)
        seat = self.seats.get(participant)
        if seat is not None:
            seat.stopped_at = now
            if burst.cause is RevokeCause.TOO_LONG:
                seat.retry_at = now + self.settings.retry_after
        for other in self.bursts.values():
            other.second = False
            self._rename_timers(other, now)
            self.set_gate(other, open_=True)
        if not self.fill(now):
            self._tell_end(burst, now)

    def _rename_timers(self, burst: Burst, now: float) -> None:
        """The overriding talker of a dual floor is the only one now: T11 and T12 go on as T1 and T2."""
        for second, first in (("T11", "T1"), ("T12", "T2")):
            left = self.timers.remaining(second, now, burst.participant)
            if left is not None:
                self.timers.stop(second, burst.participant)
                self.timers.start(first, now + left, burst.participant)

    def _tell_end(self, burst: Burst, now: float) -> None:
        if not self.bursts:
            self.enter_idle(now)
        elif self.settings.max_talkers > 1:
            self.sequence = (self.sequence + 1) & 0xFFFF
            bits = self.indicator(burst.rank.tier)
            self.events.append(TalkerStopped(burst.participant, burst.user, self.sequence, bits))
            if burst.participant in self.seats:
                self.tell_status(burst.participant)
        else:
            self.tell_taken(next(iter(self.bursts)))

    def fill(self, now: float) -> bool:
        """Grant whatever can be granted out of the queue; no Floor Idle comes between (TS 24.380 §6.3.4.3.2)."""
        granted = False
        while (head := self.waiting.head) is not None and self._room_for(head.rank):
            self.waiting.remove(head.participant)
            self.timers.stop("queue", head.participant)
            self.grant(head.participant, head.rank, head.user, now, since=head.since)
            granted = True
        if granted:
            self.tell_positions()
        return granted

    def _room_for(self, rank: Rank) -> bool:
        if self.rest is not FloorState.IDLE:
            return False
        return len(self.bursts) < self.settings.max_talkers or self.may_join(rank)

    def may_join(self, rank: Rank) -> bool:
        """Whether a request of `rank` may talk beside the one talker of a group with dual floor."""
        if self.settings.override is Override.REVOKE or len(self.bursts) != 1:
            return False
        (burst,) = self.bursts.values()
        return burst.state is FloorState.TAKEN and preempts(self.settings, rank, burst.rank)

    def enter_idle(self, now: float) -> None:
        """Floor Idle to all, T7 with C7, T4."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.idle_since = now
        self.c7 = 1
        self.events.append(Idle(None, self.sequence, self.indicator(self.settings.tier), False))
        self.timers.start("T7", now + self.settings.t7)
        if self.settings.t4:
            self.timers.start("T4", now + self.settings.t4)

    def revoke_stray(self, participant: str, now: float, *, repeated: bool) -> None:
        """Floor Revoke to one who sends without having the floor; again after T8."""
        self.events.append(Revoked(participant, RevokeCause.NO_PERMISSION, 0, repeated))
        self.timers.start("T8", now + self.settings.t8, participant)
