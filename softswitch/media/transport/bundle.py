"""Ports that share one address and one transport (BUNDLE, RFC 9143): the streams of a browser's call.

The first, the carrier, has the address, ICE and DTLS. Each companion is a port like any other, on any packet thread,
with its own format table, SSRC and counters: its socket is bound to the carrier's address too, so it sends from there,
and the kernel gives it the packets of its stream (`steering.py`). Of a stream that is known by name the sources are
learnt from the packets that bear it. The keys of the handshake and the
peer's address are told to all. RTCP cannot be told apart from outside, since it is encrypted behind its sender: it
comes to the carrier, whose packet thread passes a copy to a loopback socket of each companion, and each reads what is
about its own stream.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from softswitch.marking import mark
from softswitch.media.addresses import encode_address
from softswitch.media.allocation import BoundPair, close_pair
from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_BUNDLE
from softswitch.media.layouts.settings import MAXIMUM_COMPANIONS
from softswitch.media.transport.steering import Stream, join, steer

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread

logger = logging.getLogger(__name__)

#: More than a sender has at a time: one that began anew, and the one before.
_SOURCES_KEPT = 4
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@dataclass(eq=False, slots=True)
class Bundle:
    """`companions` with where each takes its copies of RTCP.

    `group` are the ports in the order in which the kernel numbers their sockets; a slot number stands for a port that
    is closed and whose socket its packet thread has yet to close. `parked`: the carrier's own stream has ended. `heard`
    are the latest sources of ports whose streams are known by name.
    """

    carrier: Port
    companions: dict[Port, tuple[str, int]] = field(default_factory=dict)
    group: list[Port | int] = field(default_factory=list)
    parked: bool = False
    heard: dict[Port, tuple[int, ...]] = field(default_factory=dict)


class Bundles:
    """The bundles of one engine's ports; everything is called under the engine's lock."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine
        self._leaving: dict[int, Bundle] = {}

    def open(self, carrier: Port, owner: str, thread: PacketThread, dscp: int = 0) -> Port:
        """A port on the address of another, which marks what it sends `dscp`.

        Raises MediaError where the kernel has no such thing, PortsExhausted.
        """
        bundle = carrier.bundle or Bundle(carrier, group=[carrier])
        carrier = bundle.carrier
        if len(bundle.companions) >= MAXIMUM_COMPANIONS:
            raise MediaError(f"{carrier} shares its address with {MAXIMUM_COMPANIONS} others already")
        pair, reports = self._bind(carrier, dscp)
        try:
            port = self._engine.table.enter(pair, owner, thread, carrier.family)
        except MediaError:
            close_pair(pair)
            raise
        port.bundle = carrier.bundle = bundle
        port.local, port.rtcp_port, port.transport = carrier.local, carrier.local_port, carrier.transport
        bundle.companions[port] = reports
        bundle.group.append(port)
        self._tell(bundle)
        self._steer(bundle)
        selected = carrier.transport.ice.selected if carrier.transport is not None else None
        if selected is not None:
            self._engine.transports.aim(port, selected)
        return port

    def members(self, port: Port) -> list[Port]:
        """All ports on the transport of one, itself included."""
        return [port] if port.bundle is None else [port.bundle.carrier, *port.bundle.companions]

    def configured(self, port: Port) -> None:
        """A port has new settings: other payload types, perhaps."""
        if port.bundle is not None:
            self._steer(port.bundle)

    def heard(self, port: Port, source: int) -> None:
        """The first packet of a source came to a port, by its name, if it has one: later ones need not have it."""
        bundle = port.bundle
        if bundle is None or port.settings.name is None or port.closed:
            return
        for other, sources in bundle.heard.items():
            bundle.heard[other] = tuple(each for each in sources if each != source)
        bundle.heard[port] = (source, *bundle.heard.get(port, ()))[:_SOURCES_KEPT]
        try:
            self._steer(bundle)
        except MediaError as error:  # the program that there is goes on, and packets that bear a name are known
            logger.warning("source %08x of %s is not learnt: %s", source, port, error)

    def parks(self, port: Port) -> bool:
        """Whether a port that is to be closed has to stay, silent, because others need its address."""
        bundle = port.bundle
        if bundle is None or port is not bundle.carrier or not bundle.companions:
            return False
        if not bundle.parked:
            bundle.parked = True
            self._engine.disconnect(port)
            self._engine.stop(port)
            self._engine.configure(port, replace(port.settings, send=False, receive=False, formats=(), timeout_s=0))
        return True

    def closed(self, port: Port) -> None:
        """A port was closed; the last companion takes a carrier along that only waited for it."""
        bundle = port.bundle
        if bundle is None or port is bundle.carrier:
            return
        del bundle.companions[port]
        bundle.heard.pop(port, None)
        bundle.group[bundle.group.index(port)] = port.slot
        self._leaving[port.slot] = bundle
        self._tell(bundle)
        self._steer(bundle)
        if bundle.parked and not bundle.companions:
            bundle.carrier.close()

    def freed(self, slot: int) -> None:
        """The socket of a closed port is closed: the last of its group has its number now."""
        bundle = self._leaving.pop(slot, None)
        if bundle is None:
            return
        last = bundle.group.pop()
        if last != slot:
            bundle.group[bundle.group.index(slot)] = last
        self._steer(bundle)

    def reseated(self, ports: Collection[Port]) -> None:
        """Other packet threads serve these ports, which may not have been told all."""
        for bundle in {port.bundle for port in ports if port.bundle is not None}:
            self._tell(bundle)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _descriptor(self, port: Port) -> int:
        pair = self._engine.sockets_of(port)
        return pair.rtp_fd if pair is not None else int(self._engine.arena.ports[port.slot]["rtp_fd"])

    def _bind(self, carrier: Port, dscp: int) -> tuple[BoundPair, tuple[str, int]]:
        """A companion's socket on the carrier's address, and the one that takes copies of RTCP, with its address."""
        family = socket.AF_INET6 if carrier.family == socket.AF_INET6 else socket.AF_INET
        try:
            with (
                join(self._descriptor(carrier)) as media,
                socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as reports,
            ):
                mark(media, dscp)
                reports.bind((_LOOPBACK[family], 0))
                host, number = reports.getsockname()[:2]
                return BoundPair(carrier.local_port, media.detach(), reports.detach()), (host, number)
        except OSError as error:
            raise MediaError(f"the address of {carrier} cannot be shared: {error.strerror}") from error

    def _tell(self, bundle: Bundle) -> None:
        """Let the packet threads know who is in the bundle, and the carrier's where copies go."""
        for port in bundle.companions:
            self._engine.command(port, COMMAND_BUNDLE, {"octets": 0})
        carrier, count = bundle.carrier, len(bundle.companions)
        for place, reports in enumerate(bundle.companions.values()):
            address, length = encode_address(reports, carrier.family)
            fields = {"octets": count, "place": place, "signalled": address, "signalled_length": length}
            self._engine.command(carrier, COMMAND_BUNDLE, fields)
        if not count:
            self._engine.command(carrier, COMMAND_BUNDLE, {"octets": 0})

    def _steer(self, bundle: Bundle) -> None:
        streams = [Stream((), ()) if isinstance(port, int) else _stream(bundle, port) for port in bundle.group]
        if len(streams) > 1 and not bundle.carrier.closed:
            try:
                steer(self._descriptor(bundle.carrier), streams)
            except OSError as error:
                raise MediaError(f"streams on one address cannot be told apart: {error.strerror}") from error


def _stream(bundle: Bundle, port: Port) -> Stream:
    settings = port.settings
    sources = dict.fromkeys((*settings.sources, *bundle.heard.get(port, ())))
    return Stream(tuple(sources), sorted({entry.payload_type for entry in settings.receivable}), settings.name)
