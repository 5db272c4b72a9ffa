"""The helper in a process of its own: started when it is first asked, found again, asked, missed and replaced."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from softswitch.media.errors import MediaError
from softswitch.media.memory import Arena, layout_digest
from softswitch.media.workers import channel
from softswitch.media.workers.helper import Helper, HelperChange
from softswitch.media.workers.questions import Questions
from softswitch.media.workers.services import Answer, Message
from softswitch.media.workers.waiting import readable
from softswitch.media.workers.worker_process import SEND_S, Connection, launch

logger = logging.getLogger(__name__)

_STOP_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GOOD_LIFE_S = 0.5, 30.0, 60.0
_NAME = "media helper"


class HelperProcess(Helper):
    """Its socket and log lie in `folder`; it waits `grace_s` for a switch when ours is gone.

    Until it is ready, what it is asked waits here. A helper that was lost is replaced at once, later and later when it
    keeps ending; what it was asked meanwhile is answered with an error, and who needs it tells the new one everything.
    """

    def __init__(self, folder: Path, *, grace_s: float) -> None:
        self._where = folder / "helper.sock"
        self._grace_s = grace_s
        self._poller: select.epoll | None = None
        self._connection: Connection | None = None
        self._questions: Questions | None = None  # when attached
        self._waiting: list[tuple[str, Message, Answer]] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._wanted = self._was_lost = False
        self._due = self._began = self._pause_s = 0.0
        self._changes: list[HelperChange] = []

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self, arena: Arena, event_fd: int) -> None:
        """Attach to the helper that an earlier switch has left beside this memory; one beside another is ended."""
        self._arena, self._event_fd = arena, event_fd
        try:
            connection = Connection(self._where)
        except OSError:
            return
        try:
            description = connection.hello()
            if description.get("layout") == layout_digest():
                description, descriptors = connection.call("attach")
                same = os.fstat(descriptors[0]).st_ino == os.fstat(arena.descriptor).st_ino
                for descriptor in descriptors:
                    os.close(descriptor)
                if same:
                    self._connection, self._wanted = connection, True
                    self._attached(int(description["pid"]))
                    return
            logger.warning("the media helper (process %s) has other memory and is ended", description["pid"])
            connection.call("retire", grace_s=0.0)
        except OSError as error:  # it is just ending
            logger.info("the media helper of before: %s", error)
        connection.close()

    def begin(self) -> None:
        """See Helper."""
        self._wanted = True
        self._advance(time.monotonic())

    def watch(self, poller: select.epoll) -> None:
        """See Helper."""
        self._poller = poller
        if self._connection is not None:
            self._register(self._connection.socket.fileno())
        if self._pidfd >= 0:
            self._register(self._pidfd)

    def stop(self) -> None:
        """Let it complete what it does, and end; one that does not end by itself is killed."""
        connection, child = self._connection, self._child
        if connection is not None and self._pidfd >= 0:
            with contextlib.suppress(OSError):
                channel.send(connection.socket, {"do": "end"})
            if not readable(self._pidfd, _STOP_S):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
        elif child is not None:
            child.kill()
        self._forget()
        self._wanted = False
        self._where.unlink(missing_ok=True)

    # -- talking ------------------------------------------------------------------------------------------------------

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """See Helper."""
        if self._questions is not None:
            self._questions.ask(service, request, answer)
        elif self._was_lost:
            answer({"error": f"the {_NAME} was lost"})
        else:
            self._waiting.append((service, request, answer))
            self.begin()

    def replies(self) -> Iterator[tuple[str, Message]]:
        """See Helper."""
        return self._questions.replies() if self._questions is not None else iter(())

    def changes(self) -> list[HelperChange]:
        """See Helper."""
        if self._wanted:
            self._advance(time.monotonic())
        changes, self._changes = self._changes, []
        return changes

    # -- inside -------------------------------------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        """See what has become of it, and start one when it is time to."""
        if self._pidfd >= 0:
            if readable(self._pidfd):
                self._lost(now)
        elif self._connection is not None:
            if readable(self._connection.socket.fileno()):
                self._ready(now)
        elif now >= self._due:
            self._start(now)

    def _start(self, now: float) -> None:
        try:
            self._child = launch(self._where, "helper_main", self._arena, self._event_fd, "--grace", str(self._grace_s))
            self._connection = Connection(self._where)
            self._connection.request_attach()
        except (OSError, MediaError) as error:
            logger.error("the %s does not start: %s", _NAME, error)
            self._put_off(now)
            return
        self._register(self._connection.socket.fileno())

    def _ready(self, now: float) -> None:
        """It has answered, or ended before it could."""
        assert self._connection is not None
        received = None
        with contextlib.suppress(OSError, ValueError):
            received = channel.receive(self._connection.socket)
        if received is None:
            logger.error("the %s does not start; %s may say why", _NAME, self._where.with_suffix(".log"))
            self._put_off(now)
            return
        for descriptor in received[1]:
            os.close(descriptor)
        self._attached(int(received[0]["pid"]))
        if self._was_lost:
            self._was_lost = False
            self._changes.append(HelperChange(self.pid, started=True))

    def _attached(self, pid: int) -> None:
        assert self._connection is not None
        self.pid, self.alive, self._began = pid, True, time.monotonic()
        self._pidfd = os.pidfd_open(pid)
        self._connection.socket.settimeout(SEND_S)
        self._questions = Questions(self._connection.socket, f"the {_NAME}")
        self._register(self._pidfd)
        waiting, self._waiting = self._waiting, []
        for question in waiting:
            self._questions.ask(*question)

    def _lost(self, now: float) -> None:
        self._changes.append(HelperChange(self.pid, started=False))
        lasted = now - self._began
        self._forget()
        self._was_lost, self.alive = True, False
        pause = 0.0 if lasted > _GOOD_LIFE_S else self._pause_s
        self._pause_s = min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._due = now + pause

    def _put_off(self, now: float) -> None:
        self._forget()
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._due = now + self._pause_s

    def _forget(self) -> None:
        """Give back what was kept of a process, and let nobody wait for it."""
        if self._questions is not None:
            self._questions.give_up()
            self._questions = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        self.pid = 0

    def _register(self, descriptor: int) -> None:
        if self._poller is not None:
            with contextlib.suppress(FileExistsError):
                self._poller.register(descriptor, select.EPOLLIN)
