"""The engine's ports: opened, told what was agreed, closed, and found again after a restart."""

from __future__ import annotations

import time

from softswitch.media.allocation import BoundPair
from softswitch.media.engine_core import EngineCore
from softswitch.media.layouts.commands import COMMAND_CONFIGURE
from softswitch.media.layouts.shared import PSEUDOWIRE
from softswitch.media.port import Port
from softswitch.media.pseudowire_settings import PseudowireSettings
from softswitch.media.routing import PortSettings
from softswitch.media.transport.peer_transport import PeerTransport, RemoteTransport
from softswitch.media.wires.internal_port import InternalPort
from softswitch.media.wires.pseudowire import Pseudowire, PseudowireObserver
from softswitch.media.workers.adoption import PortRecord


class EnginePorts(EngineCore):
    """What may be done with a port by itself."""

    def open_port(
        self,
        owner: str,
        *,
        address: str | None = None,
        advertised: str | None = None,
        rtcp_mux: bool = False,
        near: str = "",
        dscp: int = 0,
    ) -> Port:
        """Bind the next free port pair for `owner` (a call's identifier); raises PortsExhausted, MediaError.

        `near` is the owner of the room that the port is about to enter: it is on the room's thread from the start, or,
        when many are about to enter it, on one of several.
        `address` binds elsewhere than the engine's own; `rtcp_mux` does without an RTCP socket, for peers that have
        promised to multiplex. What it sends is marked `dscp` (RFC 2474; 0: not). The port receives and sends nothing
        before it is configured.
        """
        host = address or self.address
        with self.lock:
            thread = self._spreading.nearest(near, self._alive()) if near else self._thread_of(owner)
            port = self.table.bind(owner, thread, host, rtcp=not rtcp_mux, dscp=dscp)
            if near:
                self._spreading.opened(port, near)
            outside = advertised or (self.advertised if address in (None, self.address) else None)
            port.local = (outside or host, port.local_port)
            return port

    def open_bundled_port(self, carrier: Port, owner: str, *, near: str = "", dscp: int = 0) -> Port:
        """A port on the address and the transport of another (BUNDLE, RFC 9143); raises MediaError, PortsExhausted.

        Both must have settings whose payload types or sources tell their streams apart.
        """
        with self.lock:
            self.check_open(carrier)
            return self.bundles.open(carrier, owner, self._thread_of(near or owner), dscp)

    def open_internal_port(self, owner: str) -> InternalPort:
        """A port without sockets, whose packets a gateway brings and takes itself; raises PortsExhausted."""
        with self.lock:
            return self.wires.lines.open_fed(owner, self._thread_of(owner))

    def open_pseudowire(self, owner: str, settings: PseudowireSettings, observer: PseudowireObserver) -> Pseudowire:
        """An E1 span over UDP; raises ValueError for settings that cannot be, MediaError when it cannot be bound."""
        with self.lock:
            self._check_running()
            self._release_pseudowire(settings.local[1])
            return self.wires.open_pseudowire(owner, self._alive()[0], settings, observer)

    def _release_pseudowire(self, local_port: int) -> None:
        """A span that an earlier switch has left is opened anew: there is nobody for its calls."""
        for record in self.adopt():
            if record.local_port == local_port and self._arena.ports[record.slot]["kind"] == PSEUDOWIRE:
                self.release(record)
                self.settle()

    def sockets_of(self, port: Port) -> BoundPair | None:
        """The descriptors of a port where its packet thread has copies of its own."""
        return self.table.sockets.get(port.slot)

    def configure(self, port: Port, settings: PortSettings) -> None:
        """`Port.configure`."""
        with self.lock:
            self.check_open(port)
            self._configure(port, settings)
            events_before, port.settings = self.signals.sends_events(port), settings
            self.signals.configured(port, events_before)
            self.playing.configured(port)
            if port.room is not None:
                port.room.configured(port)
            else:
                self._connections.configured(port)
            self.bundles.configured(port)

    def _configure(self, port: Port, settings: PortSettings) -> None:
        self.command(port, COMMAND_CONFIGURE, port.fields(settings))

    @property
    def fingerprint(self) -> tuple[str, bytes]:
        """Hash name and digest of our certificate, for ``a=fingerprint``; raises MediaError without the library."""
        return self.transports.fingerprint

    def open_transport(self, port: Port) -> PeerTransport:
        """`Port.open_transport`."""
        with self.lock:
            self.check_open(port)
            return self.transports.open(port)

    def meet(self, port: Port, remote: RemoteTransport) -> None:
        """`Port.meet`."""
        with self.lock:
            self.check_open(port)
            now = time.monotonic()
            port = self.bundles.members(port)[0]
            self.transports.open(port).meet(remote, now)
            self.secured(port)
            self._events.extend(self.transports.follow(port, now))

    def secured(self, port: Port) -> None:
        """The keys of a port's peer have come, or have changed: let media flow, of all streams on that transport."""
        for each in self.bundles.members(port):
            self._configure(each, each.settings)

    def close_port(self, port: Port) -> None:
        """`Port.close`."""
        with self.lock:
            if port.closed or self.bundles.parks(port):
                return
            self._connections.disconnect(port)
            self.playing.end(port)
            self.signals.closing(port)
            self.transports.close(port)
            self.wires.closing(port)
            self._spreading.closed(port)
            port.seal()
            self.table.close(port)
            self.bundles.closed(port)

    def port(self, port_id: str) -> Port:
        """The open port of that id; raises KeyError."""
        return self.table.find(port_id)

    def adopt(self) -> list[PortRecord]:
        """The ports that an earlier switch has left open in the workers, which go on; `release` ends them."""
        with self.lock:
            return list(self._adoption.waiting.values()) if self.event_fd >= 0 else []

    def release(self, record: PortRecord) -> None:
        """Close a port that an earlier switch has left and no call of this one claims."""
        with self.lock:
            self._release(record)
            self._release_lone_links()

    def _release_lone_links(self) -> None:
        """When the last port of an earlier switch is closed, so are the links between wings of its rooms."""
        if not self._adoption.waiting:
            self._adoption.let_go()
            for record in list(self._adoption.links.values()):
                self._release(record)

    def _release(self, record: PortRecord) -> None:
        thread = self._crew.threads[record.worker]
        position = self._adoption.release(record, thread)
        self.afterwards.add(thread, position, lambda: self.table.free(record.slot))
        if not self._adoption.waiting and not self._adoption.links:
            self.afterwards.add(thread, position, self._adoption.vacate)
