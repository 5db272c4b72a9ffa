"""The media engine: hands out RTP ports and says what happens between them; packet threads do the rest.

The engine decides nothing by itself and never touches a packet. Its methods may be called from any thread, do not
block (a command waits in a ring), and return before the packet thread has acted, which it does within microseconds.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import select
import socket
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softswitch.media import tones
from softswitch.media.addresses import decode_address
from softswitch.media.adoption import Adoption, PortRecord
from softswitch.media.allocation import BoundPair, PortAllocator, close_pair
from softswitch.media.bridge import Bridge, transcoding_rate
from softswitch.media.clips import ClipStore
from softswitch.media.conference import COMFORT_PEAK, Conference
from softswitch.media.crew import Crew
from softswitch.media.errors import MediaError, NotTranscodable, PortClosed, PortsExhausted
from softswitch.media.fan_out import FanOut
from softswitch.media.internal_port import InternalPort
from softswitch.media.layout import (
    COMMAND_CLOSE,
    COMMAND_CONFIGURE,
    COMMAND_DETACH,
    COMMAND_OPEN,
    COMMAND_PLAY,
    COMMAND_ROUTE,
    COMMAND_STOP_PLAYING,
    COMMAND_TAP,
    EVENT_ALARMS,
    EVENT_BYE,
    EVENT_FRAMES,
    EVENT_LATCHED,
    EVENT_PLAYED,
    EVENT_RESUMED,
    EVENT_ROOM_PLAYED,
    EVENT_TIMEOUT,
    INTERNAL_PORT,
    NO_PEER,
    NO_VOICE,
    PLAY_ENCODED,
    PLAY_ULAW,
    PSEUDOWIRE,
    RTP_PORT,
    TAP_RECEIVED,
    TAP_SENT,
)
from softswitch.media.memory import Arena
from softswitch.media.notices import (
    Goodbye,
    HelperLost,
    HelperStarted,
    Latched,
    MediaEvent,
    RtpResumed,
    RtpTimeout,
    ServiceNotice,
    WorkerLost,
    WorkerStarted,
)
from softswitch.media.packet_thread import PacketThread
from softswitch.media.peer_transport import PeerTransport, RemoteTransport
from softswitch.media.playback import Playback, clip_rate, playable_format, prepare_playback
from softswitch.media.port import Port
from softswitch.media.process_crew import ProcessCrew
from softswitch.media.pseudowire import Pseudowire, PseudowireObserver, PseudowireSettings
from softswitch.media.records import Fields, prepare_port, route_fields
from softswitch.media.recovery import Recovery
from softswitch.media.room_store import RoomStore
from softswitch.media.rooms import Room
from softswitch.media.routing import NO_ROUTE, PortSettings, find_route
from softswitch.media.services import HELPER, Answer, Message
from softswitch.media.signals import Signals
from softswitch.media.totals import MediaStatistics, WorkerStatus, collect
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
        self._allocator = PortAllocator(
            first_port, last_port, quarantine_s=quarantine_s, start=secrets.randbelow(65536)
        )
        self.capacity = self._allocator.size if capacity is None else min(capacity, self._allocator.size)
        self._crew = (
            Crew(threads, report_interval_s=report_interval_s)
            if workers is None
            else ProcessCrew(
                threads, workers, report_interval_s=report_interval_s, grace_s=worker_grace_s, helper_at_once=helper
            )
        )
        self._latch_silence_s = latch_silence_s
        self.lock = threading.RLock()
        self._ports: dict[int, Port] = {}  # by slot
        self._free_slots = deque(range(self.capacity))
        self._afterwards: deque[tuple[PacketThread, int, Callable[[], object]]] = deque()
        self._sockets: dict[int, BoundPair] = {}  # by slot, where the packet thread has copies of its own
        self._playbacks = 0
        self._events: deque[MediaEvent] = deque()
        self.event_fd = -1
        self._transports = Transports(self)

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
        self._clips = ClipStore(self._arena.clips)
        self.rooms = RoomStore(self._arena, self._clips, self._later, self._settle_all)
        self.signals = Signals(self)
        self.wires = Wires(self, self._arena, self._open_record)
        self._adoption = Adoption(self._arena, self._crew.threads, self.rooms, self._clips)
        self._free_slots = deque(slot for slot in range(self.capacity) if slot not in self._adoption.waiting)
        self._recovery = Recovery(self._arena, self._sockets, self.signals, self.command)
        return self

    def close(self) -> None:
        """Close every port and end the threads. A second call does nothing."""
        with self.lock:
            for port in list(self._ports.values()):
                self.close_port(port)
            for record in self.adopt():
                self.release(record)
            if self.event_fd >= 0:
                self._crew.close()
                self._afterwards.clear()
                self._poller.close()
                self.event_fd = -1
                del self._arena, self._clips, self.rooms, self.signals, self.wires, self._adoption, self._recovery

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
            self._check_capacity()
            pair = self._allocator.bind(host, time.monotonic(), rtcp=not rtcp_mux)
            port = self._open_record(pair, owner, thread, socket.AF_INET6 if ":" in host else socket.AF_INET)
            outside = advertised or (self.advertised if address in (None, self.address) else None)
            port.local = (outside or host, pair.port)
            return port

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
                self._settle_all()

    def _check_capacity(self) -> None:
        self._settle()
        if not self._free_slots:
            raise PortsExhausted(f"all {self.capacity} RTP ports of the engine are open")

    def _open_record(
        self,
        pair: BoundPair,
        owner: str,
        thread: PacketThread,
        family: int,
        fit: Callable[[NDArray[Any]], None] = lambda record: None,
    ) -> Port:
        """A port of descriptors that are bound; `fit` completes its record. Raises PortsExhausted."""
        self._check_capacity()
        slot = self._free_slots.popleft()
        if thread.keeps_sockets:
            self._sockets[slot] = pair
        ports, ipv6, silence_s = self._arena.ports, family == socket.AF_INET6, self._latch_silence_s
        prepare_port(ports, slot, pair, owner=owner, worker=thread.number, ipv6=ipv6, latch_silence_s=silence_s)
        fit(ports[slot])
        port = Port(self, ports[slot], slot, thread, owner, family)
        self._ports[slot] = port
        thread.hand_over(slot, port.generation, pair)
        self.command(port, COMMAND_OPEN)
        return port

    def sockets_of(self, port: Port) -> BoundPair | None:
        """The descriptors of a port where its packet thread has copies of its own."""
        return self._sockets.get(port.slot)

    def configure(self, port: Port, settings: PortSettings) -> None:
        """`Port.configure`."""
        with self.lock:
            self.check_open(port)
            self._configure(port, settings)
            events_before, port.settings = self.signals.sends_events(port), settings
            self.signals.configured(port, events_before)
            if port.playback is not None:
                self._play_on(port, port.playback)
            if port.peer is not None:
                self._route_again(port)
            elif port.room is not None:
                port.room.configured(port)

    def _configure(self, port: Port, settings: PortSettings) -> None:
        self.command(port, COMMAND_CONFIGURE, port.fields(settings))

    # -- peers reached by ICE and DTLS ---------------------------------------------------------------------------

    @property
    def fingerprint(self) -> tuple[str, bytes]:
        """Hash name and digest of our certificate, for ``a=fingerprint``; raises MediaError without the library."""
        return self._transports.fingerprint

    def open_transport(self, port: Port) -> PeerTransport:
        """`Port.open_transport`."""
        with self.lock:
            self.check_open(port)
            return self._transports.open(port)

    def meet(self, port: Port, remote: RemoteTransport) -> None:
        """`Port.meet`."""
        with self.lock:
            self.check_open(port)
            now = time.monotonic()
            self._transports.open(port).meet(remote, now)
            self._configure(port, port.settings)
            self._events.extend(self._transports.follow(port, now))

    def secured(self, port: Port) -> None:
        """The keys of a port's peer have come, or have changed: let media flow."""
        self._configure(port, port.settings)

    def close_port(self, port: Port) -> None:
        """`Port.close`."""
        with self.lock:
            if port.closed:
                return
            self.disconnect(port)
            self._end_playback(port)
            self.signals.closing(port)
            self._transports.close(port)
            self.wires.closing(port)
            port.seal()
            position = self.command(port, COMMAND_CLOSE)
            del self._ports[port.slot]
            close_pair(self._sockets.pop(port.slot, None))
            if self._arena.ports[port.slot]["kind"] == RTP_PORT:
                self._allocator.release(port.local_port, time.monotonic())
            self._later(port.thread, position, lambda: self._free(port.slot))

    def _free(self, slot: int) -> None:
        self.wires.freed(slot)
        self._free_slots.append(slot)

    def port(self, port_id: str) -> Port:
        """The open port of that id; raises KeyError."""
        port = self._ports[int(port_id.partition(".")[0])]
        if port.id != port_id:
            raise KeyError(port_id)
        return port

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
            if one is other:
                raise ValueError("a port is connected to itself by echo()")
            rate_hz = transcoding_rate(one.settings, other.settings)
            for port in (one, other):
                self.stop(port)
                self.disconnect(port)
            if rate_hz:
                number = self.rooms.open_mixed(rate_hz, tells_loudest=False)
                Bridge(self, number, one.thread, (one, other), rate_hz)
                return
            there, back = find_route(one.settings, other.settings), find_route(other.settings, one.settings)
            if one.thread is not other.thread:
                if self._arena.ports[other.slot]["kind"] == INTERNAL_PORT:  # whose span is on its thread
                    self._move(one, other.thread)
                else:
                    self._move(other, one.thread)
            one.peer, other.peer = other, one
            self.command(one, COMMAND_ROUTE, route_fields(other.slot, there))
            self.command(other, COMMAND_ROUTE, route_fields(one.slot, back))

    def disconnect(self, port: Port) -> None:
        """Undo connect or echo (both ports fall silent), or take the port out of its room."""
        with self.lock:
            if port.room is not None:
                port.room.leave(port)
            peer, port.peer = port.peer, None
            if peer is None:
                return
            nobody = route_fields(NO_PEER, NO_ROUTE)
            self.command(port, COMMAND_ROUTE, nobody)
            if peer is not port:
                peer.peer = None
                self.command(peer, COMMAND_ROUTE, nobody)

    def echo(self, port: Port) -> None:
        """Send back what the port receives, under its own SSRC; ends what it was connected to or played."""
        with self.lock:
            self.check_open(port)
            route = find_route(port.settings, port.settings)
            self.stop(port)
            self.disconnect(port)
            port.peer = port
            self.command(port, COMMAND_ROUTE, route_fields(port.slot, route))

    def play(self, port: Port, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int = 8000) -> int:
        """Play int16[n] at `rate_hz` into a port of any codec we can encode, instead of whatever else it would send.

        Returns a number that PlaybackEnded will carry; a loop goes on until `stop`. Afterwards what the port is
        connected to is heard again. While the port may not send, or has nowhere to, the clip waits. Raises
        NotTranscodable when the port sends no such format, MediaError when the clip store is full.
        """
        with self.lock:
            self.check_open(port)
            return self.start_playback(port, self._playbacks + 1, pcm, loop, rate_hz=rate_hz)

    def start_playback(
        self, port: Port, number: int, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int, position: int = 0
    ) -> int:
        """`play` under a number of its own, from `position` on (samples of the clip as it is stored)."""
        playback = self._prepare(port, number, pcm, rate_hz, loop, position)
        self._playbacks = max(self._playbacks, number)
        self._end_playback(port)
        port.playback = playback
        self.command(port, COMMAND_PLAY, playback.fields)
        return number

    def _prepare(
        self, port: Port, number: int, pcm: NDArray[np.int16], rate_hz: int, loop: bool, position: int = 0
    ) -> Playback:
        """A playback of the port's format, with the encoder it needs."""
        playback = prepare_playback(self._clips, port.settings, number, pcm, rate_hz, loop=loop)
        voice = NO_VOICE
        if playback.codec == PLAY_ENCODED:
            voice = self.rooms.take_speaker(playback.entry, clip_rate(playback.entry, playback.codec, rate_hz))
        return replace(playback, voice=voice, position=position)

    def tone(self, port: Port, hz: float, level_dbm0: float) -> int:
        """Play a sine, exact in frequency and level, until `stop`; raises NotTranscodable, ValueError."""
        entry, codec = playable_format(port.settings)
        scale = tones.ULAW_FULL_SCALE_DBM0 if codec == PLAY_ULAW else tones.FULL_SCALE_DBM0
        rate_hz = clip_rate(entry, codec, 0)
        return self.play(port, tones.sine(hz, level_dbm0, rate_hz, full_scale_dbm0=scale), True, rate_hz=rate_hz)

    def stop(self, port: Port, playback: int | None = None) -> None:
        """Stop what the port plays (only that playback, if it is named); no PlaybackEnded follows."""
        with self.lock:
            if port.playback is None or playback not in (None, port.playback.number):
                return
            number = port.playback.number
            self._end_playback(port)
            self.command(port, COMMAND_STOP_PLAYING, {"play_id": number})

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
            self.command(port, COMMAND_TAP, {"tap": received * TAP_RECEIVED | sent * TAP_SENT})

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
        self._playbacks += 1
        return self._playbacks

    def release_port(self, port: Port, thread: PacketThread) -> None:
        """Take a port out of whatever it is in, and see that `thread` serves it."""
        self.disconnect(port)
        if port.thread is not thread:
            self.stop(port)
            self._move(port, thread)

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
            self._follow_changes()
            self._follow_helper()
            for thread in self._crew.threads:
                self._events.extend(ServiceNotice(thread.number, *notice) for notice in thread.replies())
                for record in thread.events():
                    event = self._translate(record)
                    if event is not None:
                        self._events.append(event)
                self._events.extend(self._transports.poll(thread, self._ports, time.monotonic()))
            self._events.extend(self._transports.handle_timers(time.monotonic()))
            self._settle()
            events = list(self._events)
            self._events.clear()
            return events

    def statistics(self) -> MediaStatistics:
        """Totals over all ports since the start; raises MediaError when the engine does not run."""
        with self.lock:
            self._check_running()
            self._settle()
            return collect(
                self._arena,
                ports_open=len(self._ports),
                ports_free=self.capacity - len(self._ports),
                ports_quarantined=self._allocator.quarantined,
                transports=self._transports.counters,
            )

    def tell(self, event: MediaEvent) -> None:
        """Let `poll` give out an event of the control side's own."""
        self._events.append(event)
        os.eventfd_write(self._crew.event_fd, 1)

    def workers(self) -> list[WorkerStatus]:
        """The packet threads and where they run."""
        with self.lock:
            open_ports = Counter(port.thread.number for port in self._ports.values())
            return [
                WorkerStatus(thread.number, thread.pid, thread.alive, open_ports[thread.number], thread.cpu_s)
                for thread in self._crew.threads
            ]

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
            self._later(thread, position, lambda: self._free(record.slot))
            if not self._adoption.waiting:
                self._later(thread, position, self._adoption.vacate)

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

    def _later(self, thread: PacketThread, position: int, action: Callable[[], object]) -> None:
        """Do something when the thread has carried out its commands up to `position`."""
        self._afterwards.append((thread, position, action))

    def _settle(self) -> None:
        while self._afterwards and self._afterwards[0][0].ring.done >= self._afterwards[0][1]:
            self._afterwards.popleft()[2]()

    def _settle_all(self) -> None:
        """Wait until the threads have done all they were asked, and settle."""
        for thread in self._crew.threads:
            thread.ring.wait(thread.ring.written)
        self._settle()

    def _end_playback(self, port: Port) -> None:
        """Give the port's clip back, once the packet thread has done the command that comes next."""
        playback, port.playback = port.playback, None
        if playback is not None:
            clip = playback.clip
            self._later(port.thread, port.thread.ring.written + 1, lambda: self._clips.release(clip))
            if playback.voice != NO_VOICE:
                self.rooms.give_voice_back(port, playback.voice, commands_ahead=1)

    def _play_on(self, port: Port, playback: Playback) -> None:
        """After new settings: go on playing in the format that is agreed now, or end when there is none."""
        try:
            entry, _ = playable_format(port.settings)
            if entry == playback.entry:
                return
            changed = self._prepare(port, playback.number, playback.pcm, playback.rate_hz, playback.loop)
        except NotTranscodable:
            self.stop(port)
            self.tell(self.signals.played(port, playback.number, time.monotonic()))
            return
        if clip_rate(changed.entry, changed.codec, changed.rate_hz) != clip_rate(
            playback.entry, playback.codec, playback.rate_hz
        ):  # positions mean nothing in the other clip
            self.stop(port)
        self._end_playback(port)
        port.playback = changed
        self.command(port, COMMAND_PLAY, changed.fields)

    def _route_again(self, port: Port) -> None:
        """After new settings: find the ways from and to the port anew."""
        peer = port.peer
        assert peer is not None
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
            self.command(source, COMMAND_ROUTE, route_fields(target.slot, route))
        if failure is not None:
            raise failure

    def _move(self, port: Port, thread: PacketThread) -> None:
        """Let another packet thread serve a port: the first must have let go of it before."""
        position = self.command(port, COMMAND_DETACH)
        port.thread.ring.wait(position)
        self._arena.ports[port.slot]["worker"] = thread.number
        port.thread = thread
        if port.slot in self._sockets:
            thread.hand_over(port.slot, port.generation, self._sockets[port.slot])
        self.command(port, COMMAND_OPEN)

    def _follow_changes(self) -> None:
        """A worker that was lost has left its ports in the shared memory and their sockets with us."""
        for lost, started in self._crew.changes():
            now = time.monotonic()
            if lost is not None:
                self._settle()
                ports = [port for port in self._ports.values() if port.thread is lost]
                rooms = [room for room in self.rooms.open_rooms.values() if room.thread is lost]
                alive = [thread for thread in self._crew.threads if thread.alive]
                self._recovery.clear(lost.number)
                if alive:
                    self._reseat(ports, rooms, alive)
                self._events.append(WorkerLost(lost.number, lost.pid, len(ports), bool(alive), now))
            if started is not None:
                ports = [port for port in self._ports.values() if not port.thread.alive]
                rooms = [room for room in self.rooms.open_rooms.values() if not room.thread.alive]
                self._reseat(ports, rooms, [started])
                self._events.append(WorkerStarted(started.number, started.pid, len(ports), now))

    def _follow_helper(self) -> None:
        """What the helper's services tell, and whether it is still there."""
        helper, now = self._crew.helper, time.monotonic()
        self._events.extend(ServiceNotice(HELPER, *notice) for notice in helper.replies())
        for pid, started in helper.changes():
            self._events.append(HelperStarted(pid, now) if started else HelperLost(pid, now))

    def _reseat(self, ports: list[Port], rooms: list[Room], threads: list[PacketThread]) -> None:
        self._recovery.reseat(ports, rooms, threads)
        self.wires.reseated(ports)

    def _translate(self, record: NDArray[Any]) -> MediaEvent | None:
        if record["kind"] >= EVENT_ROOM_PLAYED:
            return self.rooms.translate(record, self._ports)
        port = self._ports.get(int(record["port"]))
        if port is None or port.generation != record["generation"]:
            return None
        kind, time_s = int(record["kind"]), int(record["time_ns"]) / 1e9
        if kind in (EVENT_FRAMES, EVENT_ALARMS):
            self.wires.translate(port, kind, int(record["value"]))
            return None
        if kind == EVENT_LATCHED:
            return Latched(port, decode_address(record["address"]), time_s)
        if kind == EVENT_TIMEOUT:
            return RtpTimeout(port, int(record["value"]) / 1e9, time_s)
        if kind == EVENT_RESUMED:
            return RtpResumed(port, time_s)
        if kind == EVENT_BYE:
            return Goodbye(port, time_s)
        if kind == EVENT_PLAYED:
            number = int(record["value"])
            if port.playback is not None and port.playback.number == number:
                self._playback_over(port, port.playback)
            return self.signals.played(port, number, time_s)
        return self.signals.translate(port, kind, int(record["value"]), time_s)

    def _playback_over(self, port: Port, playback: Playback) -> None:
        """The packet thread has let go of a clip by itself."""
        port.playback = None
        self._clips.release(playback.clip)
        if playback.voice != NO_VOICE:
            self.rooms.give_voice_back(port, playback.voice)


def _allow_descriptors(wanted: int) -> None:
    """Raise the soft limit of open files as far as is needed and allowed; opening a port says so when it is not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
