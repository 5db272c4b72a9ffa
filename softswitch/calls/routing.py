"""From a dialled number to the devices to ring: the dialplan's decision met with directory, registrar and trunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from dialplan import Decision, Destination, Plan, RouteQuery
from softswitch.calls.hunting import NOT_FOUND, UNAVAILABLE, Diverted, History, Stage, Target
from softswitch.calls.leg import Cause
from softswitch.calls.sip.trunk import Trunks
from softswitch.directory import Directory, Subscriber
from softswitch.sip.causes import cause_of_status
from softswitch.sip.errors import ProtocolError
from softswitch.sip.registrar import Registrar

LOOP = Cause(482, 25, "the call was diverted in a circle")
DO_NOT_DISTURB = Cause(480, 21, "do not disturb")
BUSY = Cause(486, 17, "all lines busy")
TRUNK_FULL = Cause(503, 34, "no circuit available")
NO_TRUNK = Cause(503, 38, "the trunk takes no outgoing calls")
_WHEN_KEPT_S = 1.0


@dataclass(slots=True)
class Caller:
    """On whose rights a number is dialled: a subscriber's, a trunk's, or the switch's own ("")."""

    number: str
    class_of_service: str = ""
    trunk: str = ""


@dataclass(slots=True)
class Router:
    """Turns numbers into stages of targets. `active_calls(number)` tells how busy a subscriber is."""

    plan: Plan
    directory: Directory
    registrar: Registrar
    trunks: Trunks
    now: Callable[[], float]
    local_time: Callable[[], datetime]
    active_calls: Callable[[str], int]
    ring_s: float = 60.0
    max_diversions: int = 5
    services: frozenset[str] = frozenset({"service"})
    gateways: frozenset[str] = frozenset()
    #: devices of a subscriber that a gateway knows of, beside those registered by SIP.
    gateway_devices: Callable[[str], list[Target]] = field(default=lambda number: [])
    _when: datetime | None = field(default=None, init=False)
    _when_until: float = field(default=0.0, init=False)

    def decide(self, called: str, caller: Caller, history: tuple[str, ...] = ()) -> Decision:
        """The dialplan's word alone; what `softswitch route` shows."""
        now = self.now()
        if self._when is None or now >= self._when_until:
            self._when, self._when_until = self.local_time(), now + _WHEN_KEPT_S
        return self.plan.route(
            RouteQuery(caller.number, caller.class_of_service, called, caller.trunk, self._when, history)
        )

    def stages(
        self, called: str, caller: Caller, history: History = (), *, message: bool = False
    ) -> tuple[Decision, list[Stage] | Cause]:
        """Whom to ring for `called`, or why nobody is; `history` are the numbers the call was diverted from.

        A `message` reaches also those who talk or do not want to be rung.
        """
        numbers = tuple([entry.number for entry in history]) if history else ()
        if len(numbers) > self.max_diversions or called in numbers:
            return Decision(called, caller.number), LOOP
        decision = self.decide(called, caller, numbers)
        if decision.refused is not None:
            refused = decision.refused
            return decision, Cause(refused.status, cause_of_status(refused.status), refused.reason)
        stages: list[Stage] = []
        down: list[Stage] = []
        refusal: Cause = NOT_FOUND
        insist = decision.emergency or message
        for group in decision.stages:
            found = self._stage(group, history, insist=insist)
            if isinstance(found, Cause):
                refusal = found
            else:
                (down if self._is_down(group) else stages).extend(found)
        return decision, stages + down or refusal

    def diverted(self, number: str, history: History) -> list[Stage] | Cause:
        """Whom to ring when the last of `history` forwards to `number`, with the rights of the one who forwards."""
        by = history[-1].number
        return self.stages(number, Caller(by, self.directory.class_of(by)), history)[1]

    def _is_down(self, group: list[Destination]) -> bool:
        """Whether a stage leads to a trunk that does not answer now: it is tried last, never skipped."""
        trunk = self.trunks.by_name.get(group[0].value) if group[0].kind == "trunk" else None
        return trunk is not None and not trunk.up

    def _stage(self, group: list[Destination], history: History, *, insist: bool) -> list[Stage] | Cause:
        refusal: Cause = NOT_FOUND
        merged: list[Stage] = []
        for destination in group:
            found = self._destination(destination, history, insist=insist)
            if isinstance(found, Cause):
                refusal = found
            elif merged:
                _merge(merged, found)
            else:
                merged = found
        return merged or refusal

    def _destination(self, destination: Destination, history: History, *, insist: bool) -> list[Stage] | Cause:
        kind = destination.kind
        if kind == "subscriber":
            return self._subscriber(destination, history, insist=insist)
        if kind == "trunk":
            return self._trunk(destination, history, insist=insist)
        if kind in self.services:
            target = Target(destination.called or destination.value, service=f"{kind}:{destination.value}")
            return [Stage([target], 0.0, history=history)]
        if kind == "gateway" and destination.value in self.gateways:
            target = Target(destination.called, gateway=destination.value, codecs=destination.codecs, history=history)
            return [Stage([target], destination.ring_s or self.ring_s, failover_only=True, history=history)]
        return _not_running(destination)

    def _subscriber(self, destination: Destination, history: History, *, insist: bool) -> list[Stage] | Cause:
        number = destination.value or destination.called
        subscriber = self.directory.get(number)
        if subscriber is None:
            return NOT_FOUND
        if subscriber.forward_all:
            return self.diverted(subscriber.forward_all, (*history, Diverted(number, "unconditional")))
        if not insist:
            if subscriber.do_not_disturb:
                return DO_NOT_DISTURB
            if subscriber.max_calls and self.active_calls(number) >= subscriber.max_calls:
                if subscriber.forward_busy:
                    return self.diverted(subscriber.forward_busy, (*history, Diverted(number, "user-busy")))
                return BUSY
        stages = self._devices(subscriber, destination, history)
        if stages:
            stages[-1].forward_busy = subscriber.forward_busy
            stages[-1].forward_no_answer = subscriber.forward_no_answer
            return stages
        if subscriber.forward_no_answer:
            return self.diverted(subscriber.forward_no_answer, (*history, Diverted(number, "unavailable")))
        return UNAVAILABLE

    def _devices(self, subscriber: Subscriber, destination: Destination, history: History) -> list[Stage]:
        """The subscriber's contacts, those of equal preference together, higher q first (RFC 3261 §16.6)."""
        number = subscriber.number
        ring_s = destination.ring_s or subscriber.no_answer_s or self.ring_s
        stages: list[Stage] = []
        q = -1.0
        for binding in self.registrar.bindings(number, self.now()):
            try:
                request_uri, next_hop, routes = binding.target
            except ProtocolError:
                continue
            target = Target(
                number,
                request_uri,
                next_hop,
                routes,
                media=destination.media or "relay",
                codecs=destination.codecs,
                history=history,
                srtp=subscriber.srtp,
                keying=subscriber.srtp_keying,
            )
            if stages and binding.q == q:
                stages[-1].targets.append(target)
            else:
                stages.append(Stage([target], ring_s, number, history=history))
            q = binding.q
        elsewhere = self.gateway_devices(number)
        if elsewhere and not stages:
            stages.append(Stage([], ring_s, number, history=history))
        if elsewhere:
            stages[0].targets.extend(elsewhere)
        return stages

    def _trunk(self, destination: Destination, history: History, *, insist: bool) -> list[Stage] | Cause:
        trunk = self.trunks.by_name.get(destination.value)
        if trunk is None or trunk.next_hop is None:
            return NO_TRUNK
        if trunk.full and not insist:
            return TRUNK_FULL
        target = Target(
            destination.called,
            trunk.request_uri(destination.called),
            trunk.next_hop,
            trunk=trunk.name,
            media=destination.media or trunk.media,
            codecs=destination.codecs or trunk.codecs,
            history=history,
            srtp=trunk.srtp,
            keying=trunk.srtp_keying,
        )
        return [Stage([target], destination.ring_s or self.ring_s, failover_only=True, history=history)]


def _not_running(destination: Destination) -> Cause:
    """A number of the plan for which this node has no one to answer."""
    kind, value = destination.kind, destination.value
    if kind == "gateway":
        return Cause(503, 38, f"gateway {value} is not running")
    return Cause(503, 63, f"{kind} {value or destination.called} is not served by this node")


def _merge(stages: list[Stage], more: list[Stage]) -> None:
    """Ring the stages of two members of a group together, step by step."""
    for index, stage in enumerate(more):
        if index < len(stages):
            stages[index].targets.extend(stage.targets)
            stages[index].ring_s = max(stages[index].ring_s, stage.ring_s)
            stages[index].forward_busy = stages[index].forward_no_answer = ""
        else:
            stages.append(stage)
