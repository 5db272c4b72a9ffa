"""Events of call queues: callers who come, wait, are answered or give up, and agents who come and go."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class OfCaller(Event):
    """What became of a caller in a queue."""

    queue: str
    call_id: str
    party: str


@dataclasses.dataclass(slots=True)
class QueueJoined(OfCaller):
    """A caller waits at `place` (the first is 1) of a queue."""

    type: ClassVar[str] = "queue.joined"
    place: int
    priority: int


@dataclasses.dataclass(slots=True)
class QueueOffered(OfCaller):
    """Agents are being rung for a caller."""

    type: ClassVar[str] = "queue.offered"
    agents: list[str]


@dataclasses.dataclass(slots=True)
class QueueAnswered(OfCaller):
    """An agent took a caller, who had waited `waited_s`."""

    type: ClassVar[str] = "queue.answered"
    agent: str
    waited_s: float


@dataclasses.dataclass(slots=True)
class QueueLeft(OfCaller):
    """A caller left a queue unanswered: `reason` is abandoned, overflow, timeout, empty or full."""

    type: ClassVar[str] = "queue.left"
    reason: str
    waited_s: float


@dataclasses.dataclass(slots=True)
class QueueAgentChanged(Event):
    """An agent logged in or out, was paused or not, is rung, talks, or is free again."""

    type: ClassVar[str] = "queue.agent"
    queue: str
    agent: str
    state: str
    by: str


@dataclasses.dataclass(slots=True)
class QueueChanged(Event):
    """A queue was created, changed or removed (`action`)."""

    type: ClassVar[str] = "queue.changed"
    queue: str
    action: str
    by: str
