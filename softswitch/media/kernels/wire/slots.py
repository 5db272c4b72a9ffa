"""Timeslots: what comes on them to the ports of calls, in packets of 20 ms, and what these say, octet by octet.

An octet of a B channel is the octet of an A-law packet. Towards the line packets are placed by their timestamps, a
`lead` ahead of the line's clock, so that the network's jitter is not heard and a packet that comes out of order is in
time. When they come too late the lead grows; when they have come much too early for long, it shrinks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels import atomic
from softswitch.media.kernels.libc import write
from softswitch.media.kernels.line import put_in
from softswitch.media.kernels.octets import get16, get32, put16, put32
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.kernels.wire.hdlc import receive_octet, send_octet
from softswitch.media.kernels.wire.treatment import treat_heard, treat_said
from softswitch.media.layouts.shared import NOBODY, OPEN
from softswitch.media.layouts.wire import (
    ALL_ONES,
    HEARD_OCTETS,
    IDLE_OCTET,
    LINE_OCTETS,
    LINE_PLACES,
    OUTBOX_READ,
    OUTBOX_WRITTEN,
    RTP_OCTETS,
    SAID_OCTETS,
)

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release

_PCMA = 8
_WHOLE, _REPEATED, _IDLE = 0, 1, 2
#: How long what waits is watched before the lead shrinks; by how much it grows; the longest. In octets.
_WATCH, _GROWTH, _LONGEST = 40_000, 80, 1600
_SPARE = 320
#: How often a port is looked at, in frames.
_LOOK_FRAMES = 32


@part
def hear(
    span: Any, ports: Any, lines: Any, worker: int, slot: int, octets: Any, first: int, stride: int, frames: int,
    substitute: int,
) -> None:  # fmt: skip
    """What came on timeslot `slot` in so many frames: `octets[first]` (uint8) and every `stride`-th after it.

    Of a packet that is missing (`substitute`) the D channel hears ones.
    """
    if slot == span["d_slot"]:
        for frame in range(frames):
            receive_octet(span, ALL_ONES if substitute != _WHOLE else np.int64(octets[first + frame * stride]))
    elif span["slot_port"][slot] != NOBODY:
        heard = span["heard"]
        base = slot * HEARD_OCTETS
        count = span["heard_count"][slot]
        for frame in range(frames):
            heard[base + count] = IDLE_OCTET if substitute == _IDLE else octets[first + frame * stride]
            count += 1
            if count == HEARD_OCTETS:
                count = 0
                _hand_in(span, ports, lines, worker, slot)
        span["heard_count"][slot] = count


@part
def _hand_in(span: Any, ports: Any, lines: Any, worker: int, slot: int) -> None:
    """Give a packet of what was heard to the timeslot's port."""
    at = span["slot_port"][slot]
    port = ports[at]
    if port["state"] != OPEN or port["generation"] != span["slot_generation"][slot]:
        return
    packet = span["handed"]
    packet[0] = 0x80
    packet[1] = _PCMA
    put16(packet, 2, span["heard_sequence"][slot])
    put32(packet, 4, span["heard_timestamp"][slot])
    put32(packet, 8, (span["rtp_ssrc"] + slot) & 0xFFFFFFFF)
    span["heard_sequence"][slot] = (span["heard_sequence"][slot] + 1) & 0xFFFF
    span["heard_timestamp"][slot] = (span["heard_timestamp"][slot] + HEARD_OCTETS) & 0xFFFFFFFF
    for i in range(HEARD_OCTETS):
        packet[RTP_OCTETS + i] = span["heard"][slot * HEARD_OCTETS + i]
    if span["treated"] != 0:
        treat_heard(span, slot, packet, RTP_OCTETS)
    if not put_in(lines[span["slot_line"][slot]], packet, RTP_OCTETS + HEARD_OCTETS):
        span["heard_lost"] += 1
    if port["worker"] == worker:
        _call_ready(span, at)
    elif span["slot_wake"][slot] >= 0:
        span["word"][0] = 1
        write(span["slot_wake"][slot], span["word"].ctypes.data, 8)


@part
def _call_ready(span: Any, port: int) -> None:
    """Let the packet loop look into a port's line when we are done."""
    for i in range(span["ready_count"]):
        if span["ready"][i] == port:
            return
    span["ready"][span["ready_count"]] = port
    span["ready_count"] += 1


