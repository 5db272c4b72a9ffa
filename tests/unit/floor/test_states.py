"""The transition tables: every row is reached by the machines, and the documentation draws them as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from softswitch.floor import Arbiter, ArbiterSettings, Tier, states
from softswitch.floor.messages import FloorMessage, Kind
from softswitch.floor.participant import Participant
from softswitch.floor.participant_events import ParticipantSettings
from softswitch.floor.states import (
    FLOOR,
    PARTICIPANT,
    FloorError,
    FloorInput,
    FloorState,
    ParticipantInput,
    ParticipantState,
    mermaid,
    next_floor_state,
)

_DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "floor.md"
_F, _I = FloorState, FloorInput
_P, _J = ParticipantState, ParticipantInput


@pytest.mark.parametrize(("title", "table"), [("the floor", FLOOR), ("the participant", PARTICIPANT)])
def test_the_diagrams_of_the_documentation_are_the_tables(title: str, table: dict[object, object]) -> None:
    drawn = mermaid(table)  # type: ignore[type-var, arg-type]
    assert f"```mermaid\n{drawn}\n```" in _DOCUMENT.read_text(), (
        f"the diagram of {title} in {_DOCUMENT} should be:\n{drawn}"
    )


def test_an_input_that_is_not_in_the_table_is_the_callers_error() -> None:
    with pytest.raises(FloorError, match="Floor Idle"):
        next_floor_state(FloorState.IDLE, FloorInput.T3)


class _Record(dict[object, object]):
    """A table that remembers which rows were used."""

    def __init__(self, table: dict[tuple[FloorState, FloorInput], FloorState]) -> None:
        super().__init__(table)
        self.used: set[object] = set()

    def __getitem__(self, key: object) -> object:
        value = super().__getitem__(key)
        self.used.add(key)
        return value


def _arbiter(settings: ArbiterSettings | None = None) -> Arbiter:
    arbiter = Arbiter(settings)
    for name in "abc":
        arbiter.participant_joined(name, 0.0)
    arbiter.start(0.0)
    return arbiter


def _revoking() -> Arbiter:
    arbiter = _arbiter()
    arbiter.request("a", 0.0)
    arbiter.revoke("a", 1.0)
    return arbiter


def test_every_row_of_the_floor_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    record = _Record(FLOOR)
    monkeypatch.setattr(states, "FLOOR", record)
    idle = _arbiter()
    for at in (1.0, 30.0):
        idle.handle_timer(at)
    idle.close(31.0)
    idle.finish()
    for use in (
        lambda one: one.release("a", 1.0),
        lambda one: one.participant_left("a", 1.0),
        lambda one: one.handle_timer(4.0),
        lambda one: one.request("b", 1.0, tier=Tier.EMERGENCY),
        lambda one: (one.media_heard("a", 1.0), one.request("a", 1.0)),
        lambda one: one.close(1.0),
    ):
        talking = _arbiter()
        talking.request("a", 0.0)
        use(talking)
    too_long = _arbiter(ArbiterSettings(t2=2.0))
    too_long.request("a", 0.0)
    too_long.request("b", 0.0)
    too_long.media_heard("a", 0.5)
    too_long.handle_timer(2.5)
    too_long.handle_timer(3.5)
    too_long.handle_timer(5.5)
    too_long.handle_timer(6.5)
    for use in (
        lambda one: one.release("a", 2.0),
        lambda one: one.participant_left("a", 2.0),
        lambda one: (one.media_heard("a", 2.0), one.request("a", 2.0), one.handle_timer(4.0)),
        lambda one: one.close(2.0),
    ):
        use(_revoking())
    silent = _arbiter(ArbiterSettings(t3=10.0))
    silent.request("a", 0.0)
    silent.revoke("a", 1.0)
    silent.handle_timer(4.0)
    missing = set(FLOOR) - record.used
    assert not missing, f"never used: {missing}"


def _of(kind: Kind, **fields: object) -> Callable[[Participant, float], None]:
    return lambda one, now: one.receive(FloorMessage(kind, 1, **fields), now)  # type: ignore[arg-type]


def _timer(one: Participant, now: float) -> None:
    due = one.next_timer()
    assert due is not None, "no timer runs"
    one.handle_timer(due)


def _no_permission(one: Participant) -> None:
    one.join(0.0)


def _asking(one: Participant) -> None:
    one.join(0.0)
    one.press(0.0)


def _queued(one: Participant) -> None:
    _asking(one)
    one.receive(FloorMessage(Kind.QUEUE_POSITION_INFO, 1, position=1), 0.1)


def _talking(one: Participant) -> None:
    _asking(one)
    one.receive(FloorMessage(Kind.GRANTED, 1, duration_s=30), 0.1)


def _releasing(one: Participant) -> None:
    _talking(one)
    one.let_go(0.2)


_REACH = {
    _P.START_STOP: lambda one: None,
    _P.NO_PERMISSION: _no_permission,
    _P.PENDING_REQUEST: _asking,
    _P.QUEUED: _queued,
    _P.HAS_PERMISSION: _talking,
    _P.PENDING_RELEASE: _releasing,
}


def _still_pressing(one: Participant, now: float) -> None:
    """In no permission because a Taken crossed the request."""
    one.press(now)
    one.receive(FloorMessage(Kind.TAKEN, 1, sequence=1), now)


_GIVE: dict[ParticipantInput, Callable[[Participant, float], None]] = {
    _J.JOIN: lambda one, now: one.join(now),
    _J.JOIN_ASKING: lambda one, now: one.join(now, implicit_request=True),
    _J.PRESS: lambda one, now: one.press(now),
    _J.LET_GO: lambda one, now: one.cancel(now),
    _J.GRANTED: _of(Kind.GRANTED, duration_s=30),
    _J.GRANTED_UNWANTED: _of(Kind.GRANTED, duration_s=30),
    _J.GRANT_TAKEN: lambda one, now: one.press(now),
    _J.DENY: _of(Kind.DENY, cause=1),
    _J.QUEUE_INFO: _of(Kind.QUEUE_POSITION_INFO, position=2),
    _J.TAKEN: _of(Kind.TAKEN, granted_party="sip:b", sequence=2),
    _J.IDLE: _of(Kind.IDLE, sequence=2),
    _J.BROADCAST_IDLE: _of(Kind.IDLE, sequence=2, indicator=0x4000),
    _J.REVOKE: _of(Kind.REVOKE, cause=4),
    _J.MEDIA: lambda one, now: one.media_received(now),
    _J.T100: _timer,
    _J.T101: _timer,
    _J.T104: _timer,
    _J.CLOSE: lambda one, now: one.leave(),
}


def _prepare(
    one: Participant, state: ParticipantState, given: ParticipantInput
) -> Callable[[Participant, float], None]:
    """What has to come before the input, and the input itself."""
    if given in (_J.T100_LAST, _J.T101_LAST):
        for _ in range(2):
            _timer(one, 0.0)
        return _timer
    if given in (_J.T104, _J.T104_LAST):
        one.ask_position(1.0)
        for _ in range(0 if given is _J.T104 else 2):
            _timer(one, 0.0)
        return _timer
    if given is _J.T103:
        one.media_received(1.0)
        return lambda one, now: one._expired("T103", 5.0)
    if given in (_J.T132, _J.GRANT_TAKEN) or (state, given) == (_P.QUEUED, _J.GRANTED_UNWANTED):
        one.let_go(1.0)
        if given is not _J.GRANTED_UNWANTED:
            one.receive(FloorMessage(Kind.GRANTED, 1, duration_s=30), 1.0)
        return _timer if given is _J.T132 else _GIVE[given]
    if state is _P.NO_PERMISSION and given in (_J.GRANTED, _J.QUEUE_INFO):
        _still_pressing(one, 1.0)
    return _GIVE[given]


@pytest.mark.parametrize(("state", "given"), PARTICIPANT, ids=lambda value: value.name)
def test_every_row_of_the_participant_is_reached(
    state: ParticipantState, given: ParticipantInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Participant(7, ParticipantSettings(hold=False))
    _REACH[state](one)
    act = _prepare(one, state, given)
    assert one.state is state, f"the test did not get to {state}"
    asked: list[tuple[ParticipantState, ParticipantInput]] = []

    class Record(dict[object, object]):
        def get(self, key: object, default: object = None) -> object:
            if key in PARTICIPANT:
                asked.append(key)
            return super().get(key, default)

    monkeypatch.setattr(states, "PARTICIPANT", Record(PARTICIPANT))
    act(one, 1.5)
    assert (state, given) in asked, f"asked was {asked}"
    assert one.state is PARTICIPANT[state, given]
