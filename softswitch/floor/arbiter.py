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
from softswitch.floor.burst import Seat
from softswitch.floor.causes import CancelReason, DenyCause, RevokeCause, Tier
from softswitch.floor.contest import Contest, Wish
from softswitch.floor.events import Denied, Event, Talker
from softswitch.floor.expiry import expired, strayed
from softswitch.floor.floors import Floors
from softswitch.floor.settings import ArbiterSettings, Member
from softswitch.floor.states import FloorError, FloorInput, FloorState, next_floor_state


class Arbiter:
    """Decides over the floors of one group; see the module for who calls what."""

    __slots__ = ("_contest", "_floors")

    def __init__(self, settings: ArbiterSettings | None = None) -> None:
        self._floors = Floors(settings or ArbiterSettings())
        self._contest = Contest(self._floors)

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
        """Go on under other rules; timers that run keep the time they were started with.

        Who may not talk any more in what is a broadcast now is put out of the queue, or stopped.
        """
        floors = self._floors
        floors.settings = settings
        if settings.broadcast_by:
            for participant in self.waiting:
                if participant != settings.broadcast_by:
                    floors.cancel(participant, CancelReason.RECEIVE_ONLY)
            for talker in self.talkers:
                if talker.participant != settings.broadcast_by:
                    self.revoke(talker.participant, now, RevokeCause.NO_PERMISSION)
        floors.fill(now)

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
        forced: bool = False,
    ) -> None:
        """Somebody wants to talk; `queueing` False: now or never; `forced`: a dispatcher wants it to talk, before
        everybody of its tier. Asked again, it is answered again."""
        wish = Wish(participant, priority, tier, override, queueing, user, forced)
        self._contest.request(wish, now)

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
            self._contest.grant_again(burst, now)
        else:
            floors.events.append(Denied(participant, DenyCause.OTHER, "not queued"))

    def media_heard(self, participant: str, now: float) -> bool:
        """A participant sends media; whether it may be passed on. Starts T2 the first time, T1 again each time."""
        floors = self._floors
        burst = floors.bursts.get(participant)
        if burst is None:
            strayed(self._floors, participant, now)
            return False
        burst.move(FloorInput.MEDIA)
        if floors.seats[participant].member.monitored:
            floors.timers.start(burst.t1, now + floors.settings.t1, participant)
            if not burst.heard and burst.state is FloorState.TAKEN:
                floors.timers.stop("T20", participant)
                floors.start_talk_time(burst, now)
        burst.heard = True
        return burst.gate

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
            expired(self._floors, *due, now)

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
