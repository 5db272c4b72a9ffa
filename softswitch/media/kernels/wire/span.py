"""One span served: a packet that has come goes into its buffer, and for each tick one is taken and one is sent."""

from __future__ import annotations

from typing import Any

from numba import carray as _carray  # type: ignore[attr-defined]
from numba import from_dtype, types

from softswitch.media.kernels.clock import SECOND_NS
from softswitch.media.kernels.libc import IPPROTO_UDP, UDP_SEGMENT, sendto, setsockopt
from softswitch.media.kernels.octets import copy_octets
from softswitch.media.kernels.wire.buffer import LOST, NOTHING, empty, put, take
from softswitch.media.kernels.wire.compiler import callback, part
from softswitch.media.kernels.wire.g704 import fill_with_ones, receive_bits, send_frame
from softswitch.media.kernels.wire.headers import header_octets, read_headers, write_headers
from softswitch.media.kernels.wire.pace import next_tick, open_window
from softswitch.media.kernels.wire.slots import collect, hear, say
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.shared import MAXIMUM_PACKET
from softswitch.media.layouts.wire import (
    ALARM_AIS,
    ALARM_LMFA,
    ALARM_LOF,
    ALARM_PACKETS,
    ALARM_RAI,
    CESOPSN,
    CRC4_ON,
    FLAG_L,
    FLAG_NO_PAYLOAD,
    FLAG_R,
    FLAG_RDI,
    LINE,
    OUTPUT_OCTETS,
    SPAN,
    WIRE_FLOWING,
    WIRE_IDLE,
    WIRE_OCTETS,
    WIRE_PLACES,
)

_pointer: Any = types.CPointer
_NEVER_NS = 1 << 62
#: Packets that a jitter buffer holds at least when ticks are done in pairs.
_DEEP = 8
_WHOLE, _REPEATED, _IDLE = 0, 1, 2
_ALIGNED = 2


@part
def begin(span: Any, now_ns: int) -> None:
    """Let a span's time begin; what an earlier packet thread had in its buffer is forgotten."""
    empty(span)
    open_window(span)
    span["next_tick_ns"] = now_ns + span["period_ns"]
    span["running"] = 1
    span["quiet_ticks"] = 0
    span["lossy"] = 1
    span["missing_in_row"] = 0
    span["good_in_row"] = 0


@part
def serve(span: Any, ports: Any, lines: Any, slot: int, worker: int, packet: Any, size: int, now_ns: int) -> None:
    """Take the packet `packet[:size]` (uint8), or, with size -1, do the ticks that are due.

    On whatever wake-up a tick is done up to three quarters of its period early: a packet thread that serves what comes
    once a millisecond need not be woken by the timer besides. Where the jitter buffer is deep enough, the tick after it
    is done as well: waking up costs more than a packet.
    """
    span["ready_count"] = 0
    if span["running"] == 0 or (size >= 0 and span["next_tick_ns"] == _NEVER_NS):
        begin(span, now_ns)
    if size >= 0:
        sequence, flags, at = read_headers(span, packet, size)
        if sequence < 0:
            span["packets_malformed"] += 1
        else:
            length = 0 if flags & FLAG_NO_PAYLOAD else span["payload"]
            put(span, packet, at, length, sequence, flags, now_ns)
        return
    early_ns = span["period_ns"] * 3 // 4
    if span["depth_ns"] >= _DEEP * span["period_ns"]:
        early_ns += span["period_ns"]
    while span["next_tick_ns"] - early_ns <= now_ns:
        _play(span, ports, lines, worker)
        _look_for_alarms(span)
        _make(span, ports, lines, ports[slot])
        span["tx_frames"] += span["frames"]
        next_tick(span, now_ns)
        if span["waits"] != 0 and _is_quiet(span):
            span["next_tick_ns"] = _NEVER_NS
    if span["output_fill"] != 0:
        _send(span, ports[slot])


@part
def _is_quiet(span: Any) -> Any:
    """Whether the far end has sent nothing for so long that it will not be there."""
    span["quiet_ticks"] = span["quiet_ticks"] + 1 if span["state"] == WIRE_IDLE else 0
    return span["quiet_ticks"] * span["period_ns"] >= SECOND_NS


@part
def _play(span: Any, ports: Any, lines: Any, worker: int) -> None:
    """This tick's packet, or what stands for it, to the timeslots."""
    taken = take(span)
    if taken == NOTHING:
        return
    last = span["last"]
    size = span["payload"]
    if taken == LOST:
        _hear_all(span, ports, lines, worker, _REPEATED if span["missing_in_row"] <= 1 else _IDLE)
        return
    place = (span["next_sequence"] - 1) & (WIRE_PLACES - 1)
    if span["place_size"][place] == 0 or span["flags"] & FLAG_L:
        fill_with_ones(last, size)
        _hear_all(span, ports, lines, worker, _IDLE)
        return
    copy_octets(span["packets"], place * WIRE_OCTETS, last, 0, size)
    _hear_all(span, ports, lines, worker, _WHOLE)


