"""The ports of a packet thread that has ended, given to another: none is opened anew, so their peers need not be asked.

The sockets are the control side's too, and packets wait in them meanwhile. What was learnt and counted lies in the
shared records. Only the lists that run through them may have been left torn, so they are made anew, and what the
control side had asked for is asked for again, since the last commands may not have been carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from softswitch.media.allocation import BoundPair
from softswitch.media.errors import NotTranscodable
from softswitch.media.layouts.commands import COMMAND_CONFIGURE, COMMAND_OPEN, COMMAND_PLAY, COMMAND_ROUTE
from softswitch.media.layouts.shared import FREE, NO_FEEDER, NO_KEY, NO_PEER, NOBODY, OPEN
from softswitch.media.memory import Arena
from softswitch.media.port import Port
from softswitch.media.records import Fields, route_fields
from softswitch.media.rooms.wings import Wing
from softswitch.media.routing import NO_ROUTE, PortSettings, Route, find_route
from softswitch.media.signals import Signals
from softswitch.media.workers.packet_thread import PacketThread

_Command = Callable[[Port, int, Fields | None], int]


class Recovery:
    """Gives ports and rooms to other packet threads; `sockets` are the ports' by slot."""

    def __init__(self, arena: Arena, sockets: Mapping[int, BoundPair], signals: Signals, command: _Command) -> None:
        self._arena = arena
        self._signals = signals
        self._sockets = sockets
        self._command = command

    def clear(self, number: int) -> None:
        """Nobody serves the ports of worker `number` any more, whose process is gone."""
        ports = self._arena.ports
        ports["state"][(ports["worker"] == number) & (ports["state"] == OPEN)] = FREE

    def reseat(self, ports: Sequence[Port], wings: Sequence[Wing], threads: Sequence[PacketThread]) -> None:
        """Spread them over `threads`: whoever is in one wing of a room or is connected stays together."""
        for wing in wings:
            wing.thread = threads[wing.number % len(threads)]
            record = self._arena.rooms[wing.number]
            record["first"], record["members"], record["talker"] = NOBODY, 0, NOBODY
            record["second"] = record["next_talker"] = record["next_second"] = NOBODY
        for port in ports:
            if port.wing is not None:
                port.thread = port.wing.thread
            else:
                port.thread = threads[_pair(port) % len(threads)]
            self._prepare(port)
        for port in ports:
            if port.wing is None:
                self._command(port, COMMAND_ROUTE, route_fields(*self._route(port)))
            if port.playback is not None:
                self._command(port, COMMAND_PLAY, port.playback.fields)
        for wing in wings:
            wing.restore()
        self._open(sorted(ports, key=_pair))

    def _prepare(self, port: Port) -> None:
        record = self._arena.ports[port.slot]
        record["worker"] = port.thread.number
        record["playing"], record["on_wheel"], record["keying"] = 0, 0, NO_KEY
        record["peer"] = NO_PEER
        record["feeder"] = NO_FEEDER
        record["latch_version"] += record["latch_version"] % 2
        record["rtp_fd"] = record["rtcp_fd"] = -1
        if port.settings != PortSettings():
            self._command(port, COMMAND_CONFIGURE, port.fields(port.settings))
        self._signals.reseated(port)

    def _open(self, ports: Sequence[Port]) -> None:
        """Let their packets in, last of all: those that wait find everything as it was. Pairs are opened together."""
        for _, pair in groupby(ports, _pair):
            both = list(pair)
            for port in both:
                port.thread.hand_over(port.slot, port.generation, self._sockets[port.slot])
            heads = [{"operation": COMMAND_OPEN, "port": port.slot, "generation": port.generation} for port in both]
            both[0].thread.ring.post(*heads)

    def _route(self, port: Port) -> tuple[int, Route]:
        if port.peer is None:
            return NO_PEER, NO_ROUTE
        try:
            return port.peer.slot, find_route(port.settings, port.peer.settings)
        except NotTranscodable:
            return port.peer.slot, NO_ROUTE


def _pair(port: Port) -> int:
    """The same number for two ports that are connected."""
    return port.slot if port.peer is None else min(port.slot, port.peer.slot)
