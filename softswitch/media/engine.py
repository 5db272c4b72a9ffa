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
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from softswitch.media.afterwards import Afterwards
from softswitch.media.engine_flows import EngineFlows
from softswitch.media.errors import MediaError
from softswitch.media.notices import MediaEvent
from softswitch.media.playing.clips import ClipStore
from softswitch.media.playing.playing import Playing
from softswitch.media.port_table import PortTable
from softswitch.media.rooms.connections import Connections
from softswitch.media.rooms.spreading import Spreading
from softswitch.media.rooms.store import RoomStore
from softswitch.media.signals import Signals
from softswitch.media.totals import HelperStatus, MediaStatistics, WorkerStatus, collect
from softswitch.media.transport.bundle import Bundles
from softswitch.media.transport.transports import Transports
from softswitch.media.wires.wires import Wires
from softswitch.media.workers.adoption import Adoption
from softswitch.media.workers.crew import Crew
from softswitch.media.workers.happenings import Happenings
from softswitch.media.workers.process_crew import ProcessCrew
from softswitch.media.workers.recovery import Recovery
from softswitch.media.workers.services import HELPER, Answer, Message

#: Two sockets, and a third when it sends.
_DESCRIPTORS_OF_PORT = 3
_DESCRIPTORS_BESIDES_PORTS = 256


class MediaEngine(EngineFlows):
    """RTP ports of one machine, and the threads that serve them.

    `address` is bound, `advertised` told to peers (a NAT's outside). Ports are the even ones of `first_port` …
    `last_port`, each with its RTCP port; `capacity` bounds how many are open at a time (default: as many as the range
    has). A closed port is not used again for `quarantine_s`. A latched port lets another source in only after
    `latch_silence_s` of silence. `threads` packet threads share the ports; those of one owner are on one thread.
    They are threads of this process, or, when there is a folder `workers` for their sockets and logs, processes that
    outlive this one: they wait `worker_grace_s` for another engine to `start` with the same folder. The `helper`
    process is started with them, or else when it is first asked. Without `realtime` packet threads are let run like any
    other thread.
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
        realtime: bool = True,
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
            Crew(threads, report_interval_s=report_interval_s, realtime=realtime)
            if workers is None
            else ProcessCrew(
                threads,
                workers,
                report_interval_s=report_interval_s,
                realtime=realtime,
                grace_s=worker_grace_s,
                helper_at_once=helper,
            )
        )
        self.lock = threading.RLock()
        self.afterwards = Afterwards()
        self._events: deque[MediaEvent] = deque()
        self.event_fd = -1
        self.transports = Transports(self)
        self.bundles = Bundles(self)
        self._connections = Connections(self)
        self._spreading = Spreading()
        self._beginning: Future[None] | None = None

    def begin(self) -> None:
        """Start on a thread of its own while the caller does other things; `start` waits, and raises what it raised."""
        self._beginning = ThreadPoolExecutor(1, "media-start").submit(self._start)

    def start(self) -> Self:
        """Load the compiled code (compiling it when there is none yet: `warm_up` shows progress) and start."""
        beginning, self._beginning = self._beginning, None
        if beginning is not None:
            beginning.result()
        else:
            self._start()
        return self

    def _start(self) -> None:
        if self._crew.threads:
            raise MediaError("the engine is running")
        _allow_descriptors(_DESCRIPTORS_OF_PORT * self.capacity + _DESCRIPTORS_BESIDES_PORTS)
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
        self.table.occupy({*self._adoption.waiting, *self._adoption.links})
        self._release_lone_links()
        recovery = Recovery(self._arena, self.table.sockets, self.signals, self.command)
        self._happenings = Happenings(self, self._crew, recovery)

    def close(self) -> None:
        """Close every port and end the threads. A second call does nothing."""
        if self._beginning is not None:
            self.start()
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
                ports_free=self.table.unused,
                ports_quarantined=self.table.quarantined,
                transports=self.transports.counters,
            )

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
        """Ask a service beside a packet thread (`workers/services.py`); `answer` is called by a later `poll`.

        A port's is `port.thread.number`; HELPER's services look after all packet threads.
        What cannot be answered has the reason under "error".
        """
        with self.lock:
            self._check_running()
            asked = self._crew.helper if worker == HELPER else self._crew.threads[worker]
            asked.ask(service, request, answer)


def _allow_descriptors(wanted: int) -> None:
    """Raise the soft limit of open files as far as is needed and allowed; opening a port says so when it is not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
