"""The packet thread: waits for packets, commands and time, and does what each asks, without the GIL, until stopped."""

from __future__ import annotations

from typing import Any

from numba import from_dtype, types

from softswitch.media.kernels import atomic
from softswitch.media.kernels.cipher import forget_ciphers, free_ciphers
from softswitch.media.kernels.clock import monotonic_ns
from softswitch.media.kernels.commands import apply_commands
from softswitch.media.kernels.compiler import entry, part
from softswitch.media.kernels.libc import EPOLL_DATA, EPOLL_WORDS, epoll_wait, usleep
from softswitch.media.kernels.player import turn_wheel
from softswitch.media.kernels.receive import expect, receive, receive_internal, receive_rtcp
from softswitch.media.kernels.spans import arm_span_timer, receive_pseudowires, turn_spans
from softswitch.media.kernels.sweep import sweep
from softswitch.media.kernels.unowned import unowned
from softswitch.media.kernels.watching import CONTROL, GIVEN, KINDS
from softswitch.media.layouts.commands import COMMAND
from softswitch.media.layouts.events import EVENT
from softswitch.media.layouts.link import LINK
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.room import ROOM
from softswitch.media.layouts.scratch import EPOLL_EVENTS, SCRATCH
from softswitch.media.layouts.shared import INTERNAL_PORT, OPEN, RTP_PORT
from softswitch.media.layouts.voice import VOICE
from softswitch.media.layouts.wire import LINE, SPAN
from softswitch.media.layouts.worker import COMMANDS_DONE, COMMANDS_WRITTEN, WORKER

_load_acquire = atomic.load_acquire

#: Without anything to do the loop turns so often nevertheless, so that it is seen to be alive.
_IDLE_WAIT_MS = 200

#: Packets for jitter buffers can wait, so when nearly all are such they are gathered: one wake-up serves what has come
#: meanwhile. Packets that are passed on at once are not: a sleep of 60 µs between looks at 50 000 of them a second cost
#: 3 µs a packet on a machine with nothing else to do, and a tenth of a millisecond of delay.
_GATHER_VOICES_PER_S = 2_000
_GATHER_VOICES_US = 2_500
_NEARLY_ALL = 8
#: What calls of a span bring is wanted at its next tick and no sooner; the longest that anything waits for that.
_GATHER_SPANS_PER_S = 1_200
_GATHER_SPANS_US = 2_000
_GATHER_WINDOW_NS = 10_000_000
#: Calls of a span bring their packets in bursts, 20 ms apart.
_GATHER_SPANS_WINDOW_NS = 40_000_000


