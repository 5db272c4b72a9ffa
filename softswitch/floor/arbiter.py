"""The floor of one talkgroup: who may speak, who waits, who is told what (TS 24.380 §6.3, OMA PoC user plane).

Who calls it. A talkgroup owns one `Arbiter`, names its participants by the ids of their legs and calls, with the time
in monotonic seconds as `now`:

- `participant_joined`, `participant_left`, `member_changed` as legs come, go and change; `start` and `close` with the
  call; `configure` for new settings;
- `request`, `release`, `ask_position` for what a participant wants, from whatever protocol, key or API it came;
- `media_heard` while a participant sends voice: per packet, or at any interval shorter than T1;
- `revoke`, `cancel_request` for a dispatcher;
- `handle_timer` at the time `next_timer` names.

After each call it drains `next_event` until None and acts: `MediaGate` opens and closes a participant's way into the
media engine; `Granted`, `Denied`, `Revoked`, `Queued`, `QueueCancelled` go to the participant they name; `Taken` and
`Idle` to the one in `to`, or to everyone but `excluding`; `TalkerStopped` to everyone. Legs that speak a floor protocol
get them as octets from `softswitch.floor.channel`; tones, keys, the API's events and records are the owner's.

Every request is answered by Granted, Denied, Queued or, where queueing was not agreed and a talker is being revoked for
it, by Granted within T3. Every request that waits ends in Granted or QueueCancelled.

Left out: temporary groups' Initialising state (the owner asks only when the group is there), and off-network control.
"""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.floor import snapshot
from softswitch.floor.burst import Burst, Seat
from softswitch.floor.causes import CancelReason, DenyCause, RevokeCause, Tier
from softswitch.floor.events import Denied, Event, Inactive, QueueCancelled, Talker, TalkTimeWarning, Violation
from softswitch.floor.floors import Floors
from softswitch.floor.priorities import Rank, effective_rank, preempts
from softswitch.floor.settings import ArbiterSettings, Member
from softswitch.floor.states import FloorError, FloorInput, FloorState, next_floor_state


