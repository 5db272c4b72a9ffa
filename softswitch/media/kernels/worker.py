"""The packet thread: waits for packets, commands and time, and does what each asks, without the GIL, until stopped."""

from __future__ import annotations

from typing import Any

from numba import from_dtype, types

from softswitch.media.kernels import atomic
from softswitch.media.kernels.clock import monotonic_ns
from softswitch.media.kernels.commands import apply_commands
from softswitch.media.kernels.compiler import entry, part
from softswitch.media.kernels.libc import EPOLL_DATA, EPOLL_WORDS, epoll_wait, usleep
from softswitch.media.kernels.player import turn_wheel
from softswitch.media.kernels.receive import receive, receive_rtcp
from softswitch.media.kernels.sweep import sweep
from softswitch.media.layout import (
    COMMAND,
    COMMANDS_DONE,
    COMMANDS_WRITTEN,
    EPOLL_EVENTS,
    EVENT,
    OPEN,
    PORT,
    SCRATCH,
    WORKER,
)

_load_acquire = atomic.load_acquire

_IDLE_WAIT_MS = 1000

#: Above this rate packets are gathered: each wake-up costs as much as a packet, so one serves what has come meanwhile.
_GATHER_EVENTS_PER_S = 20_000
_GATHER_US = 60
_GATHER_WINDOW_NS = 10_000_000


@part
def _patience_ms(worker: Any, scratch: Any) -> Any:
    if worker["ports_open"] == 0:
        return _IDLE_WAIT_MS
    left_ns = worker["next_sweep_ns"] - monotonic_ns(scratch)
    return min(max(left_ns // 1_000_000 + 1, 0), _IDLE_WAIT_MS)


_ports = from_dtype(PORT)[::1]
_workers = from_dtype(WORKER)[::1]
_commands = from_dtype(COMMAND)[::1]
_events = from_dtype(EVENT)[::1]
_scratch = from_dtype(SCRATCH)[::1]


@part
def _gather(worker: Any, count: int, now_ns: int) -> None:
    """Under load let packets gather for a tenth of a millisecond before the next look."""
    worker["gather_events"] += count
    passed_ns = now_ns - worker["gather_from_ns"]
    if passed_ns >= _GATHER_WINDOW_NS:
        worker["gathering"] = worker["gather_events"] * 1_000_000_000 // passed_ns > _GATHER_EVENTS_PER_S
        worker["gather_events"] = 0
        worker["gather_from_ns"] = now_ns
    if worker["gathering"] != 0 and count < EPOLL_EVENTS:
        usleep(_GATHER_US)


@entry(types.void(_ports, _workers, types.int64, types.int64[::1], _commands, _events, types.int16[::1], _scratch))
def run_worker(
    ports: Any, workers: Any, number: int, positions: Any, commands: Any, events: Any, clips: Any, scratches: Any
) -> None:
    """Serve the ports that commands give to worker `number` until a command stops it.

    Arrays of the records of `softswitch.media.layout`; `positions` and the two rings are this worker's own, `clips`
    is int16[n], all that is played. The loop allocates nothing and takes no lock.
    """
    worker = workers[number]
    scratch = scratches[0]
    ready = scratch["epoll"]
    while worker["running"] != 0:
        count = epoll_wait(worker["epoll_fd"], ready.ctypes.data, EPOLL_EVENTS, _patience_ms(worker, scratch))
        now_ns = monotonic_ns(scratch)
        if _load_acquire(positions, COMMANDS_WRITTEN) != positions[COMMANDS_DONE]:
            apply_commands(ports, worker, positions, commands, scratch, now_ns)
        for k in range(count):
            at = EPOLL_WORDS * k + EPOLL_DATA
            code = ready[at]
            if code < 0:  # the command eventfd and the timer only had to wake us
                continue
            port = ports[code >> 1]
            if port["state"] != OPEN or ready[at + 1] != port["generation"] & 0x7FFFFFFF:
                continue  # closed by a command of this very turn
            if code & 1:
                receive_rtcp(port, code >> 1, worker, positions, events, scratch, now_ns)
            else:
                receive(ports, code >> 1, worker, positions, events, scratch, now_ns)
        if worker["players"] > 0 and worker["wheel_ns"] <= now_ns:
            turn_wheel(ports, worker, positions, events, clips, scratch, now_ns)
        if now_ns >= worker["next_sweep_ns"]:
            sweep(ports, worker, positions, events, scratch, now_ns)
        _gather(worker, count, now_ns)
