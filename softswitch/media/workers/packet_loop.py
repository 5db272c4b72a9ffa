"""What runs a packet thread in the process that it lives in: its descriptors, and the compiled loop."""

from __future__ import annotations

import functools
import os
import resource
import secrets
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError
from softswitch.media.layouts.shared import NOBODY, offset_of
from softswitch.media.layouts.worker import COMMANDS_DONE, COMMANDS_WRITTEN, WORKER
from softswitch.media.memory import Arena
from softswitch.media.workers.urgency import hurry

_TIMER_SLACK_NS = 1000
#: The part of the descriptors that is left to the sockets ports are given, when others get a second one.
_PORTS_SHARE = 2
#: Codes of the descriptors that are no port's (`kernels/watching.py` has those).
_COMMAND_CODE, _TIMER_CODE, _SPAN_CODE = -1, -2, -3
#: What a thread that takes over the record of an earlier one sets back; the counters that follow go on.
_CLEARED_OCTETS = offset_of(WORKER, "packets_received")


class PacketLoop:
    """Worker `number` of the arena, in this process.

    Events wake whoever watches `event_fd`, `command_fd` is to be written to after commands. Sockets of ports come
    through `handover_fd`, or, when that is -1, are descriptors of this process that the records already hold. `thread`
    runs `serve`, the loop itself, as a `realtime` thread where that is allowed, and calls `ended` when that has come to
    its end.
    """

    def __init__(
        self,
        arena: Arena,
        number: int,
        event_fd: int,
        *,
        report_interval_s: float,
        realtime: bool = True,
        handover_fd: int = -1,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        from mediacodecs import frames
        from softswitch.media.kernels import libc, worker

        frames.load_all()  # what the control side prepares, this process codes with
        self._epoll_fd = libc.epoll_create1(libc.EPOLL_CLOEXEC)
        self._timer_fd = libc.timerfd_create(libc.CLOCK_MONOTONIC, libc.TFD_CLOEXEC_NONBLOCK)
        self.command_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._span_timer_fd = libc.timerfd_create(libc.CLOCK_MONOTONIC, libc.TFD_CLOEXEC_NONBLOCK)
        if min(self._epoll_fd, self._timer_fd, self._span_timer_fd) < 0:
            raise MediaError("no descriptors left for a packet thread")
        arena.workers[number : number + 1].view(np.uint8)[:_CLEARED_OCTETS] = 0
        record = arena.workers[number]
        record["number"] = number
        record["running"] = 1
        record["epoll_fd"], record["timer_fd"] = self._epoll_fd, self._timer_fd
        record["span_timer_fd"] = self._span_timer_fd
        record["command_fd"], record["event_fd"] = self.command_fd, event_fd
        record["connect_below"] = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _PORTS_SHARE
        record["handover_fd"] = handover_fd
        record["report_interval_ns"] = int(report_interval_s * 1e9)
        record["random"] = secrets.randbits(31)
        record["wheel"], record["room_wheel"] = NOBODY, NOBODY
        positions = arena.positions[number]
        positions[COMMANDS_DONE] = positions[COMMANDS_WRITTEN]
        self._watch(self.command_fd, _COMMAND_CODE)
        self._watch(self._timer_fd, _TIMER_CODE)
        self._watch(self._span_timer_fd, _SPAN_CODE)
        arguments = (
            arena.ports,
            arena.rooms,
            arena.voices,
            arena.links,
            arena.lines,
            arena.spans,
            arena.workers,
            number,
            positions,
            arena.commands[number],
            arena.events[number],
            arena.clips,
            arena.scratch[number],
        )
        self.serve: Callable[[], None] = functools.partial(worker.run_worker, *arguments)
        self.thread = threading.Thread(
            target=_run, args=(record, self.serve, ended, realtime), name=f"media-{number}", daemon=True
        )

    def close(self) -> None:
        """Give the descriptors of a loop back that has ended."""
        for descriptor in (self._epoll_fd, self._timer_fd, self._span_timer_fd, self.command_fd):
            os.close(descriptor)

    def _watch(self, descriptor: int, code: int) -> None:
        """Wake the loop when the descriptor has something: edge-triggered, so that nobody need read it."""
        from softswitch.media.kernels import libc

        event = np.zeros(4, np.int32)
        event[0] = libc.EPOLLIN + libc.EPOLLET
        event[libc.EPOLL_DATA] = code
        libc.epoll_ctl(self._epoll_fd, libc.EPOLL_CTL_ADD, descriptor, event.ctypes.data)


def _run(record: NDArray[Any], serve: Callable[[], None], ended: Callable[[], object], realtime: bool) -> None:
    """Run the loop, ahead of other work where we may, and let it sleep no longer than it wants: sound cannot wait."""
    from softswitch.media.kernels import libc

    record["thread_id"] = threading.get_native_id()
    libc.prctl(libc.PR_SET_TIMERSLACK, _TIMER_SLACK_NS)
    hurry(realtime=realtime)
    try:
        serve()
    finally:
        ended()
