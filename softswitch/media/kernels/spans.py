"""Spans in the packet loop: their datagrams and their time, and the packets they have given to ports.

What is done with a pseudowire packet is compiled apart (`kernels.wire`) and called by address, like the mixer: a
switch without spans neither compiles nor loads it.
"""

from __future__ import annotations

from typing import Any

from numba.extending import overload

from softswitch.media.kernels import atomic
from softswitch.media.kernels.clock import SECOND_NS
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.handover import drop_wake, take_wake
from softswitch.media.kernels.libc import TFD_TIMER_ABSTIME, timerfd_settime
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import same_host
from softswitch.media.kernels.receive import receive_internal, take_datagram
from softswitch.media.kernels.sound_call import call_address
from softswitch.media.layouts.events import EVENT_ALARMS, EVENT_FRAMES
from softswitch.media.layouts.shared import MAXIMUM_PACKET, NOBODY
from softswitch.media.layouts.wire import FRAMES_IN_WRITTEN, IDLE_OCTET, MAXIMUM_SPANS, SAID_OCTETS, WIRE_PLACES

_load_acquire = atomic.load_acquire
_NEVER_NS = 1 << 62


@part
def enter_span(worker: Any, span: Any, slot: int) -> None:
    """Serve the span of a pseudowire that is being opened."""
    if worker["spans"] < MAXIMUM_SPANS:
        worker["span_ports"][worker["spans"]] = slot
        worker["spans"] += 1
        worker["span_due_ns"] = 0
        span["running"] = 0


@part
def leave_span(worker: Any, slot: int) -> None:
    """Serve a pseudowire no more."""
    for i in range(worker["spans"]):
        if worker["span_ports"][i] == slot:
            worker["spans"] -= 1
            worker["span_ports"][i] = worker["span_ports"][worker["spans"]]
            return


@part
def take_channel(ports: Any, span: Any, worker: Any, command: Any, scratch: Any) -> None:
    """Carry out a CHANNEL command: a timeslot is a port's from now on, or nobody's."""
    slot, port = command["place"], command["peer"]
    wake = -1
    if port != NOBODY:
        wake = ports[port]["rtp_fd"]
        if worker["handover_fd"] >= 0:
            wake = take_wake(port, command["octets"], span["slot_wake"][slot], worker, scratch)
    elif worker["handover_fd"] >= 0:
        drop_wake(span["slot_wake"][slot])
    span["slot_wake"][slot] = wake
    span["slot_port"][slot] = port
    span["slot_generation"][slot] = command["octets"]
    span["slot_line"][slot] = command["line"]
    span["heard_count"][slot] = 0
    span["said_flowing"][slot] = 0
    span["slot_fresh"][slot] = 1
    for i in range(SAID_OCTETS):
        span["said"][slot * SAID_OCTETS + i] = IDLE_OCTET


