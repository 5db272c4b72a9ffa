"""The two machines of floor control as tables: the floor in the server, the participant at the far end.

TS 24.380 §6.3.4 (floor) and §6.2.4 (participant). What a table does not list is discarded and changes nothing, as both
clauses say; `next_floor_state` and `next_participant_state` are the only readers. The diagrams of docs/floor.md are
drawn from these tables by `mermaid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar


class FloorError(RuntimeError):
    """A caller's mistake: an input that the machine's state does not know, or a setting out of range."""


class FloorState(Enum):
    """Where one floor stands (TS 24.380 §6.3.4)."""

    START_STOP = "Start-stop"
    IDLE = "Floor Idle"
    TAKEN = "Floor Taken"
    PENDING_REVOKE = "pending Floor Revoke"
    RELEASING = "Releasing"


class FloorInput(Enum):
    """What moves a floor; timers under their names in TS 24.380 §11.1.3."""

    START = "call starts"
    GRANT = "request granted"
    MEDIA = "RTP of the talker"
    REPEAT = "request of the talker"
    RELEASE = "Floor Release of the talker"
    LEFT = "talker left"
    PREEMPT = "pre-emptive request"
    REVOKE = "revoked by the switch"
    T1 = "T1 or T11: no RTP"
    T2 = "T2 or T12: talked too long"
    T3 = "T3: grace is over"
    T4 = "T4: inactive"
    T7 = "T7: tell idle again"
    T8 = "T8: revoke again"
    T20 = "T20: grant again"
    CLOSE = "call release, step 1"
    FINISH = "call release, step 2"


_F, _I = FloorState, FloorInput

#: One floor. A group has one; with dual floor a second, with multi-talker several, each going through this table.
FLOOR: dict[tuple[FloorState, FloorInput], FloorState] = {
    (_F.START_STOP, _I.START): _F.IDLE,
    (_F.IDLE, _I.GRANT): _F.TAKEN,
    (_F.IDLE, _I.T4): _F.IDLE,
    (_F.IDLE, _I.T7): _F.IDLE,
    (_F.IDLE, _I.CLOSE): _F.RELEASING,
    (_F.TAKEN, _I.MEDIA): _F.TAKEN,
    (_F.TAKEN, _I.REPEAT): _F.TAKEN,
    (_F.TAKEN, _I.T20): _F.TAKEN,
    (_F.TAKEN, _I.RELEASE): _F.IDLE,
    (_F.TAKEN, _I.LEFT): _F.IDLE,
    (_F.TAKEN, _I.T1): _F.IDLE,
    (_F.TAKEN, _I.T2): _F.PENDING_REVOKE,
    (_F.TAKEN, _I.PREEMPT): _F.PENDING_REVOKE,
    (_F.TAKEN, _I.REVOKE): _F.PENDING_REVOKE,
    (_F.TAKEN, _I.CLOSE): _F.RELEASING,
    (_F.PENDING_REVOKE, _I.MEDIA): _F.PENDING_REVOKE,
    (_F.PENDING_REVOKE, _I.REPEAT): _F.PENDING_REVOKE,
    (_F.PENDING_REVOKE, _I.T8): _F.PENDING_REVOKE,
    (_F.PENDING_REVOKE, _I.RELEASE): _F.IDLE,
    (_F.PENDING_REVOKE, _I.LEFT): _F.IDLE,
    (_F.PENDING_REVOKE, _I.T1): _F.IDLE,
    (_F.PENDING_REVOKE, _I.T3): _F.IDLE,
    (_F.PENDING_REVOKE, _I.CLOSE): _F.RELEASING,
    (_F.RELEASING, _I.FINISH): _F.START_STOP,
}


class ParticipantState(Enum):
    """Where a participant stands (TS 24.380 §6.2.4)."""

    START_STOP = "Start-stop"
    NO_PERMISSION = "has no permission"
    PENDING_REQUEST = "pending Request"
    QUEUED = "queued"
    HAS_PERMISSION = "has permission"
    PENDING_RELEASE = "pending Release"
    RELEASING = "Releasing"


class ParticipantInput(Enum):
    """What moves a participant; timers under their names in TS 24.380 §11.1.2."""

    JOIN = "call without implicit request"
    JOIN_ASKING = "call with implicit request"
    PRESS = "PTT down"
    LET_GO = "PTT up"
    GRANTED = "Floor Granted"
    GRANTED_UNWANTED = "Floor Granted, PTT up"
    GRANT_TAKEN = "PTT down while T132 runs"
    DENY = "Floor Deny"
    QUEUE_INFO = "Queue Position Info"
    TAKEN = "Floor Taken"
    IDLE = "Floor Idle"
    BROADCAST_IDLE = "Floor Idle of a broadcast call"
    REVOKE = "Floor Revoke"
    MEDIA = "RTP of another"
    T100 = "T100: release again"
    T100_LAST = "T100, C100 at its limit"
    T101 = "T101: request again"
    T101_LAST = "T101, C101 at its limit"
    T103 = "T103: no RTP"
    T104 = "T104: ask the place again"
    T104_LAST = "T104, C104 at its limit"
    T132 = "T132: grant not taken"
    CLOSE = "call released"


_P, _J = ParticipantState, ParticipantInput

PARTICIPANT: dict[tuple[ParticipantState, ParticipantInput], ParticipantState] = {
    (_P.START_STOP, _J.JOIN): _P.NO_PERMISSION,
    (_P.START_STOP, _J.JOIN_ASKING): _P.PENDING_REQUEST,
    (_P.NO_PERMISSION, _J.PRESS): _P.PENDING_REQUEST,
    (_P.NO_PERMISSION, _J.TAKEN): _P.NO_PERMISSION,
    (_P.NO_PERMISSION, _J.IDLE): _P.NO_PERMISSION,
    (_P.NO_PERMISSION, _J.MEDIA): _P.NO_PERMISSION,
    (_P.NO_PERMISSION, _J.T103): _P.NO_PERMISSION,
    # The answer crossed a Taken that ended the request here, and the user still presses.
    (_P.NO_PERMISSION, _J.GRANTED): _P.HAS_PERMISSION,
    (_P.NO_PERMISSION, _J.QUEUE_INFO): _P.QUEUED,
    (_P.NO_PERMISSION, _J.GRANTED_UNWANTED): _P.PENDING_RELEASE,
    (_P.NO_PERMISSION, _J.REVOKE): _P.PENDING_RELEASE,
    (_P.PENDING_REQUEST, _J.GRANTED): _P.HAS_PERMISSION,
    (_P.PENDING_REQUEST, _J.DENY): _P.NO_PERMISSION,
    (_P.PENDING_REQUEST, _J.QUEUE_INFO): _P.QUEUED,
    (_P.PENDING_REQUEST, _J.TAKEN): _P.NO_PERMISSION,
    (_P.PENDING_REQUEST, _J.MEDIA): _P.PENDING_REQUEST,
    (_P.PENDING_REQUEST, _J.T103): _P.PENDING_REQUEST,
    (_P.PENDING_REQUEST, _J.T101): _P.PENDING_REQUEST,
    (_P.PENDING_REQUEST, _J.T101_LAST): _P.NO_PERMISSION,
    (_P.PENDING_REQUEST, _J.LET_GO): _P.PENDING_RELEASE,
    (_P.PENDING_REQUEST, _J.REVOKE): _P.PENDING_RELEASE,
    (_P.QUEUED, _J.GRANTED): _P.HAS_PERMISSION,
    (_P.QUEUED, _J.GRANTED_UNWANTED): _P.QUEUED,
    (_P.QUEUED, _J.GRANT_TAKEN): _P.HAS_PERMISSION,
    (_P.QUEUED, _J.T132): _P.PENDING_RELEASE,
    (_P.QUEUED, _J.QUEUE_INFO): _P.QUEUED,
    (_P.QUEUED, _J.TAKEN): _P.QUEUED,
    (_P.QUEUED, _J.MEDIA): _P.QUEUED,
    (_P.QUEUED, _J.T103): _P.QUEUED,
    (_P.QUEUED, _J.T104): _P.QUEUED,
    (_P.QUEUED, _J.T104_LAST): _P.QUEUED,
    (_P.QUEUED, _J.DENY): _P.NO_PERMISSION,
    (_P.QUEUED, _J.IDLE): _P.NO_PERMISSION,
    (_P.QUEUED, _J.LET_GO): _P.PENDING_RELEASE,
    (_P.HAS_PERMISSION, _J.GRANTED): _P.HAS_PERMISSION,
    (_P.HAS_PERMISSION, _J.TAKEN): _P.HAS_PERMISSION,
    (_P.HAS_PERMISSION, _J.LET_GO): _P.PENDING_RELEASE,
    (_P.HAS_PERMISSION, _J.REVOKE): _P.PENDING_RELEASE,
    (_P.PENDING_RELEASE, _J.IDLE): _P.NO_PERMISSION,
    (_P.PENDING_RELEASE, _J.TAKEN): _P.NO_PERMISSION,
    (_P.PENDING_RELEASE, _J.MEDIA): _P.NO_PERMISSION,
    (_P.PENDING_RELEASE, _J.T100): _P.PENDING_RELEASE,
    (_P.PENDING_RELEASE, _J.T100_LAST): _P.NO_PERMISSION,
    (_P.PENDING_RELEASE, _J.BROADCAST_IDLE): _P.RELEASING,
    (_P.NO_PERMISSION, _J.CLOSE): _P.RELEASING,
    (_P.PENDING_REQUEST, _J.CLOSE): _P.RELEASING,
    (_P.QUEUED, _J.CLOSE): _P.RELEASING,
    (_P.HAS_PERMISSION, _J.CLOSE): _P.RELEASING,
    (_P.PENDING_RELEASE, _J.CLOSE): _P.RELEASING,
}


def next_floor_state(state: FloorState, given: FloorInput) -> FloorState:
    """The state after `given`; raises `FloorError` for a pair that is not in the table: the arbiter asks no other."""
    try:
        return FLOOR[state, given]
    except KeyError:
        raise FloorError(f"{given.value!r} means nothing in state {state.value!r}") from None


def next_participant_state(state: ParticipantState, given: ParticipantInput) -> ParticipantState | None:
    """The state after `given`, None when it is to be discarded."""
    return PARTICIPANT.get((state, given))


_State = TypeVar("_State", bound=Enum)
_Input = TypeVar("_Input", bound=Enum)


def mermaid(table: Mapping[tuple[_State, _Input], _State]) -> str:
    """A Mermaid state diagram of `table`, an edge per pair of states with the inputs that lead along it."""
    edges: dict[tuple[_State, _State], list[str]] = {}
    states: dict[_State, None] = {}
    for (before, given), after in table.items():
        edges.setdefault((before, after), []).append(given.value.replace(":", " –"))
        states.setdefault(before)
        states.setdefault(after)
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {state.name}' for state in states]
    lines.append(f"    [*] --> {next(iter(states)).name}")
    lines += [f"    {before.name} --> {after.name}: {'<br>'.join(words)}" for (before, after), words in edges.items()]
    return "\n".join(lines)
