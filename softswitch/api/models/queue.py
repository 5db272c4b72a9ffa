"""Shapes of `/voice/queues`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Number, Request
from softswitch.api.models.group import GroupNumber

_Numbers = Annotated[list[Number], Field(max_length=1000)]


class QueueRules(Request):
    """What is laid down of a queue; times in seconds."""

    name: str = Field(default="", max_length=128)
    agents: _Numbers = Field(default_factory=list, description="Agents who always answer; others log in.")
    strategy: Literal["ring_all", "longest_idle", "round_robin", "fewest_calls"] = "longest_idle"
    ring_s: float = Field(default=20.0, gt=0, le=300, description="Longest ringing of one agent.")
    wrap_up_s: float = Field(default=5.0, ge=0, le=3600, description="An agent is left alone so long after a call.")
    retry_s: float = Field(default=3.0, ge=0, le=600, description="Who did not answer is left alone so long.")
    announce_s: float = Field(default=30.0, ge=0, le=3600, description="How often callers hear their place; 0: never.")
    announce_wait: bool = Field(default=True, description="They hear how long it may last as well.")
    max_length: int = Field(default=100, ge=0, le=10000, description="Most callers who wait; 0: no limit.")
    max_wait_s: float = Field(default=600.0, ge=0, le=86400, description="Longest wait; 0: no limit.")
    join_empty: bool = Field(default=False, description="Callers wait although no agent is logged in.")
    overflow: Annotated[str, Field(max_length=128, pattern=r"^[^\s<>\"@;]*$")] = Field(
        default="", description="Where callers go who cannot wait; empty: refused."
    )
    priority: _Numbers = Field(default_factory=list, description="Callers who come before others.")


class NewQueue(QueueRules):
    """A queue to add."""

    number: GroupNumber


class ChangeQueue(QueueRules):
    """What is to be changed of a queue; what is not given stays."""


class QueueDefinition(Answer):
    """What is laid down of a queue: what If-Match speaks of. See `QueueRules`."""

    number: str
    name: str = ""
    agents: list[str] = Field(default_factory=list)
    strategy: str = ""
    ring_s: float = 0.0
    wrap_up_s: float = 0.0
    retry_s: float = 0.0
    announce_s: float = 0.0
    announce_wait: bool = False
    max_length: int = 0
    max_wait_s: float = 0.0
    join_empty: bool = False
    overflow: str = ""
    priority: list[str] = Field(default_factory=list)
    origin: str = Field(default="", description="`configuration` or `store`.")


class WaitingCaller(Answer):
    """One caller who waits."""

    party: str
    call_id: str
    place: int = Field(description="The first is 1.")
    priority: int = Field(default=0, description="2 emergency, 1 preferred, 0 others.")
    waited_s: float = 0.0
    expected_wait_s: float = 0.0
    offered_to: list[str] = Field(default_factory=list, description="Agents who are rung for it now.")


class QueueAgent(Answer):
    """One agent."""

    number: str
    state: Literal["available", "ringing", "talking", "wrap_up", "paused"]
    queues: list[str] = Field(default_factory=list, description="Where it has logged in.")
    paused: bool = False
    answered: int = 0
    missed: int = 0


class QueueStatistics(Answer):
    """Counted since the switch started."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    overflowed: int = 0
    average_wait_s: float = 0.0
    longest_wait_s: float = 0.0


class Queue(Answer):
    """A queue: who waits, who answers, and how it went."""

    number: str
    name: str = ""
    strategy: str = ""
    origin: str = ""
    waiting: list[WaitingCaller] = Field(default_factory=list)
    agents: list[QueueAgent] = Field(default_factory=list)
    statistics: QueueStatistics = Field(default_factory=QueueStatistics)


class LogIn(Request):
    """An agent."""

    agent: Number


class ChangeAgent(Request):
    """Whether an agent is left alone."""

    paused: bool
