"""From a dialled number to the devices to ring: the dialplan's decision met with directory, registrar and trunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dialplan import Decision, Destination, Plan, RouteQuery
from softswitch.calls.hunting import NOT_FOUND, UNAVAILABLE, Stage, Target
from softswitch.calls.leg import Cause
from softswitch.calls.trunk import Trunks
from softswitch.directory import Directory, Subscriber
from softswitch.sip.causes import cause_of_status
from softswitch.sip.errors import ProtocolError
from softswitch.sip.registrar import Registrar

LOOP = Cause(482, 25, "the call was diverted in a circle")
DO_NOT_DISTURB = Cause(480, 21, "do not disturb")
BUSY = Cause(486, 17, "all lines busy")
TRUNK_FULL = Cause(503, 34, "no circuit available")
NO_GATEWAY = Cause(503, 38, "the gateway is not running")


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

    def decide(self, called: str, caller: Caller, history: tuple[str, ...] = ()) -> Decision:
        """The dialplan's word alone; what `softswitch route` shows."""
        return self.plan.route(
            RouteQuery(caller.number, caller.class_of_service, called, caller.trunk, self.local_time(), history)
        )

    def stages(
        self, called: str, caller: Caller, history: tuple[str, ...] = ()
    ) -> tuple[Decision, list[Stage] | Cause]:
        """Whom to ring for `called`, or why nobody is; `history` are the numbers the call was diverted from."""
        if len(history) > self.max_diversions or called in history:
            return Decision(called, caller.number), LOOP
        decision = self.decide(called, caller, history)
        if decision.refused is not None:
            refused = decision.refused
            return decision, Cause(refused.status, cause_of_status(refused.status), refused.reason)
        stages: list[Stage] = []
        refusal: Cause = NOT_FOUND
        for group in decision.stages:
            found = self._stage(group, decision, history)
            if isinstance(found, Cause):
                refusal = found
            else:
                stages.extend(found)
        return decision, stages or refusal

    def _stage(self, group: list[Destination], decision: Decision, history: tuple[str, ...]) -> list[Stage] | Cause:
        refusal: Cause = NOT_FOUND
        merged: list[Stage] = []
        for destination in group:
            found = self._destination(destination, decision, history)
            if isinstance(found, Cause):
                refusal = found
            elif merged and len(group) > 1:
                _merge(merged, found)
            else:
                merged = found
        return merged or refusal

    def _destination(
        self, destination: Destination, decision: Decision, history: tuple[str, ...]
    ) -> list[Stage] | Cause:
        kind = destination.kind
        if kind == "subscriber":
            return self._subscriber(destination, history, emergency=decision.emergency)
        if kind == "trunk":
            return self._trunk(destination, emergency=decision.emergency)
        if kind in self.services:
            target = Target(destination.called or destination.value, service=f"{kind}:{destination.value}")
            return [Stage([target], 0.0)]
        if kind == "gateway" and destination.value in self.gateways:
            target = Target(destination.called, gateway=destination.value, codecs=destination.codecs)
            return [Stage([target], destination.ring_s or self.ring_s, failover_only=True)]
        return NO_GATEWAY

    def _subscriber(
        self, destination: Destination, history: tuple[str, ...], *, emergency: bool = False
    ) -> list[Stage] | Cause:
        number = destination.value or destination.called
        subscriber = self.directory.get(number)
        if subscriber is None:
            return NOT_FOUND
        if subscriber.forward_all:
            return self.diverted(subscriber.forward_all, (*history, number))
        if subscriber.do_not_disturb and not emergency:
            return DO_NOT_DISTURB
        if subscriber.max_calls and not emergency and self.active_calls(number) >= subscriber.max_calls:
            if subscriber.forward_busy:
                return self.diverted(subscriber.forward_busy, (*history, number))
            return BUSY
        return self._devices(subscriber, destination, history)

    def _devices(
        self, subscriber: Subscriber, destination: Destination, history: tuple[str, ...]
    ) -> list[Stage] | Cause:
        """The subscriber's contacts, those of equal preference together, higher q first (RFC 3261 §16.6)."""
        number = subscriber.number
        ring_s = destination.ring_s or subscriber.no_answer_s or self.ring_s
        diverted_from = history[-1] if history else ""
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
                diverted_from=diverted_from,
            )
            if stages and binding.q == q:
                stages[-1].targets.append(target)
            else:
                stages.append(Stage([target], ring_s, number))
            q = binding.q
        if stages:
            stages[-1].forward_busy = subscriber.forward_busy
            stages[-1].forward_no_answer = subscriber.forward_no_answer
            return stages
        if subscriber.forward_no_answer:
            return self.diverted(subscriber.forward_no_answer, (*history, number))
        return UNAVAILABLE

    def _trunk(self, destination: Destination, *, emergency: bool) -> list[Stage] | Cause:
        trunk = self.trunks.by_name.get(destination.value)
        if trunk is None or trunk.next_hop is None:
            return NO_GATEWAY
        if trunk.full and not emergency:
            return TRUNK_FULL
        target = Target(
            destination.called,
            trunk.request_uri(destination.called),
            trunk.next_hop,
            trunk=trunk.name,
            media=destination.media or trunk.media,
            codecs=destination.codecs or trunk.codecs,
        )
        return [Stage([target], destination.ring_s or self.ring_s, failover_only=True)]

    def diverted(self, number: str, history: tuple[str, ...]) -> list[Stage] | Cause:
        """Whom to ring when the last of `history` forwards to `number`, with the rights of the one who forwards."""
        by = history[-1]
        return self.stages(number, Caller(by, self.directory.class_of(by)), history)[1]


def _merge(stages: list[Stage], more: list[Stage]) -> None:
    """Ring the stages of two members of a group together, step by step."""
    for index, stage in enumerate(more):
        if index < len(stages):
            stages[index].targets.extend(stage.targets)
            stages[index].ring_s = max(stages[index].ring_s, stage.ring_s)
            stages[index].forward_busy = stages[index].forward_no_answer = ""
        else:
            stages.append(stage)
