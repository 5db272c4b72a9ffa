"""Lines: pairs of rings in the shared memory, and the ports whose packets cross in them instead of in sockets."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from softswitch.media.allocation import BoundPair, close_pair
from softswitch.media.errors import MediaError, PortsExhausted
from softswitch.media.layouts.shared import INTERNAL_PORT, LINK_FAR, LINK_NEAR, OPEN
from softswitch.media.layouts.wire import LINE, MAXIMUM_LINES
from softswitch.media.port import Port
from softswitch.media.wires.internal_port import InternalPort

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.memory import Arena
    from softswitch.media.workers.packet_thread import PacketThread

#: What descriptions of a port without sockets say: port 0 would refuse the stream (RFC 3264 §6).
_NOWHERE = ("127.0.0.1", 9)


class Lines:
    """Those of one engine; everything is called under the engine's lock.

    A line is free again when the last port that has it is closed: an internal port has one of its own, the two ends of
    a link share one. `open_record` makes a port of a pair of descriptors.
    """

    def __init__(self, engine: MediaEngine, arena: Arena, open_record: Callable[..., Port]) -> None:
        self._engine = engine
        self._arena = arena
        self._open_record = open_record
        kept = arena.ports[(arena.ports["state"] == OPEN) & (arena.ports["kind"] >= INTERNAL_PORT)]
        self._ends = Counter(int(number) for number in kept["wire"])  # how many ports have each
        self._free = deque(number for number in range(MAXIMUM_LINES) if number not in self._ends)

    def open_fed(self, owner: str, thread: PacketThread) -> InternalPort:
        """An internal port with the gateway's end of its line; raises PortsExhausted."""
        theirs, ours = _two_ends()
        try:
            port = self._open(owner, (theirs, thread, INTERNAL_PORT))[0]
        except MediaError:
            close_pair(ours)
            raise
        line = self._arena.lines[int(self._arena.ports[port.slot]["wire"])]
        return InternalPort(port, line, wake=ours.rtcp_fd, fd=ours.rtp_fd)

    def open_internal(self, owner: str, thread: PacketThread) -> Port:
        """A port whose packets cross in the rings of a line, for a compiled gateway; raises PortsExhausted."""
        return self._open(owner, (BoundPair(0, _eventfd(), -1), thread, INTERNAL_PORT))[0]

    def open_link(self, owner: str, near: PacketThread, far: PacketThread) -> tuple[Port, Port]:
        """Two ports on packet threads of their own that share a line: what is sent through one the other receives.

        They are nobody's but the engine's. Raises PortsExhausted, MediaError.
        """
        one, other = _two_ends()
        ends = self._open(owner, (one, near, LINK_NEAR), (other, far, LINK_FAR))
        return ends[0], ends[1]

    def close_link(self, ends: Sequence[Port]) -> None:
        """Close ports of `open_link`."""
        for end in ends:
            end.seal()
            self._engine.table.close(end)

    def let_go(self, number: int) -> None:
        """A port that had a line is closed."""
        self._ends[number] -= 1
        if self._ends[number] <= 0:
            del self._ends[number]
            self._free.append(number)

    def _open(self, owner: str, *wanted: tuple[BoundPair, PacketThread, int]) -> list[Port]:
        """Ports of one line; what cannot be had closes the descriptors of all."""
        opened: list[Port] = []
        try:
            if not self._free:
                raise PortsExhausted(f"all {MAXIMUM_LINES} internal ports are open")
            number = self._free[0]
            self._arena.lines[number]["positions"][:] = 0
            for pair, thread, kind in wanted:
                fit = functools.partial(self._fit, kind=kind, number=number)
                link = kind != INTERNAL_PORT
                opened.append(self._open_record(pair, owner, thread, socket.AF_INET, fit, link=link))
                opened[-1].local = _NOWHERE
        except MediaError:
            for pair, _, _ in wanted[len(opened) :]:
                close_pair(pair)
            if opened:
                self._take(number, len(opened))
                self.close_link(opened)
            raise
        self._take(number, len(opened))
        return opened

    def _take(self, number: int, ends: int) -> None:
        self._free.remove(number)
        self._ends[number] = ends

    def _fit(self, record: NDArray[Any], kind: int, number: int) -> None:
        record["kind"], record["wire"] = kind, number
        record["remote_length"] = 1  # there is somewhere to send to
        line = self._arena.lines.ctypes.data + number * LINE.itemsize
        record["line_offset"] = line - record["remote"].ctypes.data


def _two_ends() -> tuple[BoundPair, BoundPair]:
    """For both who have a line: what wakes them, and a copy of what wakes the other; raises PortsExhausted."""
    with contextlib.ExitStack() as undo:
        descriptors: list[int] = []
        for make in (_eventfd, _eventfd, lambda: _copy(descriptors[1]), lambda: _copy(descriptors[0])):
            descriptors.append(make())
            undo.callback(os.close, descriptors[-1])
        undo.pop_all()
    one, other, wakes_other, wakes_one = descriptors
    return BoundPair(0, one, wakes_other), BoundPair(0, other, wakes_one)


def _eventfd() -> int:
    return _descriptor(lambda: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))


def _copy(descriptor: int) -> int:
    return _descriptor(lambda: os.dup(descriptor))


def _descriptor(make: Callable[[], int]) -> int:
    try:
        return make()
    except OSError as error:
        raise PortsExhausted(f"no descriptor for an internal port: {error.strerror}") from error
