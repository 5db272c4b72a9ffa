"""One packet thread: its descriptors, its rings, and the compiled loop that runs in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.commands import CommandRing
from softswitch.media.errors import MediaError
from softswitch.media.layout import COMMAND_STOP, EVENTS_READ, EVENTS_WRITTEN, NOBODY
from softswitch.media.memory import Arena

_STOP_S = 5.0
_NICENESS = -10
_TIMER_SLACK_NS = 1000
#: Codes of the two descriptors that are no port's (those have 2·slot and 2·slot + 1).
_COMMAND_CODE, _TIMER_CODE = -1, -2


def _run(loop: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Run the loop ahead of other work where we may, and let it sleep no longer than it wants: sound cannot wait."""
    from softswitch.media.kernels import libc

    libc.prctl(libc.PR_SET_TIMERSLACK, _TIMER_SLACK_NS)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    loop(*arguments)


class PacketThread:
    """Runs worker `number` of the arena: `ring` takes its commands, `events` gives what it has to tell."""

    def __init__(self, arena: Arena, number: int, event_fd: int, *, report_interval_s: float) -> None:
        from softswitch.media.kernels import atomic, libc, worker

        self._atomic = atomic
        self.number = number
        self._arena = arena
        self._positions = arena.positions[number]
        self._epoll_fd = libc.epoll_create1(libc.EPOLL_CLOEXEC)
        self._timer_fd = libc.timerfd_create(libc.CLOCK_MONOTONIC, libc.TFD_CLOEXEC_NONBLOCK)
        self._command_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        if min(self._epoll_fd, self._timer_fd) < 0:
            raise MediaError("no descriptors left for a packet thread")
        record = arena.workers[number]
        record["number"] = number
        record["running"] = 1
        record["epoll_fd"], record["timer_fd"] = self._epoll_fd, self._timer_fd
        record["command_fd"], record["event_fd"] = self._command_fd, event_fd
        record["report_interval_ns"] = int(report_interval_s * 1e9)
        record["random"] = secrets.randbits(31)
        record["wheel"], record["room_wheel"] = NOBODY, NOBODY
        self._watch(self._command_fd, _COMMAND_CODE)
        self._watch(self._timer_fd, _TIMER_CODE)
        self.ring = CommandRing(arena.commands[number], self._positions, self._command_fd)
        arguments = (
            arena.ports,
            arena.rooms,
            arena.voices,
            arena.workers,
            number,
            self._positions,
            arena.commands[number],
            arena.events[number],
            arena.clips,
            arena.scratch[number],
        )
        self._thread = threading.Thread(
            target=_run, args=(worker.run_worker, arguments), name=f"media-{number}", daemon=True
        )

    def start(self) -> None:
        """Begin to serve ports."""
        self._thread.start()

    def stop(self) -> None:
        """End the loop and give the descriptors back; raises MediaError when the thread does not end."""
        self.ring.post({"operation": COMMAND_STOP})
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            raise MediaError("the packet thread does not end")
        for descriptor in (self._epoll_fd, self._timer_fd, self._command_fd):
            os.close(descriptor)

    @property
    def alive(self) -> bool:
        """Whether the loop runs."""
        return self._thread.is_alive()

    def events(self) -> Iterator[NDArray[Any]]:
        """Take out every waiting event record; each is valid until the next is asked for."""
        events = self._arena.events[self.number]
        read = int(self._positions[EVENTS_READ])
        written = self._atomic.observe(self._positions, EVENTS_WRITTEN)
        while read < written:
            yield events[read % len(events)]
            read += 1
            self._atomic.publish(self._positions, EVENTS_READ, read)

    def _watch(self, descriptor: int, code: int) -> None:
        """Wake the loop when the descriptor has something: edge-triggered, so that nobody need read it."""
        from softswitch.media.kernels import libc

        event = np.zeros(4, np.int32)
        event[0] = libc.EPOLLIN + libc.EPOLLET
        event[libc.EPOLL_DATA] = code
        libc.epoll_ctl(self._epoll_fd, libc.EPOLL_CTL_ADD, descriptor, event.ctypes.data)
