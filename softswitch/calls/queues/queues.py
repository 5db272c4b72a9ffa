"""Call queues: who dials the number of one waits for the next free agent, with music and, now and then, its place.

The caller's call goes through the state machine like any other: it is queued, answered by the switch, and joined with
the agent who takes it. Agents are rung one turn after the other, whenever somebody waits and an agent is free.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softswitch.calls.hunting import Hunt, Stage
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.machine import Method
from softswitch.calls.media.path import NO_SERVICE_CODEC
from softswitch.calls.queues.agents import Agent, Agents
from softswitch.calls.queues.definition import QueueDefinition
from softswitch.calls.queues.distribution import Offer
from softswitch.calls.queues.queue import EMERGENCY, ORDINARY, PREFERRED, CallQueue, Waiting
from softswitch.calls.rooms import take_seat
from softswitch.calls.routing import Caller
from softswitch.events import CallRecorded, Event
from softswitch.events.queues import QueueAgentChanged, QueueAnswered, QueueJoined, QueueLeft, QueueOffered
from softswitch.media import MediaEngine, MediaError, NotTranscodable, PlaybackEnded, Port
from softswitch.media.playing.spoken import place_in_queue

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.exchange import Exchange

logger = logging.getLogger(__name__)

NO_QUEUE = Cause(404, 1, "no such queue")
QUEUE_FULL = Cause(486, 17, "the queue is full")
NO_AGENT = Cause(480, 18, "no agent is logged in")
WAITED_TOO_LONG = Cause(480, 19, "nobody took the call in time")
REMOVED = Cause(200, 16, "removed from the queue", "operator")


class Queues:
    """All queues of this node. Definitions of the configuration may be covered by those that were added."""

    def __init__(
        self,
        exchange: Exchange,
        engine: MediaEngine,
        music: Callable[[], NDArray[np.int16]],
        definitions: Iterable[QueueDefinition],
    ) -> None:
        self._exchange = exchange
        self._engine = engine
        self._music = music
        self._configured: dict[str, QueueDefinition] = {}
        self._added: dict[str, QueueDefinition] = {}
        self._queues: dict[str, CallQueue] = {}
        self._talking: dict[str, tuple[str, Agent]] = {}  # queue and agent, by call id
        self.agents = Agents()
        self.replace(definitions)
        exchange.bus.subscribe(self._on_record, CallRecorded.type)

    # -- definitions --------------------------------------------------------------------------------------------------

    @property
    def definitions(self) -> Mapping[str, QueueDefinition]:
        """Those in force, by number."""
        return self._configured | self._added

    def origin(self, number: str) -> str:
        """Where a definition stands: store (which may cover one of the configuration), configuration or nowhere."""
        return "store" if number in self._added else "configuration" if number in self._configured else ""

    def replace(self, definitions: Iterable[QueueDefinition]) -> None:
        """Put other definitions of the configuration in force; callers go on waiting."""
        self._configured = {definition.number: definition for definition in definitions}
        self._renew()

    def put(self, definition: QueueDefinition) -> None:
        """Add a definition, or change it; it is in force at once."""
        self._added[definition.number] = definition
        self._renew()

    def remove(self, number: str) -> None:
        """Forget what was added; who waits there is released. Raises LookupError."""
        if number not in self._added:
            raise LookupError(f"there is no queue {number!r} that can be removed")
        del self._added[number]
        self._renew()

    def _renew(self) -> None:
        known = self.definitions
        for number, definition in known.items():
            queue = self._queues.setdefault(number, CallQueue(definition))
            queue.definition = definition
            self._serve(queue)
        for number in [each for each in self._queues if each not in known]:
            for caller in list(self._queues[number].waiting):
                caller.call.disconnect(REMOVED)
            del self._queues[number]

    # -- callers ------------------------------------------------------------------------------------------------------

    def enter(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """Let `leg` wait in the queue `number`, or go on where it overflows to; a Cause says why it cannot."""
        queue = self._queues.get(number)
        if queue is None:
            return NO_QUEUE
        definition = queue.definition
        refused = self._refusal(queue)
        if refused is not None and not definition.overflow:
            return refused
        if call.machine.allows(Method.QUEUE):
            call.machine.apply(Method.QUEUE)
            if leg.direction == "in":
                leg.progress(182, None)
        priority = EMERGENCY if call.record.emergency else PREFERRED if self._preferred(queue, leg) else ORDINARY
        caller = Waiting(call, leg, self._exchange.now(), priority)
        call.record.queue = number
        place = queue.add(caller)
        self._exchange.bus.tell(QueueJoined, number, call.id, caller.number, place, priority)
        seated = take_seat(
            call, leg, lambda port: self._start(queue, caller, port, refused), lambda: self._gone(queue, caller)
        )
        return seated

    def _refusal(self, queue: CallQueue) -> Cause | None:
        definition = queue.definition
        if definition.max_length and len(queue.waiting) >= definition.max_length:
            return QUEUE_FULL
        if not definition.join_empty and not self.agents.of(definition):
            return NO_AGENT
        return None

    @staticmethod
    def _preferred(queue: CallQueue, leg: Leg) -> bool:
        return leg.party.number in queue.definition.priority

    def _start(self, queue: CallQueue, caller: Waiting, port: Port, refused: Cause | None) -> Cause | None:
        """The media of a caller is agreed: it hears music, and its turn may be now."""
        caller.port = port
        try:
            self._engine.play(port, self._music(), loop=True)
        except NotTranscodable:
            return NO_SERVICE_CODEC
        except MediaError as error:
            return Cause(503, 41, str(error))
        timers, now, definition = self._exchange.timers, self._exchange.now(), queue.definition
        if refused is not None:
            self._exchange.soon(lambda: self._overflow(queue, caller, "full" if refused is QUEUE_FULL else "empty"))
            return None
        if definition.max_wait_s:
            at = now + definition.max_wait_s
            caller.patience = timers.schedule(at, lambda _: self._overflow(queue, caller, "timeout"))
        if definition.announce_s:
            caller.announcing = timers.schedule(
                now + min(definition.announce_s, 2.0), lambda _: self._announce(queue, caller)
            )
        self._exchange.soon(lambda: self._serve(queue))
        return None

    def _announce(self, queue: CallQueue, caller: Waiting) -> None:
        """Tell a caller its place and how long it may last; the music goes on after that."""
        if caller not in queue.waiting or caller.port is None:
            return
        place = queue.place_of(caller)
        minutes = max(round(queue.expected_wait_s(place) / 60), 1) if queue.definition.announce_wait else 0
        try:
            self._engine.play(caller.port, place_in_queue(place, minutes))
        except MediaError as error:
            logger.warning("a caller of queue %s is not told its place: %s", queue.definition.number, error)
        at = self._exchange.now() + queue.definition.announce_s
        caller.announcing = self._exchange.timers.schedule(at, lambda _: self._announce(queue, caller))

    def media_event(self, event: PlaybackEnded) -> bool:
        """An announcement has been heard: the music goes on. False when it was none of ours."""
        for queue in self._queues.values():
            for caller in queue.waiting:
                if caller.port is not None and caller.port is event.port:
                    self._engine.play(caller.port, self._music(), loop=True)
                    return True
        return False

    def _gone(self, queue: CallQueue, caller: Waiting) -> None:
        """A caller does not wait any more; an agent has taken it, or it hung up."""
        for timer in (caller.announcing, caller.patience):
            if timer is not None:
                timer.cancel()
        if caller not in queue.waiting:
            return
        waited_s = self._exchange.now() - caller.since
        served = caller.call.id in self._talking
        caller.call.record.queued_s = round(waited_s, 3)
        queue.remove(caller, "answered" if served else "abandoned", waited_s)
        self._withdraw(queue, caller)
        if not served:
            self._left(queue, caller, "abandoned", waited_s)

    def _left(self, queue: CallQueue, caller: Waiting, reason: str, waited_s: float) -> None:
        values = (caller.call.id, caller.number, reason, round(waited_s, 3))
        self._exchange.bus.tell(QueueLeft, queue.definition.number, *values)

    def _overflow(self, queue: CallQueue, caller: Waiting, reason: str) -> None:
        """A caller waits no longer here: it goes where the queue says, or is released."""
        if caller not in queue.waiting:
            return
        waited_s = self._exchange.now() - caller.since
        queue.remove(caller, "overflowed", waited_s)
        caller.call.record.queued_s = round(waited_s, 3)
        self._withdraw(queue, caller)
        self._left(queue, caller, reason, waited_s)
        if caller.call.replacement is not None:
            caller.call.replacement.cancel(WAITED_TOO_LONG)
            caller.call.replacement = None
        overflow = queue.definition.overflow
        refused = self._exchange.ring_back(caller.call, overflow) if overflow else WAITED_TOO_LONG
        if refused is not None:
            caller.call.disconnect(refused)

    # -- agents -------------------------------------------------------------------------------------------------------

    def log_in(self, number: str, agent: str, *, by: str = "") -> None:
        """An agent answers a queue from now on; raises LookupError."""
        queue = self._existing(number)
        found = self.agents.agent(agent)
        found.queues.add(number)
        found.idle_since = found.idle_since or self._exchange.now()
        self._exchange.bus.tell(QueueAgentChanged, number, agent, "logged_in", by or agent)
        self._serve(queue)

    def log_out(self, number: str, agent: str, *, by: str = "") -> None:
        """An agent does not answer a queue any more; raises LookupError when it did not."""
        self._existing(number)
        found = self.agents.agent(agent)
        if number not in found.queues:
            raise LookupError(f"{agent} is not logged in to queue {number}")
        found.queues.discard(number)
        self._exchange.bus.tell(QueueAgentChanged, number, agent, "logged_out", by or agent)

    def pause(self, number: str, agent: str, *, paused: bool, by: str = "") -> None:
        """Let an agent not be rung for a while, in any queue; raises LookupError."""
        queue = self._existing(number)
        if all(each.number != agent for each in self.agents.of(queue.definition)):
            raise LookupError(f"{agent} is no agent of queue {number}")
        self.agents.agent(agent).paused = paused
        self._exchange.bus.tell(QueueAgentChanged, number, agent, "paused" if paused else "available", by or agent)
        self._serve_all()

    def _existing(self, number: str) -> CallQueue:
        queue = self._queues.get(number)
        if queue is None:
            raise LookupError(f"there is no queue {number!r}")
        return queue

    def _free(self, queue: CallQueue) -> list[Agent]:
        now = self._exchange.now()
        return [
            each
            for each in self.agents.of(queue.definition)
            if each.state(now) == "available" and not self._exchange.active_calls(each.number)
        ]

    # -- distribution -------------------------------------------------------------------------------------------------

    def _serve_all(self) -> None:
        for queue in self._queues.values():
            self._serve(queue)

    def _serve(self, queue: CallQueue) -> None:
        """Ring agents for those who wait, the first first, as long as agents are free."""
        for caller in list(queue.waiting):
            if caller.offered_to or caller.port is None or caller.call.replacement is not None:
                continue
            chosen = self.agents.choose(queue.definition, self._free(queue))
            if not chosen or not self._offer(queue, caller, chosen):
                return

    def _offer(self, queue: CallQueue, caller: Waiting, chosen: list[Agent]) -> bool:
        """Ring the chosen agents for a caller; False when none of them could be rung."""
        definition, stage = queue.definition, Stage([], queue.definition.ring_s)
        rung: list[Agent] = []
        for agent in chosen:
            found = self._exchange.router.stages(agent.number, Caller(caller.number))[1]
            targets = [] if isinstance(found, Cause) else [t for t in found[0].targets if not t.service]
            if targets:
                stage.targets.extend(targets)
                rung.append(agent)
            else:  # not registered: left alone for a while
                agent.free_at = self._exchange.now() + max(definition.retry_s, 1.0)
        if not rung:
            self._again(queue, definition.retry_s)
            return bool(self._free(queue))
        for agent in rung:
            agent.serving, agent.talking = caller.call.id, False
        caller.offered_to = tuple(agent.number for agent in rung)
        values = (caller.call.id, caller.number, list(caller.offered_to))
        self._exchange.bus.tell(QueueOffered, definition.number, *values)
        offer = Offer(
            self._exchange,
            caller.call,
            caller.leg,
            lambda number: self._answered(queue, caller, number),
            lambda: self._not_answered(queue, caller),
        )
        offer.begin(Hunt.through([stage]))
        return True

    def _answered(self, queue: CallQueue, caller: Waiting, number: str) -> None:
        """An agent took the call; the others are free again."""
        agent, definition = self.agents.agent(number), queue.definition
        waited_s = self._exchange.now() - caller.since
        caller.offered_to = tuple(each for each in caller.offered_to if each != number)
        agent.talking = True
        agent.answered += 1
        call = caller.call
        self._talking[call.id] = (definition.number, agent)
        call.record.agent = number
        self._exchange.bus.tell(QueueAnswered, definition.number, call.id, caller.number, number, round(waited_s, 3))
        self._exchange.bus.tell(QueueAgentChanged, definition.number, number, "talking", "")

    def _not_answered(self, queue: CallQueue, caller: Waiting) -> None:
        """None of those rung took the call: they are left alone for a while, and others get their turn."""
        now = self._exchange.now()
        for number in caller.offered_to:
            agent = self.agents.agent(number)
            agent.missed += 1
            agent.free_at = now + queue.definition.retry_s
            agent.idle_since = now
        self._withdraw(queue, caller)
        self._again(queue, queue.definition.retry_s)
        self._serve_all()

    def _withdraw(self, queue: CallQueue, caller: Waiting) -> None:
        """Those who were rung for a caller are free for others."""
        offered, caller.offered_to = caller.offered_to, ()
        for number in offered:
            agent = self.agents.agent(number)
            if agent.serving == caller.call.id and not agent.talking:
                agent.serving = ""
        if offered:
            self._exchange.soon(self._serve_all)

    def _again(self, queue: CallQueue, after_s: float) -> None:
        self._exchange.timers.schedule(self._exchange.now() + max(after_s, 0.1), lambda _: self._serve(queue))

    def _on_record(self, event: Event) -> None:
        """A call is over: its agent wraps up, and another caller may have its turn when any call of an agent ends."""
        assert isinstance(event, CallRecorded)
        number, agent = self._talking.pop(event.call_id, ("", None))
        if agent is not None:
            now = self._exchange.now()
            definition = self.definitions.get(number)
            wrap_up_s = definition.wrap_up_s if definition is not None else 0.0
            agent.serving, agent.talking = "", False
            agent.free_at, agent.idle_since = now + wrap_up_s, now
            self._exchange.bus.tell(QueueAgentChanged, number, agent.number, "wrap_up", "")
            self._exchange.timers.schedule(agent.free_at, lambda _: self._serve_all())
        elif any(queue.waiting for queue in self._queues.values()):
            self._exchange.soon(self._serve_all)

    # -- what it looks like -------------------------------------------------------------------------------------------

    def describe(self) -> list[dict[str, Any]]:
        """Every queue: who waits how long, its agents, and its statistics."""
        return [self._describe(queue) for queue in self._queues.values()]

    def _describe(self, queue: CallQueue) -> dict[str, Any]:
        now = self._exchange.now()
        definition = queue.definition
        return {
            "number": definition.number,
            "name": definition.name,
            "strategy": definition.strategy,
            "origin": self.origin(definition.number),
            "waiting": [
                {
                    "party": caller.number,
                    "call_id": caller.call.id,
                    "place": place,
                    "priority": caller.priority,
                    "waited_s": round(now - caller.since, 3),
                    "expected_wait_s": round(queue.expected_wait_s(place), 3),
                    "offered_to": list(caller.offered_to),
                }
                for place, caller in enumerate(queue.waiting, 1)
            ],
            "agents": [agent.describe(now) for agent in self.agents.of(definition)],
            "statistics": queue.statistics(),
        }


__all__ = ["NO_AGENT", "NO_QUEUE", "QUEUE_FULL", "WAITED_TOO_LONG", "Queues"]
