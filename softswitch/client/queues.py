"""Call queues, as the client offers them."""

from __future__ import annotations

from typing import Any

from softswitch.api.models.queue import Queue, QueueDefinition
from softswitch.client.connection import Connection, part

_QUEUES = "/voice/queues"


class QueueOperations(Connection):
    """Where callers wait for an agent."""

    async def queues(self) -> list[Queue]:
        """Call queues."""
        return await self.items(_QUEUES, Queue)

    async def queue(self, number: str) -> Queue:
        """One queue."""
        return await self.one("GET", f"{_QUEUES}/{part(number)}", Queue)

    async def add_queue(self, number: str, **rules: Any) -> QueueDefinition:
        """Add a queue."""
        return await self.one("POST", _QUEUES, QueueDefinition, {"number": number, **rules})

    async def change_queue(self, number: str, **rules: Any) -> QueueDefinition:
        """Change a queue; what is not given stays."""
        return await self.one("PATCH", f"{_QUEUES}/{part(number)}/definition", QueueDefinition, rules)

    async def remove_queue(self, number: str) -> None:
        """Give a queue up."""
        await self.request("DELETE", f"{_QUEUES}/{part(number)}")

    async def log_in(self, number: str, agent: str) -> Queue:
        """Log an agent in to a queue."""
        return await self.one("POST", f"{_QUEUES}/{part(number)}/agents", Queue, {"agent": agent})

    async def log_out(self, number: str, agent: str) -> None:
        """Log an agent out of a queue."""
        await self.request("DELETE", f"{_QUEUES}/{part(number)}/agents/{part(agent)}")

    async def pause_agent(self, number: str, agent: str, paused: bool = True) -> Queue:
        """Let an agent not be rung for a while, or again."""
        return await self.one("PATCH", f"{_QUEUES}/{part(number)}/agents/{part(agent)}", Queue, {"paused": paused})

    async def queue_rules(self, number: str) -> QueueDefinition:
        """What is laid down of a queue."""
        return await self.one("GET", f"{_QUEUES}/{part(number)}/definition", QueueDefinition)
