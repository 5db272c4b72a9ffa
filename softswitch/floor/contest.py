"""The decision over one request: granted, refused, queued, or granted to the cost of a talker (TS 24.380 §6.3.4)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.floor.burst import Burst, Seat
from softswitch.floor.causes import CancelReason, DenyCause, RevokeCause, Tier
from softswitch.floor.events import QueueCancelled
from softswitch.floor.floors import Floors
from softswitch.floor.priorities import HIGHEST_PRIORITY, Rank, effective_rank, preempts
from softswitch.floor.states import FloorInput, FloorState


class Wish(NamedTuple):
    """What somebody asks for; `queueing` False: now or never; `user` is who asks behind the participant; `forced`: a
    dispatcher wants it to talk."""

    participant: str
    priority: int | None
    tier: Tier
    override: bool
    queueing: bool
    user: str
    forced: bool = False


class Contest:
    """Decides over requests on the floors of one group."""

    __slots__ = ("_floors",)

    def __init__(self, floors: Floors) -> None:
        self._floors = floors

    def request(self, wish: Wish, now: float) -> None:
        """Decide on a wish, and carry it out."""
        participant, user = wish.participant, wish.user
        floors = self._floors
        seat = floors.seats.get(participant)
        if seat is None or floors.rest is not FloorState.IDLE:
            floors.deny(participant, DenyCause.OTHER, "no call")
            return
        rank = effective_rank(floors.settings, seat.member, wish.tier, wish.priority, wish.override)
        if wish.forced:
            rank = Rank(rank.tier, True, HIGHEST_PRIORITY)
        burst = floors.bursts.get(participant)
        if burst is not None:
            self._asked_again(burst, rank, user, now)
            return
        cause = self._refusal(participant, seat, now)
        if cause is not None:
            floors.deny(participant, cause)
        elif len(floors.bursts) < floors.settings.max_talkers:
            floors.grant(participant, rank, user, now)
        else:
            self._contend(participant, seat, rank, user, now, wish.queueing)

    def _refusal(self, participant: str, seat: Seat, now: float) -> DenyCause | None:
        settings = self._floors.settings
        if not seat.member.may_request or (settings.broadcast_by and participant != settings.broadcast_by):
            return DenyCause.RECEIVE_ONLY
        if len(self._floors.seats) < 2 and not settings.allow_alone:
            return DenyCause.ONLY_ONE
        return DenyCause.RETRY_AFTER if now < seat.retry_at else None

    def _asked_again(self, burst: Burst, rank: Rank, user: str, now: float) -> None:
        """The talker asks: its Granted was lost, or its tier has changed (TS 24.380 §6.3.4.4.8)."""
        floors = self._floors
        burst.move(FloorInput.REPEAT)
        if burst.state is FloorState.PENDING_REVOKE:
            floors.tell_revoked(burst, repeated=True)
            return
        changed = rank != burst.rank
        burst.rank, burst.user = rank, user or burst.user
        self.grant_again(burst, now)
        if changed:
            floors.tell_taken(burst.participant)

    def grant_again(self, burst: Burst, now: float) -> None:
        """Floor Granted once more, with what is left of the talk time."""
        floors = self._floors
        left = floors.timers.remaining(burst.t2, now, burst.participant)
        duration_s = floors.talk_time(burst) if left is None else max(1, round(left))
        floors.tell_granted(burst, duration_s, 0.0, repeated=True)

    def _contend(self, participant: str, seat: Seat, rank: Rank, user: str, now: float, queueing: bool) -> None:
        """A request while somebody else talks: override, wait or be refused."""
        floors = self._floors
        entry = floors.waiting.get(participant)
        since = None
        if entry is not None:
            if entry.rank == rank:
                floors.tell_queued(entry, repeated=True)
                return
            floors.waiting.remove(participant)
            since = entry.since
        victim = self._victim()
        if floors.may_join(rank):
            floors.timers.stop("queue", participant)
            floors.grant(participant, rank, user, now, since=since)
            floors.tell_positions()
        elif preempts(floors.settings, rank, victim.rank):
            if floors.settings.cut_in:
                self._cut_in(participant, rank, user, now, since, victim)
                if participant in floors.waiting and not (queueing and seat.member.queueing):
                    floors.waiting.remove(participant)
                    self._refuse(participant, DenyCause.ANOTHER_TALKS, since)
            elif self._make_room(rank):
                floors.enqueue(participant, rank, user, now, since)
                self._take_from(victim, rank, now)
            else:
                self._refuse(participant, DenyCause.QUEUE_FULL, since)
        elif not (queueing and seat.member.queueing and floors.settings.queue_limit):
            self._refuse(participant, DenyCause.ANOTHER_TALKS, since)
        elif self._make_room(rank):
            floors.enqueue(participant, rank, user, now, since)
        else:
            self._refuse(participant, DenyCause.QUEUE_FULL, since)

    def _refuse(self, participant: str, cause: DenyCause, since: float | None) -> None:
        """Deny a request; one that was waiting before it changed its rank has thereby ended."""
        floors = self._floors
        if since is not None:
            floors.timers.stop("queue", participant)
            floors.events.append(QueueCancelled(participant, CancelReason.RELEASED))
            floors.counters["cancelled"] += 1
        floors.deny(participant, cause)

    def _victim(self) -> Burst:
        """The talker who would have to stop: the overriding one of a dual floor, else the least urgent."""
        bursts = self._floors.bursts.values()
        talking = [burst for burst in bursts if burst.state is FloorState.TAKEN] or list(bursts)
        return min(talking, key=lambda burst: (not burst.second, burst.rank, -burst.granted_at))

    def _make_room(self, rank: Rank) -> bool:
        """Whether one more may wait; a less urgent one is put out of a full queue."""
        floors = self._floors
        tail = floors.waiting.tail
        if tail is None or len(floors.waiting) < floors.settings.queue_limit:
            return True
        if tail.rank < rank:
            floors.cancel(tail.participant, CancelReason.DISPLACED)
            return True
        return False

    def _take_from(self, victim: Burst, rank: Rank, now: float) -> None:
        """Revoke a talker for a request of `rank`; an emergency shortens the grace of one who is being revoked."""
        floors = self._floors
        if victim.state is FloorState.TAKEN:
            floors.revoke(victim, RevokeCause.PREEMPTED, FloorInput.PREEMPT, now)
        elif rank.tier is Tier.EMERGENCY:
            left = floors.timers.remaining("T3", now, victim.participant)
            if left is not None and left > floors.settings.t3_emergency:
                floors.timers.start("T3", now + floors.settings.t3_emergency, victim.participant)

    def _cut_in(self, participant: str, rank: Rank, user: str, now: float, since: float | None, victim: Burst) -> None:
        """Audio cut-in: the talker's floor is gone before it knows. It goes to the most urgent of those who wait, which
        need not be who asked: a talker may have become less urgent since the others began to wait."""
        floors = self._floors
        floors.waiting.add(participant, rank, user, now if since is None else since)
        if victim.state is FloorState.TAKEN:
            floors.revoke(victim, RevokeCause.PREEMPTED, FloorInput.PREEMPT, now)
        floors.end(victim, FloorInput.T3, now)
        if participant in floors.waiting:
            floors.waiting.remove(participant)
            floors.enqueue(participant, rank, user, now, since)
