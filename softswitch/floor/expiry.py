"""What happens when a timer of a group expires, and when media comes from who does not have the floor."""

from __future__ import annotations

from softswitch.floor.burst import Burst
from softswitch.floor.causes import CancelReason, RevokeCause
from softswitch.floor.events import Inactive, TalkTimeWarning, Violation
from softswitch.floor.floors import Floors
from softswitch.floor.states import FloorInput, FloorState, next_floor_state


def expired(floors: Floors, name: str, participant: str, now: float) -> None:
    """Do what a timer that has expired asks for."""
    settings = floors.settings
    burst = floors.bursts.get(participant)
    if burst is not None:
        _talk_timer(floors, name, burst, now)
    elif name == "T8":
        _stray_again(floors, participant, now)
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


def _talk_timer(floors: Floors, name: str, burst: Burst, now: float) -> None:
    settings, participant = floors.settings, burst.participant
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


def _stray_again(floors: Floors, participant: str, now: float) -> None:
    seat = floors.seats[participant]
    if now - seat.strayed_at < floors.settings.t8:
        floors.revoke_stray(participant, now, repeated=True)
    else:
        seat.offending = False


def strayed(floors: Floors, participant: str, now: float) -> None:
    """Media without the floor: Revoke with cause 3, at most once per T8 (TS 24.380 §6.3.5.7)."""
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
