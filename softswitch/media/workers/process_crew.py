"""Packet threads in processes of their own: started, found again after the switch itself was gone, and replaced.

Each worker listens at a socket in the engine's folder. A switch that starts looks there first: workers of the same
layout and size go on as they are, with all their ports; others are retired, which lets their packets flow on for a
while but takes no new port.
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediacodecs import library
from softswitch.media.errors import MediaError
from softswitch.media.layouts.shared import FREE
from softswitch.media.memory import Arena, layout_digest
from softswitch.media.warmup import prepare
from softswitch.media.workers import channel
from softswitch.media.workers.crew import Change, Crew
from softswitch.media.workers.helper_process import HelperProcess
from softswitch.media.workers.metronome import Metronome
from softswitch.media.workers.pulse import LOOK_S
from softswitch.media.workers.replacements import Patience
from softswitch.media.workers.waiting import readable
from softswitch.media.workers.worker_process import Attachment, Connection, WorkerProcess, socket_path, spawn

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Replacement:
    """A worker that is to be started at `due`, or has been and is not ready yet."""

    due: float
    child: subprocess.Popen[bytes] | None = None
    connection: Connection | None = None


class ProcessCrew(Crew):
    """`count` worker processes whose sockets and logs lie in `folder`.

    They wait `grace_s` for a switch when theirs is gone; those of another layout are given `retire_s`.
    """

    def __init__(
        self,
        count: int,
        folder: Path,
        *,
        report_interval_s: float,
        realtime: bool = True,
        grace_s: float = 120.0,
        retire_s: float = 30.0,
        helper_at_once: bool = False,
    ) -> None:
        helper = HelperProcess(folder, grace_s=grace_s)
        super().__init__(count, report_interval_s=report_interval_s, realtime=realtime, helper=helper)
        self._folder = folder
        self._helper_at_once = helper_at_once
        self._grace_s = grace_s
        self._retire_s = retire_s
        self._poller: select.epoll | None = None
        self._patience = [Patience() for _ in range(count)]
        self._metronome: Metronome | None = None
        self._replacements: dict[int, _Replacement] = {}

    def open(self, ports: int) -> Arena:
        """Attach to workers that serve so many ports already, or start new ones; raises MediaError, OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        prepare(logger.debug)  # once, here: workers that all found nothing compiled would do it side by side
        found = self._find(ports)
        if not found:
            self.create(ports)
        self.helper.open(self.arena, self.event_fd)
        if self._helper_at_once:
            self.helper.begin()
        children = {number: self._spawn(number) for number in range(self.count) if number not in found}
        for number, child in children.items():
            found[number] = _attach_new(self._folder, number, child)
        for number in range(self.count):
            connection, attachment = found[number]
            attachment.close("arena_fd")
            if attachment.event_fd != self.event_fd:
                attachment.close("event_fd")
            self.threads.append(WorkerProcess(self.arena, number, connection, attachment, children.get(number)))
        self._forget_ports_of(children)
        return self.arena

    def watch(self, poller: select.epoll) -> None:
        """Let messages of workers, and their end, wake who waits for `poller`."""
        self._poller = poller
        for thread in self.threads:
            assert isinstance(thread, WorkerProcess)
            thread.watch(poller)
        self.helper.watch(poller)
        self._metronome = Metronome(LOOK_S)
        poller.register(self._metronome.fd, select.EPOLLIN)

    def changes(self) -> list[Change]:
        """Who was lost and who has come since the last call; starts replacements when it is time to. Never waits."""
        now = time.monotonic()
        if self._metronome is not None:
            self._metronome.take()
        changes = []
        for thread in self.threads:
            assert isinstance(thread, WorkerProcess)
            if thread.number in self._replacements:
                continue
            if thread.end_if_hung(now):
                logger.error("media worker %d (process %d) hangs and is ended", thread.number, thread.pid)
            if not thread.alive:
                thread.forget()
                self._plan(thread.number, now, now - thread.started)
                given_up = self._patience[thread.number].given_up
                changes.append(Change(lost=thread, given_up=thread if given_up else None))
        for number, replacement in list(self._replacements.items()):
            try:
                started = self._advance(number, replacement, now)
            except (OSError, MediaError, ValueError) as error:
                logger.error("media worker %d does not start: %s", number, error)
                _abandon(replacement)
                self._plan(number, now, 0.0)
                if self._patience[number].given_up:
                    changes.append(Change(given_up=self.threads[number]))
                continue
            if started is not None:
                changes.append(Change(started=started))
        return changes

    def close(self) -> None:
        """End all workers, those that are only starting too."""
        for replacement in self._replacements.values():
            _abandon(replacement)
        self._replacements.clear()
        if self._metronome is not None:
            self._metronome.close()
            self._metronome = None
        try:
            super().close()
        finally:
            for number in range(self.count):
                socket_path(self._folder, number).unlink(missing_ok=True)

    # -- finding ----------------------------------------------------------------------------------------------------

    def _find(self, ports: int) -> dict[int, tuple[Connection, Attachment]]:
        """The workers that can go on; `arena` and `event_fd` are theirs then."""
        found: dict[int, tuple[Connection, Attachment]] = {}
        inode = None
        for path in sorted(self._folder.glob("worker-*.sock")):
            number = int(path.stem.partition("-")[2])
            try:
                connection = Connection(path)
            except OSError:
                path.unlink(missing_ok=True)  # nobody is there
                continue
            try:
                attachment = self._try_attach(connection, number, ports)
            except OSError:  # it is just ending
                connection.close()
                continue
            if attachment is None:
                continue
            if inode is None:
                inode = os.fstat(attachment.arena_fd).st_ino
                self.arena, self.event_fd = Arena.attach(attachment.arena_fd), attachment.event_fd
            if os.fstat(attachment.arena_fd).st_ino != inode:
                self._retire(connection, number, "it serves other memory")
                continue
            found[number] = connection, attachment
        return found

    def _try_attach(self, connection: Connection, number: int, ports: int) -> Attachment | None:
        description = connection.hello()
        if description.get("layout") != layout_digest():
            self._retire(connection, number, "it is of another release")
            return None
        if description.get("gpl_codecs") != library.gpl_allowed():
            self._retire(connection, number, "other codecs have been allowed")
            return None
        attachment = Attachment(*connection.call("attach"))
        arena = Arena.attach(attachment.arena_fd)
        size = int(arena.header["ports"]), int(arena.header["workers"])
        arena.close()
        if number >= self.count or size != (ports, self.count):
            attachment.close("arena_fd", "event_fd", "command_fd", "handover_fd")
            self._retire(connection, number, "the number of workers or ports has been changed")
            return None
        return attachment

    def _retire(self, connection: Connection, number: int, why: str) -> None:
        description, _ = connection.call("retire", grace_s=self._retire_s)
        connection.close()
        socket_path(self._folder, number).unlink(missing_ok=True)
        logger.warning(
            "media worker %d (process %d) is retired, for %s: its %d ports are served for %g s more",
            *(number, description["pid"], why, description["ports_open"], self._retire_s),
        )

    def _forget_ports_of(self, numbers: dict[int, subprocess.Popen[bytes]]) -> None:
        """Ports of workers that ended while no switch was there have no sockets any more."""
        gone = np.isin(self.arena.ports["worker"], list(numbers)) & (self.arena.ports["state"] != FREE)
        if gone.any():
            logger.error("%d ports are lost: their media workers ended while the switch was gone", int(gone.sum()))
            self.arena.ports["state"][gone] = FREE

    # -- starting ---------------------------------------------------------------------------------------------------

    def _spawn(self, number: int) -> subprocess.Popen[bytes]:
        return spawn(
            self._folder,
            number,
            self.arena,
            self.event_fd,
            grace_s=self._grace_s,
            report_interval_s=self.report_interval_s,
            realtime=self.realtime,
        )

    def _plan(self, number: int, now: float, lasted_s: float) -> None:
        """Start another in place of one that has ended after so long."""
        self._replacements[number] = _Replacement(now + self._patience[number].lost(lasted_s))

    def _advance(self, number: int, replacement: _Replacement, now: float) -> WorkerProcess | None:
        """Start a replacement that is due, or take it in when it is ready."""
        if replacement.connection is None:
            if now >= replacement.due:
                replacement.child = self._spawn(number)
                replacement.connection = Connection(socket_path(self._folder, number))
                replacement.connection.request_attach()
                if self._poller is not None:
                    self._poller.register(replacement.connection.socket, select.EPOLLIN)
            return None
        if not readable(replacement.connection.socket.fileno()):
            return None
        received = channel.receive(replacement.connection.socket)
        if received is None:
            raise OSError(f"its process ended; {self._folder / f'worker-{number}.log'} may say why")
        if self._poller is not None:
            self._poller.unregister(replacement.connection.socket)
        attachment = Attachment(*received)
        attachment.close("arena_fd", "event_fd")
        thread = WorkerProcess(self.arena, number, replacement.connection, attachment, replacement.child)
        if self._poller is not None:
            thread.watch(self._poller)
        self.threads[number] = thread
        del self._replacements[number]
        return thread


def _attach_new(folder: Path, number: int, child: subprocess.Popen[bytes]) -> tuple[Connection, Attachment]:
    """Wait until a worker that was just started is ready."""
    try:
        connection = Connection(socket_path(folder, number))
        return connection, Attachment(*connection.call("attach"))
    except OSError as error:
        child.kill()
        child.wait()
        log = folder / f"worker-{number}.log"
        raise MediaError(f"media worker {number} does not start ({error}); {log} may say why") from error


def _abandon(replacement: _Replacement) -> None:
    if replacement.connection is not None:
        replacement.connection.close()
    if replacement.child is not None:
        replacement.child.kill()
        replacement.child.wait()
