"""What is laid down of a call queue: how callers wait, who answers them, and where they go when it takes too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Strategy = Literal["ring_all", "longest_idle", "round_robin", "fewest_calls"]


@dataclass(frozen=True, slots=True)
class QueueDefinition:
    """One queue; times in seconds, 0: no limit or never.

    `agents` answer it always, others while they are logged in. An agent rings for `ring_s` and is left alone for
    `wrap_up_s` after a call; callers hear their place every `announce_s`. `priority` numbers come before others,
    emergency calls before those. Beyond `max_length` callers, after `max_wait_s`, or when no agent is logged in
    (unless `join_empty`), a caller goes to `overflow` or is refused.
    """

    number: str
    name: str = ""
    agents: tuple[str, ...] = ()
    strategy: Strategy = "longest_idle"
    ring_s: float = 20.0
    wrap_up_s: float = 5.0
    retry_s: float = 3.0
    announce_s: float = 30.0
    announce_wait: bool = True
    max_length: int = 100
    max_wait_s: float = 600.0
    join_empty: bool = False
    overflow: str = ""
    priority: tuple[str, ...] = ()


def describe_queue(definition: QueueDefinition) -> dict[str, Any]:
    """JSON-ready, as it is stored."""
    return {**asdict(definition), "agents": list(definition.agents), "priority": list(definition.priority)}


def queue_of(document: Mapping[str, Any]) -> QueueDefinition:
    """The reverse of `describe_queue`; raises TypeError."""
    given = {**document, "agents": tuple(document.get("agents", ())), "priority": tuple(document.get("priority", ()))}
    return QueueDefinition(**given)


__all__ = ["QueueDefinition", "Strategy", "describe_queue", "queue_of"]
