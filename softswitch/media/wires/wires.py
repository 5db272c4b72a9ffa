"""Ports without RTP sockets: internal ports, whose packets a gateway brings and takes, and spans of pseudowires."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from softswitch.marking import mark
from softswitch.media.addresses import encode_address
from softswitch.media.allocation import BoundPair, close_pair
from softswitch.media.echo_library import missing
from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_CHANNEL
from softswitch.media.layouts.events import EVENT_FRAMES
from softswitch.media.layouts.shared import INTERNAL_PORT, NOBODY, OPEN, PSEUDOWIRE, RTP_PORT
from softswitch.media.layouts.wire import MAXIMUM_SPANS
from softswitch.media.port import Port
from softswitch.media.pseudowire_settings import PseudowireSettings, prepare_span
from softswitch.media.wires.lines import Lines
from softswitch.media.wires.pseudowire import Pseudowire, PseudowireObserver

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.memory import Arena
    from softswitch.media.workers.packet_thread import PacketThread

logger = logging.getLogger(__name__)

#: Option of a UDP socket: what is sent is cut into packets of that size (udp(7)); Python 3.11 has no name for it.
_UDP_SEGMENT = 103


class Wires:
    """The pseudowires of one engine, and its `lines`; everything is called under the engine's lock.

    `open_record` makes a port of a pair of descriptors, as the engine does it for RTP ports.
    """

    def __init__(self, engine: MediaEngine, arena: Arena, open_record: Callable[..., Port]) -> None:
        self._engine = engine
        self._arena = arena
        self._open_record = open_record
        self.lines = Lines(engine, arena, open_record)
        kept = arena.ports[(arena.ports["state"] == OPEN) & (arena.ports["kind"] == PSEUDOWIRE)]
        taken = {int(number) for number in kept["wire"]}
        self._free_spans = deque(number for number in range(MAXIMUM_SPANS) if number not in taken)
        self._pseudowires: dict[int, Pseudowire] = {}  # by slot
        self._told: list[Callable[[], object]] = []

    def open_pseudowire(
        self, owner: str, thread: PacketThread, settings: PseudowireSettings, observer: PseudowireObserver
    ) -> Pseudowire:
        """Bind a pseudowire's socket and let it run; raises MediaError, ValueError."""
        settings.check()
        if settings.echo_tail_ms and missing:
            logger.warning("%s: echo is not cancelled: %s", owner, missing)
            settings = replace(settings, echo_tail_ms=0)
        own = self._arena.workers["handover_fd"] < 0
        if own.any():
            from softswitch.media.kernels.wire import span

            self._arena.workers["span_server"][own] = span.serve_span.address
        if not self._free_spans:
            raise MediaError(f"all {MAXIMUM_SPANS} spans are in use")
        family = socket.AF_INET6 if ":" in settings.local[0] else socket.AF_INET
        address, length = encode_address(settings.remote, family)
        pair, segments = _bind(settings, family)
        number = self._free_spans.popleft()
        prepare_span(self._arena.spans, number, settings, segments=segments)

        def fit(record: NDArray[Any]) -> None:
            record["kind"], record["wire"] = PSEUDOWIRE, number
            record["impairment"] = -1  # what it carries is no stream that could be rated
            for field in ("remote", "signalled"):
                record[field] = address
                record[f"{field}_length"] = length

        try:
            port = self._open_record(pair, owner, thread, family, fit)
        except MediaError:
            self._free_spans.appendleft(number)
            close_pair(pair)
            raise
        port.local = (settings.local[0], port.local_port)
        pseudowire = Pseudowire(self._engine, port, self._arena.spans[number], settings, observer)
        self._pseudowires[port.slot] = pseudowire
        return pseudowire

    def give_channel(self, pseudowire: Pseudowire, slot: int, port: Port | None) -> int:
        """Let a timeslot be a port's, or nobody's; returns the count that the span's ring reaches with it."""
        fields: dict[str, Any] = {"place": slot, "peer": NOBODY}
        if port is not None:
            fields = {
                "place": slot,
                "peer": port.slot,
                "octets": port.generation,
                "line": int(self._arena.ports[port.slot]["wire"]),
            }
            pair = self._engine.sockets_of(port)
            if pair is not None:
                pseudowire.port.thread.hand_over(port.slot, port.generation, BoundPair(0, pair.rtp_fd, -1))
        return self._engine.command(pseudowire.port, COMMAND_CHANNEL, fields)

    # -- told by the engine -----------------------------------------------------------------------------------------

    def closing(self, port: Port) -> None:
        """A port is about to be closed: its timeslot is free then, or, of a pseudowire, all its channels close."""
        pseudowire = self._pseudowires.pop(port.slot, None)
        if pseudowire is not None:
            for channel in list(pseudowire.channels.values()):
                self._engine.close_port(channel)
            return
        for other in self._pseudowires.values():
            for slot, channel in list(other.channels.items()):
                if channel is port:
                    del other.channels[slot]
                    position = self.give_channel(other, slot, None)
                    if other.port.thread is not port.thread:
                        other.port.thread.ring.wait(position)

    def freed(self, slot: int) -> None:
        """A port's record is free again, and so is its line or span."""
        record = self._arena.ports[slot]
        if record["kind"] >= INTERNAL_PORT:
            self.lines.let_go(int(record["wire"]))
        elif record["kind"] == PSEUDOWIRE:
            self._free_spans.append(int(record["wire"]))
        record["kind"] = RTP_PORT

    def reseated(self, ports: Sequence[Port]) -> None:
        """Another packet thread serves these: pseudowires among them ask for their channels anew."""
        for port in ports:
            pseudowire = self._pseudowires.get(port.slot)
            if pseudowire is not None:
                self._arena.spans[int(self._arena.ports[port.slot]["wire"])]["slot_wake"][:] = -1
                for slot, channel in pseudowire.channels.items():
                    self.give_channel(pseudowire, slot, channel)

    def translate(self, port: Port, kind: int, value: int) -> None:
        """Frames have come on a D channel, or alarms have changed: `tell` will say so."""
        pseudowire = self._pseudowires.get(port.slot)
        if pseudowire is not None:
            if kind == EVENT_FRAMES:
                self._told.append(pseudowire.take_frames)
            else:
                self._told.append(lambda: pseudowire.alarms_are(value))

    def tell(self) -> None:
        """Tell the observers of pseudowires what has happened; to be called without the engine's lock."""
        while self._told:
            told, self._told = self._told, []
            for tell in told:
                tell()

    @property
    def waiting(self) -> bool:
        """Whether there is something to `tell`."""
        return bool(self._told)


def _bind(settings: PseudowireSettings, family: int) -> tuple[BoundPair, bool]:
    """The socket of a pseudowire, and whether it cuts packets that are sent as one.

    When the far end is told by the source port, the socket takes that one's packets alone.
    """
    with contextlib.ExitStack() as stack:
        bound = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        try:
            if settings.by_source:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            mark(bound, settings.dscp)
            bound.bind(settings.local)
            if settings.by_source:
                bound.connect(settings.remote)
        except OSError as error:
            where = "{}:{}".format(*settings.local)
            hint = " (another program has it)" if error.errno == errno.EADDRINUSE else ""
            raise MediaError(f"cannot bind {where} for a span: {error.strerror}{hint}") from error
        segments = True
        try:
            bound.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, settings.packet_octets)
        except OSError:  # a kernel before 4.18
            segments = False
        port = int(bound.getsockname()[1])
        return BoundPair(port, bound.detach(), -1), segments
