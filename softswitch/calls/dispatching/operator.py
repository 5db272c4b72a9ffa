"""What a dispatcher or a program may do to calls: place, steer, hold, transfer, play, send keys, release by force.

Every operation names the states in which it makes sense; elsewhere it is refused with `NotPossible`, which says what
would be possible. Parties are meant by the id of their leg. No I/O: the runtime runs each operation as one mutation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softswitch.calls.call import Call
from softswitch.calls.conversation import Start
from softswitch.calls.dispatching.origination import OriginatedCall, SwitchLeg
from softswitch.calls.hunting import Hunt, Stage
from softswitch.calls.leg import Cause, Leg, LegState, Party
from softswitch.calls.machine import Method, State, legal_methods
from softswitch.calls.media.path import NO_SERVICE_CODEC
from softswitch.calls.nobody import ELSEWHERE
from softswitch.calls.record import CallRecord
from softswitch.calls.replacement import Replacement
from softswitch.calls.routing import Caller
from softswitch.calls.sip.intake import TOO_MANY_CALLS
from softswitch.events import LegStateChanged
from softswitch.floor.adapters import Action, Command
from softswitch.media import MediaError, NotTranscodable

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange
    from softswitch.media import MediaEngine, Port

#: Operations that are no methods of the state machine, and where they are possible.
OPERATIONS: dict[str, frozenset[State]] = {
    name: frozenset({State.ACTIVE})
    for name in ("hold", "resume", "transfer", "play", "stop_play", "dtmf", "insert", "listen", "whisper", "record")
}
OPERATIONS["force_release"] = frozenset({State.CALLER_SETUP, State.CALLEE_SETUP, State.ACTIVE})

_PROGRESS = {Method.RING: 180, Method.QUEUE: 182, Method.PROCEED: 183}
Sound = Callable[[str], NDArray[np.int16] | None]


class NotPossible(RuntimeError):
    """An operation was asked for that the call's state, or its media, does not allow."""

    def __init__(self, operation: str, call: Call, reason: str) -> None:
        self.operation = operation
        self.state = call.machine.state
        self.possible = possible_operations(call)
        super().__init__(f"{operation} is not possible: {reason}")


class Refused(RuntimeError):
    """A call could not be placed or sent on; `field` names what was wrong with the order."""

    def __init__(self, field: str, cause: Cause) -> None:
        self.field = field
        self.cause = cause
        super().__init__(f"{field}: {cause.text}")


def named(cause: Cause, number: str) -> Cause:
    """A refusal in words that say which number is meant."""
    if number in cause.text:
        return cause
    text = f"there is no number {number}" if cause.status == 404 else f"{number}: {cause.text}"
    return cause._replace(text=text)


@dataclass(frozen=True, slots=True)
class Order:
    """A call to be placed. `play` names a sound heard instead of a callee; `by` is who ordered it."""

    caller: str
    callee: str = ""
    play: str = ""
    caller_name: str = ""
    timeout_s: float = 60.0
    by: str = ""


def possible_operations(call: Call) -> list[str]:
    """The methods and operations that are possible in the call's present state."""
    state = call.machine.state
    found = [method.value for method in legal_methods(state)]
    return found + [name for name, states in OPERATIONS.items() if state in states]


