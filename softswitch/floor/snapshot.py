"""An arbiter's state as a JSON document and back, so that a restart goes on where it was.

Times are seconds left or passed, because monotonic clocks of two processes have nothing in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from softswitch.floor.burst import Burst, Seat
from softswitch.floor.causes import RevokeCause, Tier
from softswitch.floor.floors import Floors
from softswitch.floor.priorities import Rank
from softswitch.floor.settings import Member
from softswitch.floor.states import FloorError, FloorState

_VERSION = 1
_TIMERS = ("T1", "T11", "T2", "T12", "T3", "T4", "T7", "T8", "T20", "queue", "warning")


def export_state(floors: Floors, now: float) -> dict[str, object]:
    """The document; `now` is the time of the exporting process."""
    return {
        "version": _VERSION,
        "rest": floors.rest.name,
        "sequence": floors.sequence,
        "c7": floors.c7,
        "idle_s": now - floors.idle_since,
        "seats": {
            participant: {
                "member": asdict(seat.member),
                "retry_s": max(0.0, seat.retry_at - now),
                "stopped_s": None if seat.stopped_at is None else now - seat.stopped_at,
                "offending": seat.offending,
                "strayed_s": now - seat.strayed_at,
            }
            for participant, seat in floors.seats.items()
        },
        "bursts": [
            {
                "participant": burst.participant,
                "rank": list(burst.rank),
                "user": burst.user,
                "granted_s": now - burst.granted_at,
                "second": burst.second,
                "state": burst.state.name,
                "heard": burst.heard,
                "gate": burst.gate,
                "c20": burst.c20,
                "cause": burst.cause,
            }
            for burst in floors.bursts.values()
        ],
        "waiting": [
            {
                "participant": entry.participant,
                "rank": list(entry.rank),
                "user": entry.user,
                "waited_s": now - entry.since,
                "told": entry.told,
            }
            for entry in floors.waiting
        ],
        "timers": [list(timer) for timer in floors.timers.export(now)],
    }


def import_state(floors: Floors, state: Mapping[str, object], now: float) -> None:
    """Fill empty floors from a document and tell gates and standing anew; raises `FloorError` when it is none."""
    if state.get("version") != _VERSION:
        raise FloorError(f"a floor state of version {state.get('version')!r} cannot be read")
    try:
        _fill(floors, cast(Mapping[str, Any], state), now)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FloorError(f"not a floor state: {error!r}") from error
    for burst in floors.bursts.values():
        if burst.gate:
            burst.gate = False
            floors.set_gate(burst, open_=True)
    floors.tell_status(None)


def _fill(floors: Floors, state: Mapping[str, Any], now: float) -> None:
    floors.rest = FloorState[state["rest"]]
    floors.sequence = int(state["sequence"]) & 0xFFFF
    floors.c7 = int(state["c7"])
    floors.idle_since = now - state["idle_s"]
    for participant, document in state["seats"].items():
        seat = floors.seats[participant] = Seat(Member(**document["member"]))
        seat.retry_at = now + document["retry_s"]
        seat.stopped_at = None if document["stopped_s"] is None else now - document["stopped_s"]
        seat.offending = bool(document["offending"])
        seat.strayed_at = now - document["strayed_s"]
    for document in state["bursts"]:
        burst = _burst(document, now)
        if burst.participant not in floors.seats:
            raise FloorError(f"{burst.participant!r} talks but takes no part")
        floors.bursts[burst.participant] = burst
    for document in state["waiting"]:
        if document["participant"] not in floors.seats:
            raise FloorError(f"{document['participant']!r} waits but takes no part")
        since = now - document["waited_s"]
        entry = floors.waiting.add(document["participant"], _rank(document["rank"]), document["user"], since)
        entry.told = int(document["told"])
    for name, owner, left in state["timers"]:
        if name not in _TIMERS or (owner and owner not in floors.seats):
            raise FloorError(f"no timer {name!r} of {owner!r}")
        floors.timers.start(name, now + left, owner)


def _burst(document: Mapping[str, Any], now: float) -> Burst:
    rank = _rank(document["rank"])
    granted_at = now - document["granted_s"]
    burst = Burst(document["participant"], rank, document["user"], granted_at, second=bool(document["second"]))
    burst.state = FloorState[document["state"]]
    burst.heard = bool(document["heard"])
    burst.gate = bool(document["gate"])
    burst.c20 = int(document["c20"])
    burst.cause = None if document["cause"] is None else RevokeCause(document["cause"])
    return burst


def _rank(values: list[Any]) -> Rank:
    tier, override, priority = values
    return Rank(Tier(tier), bool(override), int(priority))
