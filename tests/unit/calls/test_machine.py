"""The five-state call machine: every row of its table, and that nothing outside the table can happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.calls.machine import TRANSITIONS, CallMachine, IllegalTransition, Method, State, legal_methods

ROWS = [(state, method, new) for state, methods in TRANSITIONS.items() for method, new in methods.items()]
FLOOR = {Method.REQUEST_FLOOR, Method.RELEASE_FLOOR, Method.WAIT_FLOOR}


def machine_in(state: State) -> CallMachine:
    machine = CallMachine(lambda method, old, new: None)
    machine.state = state
    return machine


@pytest.mark.parametrize(("state", "method", "new"), ROWS)
def test_each_listed_method_moves_the_call_and_tells_about_it(state: State, method: Method, new: State) -> None:
    told: list[tuple[Method, State, State]] = []
    machine = CallMachine(lambda *change: told.append(change))
    machine.state = state
    assert machine.apply(method) is new, f"{method} in {state} must lead to {new}"
    assert told == [(method, state, new)], "every transition is told exactly once"


@pytest.mark.parametrize(
    ("state", "method"),
    [(state, method) for state in State for method in Method if method not in TRANSITIONS[state]],
)
def test_an_unlisted_method_is_refused_by_name_and_changes_nothing(state: State, method: Method) -> None:
    machine = machine_in(state)
    with pytest.raises(IllegalTransition) as refused:
        machine.apply(method)
    assert machine.state is state
    assert method.value in str(refused.value) and state.value in str(refused.value), "the error names both"
    assert refused.value.legal == legal_methods(state)


def test_disconnect_is_legal_everywhere_but_in_idle() -> None:
    legal = {state for state in State if Method.DISCONNECT in TRANSITIONS[state]}
    assert legal == set(State) - {State.IDLE}


def test_floor_methods_are_legal_in_active_only_and_stay_there() -> None:
    for state, methods in TRANSITIONS.items():
        for method in FLOOR & set(methods):
            assert state is State.ACTIVE and methods[method] is State.ACTIVE, f"{method} must not leave ACTIVE"
    assert set(TRANSITIONS[State.ACTIVE]) >= FLOOR


def test_only_a_disconnected_call_can_be_reset() -> None:
    machine = machine_in(State.DISCONNECTED)
    machine.reset()
    assert machine.state is State.IDLE
    with pytest.raises(IllegalTransition):
        machine.reset()


@given(st.lists(st.sampled_from(Method), max_size=40))
def test_no_sequence_of_methods_reaches_an_unlisted_state(methods: list[Method]) -> None:
    told: list[tuple[Method, State, State]] = []
    machine = CallMachine(lambda *change: told.append(change))
    for method in methods:
        before = machine.state
        try:
            machine.apply(method)
        except IllegalTransition:
            assert machine.state is before, "a refused method changes nothing"
    for method, old, new in told:
        assert TRANSITIONS[old][method] is new
    ended = [index for index, (_, _, new) in enumerate(told) if new is State.DISCONNECTED]
    if ended:
        assert all(new is State.DISCONNECTED for _, _, new in told[ended[0] :]), "nothing leads out of DISCONNECTED"