class Operator:
    """Operations on the calls of one exchange. `sound(name)` gives samples at 8 kHz, None for an unknown name."""

    def __init__(
        self, exchange: Exchange, new_id: Callable[[], str], music: Callable[[], NDArray[np.int16]], sound: Sound
    ) -> None:
        self._exchange = exchange
        self._new_id = new_id
        self._music = music
        self._sound = sound

    # -- placing ----------------------------------------------------------------------------------------------------

    def originate(self, order: Order) -> Call:
        """Ring the caller and, once they answered, connect the callee, a service or a sound; raises Refused.

        The call is on record even when it could not be placed.
        """
        exchange = self._exchange
        limit = exchange.settings.max_calls
        if limit and len(exchange.calls) >= limit:
            raise Refused("caller", TOO_MANY_CALLS)
        if order.play and self._sound(order.play) is None:
            raise Refused("play", Cause(404, 1, f"there is no sound {order.play!r}"))
        call_id = self._new_id()
        record = CallRecord(call_id, order.caller, order.callee or order.play, f"api:{order.by}", exchange.wall())
        switch = SwitchLeg(self._new_id(), Party(order.callee or order.play, order.caller_name))
        call = OriginatedCall(exchange, call_id, record, switch, lambda answered: self._connect(answered, order))
        call.caller_name = order.caller_name or self._name_of(order.caller)
        exchange.add(call)
        call.begin()
        rights = Caller(order.caller, exchange.router.directory.class_of(order.caller))
        if order.callee:
            decision, found = exchange.router.stages(order.callee, rights)
            record.route, record.emergency = decision.rule, decision.emergency
            if isinstance(found, Cause) and found.status in (403, 404):
                call.refuse(found)
                raise Refused("callee", named(found, order.callee))
        stages = exchange.router.stages(order.caller, Caller(order.callee))[1]
        if isinstance(stages, Cause):
            call.refuse(stages)
            raise Refused("caller", named(stages, order.caller))
        call.ring_caller(_shortened(stages, order.timeout_s))
        return call

    def _name_of(self, number: str) -> str:
        subscriber = self._exchange.router.directory.get(number)
        return subscriber.display_name if subscriber is not None else ""

    def _connect(self, call: OriginatedCall, order: Order) -> None:
        """The caller has answered."""
        if order.play:
            sound = self._sound(order.play)
            if sound is None or call.answer_with_service(call.caller, self._player(sound, loop=False)) is not None:
                call.disconnect(Cause(500, 41, "the sound cannot be played"))
            return
        rights = Caller(order.caller, self._exchange.router.directory.class_of(order.caller))
        stages = self._exchange.router.stages(order.callee, rights)[1]
        if isinstance(stages, Cause):
            call.ringing_failed(stages)
        else:
            call.ring_callee(stages)

    # -- the machine's own methods ------------------------------------------------------------------------------------

    def apply(self, call: Call, method: Method) -> None:
        """Move the call by `method` and tell the caller; raises IllegalTransition, NotPossible."""
        if method is Method.ANSWER:
            self._answer(call)
            return
        call.machine.apply(method)
        status = _PROGRESS.get(method)
        if status is not None and call.caller.direction == "in" and call.caller.state is not LegState.ANSWERED:
            call.caller.progress(status, None)

    def _answer(self, call: Call) -> None:
        """Answer in the callee's place: the caller hears music until they are sent on."""
        if not call.machine.allows(Method.ANSWER):
            call.machine.apply(Method.ANSWER)  # raises with what is legal
        if isinstance(call, OriginatedCall) and not call.caller_answered:
            raise NotPossible("answer", call, "the caller has not answered yet")
        if call.ringing is not None:
            call.ringing.stop(ELSEWHERE)
            call.ringing = None
        refused = call.answer_with_service(call.caller, self._player(self._music(), loop=True))
        if refused is not None:
            call.disconnect(refused)
            raise Refused("call", refused)

    def floor(self, call: Call, method: Method, party: str) -> None:
        """Ask for, give back or wait for the floor on behalf of a party; raises IllegalTransition, LookupError."""
        leg = self._party(call, party, call.caller)
        groups = self._exchange.talkgroups
        if groups is None or not groups.is_present(leg.id):
            call.machine.apply(method)
        elif method is Method.RELEASE_FLOOR:
            groups.wishes.command(leg.id, Command(Action.RELEASE))
        else:
            groups.wishes.command(leg.id, Command(Action.REQUEST))

    # -- the parties --------------------------------------------------------------------------------------------------

    def hold(self, call: Call, leg_id: str) -> None:
        """The party hears music and the other one silence, until `resume`; raises NotPossible, LookupError."""
        leg = self._media_party("hold", call, leg_id, call.caller)
        media = self._exchange.media
        if media.side(leg).held:
            raise NotPossible("hold", call, f"{leg.party.number} is held already")
        self._exchange.held(leg)
        media.hold(leg)
        self._play_into(call, [leg], self._music(), loop=True, operation="hold")
        self._tell(call, leg, "held")

    def resume(self, call: Call, leg_id: str) -> None:
        """End `hold`; raises NotPossible, LookupError."""
        leg = self._media_party("resume", call, leg_id, call.caller)
        media = self._exchange.media
        if not media.side(leg).held:
            raise NotPossible("resume", call, f"{leg.party.number} is not held")
        port, other = call.port_of(leg), call.other(leg)
        if port is not None:
            self._engine.stop(port)
        if not media.resume(leg, other):
            call.renegotiate()
        self._exchange.resumed(leg)
        self._tell(call, leg, leg.state.value)

    def transfer(self, call: Call, leg_id: str, target: str, by: str) -> None:
        """Send a party to another number; the other leaves when the new one answers. Raises NotPossible, Refused."""
        self._must_be_possible("transfer", call)
        if call.replacement is not None:
            raise NotPossible("transfer", call, "a transfer is under way")
        staying = self._party(call, leg_id, call.caller)
        leaving = call.other(staying)
        stages = self._exchange.router.stages(target, Caller(staying.party.number))[1]
        if isinstance(stages, Cause):
            raise Refused("target", named(stages, target))
        self._exchange.media.side(staying).held = False
        call.transferred_by = by
        call.replacement = Replacement(self._exchange, call, leaving, staying, None)
        call.replacement.start(Hunt.through(stages))

    def ports_for(self, operation: str, call: Call, leg_id: str, to: str) -> list[Port]:
        """The ports of those who are to hear something: one leg, or `to` caller, callee or both.

        Raises NotPossible, LookupError.
        """
        self._must_be_possible(operation, call)
        legs = [self._party(call, leg_id, call.caller)] if leg_id else parties(call)
        if not leg_id and to != "both":
            legs = [leg for leg in legs if (leg is call.caller) == (to == "caller")]
        if not legs:
            raise NotPossible(operation, call, f"there is no {to}")
        return [self._port(operation, call, leg) for leg in legs]

    def stop_play(self, call: Call, leg_id: str) -> None:
        """Stop what `play` began; raises NotPossible, LookupError."""
        self._must_be_possible("stop_play", call)
        for leg in [self._party(call, leg_id, call.caller)] if leg_id else parties(call):
            port = call.port_of(leg)
            if port is not None and not self._exchange.media.side(leg).held:
                self._engine.stop(port)

    def dtmf(self, call: Call, leg_id: str, digits: str, duration_ms: int) -> None:
        """Press keys towards a party (default: the callee), one after the other, in the way that suits it best.

        Raises NotPossible, LookupError.
        """
        self._must_be_possible("dtmf", call)
        leg = self._party(call, leg_id, call.callee or call.caller)
        try:
            self._exchange.keys.send(leg, digits, duration_ms)
        except MediaError as error:
            raise NotPossible("dtmf", call, str(error)) from error

    def release(self, call: Call, cause: Cause) -> None:
        """End the call, whatever it does."""
        if call.machine.state is State.IDLE:
            call.machine.apply(Method.DISCONNECT)  # raises with what is legal
        call.disconnect(cause)

    def is_held(self, leg: Leg) -> bool:
        """Whether `hold` was asked for that party."""
        return self._exchange.media.side(leg).held

    def possible(self, call: Call) -> list[str]:
        """See `possible_operations`."""
        return possible_operations(call)

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _engine(self) -> MediaEngine:
        engine = self._exchange.media.engine
        assert engine is not None, "an operator works on a switch with a media engine"
        return engine

    def _player(self, sound: NDArray[np.int16], *, loop: bool) -> Start:
        """What plays a sound into a port as soon as that is agreed."""

        def play(port: Port) -> Cause | None:
            try:
                self._engine.play(port, sound, loop=loop)
            except NotTranscodable:
                return NO_SERVICE_CODEC
            return None

        return play

    def _must_be_possible(self, operation: str, call: Call) -> None:
        state = call.machine.state
        if state not in OPERATIONS[operation]:
            raise NotPossible(operation, call, f"the call is in state {state.value}")

    @staticmethod
    def _party(call: Call, leg_id: str, default: Leg) -> Leg:
        if not leg_id:
            return default
        for leg in parties(call):
            if leg_id in (leg.id, leg.party.number):
                return leg
        raise LookupError(f"there is no party {leg_id!r} in this call")

    def _media_party(self, operation: str, call: Call, leg_id: str, default: Leg) -> Leg:
        self._must_be_possible(operation, call)
        leg = self._party(call, leg_id, default)
        self._port(operation, call, leg)
        return leg

    def _port(self, operation: str, call: Call, leg: Leg) -> Port:
        port = call.port_of(leg)
        if port is None or self._exchange.media.side(leg).passthrough:
            raise NotPossible(operation, call, f"the media of {leg.party.number} does not pass through the switch")
        return port

    def _play_into(
        self, call: Call, legs: Iterable[Leg], sound: NDArray[np.int16], *, loop: bool, operation: str
    ) -> None:
        for port in [self._port(operation, call, leg) for leg in legs]:
            try:
                self._engine.play(port, sound, loop=loop)
            except NotTranscodable as error:
                raise NotPossible(operation, call, str(error)) from error

    def _tell(self, call: Call, leg: Leg, state: str) -> None:
        self._exchange.bus.publish(LegStateChanged(leg.id, call.id, leg.party.number, state))


def parties(call: Call) -> list[Leg]:
    """The legs of a call: those that talk and those that are being rung."""
    found = [leg for leg in (call.caller, call.callee) if leg is not None and leg.protocol != SwitchLeg.protocol]
    for ringing in (call.ringing, call.replacement.ringing if call.replacement else None):
        if ringing is not None:
            found.extend(leg for leg in ringing.branches if leg not in found)
    return found


def _shortened(stages: list[Stage], longest_s: float) -> list[Stage]:
    for stage in stages:
        stage.ring_s = min(stage.ring_s, longest_s) if stage.ring_s else longest_s
    return stages


__all__ = ["NotPossible", "Operator", "Order", "Refused", "named", "parties", "possible_operations"]
