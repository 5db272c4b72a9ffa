"""The media engine: hands out RTP ports and says what happens between them; packet threads do the rest.

The engine decides nothing by itself and never touches a packet. Its methods may be called from any thread, do not
block (a command waits in a ring), and return before the packet thread has acted, which it does within microseconds.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import threading
import time
import zlib
from collections import deque
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softswitch.media.adoption import Adoption, PortRecord
from softswitch.media.afterwards import Afterwards
from softswitch.media.allocation import BoundPair
from softswitch.media.bundle import Bundles
from softswitch.media.captures import CapturedPackets, take_captured
from softswitch.media.clips import ClipStore
from softswitch.media.command_layout import (
    COMMAND_CONFIGURE,
    COMMAND_TAP,
)
from softswitch.media.conference import COMFORT_PEAK, Conference
from softswitch.media.connections import Connections
from softswitch.media.crew import Crew
from softswitch.media.errors import MediaError, PortClosed
from softswitch.media.fan_out import FanOut
from softswitch.media.happenings import Happenings
from softswitch.media.internal_port import InternalPort
from softswitch.media.layout import PSEUDOWIRE
from softswitch.media.memory import Arena
from softswitch.media.notices import (
    MediaEvent,
)
from softswitch.media.packet_thread import PacketThread
from softswitch.media.peer_transport import PeerTransport, RemoteTransport
from softswitch.media.playing import Playing
from softswitch.media.port import Port
from softswitch.media.port_table import PortTable
from softswitch.media.process_crew import ProcessCrew
from softswitch.media.pseudowire import Pseudowire, PseudowireObserver, PseudowireSettings
from softswitch.media.records import Fields
from softswitch.media.recovery import Recovery
from softswitch.media.room_store import RoomStore
from softswitch.media.routing import PortSettings
from softswitch.media.services import HELPER, Answer, Message
from softswitch.media.signals import Signals
from softswitch.media.tap_layout import TAP_CAPTURE, TAP_RECEIVED, TAP_SENT
from softswitch.media.totals import HelperStatus, MediaStatistics, WorkerStatus, collect
from softswitch.media.transports import Transports
from softswitch.media.voices import ROOM_RATES
from softswitch.media.wires import Wires

_DESCRIPTORS_BESIDES_PORTS = 256


class MediaEngine:
    """RTP ports of one machine, and the threads that serve them.

    `address` is bound, `advertised` told to peers (a NAT's outside). Ports are the even ones of `first_port` …
    `last_port`, each with its RTCP port; `capacity` bounds how many are open at a time (default: as many as the range
    has). A closed port is not used again for `quarantine_s`. A latched port lets another source in only after
    `latch_silence_s` of silence. `threads` packet threads share the ports; those of one owner are on one thread.
    They are threads of this process, or, when there is a folder `workers` for their sockets and logs, processes that
    outlive this one: they wait `worker_grace_s` for another engine to `start` with the same folder. The `helper`
    process is started with them, or else when it is first asked.
    """

    def __init__(
        self,
        *,
        address: str = "127.0.0.1",
        advertised: str | None = None,
        first_port: int = 30000,
        last_port: int = 39999,
        capacity: int | None = None,
        threads: int = 1,
        quarantine_s: float = 3.0,
        latch_silence_s: float = 5.0,
        report_interval_s: float = 5.0,
        workers: Path | None = None,
        worker_grace_s: float = 120.0,
        helper: bool = False,
    ) -> None:
        self.address = address
        self.advertised = advertised
        self.table = PortTable(
            self, first_port, last_port, capacity, quarantine_s=quarantine_s, latch_silence_s=latch_silence_s
        )
        self.capacity = self.table.capacity
        self._crew = (
            Crew(threads, report_interval_s=report_interval_s)
            if workers is None
            else ProcessCrew(
                threads, workers, report_interval_s=report_interval_s, grace_s=worker_grace_s, helper_at_once=helper
            )
        )
        self.lock = threading.RLock()
        self.afterwards = Afterwards()
        self._events: deque[MediaEvent] = deque()
        self.event_fd = -1
        self.transports = Transports(self)
        self.bundles = Bundles(self)
        self._connections = Connections(self)

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Load the compiled code (compiling it when there is none yet: `warm_up` shows progress) and start."""
        if self._crew.threads:
            raise MediaError("the engine is running")
        _allow_descriptors(2 * self.capacity + _DESCRIPTORS_BESIDES_PORTS)
        self._arena = self._crew.open(self.capacity)
        poller = select.epoll()
        poller.register(self._crew.event_fd, select.EPOLLIN)
        self._crew.watch(poller)
        self._poller, self.event_fd = poller, poller.fileno()
        clips = ClipStore(self._arena.clips)
        self.playing = Playing(self, clips)
        self.rooms = RoomStore(self._arena, clips, self.afterwards.add, self.settle)
        self.signals = Signals(self)
        self.wires = Wires(self, self._arena, self.table.enter)
        self._adoption = Adoption(self._arena, self._crew.threads, self.rooms, clips)
        self.table.occupy(self._adoption.waiting)
        recovery = Recovery(self._arena, self.table.sockets, self.signals, self.command)
        self._happenings = Happenings(self, self._crew, recovery)
        return self

    def close(self) -> None:
        """Close every port and end the threads. A second call does nothing."""
        with self.lock:
            for port in self.table:
                self.close_port(port)
            for record in self.adopt():
                self.release(record)
            if self.event_fd >= 0:
                self._crew.close()
                self.afterwards.clear()
                self._poller.close()
                self.event_fd = -1
                del self._arena, self.playing, self.rooms, self.signals, self.wires, self._adoption, self._happenings

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- ports --------------------------------------------------------------------------------------------------

    def open_port(
        self,
        owner: str,
        *,
        address: str | None = None,
        advertised: str | None = None,
        rtcp_mux: bool = False,
        near: str = "",
    ) -> Port:
        """Bind the next free port pair for `owner` (a call's identifier); raises PortsExhausted, MediaError.

        `near` is the owner of the room that the port is about to enter: it is on that room's thread from the start.
        `address` binds elsewhere than the engine's own; `rtcp_mux` does without an RTCP socket, for peers that have
        promised to multiplex. The port receives and sends nothing before it is configured.
        """
        host = address or self.address
        with self.lock:
            thread = self._thread_of(near or owner)
            port = self.table.bind(owner, thread, host, rtcp=not rtcp_mux)
            outside = advertised or (self.advertised if address in (None, self.address) else None)
            port.local = (outside or host, port.local_port)
            return port

    def open_bundled_port(self, carrier: Port, owner: str, *, near: str = "") -> Port:
        """A port on the address and the transport of another (BUNDLE, RFC 9143); raises MediaError, PortsExhausted.

        Both must have settings whose payload types or sources tell their streams apart.
        """
        with self.lock:
            self.check_open(carrier)
            return self.bundles.open(carrier, owner, self._thread_of(near or owner))

    def open_internal_port(self, owner: str) -> InternalPort:
        """A port without sockets, whose packets a gateway brings and takes itself; raises PortsExhausted."""
        with self.lock:
            return self.wires.open_fed(owner, self._thread_of(owner))

    def open_pseudowire(self, owner: str, settings: PseudowireSettings, observer: PseudowireObserver) -> Pseudowire:
        """An E1 span over UDP; raises ValueError for settings that cannot be, MediaError when it cannot be bound."""
        with self.lock:
            self._check_running()
            self._release_pseudowire(settings.local[1])
            alive = [thread for thread in self._crew.threads if thread.alive]
            if not alive:
                raise MediaError("no media worker runs; another is being started")
            return self.wires.open_pseudowire(owner, alive[0], settings, observer)

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

    # -- peers reached by ICE and DTLS ---------------------------------------------------------------------------

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
            self.disconnect(port)
            self.playing.end(port)
            self.signals.closing(port)
            self.transports.close(port)
            self.wires.closing(port)
            port.seal()
            self.table.close(port)
            self.bundles.closed(port)

    def port(self, port_id: str) -> Port:
        """The open port of that id; raises KeyError."""
        return self.table.find(port_id)

    # -- what happens between them ------------------------------------------------------------------------------

    def connect(self, one: Port, other: Port) -> None:
        """Pass on what either receives through the other, both ways; ends what they were connected to or played.

        What both know is relayed with the payload type changed, A-law and µ-law are turned into each other. When a
        preferred format has no such way, both are decoded and encoded anew, through a jitter buffer, where this
        machine has the codecs. Raises NotTranscodable (and changes nothing) when the settings of the two leave no
        way, PortClosed.
        """
        with self.lock:
            self.check_open(one)
            self.check_open(other)
            self._connections.connect(one, other)

    def disconnect(self, port: Port) -> None:
        """Undo connect or echo (both ports fall silent), or take the port out of its room."""
        with self.lock:
            self._connections.disconnect(port)

    def echo(self, port: Port) -> None:
        """Send back what the port receives, under its own SSRC; ends what it was connected to or played."""
        with self.lock:
            self.check_open(port)
            self._connections.echo(port)

    def play(self, port: Port, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int = 8000) -> int:
        """Play int16[n] at `rate_hz` into a port of any codec we can encode, instead of whatever else it would send.

        Returns a number that PlaybackEnded will carry; a loop goes on until `stop`. Afterwards what the port is
        connected to is heard again. While the port may not send, or has nowhere to, the clip waits. Raises
        NotTranscodable when the port sends no such format, MediaError when the clip store is full.
        """
        with self.lock:
            self.check_open(port)
            return self.playing.start(port, self.playing.next_number(), pcm, loop, rate_hz=rate_hz)

    def start_playback(
        self, port: Port, number: int, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int, position: int = 0
    ) -> int:
        """`play` under a number of its own, from `position` on (samples of the clip as it is stored)."""
        return self.playing.start(port, number, pcm, loop, rate_hz=rate_hz, position=position)

    def tone(self, port: Port, hz: float, level_dbm0: float) -> int:
        """Play a sine, exact in frequency and level, until `stop`; raises NotTranscodable, ValueError."""
        with self.lock:
            self.check_open(port)
            return self.playing.tone(port, hz, level_dbm0)

    def stop(self, port: Port, playback: int | None = None) -> None:
        """Stop what the port plays (only that playback, if it is named); no PlaybackEnded follows."""
        with self.lock:
            self.playing.stop(port, playback)

    # -- recording ----------------------------------------------------------------------------------------------

    @property
    def arena(self) -> Arena:
        """The shared memory, for a recorder; raises MediaError when the engine does not run."""
        self._check_running()
        return self._arena

    def tap(self, port: Port, *, received: bool = True, sent: bool = False) -> None:
        """Have the port's packets copied for a recorder: what is heard of its peer, what the switch itself says to it.

        Raises PortClosed.
        """
        with self.lock:
            self.check_open(port)
            port.taps = port.taps & TAP_CAPTURE | received * TAP_RECEIVED | sent * TAP_SENT
            self.command(port, COMMAND_TAP, {"tap": port.taps})

    def capture(self, port: Port, on: bool = True) -> None:
        """Have all packets of a port copied, as they are without encryption, for `captured`; or no more.

        Raises PortClosed.
        """
        with self.lock:
            self.check_open(port)
            port.taps = port.taps & ~TAP_CAPTURE | on * TAP_CAPTURE
            self.command(port, COMMAND_TAP, {"tap": port.taps})

    def captured(self) -> list[CapturedPackets]:
        """What has been copied of all ports since the last call, which has to be within a second under load."""
        with self.lock:
            self._check_running()
            return take_captured(self._arena)

    # -- rooms --------------------------------------------------------------------------------------------------

    def open_fan_out(self, owner: str) -> FanOut:
        """A room in which one port's packets go to all others (a talkgroup); raises MediaError when there are too many
        rooms."""
        with self.lock:
            thread = self._thread_of(owner)
            return FanOut(self, self.rooms.open(), thread, owner)

    def open_conference(
        self, owner: str, rate_hz: int = 8000, *, signals: bool = False, comfort_noise: bool = False
    ) -> Conference:
        """A room whose members all hear each other, mixed at `rate_hz` (8000, 16000 or 48000).

        `signals`: a short tone when somebody comes or goes; `comfort_noise`: a room in which nobody speaks rustles at
        −62 dB of full scale. The first one loads the mixer's compiled code (`warm_up`
        does it ahead of time). Raises ValueError, MediaError when there are too many rooms.
        """
        if rate_hz not in ROOM_RATES:
            raise ValueError(f"a room has no rate {rate_hz} (there are {ROOM_RATES})")
        with self.lock:
            thread = self._thread_of(owner)
            comfort = COMFORT_PEAK if comfort_noise else 0.0
            number = self.rooms.open_mixed(rate_hz, tells_loudest=True, comfort=comfort)
            conference = Conference(self, number, thread, owner, rate_hz=rate_hz, signals=signals)
            self.rooms.conferences[number] = conference
            return conference

    def next_playback(self) -> int:
        """A number for what is played next."""
        return self.playing.next_number()

    def release_port(self, port: Port, thread: PacketThread) -> None:
        """Take a port out of whatever it is in, and see that `thread` serves it."""
        self._connections.release(port, thread)

    def serve_by(self, port: Port, thread: PacketThread) -> None:
        """Let another packet thread serve a port that is in nothing just now."""
        if port.thread is not thread:
            self._connections.move(port, thread)

    # -- what is told -------------------------------------------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """Whether every packet thread runs."""
        return bool(self._crew.threads) and all(thread.alive for thread in self._crew.threads)

    def poll(self) -> list[MediaEvent]:
        """Every event since the last call, in the order of each thread; never waits (`event_fd` tells when to call)."""
        events = self._poll()
        if self.event_fd >= 0 and self.wires.waiting:
            self.wires.tell()
        return events

    def _poll(self) -> list[MediaEvent]:
        with self.lock:
            if self.event_fd < 0:
                return []
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._crew.event_fd)
            self._events.extend(self._happenings.collect())
            self.afterwards.settle()
            events = list(self._events)
            self._events.clear()
            return events

    def statistics(self) -> MediaStatistics:
        """Totals over all ports since the start; raises MediaError when the engine does not run."""
        with self.lock:
            self._check_running()
            self.afterwards.settle()
            return collect(
                self._arena,
                ports_open=len(self.table),
                ports_free=self.capacity - len(self.table),
                ports_quarantined=self.table.quarantined,
                transports=self.transports.counters,
            )

    def tell(self, event: MediaEvent) -> None:
        """Let `poll` give out an event of the control side's own."""
        self._events.append(event)
        os.eventfd_write(self._crew.event_fd, 1)

    def workers(self) -> list[WorkerStatus]:
        """The packet threads and where they run."""
        with self.lock:
            open_ports = self.table.of_threads()
            return [
                WorkerStatus(thread.number, thread.pid, thread.alive, open_ports[thread.number], thread.cpu_s)
                for thread in self._crew.threads
            ]

    def helper(self) -> HelperStatus:
        """Where the services run that look after all packet threads, such as the recorder."""
        with self.lock:
            self._check_running()
            return HelperStatus(self._crew.helper.pid, self._crew.helper.alive)

    def ask(self, worker: int, service: str, request: Message, answer: Answer = lambda reply: None) -> None:
        """Ask a service beside a packet thread (`softswitch.media.services`); `answer` is called by a later `poll`.

        A port's is `port.thread.number`; HELPER's services look after all packet threads.
        What cannot be answered has the reason under "error".
        """
        with self.lock:
            self._check_running()
            asked = self._crew.helper if worker == HELPER else self._crew.threads[worker]
            asked.ask(service, request, answer)

    # -- after a restart ----------------------------------------------------------------------------------------

    def adopt(self) -> list[PortRecord]:
        """The ports that an earlier switch has left open in the workers, which go on; `release` ends them."""
        with self.lock:
            return list(self._adoption.waiting.values()) if self.event_fd >= 0 else []

    def release(self, record: PortRecord) -> None:
        """Close a port that an earlier switch has left and no call of this one claims."""
        with self.lock:
            thread = self._crew.threads[record.worker]
            position = self._adoption.release(record, thread)
            self.afterwards.add(thread, position, lambda: self.table.free(record.slot))
            if not self._adoption.waiting:
                self.afterwards.add(thread, position, self._adoption.vacate)

    # -- inside -------------------------------------------------------------------------------------------------

    def _check_running(self) -> None:
        if not self._crew.threads:
            raise MediaError("the engine does not run")

    def check_open(self, port: Port) -> None:
        """Raises PortClosed, or MediaError when the engine does not run."""
        self._check_running()
        if port.closed:
            raise PortClosed(f"{port} is closed")

    def _thread_of(self, owner: str) -> PacketThread:
        self._check_running()
        alive = [thread for thread in self._crew.threads if thread.alive]
        if not alive:
            raise MediaError("no media worker runs; another is being started")
        return alive[zlib.crc32(owner.encode()) % len(alive)]

    def hold_bells(self) -> None:
        """What is commanded from now on need not be begun before `ring_bells`: one wake-up instead of many."""
        for thread in self._crew.threads:
            thread.ring.hold()

    def ring_bells(self) -> None:
        """End `hold_bells`: packet threads that were given something are woken."""
        for thread in self._crew.threads:
            thread.ring.ring()

    def command(self, port: Port, operation: int, fields: Fields | None = None) -> int:
        """Hand a command about a port to its packet thread; returns the count its ring reaches with it."""
        head: dict[str, Any] = {"operation": operation, "port": port.slot, "generation": port.generation}
        return port.thread.ring.post(head if fields is None else head | fields)

    def settle(self) -> None:
        """Wait until the packet threads have done all they were asked, and let what they used be used again."""
        self.afterwards.settle_all(self._crew.threads)


def _allow_descriptors(wanted: int) -> None:
    """Raise the soft limit of open files as far as is needed and allowed; opening a port says so when it is not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
