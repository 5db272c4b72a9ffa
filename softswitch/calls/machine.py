"""The five-state call machine of the platform's founding paper, as one table without I/O.

Every call, whatever protocols its legs speak, is driven through these states by these methods and no others.
The switch sees a call from the middle, so the caller's side is set up first and the callee's side second; a call that
the switch itself places to one party (an alarm, a roll-call) starts at the callee's side.

``IDLE → CALLER_SETUP → CALLEE_SETUP → ACTIVE → DISCONNECTED (→ IDLE)``
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class State(StrEnum):
    """Where a call stands."""

    __hash__ = str.__hash__  # the enum's own is Python code, and every step of every call looks up two

    #: 空闲: nothing has happened yet, or everything has been released again.
    IDLE = "idle"
    #: 主叫呼叫建立: the caller is known, the callee is being looked for.
    CALLER_SETUP = "caller_setup"
    #: 被叫呼叫建立: at least one callee has been told.
    CALLEE_SETUP = "callee_setup"
    #: 呼叫进行: the parties talk.
    ACTIVE = "active"
    #: 呼叫断开: over; what it held is being released.
    DISCONNECTED = "disconnected"


class Method(StrEnum):
    """What moves a call; the names are those of the control API."""

    __hash__ = str.__hash__

    ORIGINATE = "originate"  # 发起
    NOTIFY_INCOMING = "notify_incoming"  # 来电通知
    RING = "ring"  # 振铃
    QUEUE = "queue"  # 排队
    PROCEED = "proceed"  # 处理
    ANSWER = "answer"  # 接听
    REQUEST_FLOOR = "request_floor"  # 话权申请
    RELEASE_FLOOR = "release_floor"  # 话权释放
    WAIT_FLOOR = "wait_floor"  # 话权等待
    DISCONNECT = "disconnect"  # 断开


_S, _M = State, Method

#: The whole machine: what is not listed is illegal.
TRANSITIONS: dict[State, dict[Method, State]] = {
    _S.IDLE: {
        _M.ORIGINATE: _S.CALLER_SETUP,
        _M.NOTIFY_INCOMING: _S.CALLEE_SETUP,
    },
    _S.CALLER_SETUP: {
        _M.PROCEED: _S.CALLER_SETUP,
        _M.QUEUE: _S.CALLER_SETUP,
        _M.RING: _S.CALLER_SETUP,
        _M.NOTIFY_INCOMING: _S.CALLEE_SETUP,
        _M.ANSWER: _S.ACTIVE,  # a service of the switch answers by itself
        _M.DISCONNECT: _S.DISCONNECTED,
    },
    _S.CALLEE_SETUP: {
        _M.NOTIFY_INCOMING: _S.CALLEE_SETUP,  # a further callee: forking and hunting
        _M.PROCEED: _S.CALLEE_SETUP,
        _M.QUEUE: _S.CALLEE_SETUP,
        _M.RING: _S.CALLEE_SETUP,
        _M.ANSWER: _S.ACTIVE,
        _M.DISCONNECT: _S.DISCONNECTED,
    },
    _S.ACTIVE: {
        _M.REQUEST_FLOOR: _S.ACTIVE,
        _M.RELEASE_FLOOR: _S.ACTIVE,
        _M.WAIT_FLOOR: _S.ACTIVE,
        _M.DISCONNECT: _S.DISCONNECTED,
    },
    _S.DISCONNECTED: {
        _M.DISCONNECT: _S.DISCONNECTED,  # both ends may hang up at once
    },
}


class IllegalTransition(RuntimeError):
    """A method was called in a state where it is not legal; names both, and what would have been legal."""

    def __init__(self, method: Method, state: State) -> None:
        self.method = method
        self.state = state
        self.legal = legal_methods(state)
        names = ", ".join(self.legal)
        super().__init__(f"{method} is not legal in state {state} (legal: {names})")


def legal_methods(state: State) -> tuple[Method, ...]:
    """The methods that are legal in `state`, in the order of the table."""
    return tuple(TRANSITIONS[state])


class CallMachine:
    """One call's state; `changed(method, old, new)` is told of every method that was legal."""

    __slots__ = ("_changed", "state")

    def __init__(self, changed: Callable[[Method, State, State], None]) -> None:
        self.state = State.IDLE
        self._changed = changed

    def apply(self, method: Method) -> State:
        """Carry out `method`; raises IllegalTransition and changes nothing when the table does not list it."""
        old = self.state
        new = TRANSITIONS[old].get(method)
        if new is None:
            raise IllegalTransition(method, old)
        self.state = new
        self._changed(method, old, new)
        return new

    def allows(self, method: Method) -> bool:
        """Whether `method` is legal now."""
        return method in TRANSITIONS[self.state]

    def reset(self) -> None:
        """Back to IDLE once everything is released; raises IllegalTransition unless DISCONNECTED."""
        if self.state is not State.DISCONNECTED:
            raise IllegalTransition(Method.DISCONNECT, self.state)
        self.state = State.IDLE
