"""The ports that are open, the records that are free, and the descriptors behind them."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from softswitch.media.allocation import BoundPair, PortAllocator, close_pair
from softswitch.media.errors import PortsExhausted
from softswitch.media.layouts.commands import COMMAND_CLOSE, COMMAND_OPEN
from softswitch.media.layouts.shared import RTP_PORT
from softswitch.media.port import Port
from softswitch.media.records import prepare_port

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.workers.packet_thread import PacketThread


class PortTable:
    """Ports of one engine, by slot; everything is called under the engine's lock.

    RTP ports are the even ones of `first_port` … `last_port`, at most `capacity` at a time. `sockets` are the
    descriptors of those ports whose packet thread has copies of its own.
    """

    def __init__(
        self,
        engine: MediaEngine,
        first_port: int,
        last_port: int,
        capacity: int | None,
        *,
        quarantine_s: float,
        latch_silence_s: float,
    ) -> None:
        self._engine = engine
        self._allocator = PortAllocator(
            first_port, last_port, quarantine_s=quarantine_s, start=secrets.randbelow(65536)
        )
        self.capacity = self._allocator.size if capacity is None else min(capacity, self._allocator.size)
        self._latch_silence_s = latch_silence_s
        self.sockets: dict[int, BoundPair] = {}
        self.open: dict[int, Port] = {}
        self.links: dict[int, Port] = {}  # the ends of links between wings of rooms: nobody's ports but the engine's
        self._free = deque(range(self.capacity))

    def __iter__(self) -> Iterator[Port]:
        return iter(list(self.open.values()))

    def __len__(self) -> int:
        return len(self.open)

    @property
    def served(self) -> list[Port]:
        """All ports that packet threads serve, the ends of links too."""
        return [*self.open.values(), *self.links.values()]

    @property
    def unused(self) -> int:
        """How many more may be open at a time."""
        return self.capacity - len(self.open) - len(self.links)

    def occupy(self, slots: Collection[int]) -> None:
        """The engine has started: these records are an earlier switch's until they are freed."""
        self._free = deque(slot for slot in range(self.capacity) if slot not in slots)

    @property
    def quarantined(self) -> int:
        """RTP ports that are not bound again for a while."""
        return self._allocator.quarantined(time.monotonic())

    def of_threads(self) -> Counter[int]:
        """How many ports each packet thread serves."""
        return Counter(port.thread.number for port in self.open.values())

    def find(self, port_id: str) -> Port:
        """The open port of that id; raises KeyError."""
        port = self.open[int(port_id.partition(".")[0])]
        if port.id != port_id:
            raise KeyError(port_id)
        return port

    def bind(self, owner: str, thread: PacketThread, host: str, *, rtcp: bool, dscp: int) -> Port:
        """Bind the next free RTP port and its RTCP port; raises PortsExhausted, MediaError."""
        self._check_room()
        pair = self._allocator.bind(host, time.monotonic(), rtcp=rtcp, dscp=dscp)
        return self.enter(pair, owner, thread, socket.AF_INET6 if ":" in host else socket.AF_INET)

    def enter(
        self,
        pair: BoundPair,
        owner: str,
        thread: PacketThread,
        family: int,
        fit: Callable[[NDArray[Any]], None] = lambda record: None,
        *,
        link: bool = False,
    ) -> Port:
        """A port of descriptors that are bound, or one end of a link; `fit` completes its record.

        Raises PortsExhausted.
        """
        self._check_room()
        engine, slot = self._engine, self._free.popleft()
        if thread.keeps_sockets:
            self.sockets[slot] = pair
        records, ipv6, silence_s = engine.arena.ports, family == socket.AF_INET6, self._latch_silence_s
        prepare_port(records, slot, pair, owner=owner, worker=thread.number, ipv6=ipv6, latch_silence_s=silence_s)
        fit(records[slot])
        port = Port(engine, records[slot], slot, thread, owner, family)
        (self.links if link else self.open)[slot] = port
        thread.hand_over(slot, port.generation, pair)
        engine.command(port, COMMAND_OPEN)
        return port

    def close(self, port: Port) -> None:
        """Give a port's sockets back now, and its record when its packet thread has let go of it."""
        position = self._engine.command(port, COMMAND_CLOSE)
        del (self.links if port.slot in self.links else self.open)[port.slot]
        close_pair(self.sockets.pop(port.slot, None))
        shares = port.bundle is not None and port.bundle.carrier is not port
        if self._engine.arena.ports[port.slot]["kind"] == RTP_PORT and not shares:
            self._allocator.release(port.local_port, time.monotonic())
        self._engine.afterwards.add(port.thread, position, lambda: self.free(port.slot))

    def free(self, slot: int) -> None:
        """Nobody uses a record any more."""
        self._engine.wires.freed(slot)
        self._engine.bundles.freed(slot)
        self._free.append(slot)

    def _check_room(self) -> None:
        self._engine.afterwards.settle()
        if not self._free:
            raise PortsExhausted(f"all {self.capacity} RTP ports of the engine are open")
