"""The recorder: empties the taps a few times a second, gives every recording what it is to hear, keeps the past.

It lives on a thread where the packet threads live. Requests are plain values (`softswitch.media.recording.requests`),
taken over from any thread; what happened is told by `tell`, from the recorder's own threads. A disk that is full stops
the writing, never the listening: calls go on, and so do the recordings, in new files, once there is room again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mediacodecs.codec import CodecUnavailable
from mediacodecs.streams import new_encoder
from softswitch.media.recording import requests
from softswitch.media.recording.disk import MEGABYTE, Disk, free_octets
from softswitch.media.recording.files import Finisher, parts_left
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.plan import ASTRAY_S, Plan, SourceKey
from softswitch.media.recording.requests import Notice, Request
from softswitch.media.recording.session import Session
from softswitch.media.recording.sources import Sources
from softswitch.media.recording.tap import Taps

if TYPE_CHECKING:
    from softswitch.media.memory import Arena

logger = logging.getLogger(__name__)

#: How often the taps are emptied, and how long a packet may be under way before its place is written without it.
STEP_S, HOLD_S = 0.25, float(ASTRAY_S)
_SECOND_NS = 1_000_000_000
#: So many steps may the writing fall behind, a minute, before packets are left out.
_MOST_BATCHES = 240
_ENDINGS = frozenset({requests.FORGET, requests.UNBIND, requests.STOP})


class Recorder:
    """Records from the taps of some packet threads of an arena into files.

    A `patient` one leaves everything in the taps until it is asked to report: who has lost a recorder tells the next
    one all first.
    """

    def __init__(
        self,
        tell: Callable[[Notice], None],
        *,
        minimum_free_mb: int = 256,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        free_octets: Callable[[Path], int] = free_octets,
        patient: bool = False,
    ) -> None:
        self._tell = tell
        self._clock_ns = clock_ns
        self._disk = Disk(minimum_free_mb * MEGABYTE, free_octets, self._disk_filled, self._disk_emptied)
        self._requests: SimpleQueue[tuple[int, Request]] = SimpleQueue()
        self._taps: Taps | None = None
        self._sources = Sources()
        self._sessions: dict[str, Session] = {}
        self._marks: dict[str, list[dict[str, Any]]] = {}
        self._batches: deque[tuple[int, list[tuple[SourceKey, Packets]]]] = deque()  # and when each was taken
        self._endings: list[tuple[int, Request]] = []
        self._emptied_ns = 0
        self._overrun = 0
        self._finisher = Finisher(self._complete)
        self._told_lock = threading.Lock()
        self._told: dict[str, Notice] = {}  # complete, and nobody has said to know it
        self._listening = not patient
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    # -- life -------------------------------------------------------------------------------------------------------

    def attach(self, arena: Arena, workers: range) -> None:
        """Listen to the taps of these packet threads."""
        self._taps = Taps(arena, workers)

    def start(self, arena: Arena, workers: range) -> None:
        """Attach, and record on a thread of its own."""
        self.attach(arena, workers)
        with contextlib.suppress(CodecUnavailable):  # loaded now, and not while somebody waits to be recorded
            new_encoder("opus")
        self._finisher.start()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Complete every recording and end; returns when all files are complete and told of."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._finisher.stop()

    def _run(self) -> None:
        while not self._ending.wait(STEP_S):
            self._guarded()
        self._guarded()
        for identifier in list(self._sessions):
            self._end(identifier, self._clock_ns())

    def _guarded(self) -> None:
        """One step; a fault in it is logged, and the next one is tried all the same."""
        try:
            self.step()
        except Exception:
            logger.exception("the recorder stumbled")

    @property
    def lost(self) -> int:
        """Packets that were not recorded because there was no time to."""
        return self._overrun + (self._taps.lost if self._taps is not None else 0)

    def handle(self, request: Request) -> None:
        """Take a request over, from any thread; it counts from its `at_ns` on, or from this moment."""
        self._requests.put((request.get("at_ns") or self._clock_ns(), request))

    # -- one step ---------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Do what was asked for, hear what has come, write what is due.

        Where writing takes long (a slow disk, a busy machine), the taps are emptied in between, and what has come is
        heard batch by batch. What ends something is done last, so that all is heard which came before it.
        """
        self._empty_taps()
        self._look_at_disk()
        endings, self._endings = self._endings, []
        for _ in range(len(self._batches)):
            time_ns, batch = self._batches.popleft()
            for key, packets in batch:
                self._sources.hear(key, packets)
            for session in list(self._sessions.values()):
                session.advance(time_ns - int(HOLD_S * _SECOND_NS))
                self._ask_for_pictures(session, time_ns)
                if self._clock_ns() - self._emptied_ns > STEP_S * _SECOND_NS:
                    self._empty_taps()
        for time_ns, request in endings:
            self._try(request, time_ns)

    def _empty_taps(self) -> None:
        """Do what was asked for, and take what has come off the taps. What comes from now on is heard next time."""
        assert self._taps is not None, "a recorder listens to something"
        self._emptied_ns = self._clock_ns()
        self._endings += self._answer()
        if not self._listening:
            return
        batch = list(self._taps.empty())
        if len(self._batches) >= _MOST_BATCHES:
            self._overrun += sum(len(packets.heads) for _, packets in self._batches.popleft()[1])
        self._batches.append((self._emptied_ns, batch))

    def _ask_for_pictures(self, session: Session, time_ns: int) -> None:
        for key in session.pictures_wanted(time_ns):
            self._tell({"notice": requests.WANTED, "source": list(key)})

    def _answer(self) -> list[tuple[int, Request]]:
        """Do all requests but those that end something, which are returned."""
        endings = []
        with contextlib.suppress(Empty):
            while True:
                time_ns, request = self._requests.get_nowait()
                if request["op"] in _ENDINGS:
                    endings.append((time_ns, request))
                else:
                    self._try(request, time_ns)
        return endings

    def _try(self, request: Request, time_ns: int) -> None:
        try:
            self._do(request, time_ns)
        except (KeyError, ValueError, OSError) as error:
            logger.error("the recorder cannot do %s: %r", request.get("op"), error)

    def _do(self, request: Request, time_ns: int) -> None:
        op = request["op"]
        if op == requests.LISTEN:
            key, formats = requests.source_of(request["source"]), requests.formats_of(request["formats"])
            self._sources.listen(key, formats, request["keep_s"])
        elif op == requests.FORGET:
            self._sources.forget(requests.source_of(request["source"]))
        elif op == requests.START:
            self._begin(request, time_ns)
        elif op == requests.SETTINGS:
            self._disk.minimum_free = request["minimum_free_mb"] * MEGABYTE
        elif op == requests.KNOWN:
            with self._told_lock:
                self._told.pop(request["id"], None)
        elif op == requests.REPORT:
            self._report()
        else:
            self._steer(op, request, time_ns)

    def _report(self) -> None:
        """Tell somebody who has just come what there is."""
        self._listening = True
        with self._told_lock:
            complete = list(self._told.values())
        for notice in complete:
            self._tell(notice)
        for session in self._sessions.values():
            self._tell({"notice": requests.RUNNING, **session.describe()})
        self._tell({"notice": requests.REPORTED, "full": self._disk.full})

    def _complete(self, notice: Notice) -> None:
        """From the finisher's thread: a recording is complete. It is told again until somebody says to know it."""
        with self._told_lock:
            self._told[notice["id"]] = notice
        self._tell(notice)

    def _steer(self, op: str, request: Request, time_ns: int) -> None:
        """Something about a recording in progress; one that is over is passed over."""
        identifier = request["id"]
        session = self._sessions.get(identifier)
        if session is None:
            return
        if op == requests.BIND:
            self._sources.bind(session, requests.source_of(request["source"]), request["lane"])
        elif op == requests.UNBIND:
            self._sources.unbind(session, requests.source_of(request["source"]))
        elif op == requests.PAUSE:
            session.pause(time_ns)
        elif op == requests.RESUME:
            session.resume(time_ns)
        elif op == requests.MARK:
            mark = {"offset_s": round(session.offset_s(time_ns), 3), "label": request["label"]}
            self._marks[identifier].append(mark)
        elif op == requests.STOP:
            self._end(identifier, time_ns)

    # -- recordings -------------------------------------------------------------------------------------------------

    def _begin(self, request: Request, time_ns: int) -> None:
        plan = request["plan"]
        keys = {requests.source_of(source): lane for source, lane in request["sources"]}
        waiting_ns = self._taps.oldest_ns() if self._taps is not None else None
        begin_ns = request.get("begun_ns") or self._sources.begin_ns(keys, time_ns, request["past_s"], waiting_ns)
        session = Session(
            Plan(
                plan["id"],
                Path(plan["stem"]),
                plan["container"],
                plan["layout"],
                tuple(plan["lanes"]),
                plan["rate_hz"] or self._sources.rate_hz(keys),
            ),
            begin_ns,
            self._disk.failed,
        )
        if "begun_ns" in request:
            left = parts_left(session.plan.stem, session.plan.layout)
            session.go_on(waiting_ns or time_ns, request["paused_s"], left)
        session.starved = bool(self._disk.full)
        self._sessions[session.plan.id] = session
        self._marks[session.plan.id] = []
        for key, lane in keys.items():
            if key in self._sources:
                self._sources.bind(session, key, lane)
        self._tell(
            {"notice": requests.STARTED, "id": session.plan.id, "begin_ns": begin_ns, "rate_hz": session.plan.rate_hz}
        )
        self._sources.replay(session, keys, int(HOLD_S * _SECOND_NS))

    def _end(self, identifier: str, time_ns: int) -> None:
        session = self._sessions.pop(identifier)
        self._sources.leave(session)
        session.finish(time_ns)
        about = {**session.describe(), "marks": self._marks.pop(identifier), "rate_hz": session.plan.rate_hz}
        self._finisher.finish(about, session.parts)

    # -- the disk ---------------------------------------------------------------------------------------------------

    def _look_at_disk(self) -> None:
        session = next(iter(self._sessions.values()), None)
        self._disk.look(self._clock_ns(), session.plan.stem if session is not None else None)

    def _disk_filled(self, error: OSError) -> None:
        self._tell({"notice": requests.FULL, "reason": self._disk.full})
        for session in self._sessions.values():
            session.starve()

    def _disk_emptied(self, free: int) -> None:
        self._tell({"notice": requests.ROOM, "free_octets": free})
        for session in self._sessions.values():
            session.feed_again()
