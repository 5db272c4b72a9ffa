"""A packet thread in a process of its own, as the control side holds it: started, found again, asked, and missed."""

from __future__ import annotations

import array
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from softswitch.media.allocation import BoundPair
from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_STOP
from softswitch.media.memory import Arena, layout_digest
from softswitch.media.workers import channel
from softswitch.media.workers.packet_thread import PacketThread
from softswitch.media.workers.pulse import Pulse
from softswitch.media.workers.questions import Questions
from softswitch.media.workers.services import Answer, Message
from softswitch.media.workers.waiting import readable

_STOP_S = 5.0
_KILLED_S = 0.1  # what the kernel needs to end a process at most
SEND_S = 2.0
_START_S = 300.0  # with nothing in the cache all is compiled first
_BUSY_S = 3.0  # how long a process may need to see that the switch before us is gone
_BUSY_PAUSE_S = 0.05
_CPU_CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED in the low bits of a clock id (clock_getcpuclockid(3))


def socket_path(folder: Path, number: int) -> Path:
    """Where worker `number` listens."""
    return folder / f"worker-{number}.sock"


def spawn(
    folder: Path,
    number: int,
    arena: Arena,
    event_fd: int,
    *,
    grace_s: float,
    report_interval_s: float,
    realtime: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a worker process; it can be connected to at once, and answers when it is ready."""
    options = ["--grace", str(grace_s), "--number", str(number), "--reports", str(report_interval_s)]
    if not realtime:
        options.append("--no-realtime")
    return launch(socket_path(folder, number), "worker_main", arena, event_fd, *options)


def launch(where: Path, module: str, arena: Arena, event_fd: int, *options: str) -> subprocess.Popen[bytes]:
    """Start a process of `softswitch.media.workers.<module>` that listens at `where`.

    Its log lies beside it, and that of the process before it as `.log.1`, since it may say why there is another.
    """
    listener = channel.listen(where)
    path = where.with_suffix(".log")
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_suffix(".log.1"))
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    descriptors = (listener.fileno(), arena.descriptor, event_fd)
    command = [sys.executable, "-m", f"softswitch.media.workers.{module}", *options]
    command += ["--listener", str(descriptors[0]), "--arena", str(descriptors[1]), "--events", str(descriptors[2])]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
            start_new_session=True,  # neither the terminal's signals nor the end of the switch are its own
        )
    finally:
        os.close(log)
        listener.close()


def processor_s(pid: int) -> float:
    """Processor time a process has used, in seconds; 0 when there is none."""
    try:
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK_OF_PROCESS)
    except OSError:
        return 0.0


class Connection:
    """The switch's end of the socket of a media process, from the first word on."""

    def __init__(self, where: Path) -> None:
        """Raises OSError when nobody listens."""
        self._where = where
        self.socket = channel.connect(where)
        self.socket.settimeout(_START_S)

    def call(self, wish: str, **fields: Any) -> tuple[Message, list[int]]:
        """Say something and wait for the answer; raises OSError when none comes, or one that refuses."""
        channel.send(self.socket, {"do": wish} | fields)
        received = channel.receive(self.socket)
        if received is None:
            raise OSError("the media process has ended")
        if "error" in received[0]:
            raise OSError(str(received[0]["error"]))
        return received

    def hello(self) -> Message:
        """Who it is, once the switch before us has let go of it; raises OSError, MediaError when it does not."""
        description, _ = self.call("hello")
        deadline = time.monotonic() + _BUSY_S
        while description.get("busy"):
            if time.monotonic() > deadline:
                raise MediaError(f"another switch uses the media processes in {self._where.parent}")
            time.sleep(_BUSY_PAUSE_S)
            description, _ = self.call("hello")
        return description

    def request_attach(self) -> None:
        """Ask to be attached; the answer comes when the worker is ready."""
        channel.send(self.socket, {"do": "attach"})

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def describe_processes(folder: Path) -> dict[str, Message | None]:
    """What the media processes whose sockets lie in `folder` say of themselves, by name; None of one that is silent."""
    found: dict[str, Message | None] = {}
    for path in sorted(folder.glob("*.sock")):
        try:
            connection = Connection(path)
        except OSError:
            continue  # nobody is there
        connection.socket.settimeout(SEND_S)
        try:
            found[path.stem], _ = connection.call("hello")
        except OSError:
            found[path.stem] = None
        finally:
            connection.close()
    return found


class Attachment:
    """What a worker gives to a switch that attaches."""

    def __init__(self, description: Message, descriptors: list[int]) -> None:
        if description.get("layout") != layout_digest() or len(descriptors) != 4:
            for descriptor in descriptors:
                os.close(descriptor)
            raise MediaError("a media worker of another release")
        self.pid = int(description["pid"])
        self.arena_fd, self.event_fd, self.command_fd, self.handover_fd = descriptors

    def close(self, *names: str) -> None:
        """Close those descriptors that the caller has already."""
        for name in names:
            os.close(getattr(self, name))


class WorkerProcess(PacketThread):
    """An attached worker. `child` is its process when this switch has started it."""

    def __init__(
        self,
        arena: Arena,
        number: int,
        connection: Connection,
        attachment: Attachment,
        child: subprocess.Popen[bytes] | None,
    ) -> None:
        super().__init__(arena, number, attachment.command_fd)
        self.pid = attachment.pid
        self.socket = connection.socket
        self.socket.settimeout(SEND_S)
        self.started = time.monotonic()
        self._child = child
        self._command_fd = attachment.command_fd
        self._handover = socket.socket(fileno=attachment.handover_fd)
        self._handover.settimeout(SEND_S)
        self._pidfd = os.pidfd_open(self.pid)
        self._questions = Questions(self.socket, f"media worker {number}")
        self._pulse = Pulse(arena.workers[number], self.pid)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._pidfd >= 0 and not readable(self._pidfd)

    @property
    def cpu_s(self) -> float:
        """Processor time the process has used, in seconds."""
        return processor_s(self.pid)

    @property
    def keeps_sockets(self) -> bool:
        """The worker has copies of the ports' sockets; ours can be handed to another."""
        return True

    def watch(self, poller: select.epoll) -> None:
        """Let messages, and the end of the process, wake who waits for `poller`."""
        poller.register(self._pidfd, select.EPOLLIN)
        poller.register(self.socket, select.EPOLLIN)

    def hand_over(self, slot: int, generation: int, pair: BoundPair) -> None:
        """Send the worker the sockets of a port; raises MediaError when it takes none."""
        tag = array.array("q", (slot, generation))
        descriptors = array.array("i", [fd for fd in (pair.rtp_fd, pair.rtcp_fd) if fd >= 0])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
        try:
            self._handover.sendmsg([tag], rights, socket.MSG_NOSIGNAL)
        except OSError as error:
            raise MediaError(f"media worker {self.number} takes no sockets: {error}") from error

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Ask a service of the worker; one that cannot be reached answers with an error."""
        self._questions.ask(service, request, answer)

    def replies(self) -> Iterator[tuple[str, Message]]:
        """Hand the answers that have come to who waits for them, and yield (service, notice) for unasked ones."""
        return self._questions.replies()

    def end_if_hung(self, now: float) -> bool:
        """Kill a process whose packet thread has come to a stop: it is lost then, as if it had ended."""
        if not self.alive or not self._pulse.hung(now):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        readable(self._pidfd, _KILLED_S)
        return True

    def forget(self) -> None:
        """The process is no more: give back what was kept of it. Nobody waits for it, or for an answer, any longer."""
        self.ring.give_up()
        self._questions.give_up()
        self.socket.close()
        self._handover.close()
        for descriptor in (self._pidfd, self._command_fd):
            os.close(descriptor)
        self._pidfd = -1
        if self._child is not None:
            self._child.wait()
            self._child = None

    def stop(self) -> None:
        """End the worker; one that does not end by itself is killed."""
        if self._pidfd < 0:
            return
        self.ring.post({"operation": COMMAND_STOP})
        if not readable(self._pidfd, _STOP_S):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            readable(self._pidfd, _STOP_S)
        self.forget()