@part
def collect(span: Any, ports: Any, lines: Any) -> None:
    """Put what the ports have sent since they were looked at last in its place.

    A port sends every 20 ms, and ahead of time: each is looked at every four milliseconds, some of them at each tick.
    """
    turns = max(_LOOK_FRAMES // span["frames"], 1)
    turn = span["tx_frames"] // span["frames"] % turns
    for i in range(turn, span["slot_count"], turns):
        slot = span["slots"][i]
        at = span["slot_port"][slot]
        if at == NOBODY or slot == span["d_slot"]:
            continue
        line = lines[span["slot_line"][slot]]
        positions = line["positions"]
        read = positions[OUTBOX_READ]
        written = _load_acquire(positions, OUTBOX_WRITTEN)
        while read < written:
            place = read % LINE_PLACES
            _place(span, slot, line["outbox"], place * LINE_OCTETS, line["outbox_size"][place])
            read += 1
            _store_release(positions, OUTBOX_READ, read)


@part
def _place(span: Any, slot: int, octets: Any, at: int, size: int) -> None:
    """Put an RTP packet, `octets[at:at + size]`, where its timestamp says."""
    length = size - RTP_OCTETS
    if length <= 0 or octets[at + 1] & 0x7F != _PCMA or get16(octets, at) >> 8 != 0x80:
        return
    timestamp = get32(octets, at + 4)
    now = span["tx_frames"]
    if span["said_flowing"][slot] == 0:
        span["said_flowing"][slot] = 1
        span["said_lead"][slot] = span["lead"]
        _begin(span, slot, timestamp)
    slack = _position(span, slot, timestamp) - now
    if slack < 0:
        span["said_late"] += 1
        span["said_lead"][slot] = min(span["said_lead"][slot] + _GROWTH, _LONGEST)
        _begin(span, slot, timestamp)
        slack = span["said_lead"][slot]
    elif slack + length > SAID_OCTETS:
        span["said_slips"] += 1
        _begin(span, slot, timestamp)
        slack = span["said_lead"][slot]
    span["said_least"][slot] = min(span["said_least"][slot], slack)
    if now - span["said_from"][slot] > _WATCH:
        if span["said_least"][slot] > span["said_lead"][slot] + _SPARE:
            span["said_slips"] += 1
            span["said_lead"][slot] = max(span["said_lead"][slot] - _GROWTH, span["lead"])
            _begin(span, slot, timestamp)
            slack = span["said_lead"][slot]
        span["said_least"][slot] = SAID_OCTETS
        span["said_from"][slot] = now
    base = slot * SAID_OCTETS
    for i in range(min(length, SAID_OCTETS)):
        span["said"][base + ((now + slack + i) & (SAID_OCTETS - 1))] = octets[at + RTP_OCTETS + i]


@part
def _begin(span: Any, slot: int, timestamp: int) -> None:
    """Let the packet of this timestamp be said a lead from now."""
    span["said_base"][slot] = (timestamp - span["tx_frames"] - span["said_lead"][slot]) & 0xFFFFFFFF
    span["said_least"][slot] = SAID_OCTETS
    span["said_from"][slot] = span["tx_frames"]


@part
def _position(span: Any, slot: int, timestamp: int) -> Any:
    """When a timestamp is said, as a count of the line's frames near the present one."""
    now = span["tx_frames"]
    ahead = (timestamp - span["said_base"][slot] - now) & 0xFFFFFFFF
    return now + (ahead if ahead < 0x80000000 else ahead - 0x100000000)


@part
def say(span: Any, slot: int, octets: Any, first: int, stride: int, frame: int, frames: int) -> None:
    """Write what a timeslot says in `frames` frames, from number `frame` of the packet being made on, in order.

    The first octet goes to `octets[first]` (uint8), every other one `stride` further.
    """
    if slot == span["d_slot"]:
        for i in range(frames):
            octets[first + i * stride] = send_octet(span)
    elif span["slot_port"][slot] == NOBODY:
        for i in range(frames):
            octets[first + i * stride] = IDLE_OCTET
    else:
        said = span["said"]
        base = slot * SAID_OCTETS
        at = span["tx_frames"] + frame
        treated = span["treated"] != 0
        for i in range(frames):
            place = base + ((at + i) & (SAID_OCTETS - 1))
            octet = said[place]
            said[place] = IDLE_OCTET
            octets[first + i * stride] = treat_said(span, slot, octet, frame + i) if treated else octet