class Arbiter:
    """Decides over the floors of one group; see the module for who calls what."""

    __slots__ = ("_floors",)

    def __init__(self, settings: ArbiterSettings | None = None) -> None:
        self._floors = Floors(settings or ArbiterSettings())

    # --- what can be read ---------------------------------------------------------------------------------------

    @property
    def settings(self) -> ArbiterSettings:
        """The rules in force."""
        return self._floors.settings

    @property
    def state(self) -> FloorState:
        """Where the floor stands: with several talkers, where that of the first one does."""
        for burst in self._floors.bursts.values():
            return burst.state
        return self._floors.rest

    @property
    def talkers(self) -> tuple[Talker, ...]:
        """Who has the floor, the first one first."""
        return tuple(burst.talker for burst in self._floors.bursts.values())

    @property
    def waiting(self) -> tuple[str, ...]:
        """Participants whose requests wait, the next one first."""
        return tuple(entry.participant for entry in self._floors.waiting)

    @property
    def participants(self) -> Mapping[str, Seat]:
        """Everyone who has joined; not to be changed."""
        return self._floors.seats

    @property
    def counters(self) -> Mapping[str, int]:
        """How often since the beginning: granted, repeated, denied, queued, cancelled, revoked, violations."""
        return self._floors.counters

    @property
    def sequence(self) -> int:
        """The Message Sequence Number of the last Taken or Idle."""
        return self._floors.sequence

    def may_send(self, participant: str) -> bool:
        """Whether the participant's media is to be passed on."""
        burst = self._floors.bursts.get(participant)
        return burst is not None and burst.gate

    # --- the call and its participants --------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """The call begins: the floor is idle and everyone is told. Raises `FloorError` when it has begun already."""
        floors = self._floors
        floors.rest = next_floor_state(floors.rest, FloorInput.START)
        floors.enter_idle(now)

    def close(self, now: float) -> None:
        """The call is being released: nobody talks or waits any more and no floor message is sent."""
        floors = self._floors
        for burst in tuple(floors.bursts.values()):
            burst.move(FloorInput.CLOSE)
            floors.set_gate(burst, open_=False)
        floors.bursts.clear()
        for participant in self.waiting:
            floors.cancel(participant, CancelReason.CLOSED)
        floors.timers.clear()
        if floors.rest is FloorState.IDLE:
            floors.rest = next_floor_state(floors.rest, FloorInput.CLOSE)

    def finish(self) -> None:
        """The call is gone; `start` may begin another with those who are still there."""
        floors = self._floors
        floors.rest = next_floor_state(floors.rest, FloorInput.FINISH)

    def configure(self, settings: ArbiterSettings, now: float) -> None:
        """Go on under other rules; timers that run keep the time they were started with."""
        self._floors.settings = settings
        self._floors.fill(now)

    def participant_joined(self, participant: str, now: float, member: Member | None = None) -> None:
        """Somebody takes part from now on and is told at once how the floor stands (late entry)."""
        floors = self._floors
        if participant in floors.seats:
            self.member_changed(participant, member or Member(), now)
        else:
            floors.seats[participant] = Seat(member or Member())
        floors.tell_status(participant)

    def participant_left(self, participant: str, now: float) -> None:
        """Somebody is gone: its talk ends, its request is taken back, and one who remains alone is stopped."""
        floors = self._floors
        if floors.seats.pop(participant, None) is None:
            return
        floors.timers.stop("T8", participant)
        floors.cancel(participant, CancelReason.LEFT)
        if len(floors.seats) == 1 and not floors.settings.allow_alone:
            (alone,) = floors.seats
            floors.cancel(alone, CancelReason.ONLY_ONE)
            self.revoke(alone, now, RevokeCause.ONLY_ONE)
        burst = floors.bursts.get(participant)
        if burst is not None:
            floors.end(burst, FloorInput.LEFT, now)

    def member_changed(self, participant: str, member: Member, now: float) -> None:
        """A participant's rights are others now; one who may not speak any more is stopped."""
        floors = self._floors
        floors.seats[participant].member = member
        if not member.may_request:
            floors.cancel(participant, CancelReason.RECEIVE_ONLY)
            self.revoke(participant, now, RevokeCause.NO_PERMISSION)

    # --- what participants want ---------------------------------------------------------------------------------

    def request(
        self,
        participant: str,
        now: float,
        *,
        priority: int | None = None,
        tier: Tier = Tier.NORMAL,
        override: bool = False,
        queueing: bool = True,
        user: str = "",
    ) -> None:
        """Somebody wants to talk; `queueing` False: now or never. Asked again, it is answered again."""
        floors = self._floors
        seat = floors.seats.get(participant)
        if seat is None or floors.rest is not FloorState.IDLE:
            floors.deny(participant, DenyCause.OTHER, "no call")
            return
        rank = effective_rank(floors.settings, seat.member, tier, priority, override)
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
            self._contend(participant, seat, rank, user, now, queueing)

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
        self._grant_again(burst, now)
        if changed:
            floors.tell_taken(burst.participant)

    def _grant_again(self, burst: Burst, now: float) -> None:
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
                floors.waiting.add(participant, rank, user, now if since is None else since)
                self._cut_off(victim, now)
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

    def _cut_off(self, victim: Burst, now: float) -> None:
        """Audio cut-in: the talker's floor is gone before it knows."""
        if victim.state is FloorState.TAKEN:
            self._floors.revoke(victim, RevokeCause.PREEMPTED, FloorInput.PREEMPT, now)
        self._floors.end(victim, FloorInput.T3, now)

    def release(self, participant: str, now: float) -> None:
        """Somebody lets go: of the floor, of its place in the queue, or of what it does not have (then it is told)."""
        floors = self._floors
        burst = floors.bursts.get(participant)
        if burst is not None:
            floors.end(burst, FloorInput.RELEASE, now)
            return
        seat = floors.seats.get(participant)
        if seat is None:
            return
        if seat.offending:
            seat.offending = False
            seat.stopped_at = now
            floors.timers.stop("T8", participant)
        floors.cancel(participant, CancelReason.RELEASED)
        floors.tell_status(participant)

    def ask_position(self, participant: str, now: float) -> None:
        """Somebody asks for its place: it is told, or refused when it does not wait, or granted when it talks."""
        floors = self._floors
        entry = floors.waiting.get(participant)
        if entry is not None:
            floors.tell_queued(entry, repeated=True)
        elif (burst := floors.bursts.get(participant)) is not None:
            self._grant_again(burst, now)
        else:
            floors.events.append(Denied(participant, DenyCause.OTHER, "not queued"))

    def media_heard(self, participant: str, now: float) -> bool:
        """A participant sends media; whether it may be passed on. Starts T2 the first time, T1 again each time."""
        floors = self._floors
        burst = floors.bursts.get(participant)
        if burst is None:
            self._strayed(participant, now)
            return False
        burst.move(FloorInput.MEDIA)
        if floors.seats[participant].member.monitored:
            floors.timers.start(burst.t1, now + floors.settings.t1, participant)
            if not burst.heard and burst.state is FloorState.TAKEN:
                floors.timers.stop("T20", participant)
                floors.start_talk_time(burst, now)
        burst.heard = True
        return burst.gate

    def _strayed(self, participant: str, now: float) -> None:
        """Media without the floor: Revoke with cause 3, at most once per T8 (TS 24.380 §6.3.5.7)."""
        floors = self._floors
        seat = floors.seats.get(participant)
        if seat is None or seat.member.continuous or floors.rest is not FloorState.IDLE:
            return
        if seat.stopped_at is not None and now - seat.stopped_at < floors.settings.stray_media:
            return
        seat.strayed_at = now
        if not seat.offending:
            seat.offending = True
            floors.counters["violations"] += 1
            floors.events.append(Violation(participant))
            floors.revoke_stray(participant, now, repeated=False)

    # --- what a dispatcher wants --------------------------------------------------------------------------------

    def revoke(self, participant: str, now: float, cause: RevokeCause = RevokeCause.OTHER) -> bool:
        """Take the floor from a talker; False when it does not talk."""
        floors = self._floors
        burst = floors.bursts.get(participant)
        if burst is None:
            return False
        if burst.state is FloorState.TAKEN:
            floors.revoke(burst, cause, FloorInput.REVOKE, now)
        return True

    def cancel_request(self, participant: str) -> bool:
        """Put somebody out of the queue; False when it does not wait."""
        return self._floors.cancel(participant, CancelReason.OPERATOR)

    # --- time ---------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """When to call `handle_timer`, None while nothing is due ever."""
        return self._floors.timers.next_at()

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        timers = self._floors.timers
        while (due := timers.pop_due(now)) is not None:
            self._expired(*due, now)

    def _expired(self, name: str, participant: str, now: float) -> None:
        floors, settings = self._floors, self._floors.settings
        burst = floors.bursts.get(participant)
        if burst is not None:
            self._talk_timer(name, burst, now)
        elif name == "T8":
            self._stray_again(participant, now)
        elif name == "queue":
            floors.cancel(participant, CancelReason.TIMED_OUT)
        elif name == "T7":
            floors.rest = next_floor_state(floors.rest, FloorInput.T7)
            if floors.c7 < settings.c7:
                floors.c7 += 1
                floors.tell_status(None)
                floors.timers.start("T7", now + settings.t7)
        elif name == "T4":
            floors.rest = next_floor_state(floors.rest, FloorInput.T4)
            floors.events.append(Inactive(now - floors.idle_since))

    def _talk_timer(self, name: str, burst: Burst, now: float) -> None:
        floors, settings, participant = self._floors, self._floors.settings, burst.participant
        if name == burst.t1:
            floors.end(burst, FloorInput.T1, now)
        elif name == burst.t2:
            floors.revoke(burst, RevokeCause.TOO_LONG, FloorInput.T2, now)
        elif name == "T3":
            floors.end(burst, FloorInput.T3, now)
        elif name == "T8":
            burst.move(FloorInput.T8)
            floors.tell_revoked(burst, repeated=True)
            floors.timers.start("T8", now + settings.t8, participant)
        elif name == "T20":
            burst.move(FloorInput.T20)
            if burst.c20 < settings.c20:
                burst.c20 += 1
                floors.tell_granted(burst, floors.talk_time(burst), 0.0, repeated=True)
                floors.timers.start("T20", now + settings.t20, participant)
        elif name == "warning":
            left = floors.timers.remaining(burst.t2, now, participant)
            floors.events.append(TalkTimeWarning(participant, left or 0.0))

    def _stray_again(self, participant: str, now: float) -> None:
        floors = self._floors
        seat = floors.seats[participant]
        if now - seat.strayed_at < floors.settings.t8:
            floors.revoke_stray(participant, now, repeated=True)
        else:
            seat.offending = False

    def next_event(self) -> Event | None:
        """The oldest event not yet taken, None when there is none."""
        events = self._floors.events
        return events.popleft() if events else None

    # --- restart ------------------------------------------------------------------------------------------------

    def export_state(self, now: float) -> dict[str, object]:
        """All that another process needs to go on, as JSON has it: talkers, queue, members, timers, sequence number."""
        return snapshot.export_state(self._floors, now)

    @classmethod
    def restore(cls, settings: ArbiterSettings, state: Mapping[str, object], now: float) -> Arbiter:
        """Go on from an exported state; gates are told anew and how the floor stands. Raises `FloorError`."""
        arbiter = cls(settings)
        snapshot.import_state(arbiter._floors, state, now)
        return arbiter


__all__ = ["Arbiter", "FloorError"]