@part
def _hear_all(span: Any, ports: Any, lines: Any, worker: int, substitute: int) -> None:
    """The payload in `last` to the timeslots."""
    last = span["last"]
    if span["mode"] != CESOPSN:
        receive_bits(span, ports, lines, worker, last, 0, span["payload"], substitute)
        return
    span["frames_received"] += span["frames"]
    count = span["slot_count"]
    for k in range(count):
        hear(span, ports, lines, worker, span["slots"][k], last, k, count, span["frames"], substitute)


@part
def _look_for_alarms(span: Any) -> None:
    alarms = 0
    if span["state"] != WIRE_FLOWING or span["lossy"] != 0:
        alarms = ALARM_PACKETS
    else:
        if span["flags"] & FLAG_L:
            alarms |= ALARM_AIS
        if span["flags"] & (FLAG_R | FLAG_RDI):
            alarms |= ALARM_RAI
        if span["mode"] != CESOPSN:
            alarms |= _framing_alarms(span)
    span["alarms"] = alarms


@part
def _framing_alarms(span: Any) -> Any:
    if span["aligned"] == 0:
        return ALARM_AIS if span["ais"] != 0 else ALARM_LOF
    alarms = ALARM_RAI if span["rai"] != 0 else 0

    if span["crc4"] == CRC4_ON and span["multiframe"] != _ALIGNED:
        alarms |= ALARM_LMFA
    return alarms


@part
def _make(span: Any, ports: Any, lines: Any, port: Any) -> None:
    """Make the packet of this tick; it is sent with those of the ticks that are done besides."""
    collect(span, ports, lines)
    output = span["output"]
    ill = span["alarms"] & ~ALARM_RAI != 0
    size = header_octets(span) + span["payload"]
    if span["output_fill"] + size > OUTPUT_OCTETS:
        _send(span, port)
    begin = span["output_fill"]
    at = begin + write_headers(span, output[begin:], FLAG_R if span["lossy"] != 0 else 0)
    if span["mode"] == CESOPSN:
        count = span["slot_count"]
        for k in range(count):
            say(span, span["slots"][k], output, at + k, count, 0, span["frames"])
    else:
        for frame in range(span["frames"]):
            send_frame(span, output, at + 32 * frame, frame, ill)
    span["frames_sent"] += span["frames"]
    span["output_fill"] = begin + size
    if span["segments"] == 0:
        _send(span, port)


@part
def _send(span: Any, port: Any) -> None:
    """Send what was made. All packets are of one size, by which the kernel cuts them if it can (UDP_SEGMENT).

    A network interface may not be able to: then each is sent by itself from now on.
    """
    fill = span["output_fill"]
    size = header_octets(span) + span["payload"]
    span["output_fill"] = 0
    if span["segments"] != 0:
        if _send_octets(span, port, 0, fill):
            _count_sent(span, port, fill, size)
            return
        span["segments"] = 0
        span["word"][0] = 0
        setsockopt(port["rtp_fd"], IPPROTO_UDP, UDP_SEGMENT, span["word"].ctypes.data, 4)
    for at in range(0, fill, size):
        if _send_octets(span, port, at, size):
            _count_sent(span, port, size, size)
        else:
            span["send_errors"] += 1


@part
def _send_octets(span: Any, port: Any, at: int, size: int) -> Any:
    octets = span["output"].ctypes.data + at
    return sendto(port["rtp_fd"], octets, size, 0, port["remote"].ctypes.data, port["remote_length"]) >= 0


@part
def _count_sent(span: Any, port: Any, octets: int, size: int) -> None:
    span["packets_sent"] += octets // size
    port["packets_sent"] += octets // size
    port["octets_sent"] += octets


@callback(
    types.void(
        _pointer(from_dtype(SPAN)),
        _pointer(from_dtype(PORT)),
        types.int64,
        _pointer(from_dtype(LINE)),
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        _pointer(types.uint8),
        types.int64,
        types.int64,
    )
)
def serve_span(
    spans: Any,
    ports: Any,
    port_count: int,
    lines: Any,
    line_count: int,
    number: int,
    slot: int,
    worker: int,
    packet: Any,
    size: int,
    now_ns: int,
) -> None:
    """`serve` for the packet loop, which calls it by address: the shared arrays as pointers."""
    serve(
        _carray(spans, (number + 1,))[number],
        _carray(ports, (port_count,)),
        _carray(lines, (line_count,)),
        slot,
        worker,
        _carray(packet, (MAXIMUM_PACKET,)),
        size,
        now_ns,
    )
