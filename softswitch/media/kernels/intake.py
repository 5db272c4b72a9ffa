"""Packets whose sound is to be taken apart: put into the port's jitter buffer, from which the mixer takes them.

Sequence numbers alone decide the order. A packet that comes when its turn is over is late and dropped; one so far
ahead that there is no place for it, or of a new stream, begins a new buffer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.clock import ticks
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import transmit
from softswitch.media.kernels.octets import copy_octets, get16, put16, put32
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.layouts.shared import MAXIMUM_PACKET, OPEN, UNMAPPED
from softswitch.media.layouts.voice import FLOWING, GATHERING, IDLE, JITTER_PLACES
from softswitch.media.layouts.worker import TICK_NS

#: So much older than the first packet another may be to take its place as the first.
_EARLIER = 8
_TURNS_PER_S = 100
_EVENT_OCTETS = 4
_EVENT_END = 0x80
#: After the last packet of a telephone-event that has no end, sound is heard again.
_EVENT_HOLD_NS = 100_000_000


@part
def empty_buffer(voice: Any) -> None:
    """Forget every packet that waits."""
    for i in range(JITTER_PLACES):
        voice["sequence"][i] = -1
        voice["spare"][i] = i
    voice["spares"] = JITTER_PLACES
    voice["state"] = IDLE
    voice["stretched"] = 0


@part
def take_in(
    port: Any, voice: Any, packet: Any, size: int, number: int, sequence: int, renewed: bool, now_ns: int
) -> None:
    """Put a packet of the port's format `number` into the voice's buffer; what is not decoded takes its place empty."""
    begin, end = payload_bounds(packet, size)
    if begin == 0:
        port["malformed"] += 1
        return
    if renewed:
        empty_buffer(voice)
    ahead = (sequence - voice["next_sequence"]) & 0xFFFF
    if voice["state"] != IDLE and ahead >= 0x8000:
        if voice["state"] == FLOWING or 0x10000 - ahead > _EARLIER:
            voice["late"] += 1
            return
        voice["next_sequence"] = sequence
    elif voice["state"] != IDLE and ahead >= JITTER_PLACES:
        empty_buffer(voice)
    if voice["state"] == IDLE:
        voice["state"] = GATHERING
        voice["next_sequence"] = sequence
        voice["highest_sequence"] = sequence
        voice["first_arrival_ns"] = now_ns
    if ((sequence - voice["highest_sequence"]) & 0xFFFF) < 0x8000:
        voice["highest_sequence"] = sequence
        if voice["state"] == FLOWING:
            _measure_slack(voice, sequence, now_ns)
    place = sequence & (JITTER_PLACES - 1)
    length = end - begin if voice["decoder_of"][number] != 0 else 0
    if voice["sequence"][place] < 0:
        _give_part(voice, place)
    voice["sequence"][place] = sequence
    voice["length"][place] = length
    voice["format"][place] = number
    copy_octets(packet, begin, voice["payload"], voice["part"][place] * MAXIMUM_PACKET, length)


@part
def _give_part(voice: Any, place: int) -> None:
    """Let a packet have the part of `payload` that was left last: there are a few in use, whose memory stays near."""
    voice["spares"] -= 1
    voice["part"][place] = voice["spare"][voice["spares"]]


@part
def _measure_slack(voice: Any, sequence: int, now_ns: int) -> None:
    """Keep how long before its turn the latest packet comes: by this the two ends' clocks are compared."""
    before = (sequence - voice["next_sequence"]) & 0xFFFF
    samples = voice["heard_end"] - voice["heard_begin"] + before * voice["frame_samples"]
    turns = samples // (voice["rate_hz"] // _TURNS_PER_S)  # that what is there is enough for
    turn_ns = voice["turn_ns"] + (1 + turns) * TICK_NS
    voice["least_slack_ns"] = min(voice["least_slack_ns"], turn_ns - now_ns)


@part
def pass_event(port: Any, out: Any, voice: Any, size: int, number: int, stream: Any, scratch: Any, now_ns: int) -> None:
    """Send the telephone-event in `scratch` between the sound that `voice` has for `out`, which is silent meanwhile.

    All packets of one event bear the time of its beginning (RFC 4733 §2.5.1.2).
    """
    packet = scratch["packet"]
    begin, end = payload_bounds(packet, size)
    payload_type = port["route_payload_type"][number]
    if end - begin < _EVENT_OCTETS or out["state"] != OPEN or payload_type == UNMAPPED:
        port["dropped_payload_type"] += 1
        return
    if out["send"] == 0 or out["remote_length"] == 0 or out["playing"] != 0 or out["tx_ns"] == 0:
        port["dropped_direction"] += 1
        return
    second = payload_type
    if stream[2] != voice["event_source_timestamp"] or stream[0] != voice["event_ssrc"]:
        voice["event_ssrc"], voice["event_source_timestamp"] = stream[0], stream[2]
        passed = ticks(max(now_ns - out["tx_ns"], 0), voice["send_clock"])
        voice["event_timestamp"] = (out["tx_timestamp"] + passed) & 0xFFFFFFFF
        second |= 0x80
    voice["event_until_ns"] = now_ns if packet[begin + 1] & _EVENT_END else now_ns + _EVENT_HOLD_NS
    clock = np.int64(port["clock"][number])
    duration = get16(packet, begin + 2) * voice["send_clock"] // clock
    put16(packet, begin + 2, min(duration, 0xFFFF))
    out["tx_sequence"] = (out["tx_sequence"] + 1) & 0xFFFF
    packet[1] = second
    put16(packet, 2, out["tx_sequence"])
    put32(packet, 4, voice["event_timestamp"])
    put32(packet, 8, out["tx_ssrc"])
    transmit(out, packet, size, end - begin, scratch)