@part
def _patience_ms(worker: Any, scratch: Any) -> Any:
    if worker["ports_open"] == 0:
        return _IDLE_WAIT_MS
    if _sleeps_by_spans(worker):
        return 0
    left_ns = worker["next_sweep_ns"] - monotonic_ns(scratch)
    return min(max(left_ns // 1_000_000 + 1, 0), _IDLE_WAIT_MS)


@part
def _expect_next(ports: Any, ready: Any, k: int, count: int) -> None:
    if k < count:
        code = ready[EPOLL_WORDS * k + EPOLL_DATA]
        if code >= 0:
            expect(ports, code // KINDS)


_ports = from_dtype(PORT)[::1]
_rooms = from_dtype(ROOM)[::1]
_voices = from_dtype(VOICE)[::1]
_links = from_dtype(LINK)[::1]
_workers = from_dtype(WORKER)[::1]
_commands = from_dtype(COMMAND)[::1]
_events = from_dtype(EVENT)[::1]
_scratch = from_dtype(SCRATCH)[::1]
_lines = from_dtype(LINE)[::1]
_spans = from_dtype(SPAN)[::1]


@part
def _sleeps_by_spans(worker: Any) -> Any:
    """Whether `_gather` sleeps until the next tick of a span, so that nothing else need wake the loop for it."""
    return worker["spans"] > 0 and worker["gathering"] == _GATHER_SPANS_US


@part
def _gather(worker: Any, count: int, scratch: Any, now_ns: int) -> None:
    """Under load let packets gather for a part of a millisecond before the next look."""
    worker["gather_events"] += count
    passed_ns = now_ns - worker["gather_from_ns"]
    if passed_ns >= (_GATHER_SPANS_WINDOW_NS if worker["spans"] > 0 else _GATHER_WINDOW_NS):
        rate = worker["gather_events"] * 1_000_000_000 // passed_ns
        others = worker["gather_events"] - worker["gather_voices"]
        if rate > _GATHER_VOICES_PER_S and others * _NEARLY_ALL < worker["gather_events"]:
            worker["gathering"] = _GATHER_VOICES_US
        elif worker["spans"] > 0 and rate > _GATHER_SPANS_PER_S:
            worker["gathering"] = _GATHER_SPANS_US
        else:
            worker["gathering"] = 0
        worker["gather_events"] = 0
        worker["gather_voices"] = 0
        worker["gather_from_ns"] = now_ns
    if worker["gathering"] != 0 and count < EPOLL_EVENTS:
        wait_us = worker["gathering"]
        if worker["rooms"] > 0:  # but no longer than to the next turn
            wait_us = min(wait_us, max((worker["wheel_due_ns"] - monotonic_ns(scratch)) // 1000, 0))
        if worker["spans"] > 0:
            wait_us = min(wait_us, max((worker["span_due_ns"] - monotonic_ns(scratch)) // 1000, 0))
        usleep(wait_us)


@part
def _serve(
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
    lines: Any,
    spans: Any,
    workers: Any,
    number: int,
    positions: Any,
    commands: Any,
    events: Any,
    clips: Any,
    scratches: Any,
) -> None:
    """`run_worker`, without counting references."""
    worker = workers[number]
    scratch = scratches[0]
    arrays = (ports, rooms, voices, lines, spans)
    ready = scratch["epoll"]
    forget_ciphers(scratch)
    while worker["running"] != 0:
        if worker["spans"] > 0 and not _sleeps_by_spans(worker):
            arm_span_timer(worker, scratch)
        count = epoll_wait(worker["epoll_fd"], ready.ctypes.data, EPOLL_EVENTS, _patience_ms(worker, scratch))
        worker["turns"] += 1
        now_ns = monotonic_ns(scratch)
        if _load_acquire(positions, COMMANDS_WRITTEN) != positions[COMMANDS_DONE]:
            apply_commands(ports, rooms, voices, links, spans, worker, positions, commands, scratch, now_ns)
        for k in range(count):
            at = EPOLL_WORDS * k + EPOLL_DATA
            code = ready[at]
            if code < 0:  # the command eventfd and the timer only had to wake us
                continue
            _expect_next(ports, ready, k + 1, count)
            slot, kind = code // KINDS, code % KINDS
            port = ports[slot]
            if port["state"] != OPEN or ready[at + 1] != port["generation"] & 0x7FFFFFFF:
                continue  # closed by a command of this very turn
            if kind == CONTROL:
                receive_rtcp(ports, rooms, slot, worker, positions, events, scratch, now_ns)
            elif port["kind"] == RTP_PORT:
                descriptor = port["rtp_fd"] if kind == GIVEN else port["connected_fd"]
                receive(ports, rooms, voices, slot, descriptor, worker, positions, events, scratch, now_ns)
            elif port["kind"] >= INTERNAL_PORT:
                receive_internal(ports, rooms, voices, slot, worker, positions, events, scratch, now_ns)
            else:
                receive_pseudowires(arrays, slot, worker, scratch, now_ns)
        if worker["spans"] > 0:
            turn_spans(arrays, worker, positions, events, scratch, now_ns)
        if worker["players"] + worker["rooms"] > 0 and worker["wheel_due_ns"] <= now_ns:
            turn_wheel(ports, rooms, voices, links, workers, number, positions, events, clips, scratches, now_ns)
        if now_ns >= worker["next_sweep_ns"]:
            sweep(ports, worker, positions, events, scratch, now_ns)
        _gather(worker, count, scratch, now_ns)
    free_ciphers(scratch)


@entry(
    types.void(
        _ports, _rooms, _voices, _links, _lines, _spans, _workers, types.int64, types.int64[::1], _commands,
        _events, types.int16[::1], _scratch,
    )
)  # fmt: skip
def run_worker(
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
    lines: Any,
    spans: Any,
    workers: Any,
    number: int,
    positions: Any,
    commands: Any,
    events: Any,
    clips: Any,
    scratches: Any,
) -> None:
    """Serve the ports that commands give to worker `number` until a command stops it.

    Arrays of the records of `media/layouts/shared.py`; `positions` and the two rings are this worker's own, `clips`
    is int16[n], all that is played. The loop allocates nothing and takes no lock.
    """
    _serve(
        unowned(ports),
        unowned(rooms),
        unowned(voices),
        unowned(links),
        unowned(lines),
        unowned(spans),
        unowned(workers),
        number,
        unowned(positions),
        unowned(commands),
        unowned(events),
        unowned(clips),
        unowned(scratches),
    )