@part
def receive_pseudowire(arrays: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> bool:
    """Take one datagram from a pseudowire's socket into its buffer; false when there is none.

    `arrays` are ports, rooms, voices, lines and spans.
    """
    ports = arrays[0]
    port = ports[slot]
    size = take_datagram(port["rtp_fd"], scratch)
    if size < 0:
        return False
    if not same_host(scratch["source"], port["signalled"], port["ipv6"]):
        port["dropped_source"] += 1
        return True
    port["packets_received"] += 1
    port["octets_received"] += size
    size = min(size, MAXIMUM_PACKET)
    server = worker["span_server"]
    serve_far(server, arrays[4], ports, arrays[3], port["wire"], slot, worker["number"], scratch, size, now_ns)
    return True


@part
def receive_pseudowires(arrays: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> None:
    """Take what a pseudowire's socket has: one datagram, and all of them when packets are gathered."""
    if receive_pseudowire(arrays, slot, worker, scratch, now_ns) and worker["gathering"] != 0:
        _empty_socket(arrays, slot, worker, scratch, now_ns)


@part
def _empty_socket(arrays: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> None:
    """What has come in time is in time though it waits in the socket yet."""
    for _ in range(WIRE_PLACES):
        if not receive_pseudowire(arrays, slot, worker, scratch, now_ns):
            return
        worker["gather_events"] += 1


@part
def turn_spans(arrays: Any, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int) -> None:
    """Do the ticks that are due."""
    ports, spans = arrays[0], arrays[4]
    due_ns = _NEVER_NS
    for i in range(worker["spans"]):
        slot = worker["span_ports"][i]
        span = spans[ports[slot]["wire"]]
        if span["running"] != 0 and span["next_tick_ns"] + span["period_ns"] < now_ns:
            _empty_socket(arrays, slot, worker, scratch, now_ns)
        if span["running"] == 0 or span["next_tick_ns"] - span["period_ns"] * 3 // 4 <= now_ns:
            _tick(arrays, slot, worker, positions, events, scratch, now_ns)
        due_ns = min(due_ns, span["next_tick_ns"])
    worker["span_due_ns"] = due_ns


@part
def arm_span_timer(worker: Any, scratch: Any) -> None:
    """Let the timer wake the loop at the next tick."""
    due_ns = worker["span_due_ns"]
    if due_ns == worker["span_armed_ns"]:
        return
    worker["span_armed_ns"] = due_ns
    timer = scratch["timer"]  # struct itimerspec: interval 0, then the instant
    timer[0] = 0
    timer[1] = 0
    timer[2] = due_ns // SECOND_NS
    timer[3] = due_ns % SECOND_NS
    timerfd_settime(worker["span_timer_fd"], TFD_TIMER_ABSTIME, timer.ctypes.data, 0)


@part
def _tick(arrays: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int) -> None:
    """Let a span's time go on, serve the ports that it has given packets; tell of its D channel and its alarms."""
    ports, rooms, voices, lines, spans = arrays
    port = ports[slot]
    span = spans[port["wire"]]
    serve_far(worker["span_server"], spans, ports, lines, port["wire"], slot, worker["number"], scratch, -1, now_ns)
    for i in range(span["ready_count"]):
        receive_internal(ports, rooms, voices, span["ready"][i], worker, positions, events, scratch, now_ns)
    written = span["frame_positions"][FRAMES_IN_WRITTEN]
    if written != span["frames_told"]:
        span["frames_told"] = written
        notify(worker, positions, events, EVENT_FRAMES, slot, port, 0, now_ns, scratch)
    if span["alarms"] != span["alarms_told"]:
        span["alarms_told"] = span["alarms"]
        notify(worker, positions, events, EVENT_ALARMS, slot, port, span["alarms"], now_ns, scratch)


def serve_far(
    address: int, spans: Any, ports: Any, lines: Any, number: int, slot: int, worker: int, scratch: Any, size: int,
    now_ns: int,
) -> None:  # fmt: skip
    """Let the function at `address` serve span `number`, with the packet in `scratch`."""
    from softswitch.media.kernels.wire import span

    span.serve(spans[number], ports, lines, slot, worker, scratch["packet"], size, now_ns)


@overload(serve_far)
def _serve_far(
    address: Any, spans: Any, ports: Any, lines: Any, number: Any, slot: Any, worker: Any, scratch: Any, size: Any,
    now_ns: Any,
) -> Any:  # fmt: skip
    def compiled(
        address: Any, spans: Any, ports: Any, lines: Any, number: Any, slot: Any, worker: Any, scratch: Any, size: Any,
        now_ns: Any,
    ) -> Any:  # fmt: skip
        call_address(
            address,
            (
                spans.ctypes.data,
                ports.ctypes.data,
                len(ports),
                lines.ctypes.data,
                len(lines),
                number,
                slot,
                worker,
                scratch["packet"].ctypes.data,
                size,
                now_ns,
            ),
        )

    return compiled
