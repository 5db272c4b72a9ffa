"""Two ports that hear each other, or one that hears itself, on one packet thread."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from softswitch.media.errors import NotTranscodable
from softswitch.media.layouts.commands import COMMAND_DETACH, COMMAND_OPEN, COMMAND_PLAY, COMMAND_ROUTE
from softswitch.media.layouts.shared import INTERNAL_PORT, NO_PEER
from softswitch.media.records import route_fields
from softswitch.media.rooms.bridge import Bridge, transcoding_rate
from softswitch.media.routing import NO_ROUTE, find_route

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread


class Connections:
    """What an engine's ports are connected to; everything is called under the engine's lock."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine

    def connect(self, one: Port, other: Port) -> None:
        """`MediaEngine.connect`."""
        if one is other:
            raise ValueError("a port is connected to itself by echo()")
        engine = self._engine
        rate_hz = transcoding_rate(one.settings, other.settings)
        for port in (one, other):
            engine.stop(port)
            self.disconnect(port)
        if rate_hz:
            number = engine.rooms.open_mixed(rate_hz, tells_loudest=False)
            Bridge(engine, number, one.thread, (one, other), rate_hz)
            return
        there, back = find_route(one.settings, other.settings), find_route(other.settings, one.settings)
        if one.thread is not other.thread:
            if engine.arena.ports[other.slot]["kind"] == INTERNAL_PORT:  # whose span is on its thread
                self.move(one, other.thread)
            else:
                self.move(other, one.thread)
        one.peer, other.peer = other, one
        engine.command(one, COMMAND_ROUTE, route_fields(other.slot, there))
        engine.command(other, COMMAND_ROUTE, route_fields(one.slot, back))

    def disconnect(self, port: Port) -> None:
        """`MediaEngine.disconnect`."""
        if port.room is not None:
            port.room.leave(port)
        peer, port.peer = port.peer, None
        if peer is None:
            return
        nobody = route_fields(NO_PEER, NO_ROUTE)
        self._engine.command(port, COMMAND_ROUTE, nobody)
        if peer is not port:
            peer.peer = None
            self._engine.command(peer, COMMAND_ROUTE, nobody)

    def echo(self, port: Port) -> None:
        """`MediaEngine.echo`."""
        route = find_route(port.settings, port.settings)
        self._engine.stop(port)
        self.disconnect(port)
        port.peer = port
        self._engine.command(port, COMMAND_ROUTE, route_fields(port.slot, route))

    def configured(self, port: Port) -> None:
        """After new settings: find the ways from and to the port anew. Raises NotTranscodable when there is none."""
        peer = port.peer
        if peer is None:
            return
        failure = None
        with contextlib.suppress(NotTranscodable):
            if peer is not port and transcoding_rate(port.settings, peer.settings):
                self.connect(port, peer)
                return
        for source, target in {(port, peer), (peer, port)}:
            try:
                route = find_route(source.settings, target.settings)
            except NotTranscodable as error:
                failure, route = error, NO_ROUTE
            self._engine.command(source, COMMAND_ROUTE, route_fields(target.slot, route))
        if failure is not None:
            raise failure

    def release(self, port: Port, thread: PacketThread) -> None:
        """Take a port out of whatever it is in, and see that `thread` serves it."""
        self.disconnect(port)
        if port.thread is not thread:
            self._engine.stop(port)
            self.move(port, thread)

    def move(self, port: Port, thread: PacketThread) -> None:
        """Let another packet thread serve a port: the first must have let go of it before."""
        engine = self._engine
        position = engine.command(port, COMMAND_DETACH)
        port.thread.ring.wait(position)
        engine.arena.ports[port.slot]["worker"] = thread.number
        port.thread = thread
        pair = engine.sockets_of(port)
        if pair is not None:
            thread.hand_over(port.slot, port.generation, pair)
        engine.command(port, COMMAND_OPEN)
        if port.playback is not None:
            engine.command(port, COMMAND_PLAY, port.playback.fields)
