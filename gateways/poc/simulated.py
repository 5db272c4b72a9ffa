"""One simulated client with what it has seen, and the shim that loses and doubles floor control."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from dataclasses import dataclass, field

from gateways.poc.client import PocClient
from softswitch.floor.participant_events import ParticipantEvent


@dataclass(slots=True)
class Shim:
    """Loses and doubles floor control of both directions, always in the same way for one `seed`."""

    drop: float = 0.0
    duplicate: float = 0.0
    seed: int = 1
    dropped: int = 0
    doubled: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def copies(self) -> int:
        """How often the next datagram arrives."""
        if self._random.random() < self.drop:
            self.dropped += 1
            return 0
        if self._random.random() < self.duplicate:
            self.doubled += 1
            return 2
        return 1


class Simulated:
    """One client with its sockets' share and what it has seen; `index` is its tone."""

    __slots__ = (
        "client",
        "events",
        "first_heard_at",
        "floor",
        "granted_at",
        "heard",
        "index",
        "number",
        "packets",
        "pressed_at",
        "timer",
    )

    def __init__(self, client: PocClient, floor: socket.socket, index: int) -> None:
        self.client = client
        self.number = client.number
        self.floor = floor
        self.index = index
        self.heard: Counter[int] = Counter()
        self.events: list[ParticipantEvent] = []
        self.packets = 0
        self.pressed_at = 0.0
        self.granted_at = 0.0
        self.first_heard_at = 0.0
        self.timer: asyncio.TimerHandle | None = None
