"""Playing of clips (tones, announcements, recordings) into ports, on a wheel of ten 1 ms slots turned by one timer.

Every port that plays has a slot and is served each 10 ms at that slot's instant; packets longer than 10 ms go out at
every second, third … turn. The instants are counted from the first one and never from "now", so nothing drifts; the
least loaded slot is given to a new player, so that five hundred of them do not all send in the same millisecond.
"""

from __future__ import annotations

from typing import Any

from mediacodecs.g711 import ALAW_ENCODE, ULAW_ENCODE
from softswitch.media.kernels.clock import SECOND_NS
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import rebase, transmit
from softswitch.media.kernels.libc import TFD_TIMER_ABSTIME, timerfd_settime
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.kernels.sound_call import take_turn
from softswitch.media.layout import (
    EVENT_PLAYED,
    PLAY_ALAW,
    PLAY_ULAW,
    PLAYER_FEEDER,
    SLOT_NS,
    WHEEL_SLOTS,
)

#: Turns that were missed by more than this are left out instead of being sent in one burst.
_CATCH_UP_NS = 200_000_000
_NOBODY = -1


@part
def start_playing(ports: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> None:
    """Put a port whose `play_…` fields are set on the wheel; its first packet is due in the next few milliseconds."""
    port = ports[slot]
    port["play_position"] = 0
    port["play_countdown"] = 1
    port["feeder"] = PLAYER_FEEDER
    if port["playing"] != 0:  # a new clip in place of the old one keeps its turn
        rebase(port, PLAYER_FEEDER, 0, 0, 0, port["play_clock"], now_ns)
        return
    best = least_loaded(worker)
    first = worker["wheel"][best]
    port["play_slot"] = best
    port["play_next"] = first
    port["play_previous"] = _NOBODY
    if first != _NOBODY:
        ports[first]["play_previous"] = slot
    worker["wheel"][best] = slot
    worker["wheel_load"][best] += 1
    rebase(port, PLAYER_FEEDER, 0, 0, 0, port["play_clock"], now_ns)
    port["playing"] = 1
    worker["players"] += 1
    start_wheel(worker, now_ns)
    arm_wheel(worker, scratch)


@part
def least_loaded(worker: Any) -> Any:
    """The slot of the wheel with the fewest in it."""
    best = 0
    for i in range(WHEEL_SLOTS):
        if worker["wheel_load"][i] < worker["wheel_load"][best]:
            best = i
    return best


@part
def start_wheel(worker: Any, now_ns: int) -> None:
    """Let the wheel's time begin when the first player or room has come."""
    if worker["players"] + worker["rooms"] == 1:
        worker["wheel_ns"] = (now_ns // SLOT_NS + 1) * SLOT_NS


@part
def stop_playing(ports: Any, slot: int, worker: Any) -> None:
    """Take a port off the wheel; whatever else feeds it goes on in the same stream."""
    port = ports[slot]
    if port["playing"] == 0:
        return
    before, after = port["play_previous"], port["play_next"]
    if before != _NOBODY:
        ports[before]["play_next"] = after
    else:
        worker["wheel"][port["play_slot"]] = after
    if after != _NOBODY:
        ports[after]["play_previous"] = before
    worker["wheel_load"][port["play_slot"]] -= 1
    worker["players"] -= 1
    port["playing"] = 0


@part
def arm_wheel(worker: Any, scratch: Any) -> None:
    """Set the timer to the next slot that is not empty; setting it also takes back a timer that has fired."""
    due = 0
    if worker["players"] + worker["rooms"] > 0:
        due = worker["wheel_ns"]
        for _ in range(WHEEL_SLOTS):
            place = (due // SLOT_NS) % WHEEL_SLOTS
            if worker["wheel"][place] != _NOBODY or worker["room_wheel"][place] != _NOBODY:
                break
            due += SLOT_NS
    timer = scratch["timer"]  # struct itimerspec: interval 0, then the instant
    timer[0] = 0
    timer[1] = 0
    timer[2] = due // SECOND_NS
    timer[3] = due % SECOND_NS
    timerfd_settime(worker["timer_fd"], TFD_TIMER_ABSTIME, timer.ctypes.data, 0)


@part
def turn_wheel(
    ports: Any,
    rooms: Any,
    voices: Any,
    workers: Any,
    number: int,
    positions: Any,
    events: Any,
    clips: Any,
    scratches: Any,
    now_ns: int,
) -> None:
    """Serve every slot whose instant has come, in order, and set the timer to the next."""
    worker, scratch = workers[number], scratches[0]
    if worker["wheel_ns"] + _CATCH_UP_NS < now_ns:
        missed = (now_ns - worker["wheel_ns"]) // SLOT_NS
        missed -= missed % WHEEL_SLOTS  # whole turns, so that every player misses the same
        worker["wheel_ns"] += missed * SLOT_NS
        worker["deadlines_missed"] += missed // WHEEL_SLOTS * (worker["players"] + worker["rooms"])
    while worker["players"] + worker["rooms"] > 0 and worker["wheel_ns"] <= now_ns:
        place = (worker["wheel_ns"] // SLOT_NS) % WHEEL_SLOTS
        room = worker["room_wheel"][place]
        if room != _NOBODY:
            take_turn(
                worker["mixer"],
                ports,
                rooms,
                voices,
                workers,
                number,
                positions,
                events,
                clips,
                scratches,
                room,
                now_ns,
            )
        slot = worker["wheel"][place]
        while slot != _NOBODY:
            following = ports[slot]["play_next"]
            port = ports[slot]
            port["play_countdown"] -= 1
            if port["play_countdown"] == 0:
                port["play_countdown"] = port["play_ticks"]
                if play_packet(port, clips, scratch, now_ns):
                    play_id = port["play_id"]
                    stop_playing(ports, slot, worker)
                    notify(worker, positions, events, EVENT_PLAYED, slot, port, play_id, now_ns, scratch)
            slot = following
        worker["wheel_ns"] += SLOT_NS
    arm_wheel(worker, scratch)


@part
def play_packet(port: Any, clips: Any, scratch: Any, now_ns: int) -> bool:
    """Send the next packet of the port's clip (`clips`: int16[n], all clips one after the other); true at its end.

    While the port may not send the clip waits and only the timestamp goes on.
    """
    samples = port["play_samples"]
    timestamp = (port["tx_timestamp"] + samples) & 0xFFFFFFFF
    if port["marker_pending"] != 0 and port["feeder_ssrc"] == 0:
        timestamp = port["timestamp_offset"]  # as `rebase` has found it for this, the first packet
        port["feeder_ssrc"] = 1
    port["tx_timestamp"] = timestamp
    port["tx_clock"] = port["play_clock"]
    port["tx_ns"] = now_ns
    if port["send"] == 0 or port["remote_length"] == 0:
        port["marker_pending"] = 1
        return False
    packet = scratch["output"]
    port["tx_sequence"] = (port["tx_sequence"] + 1) & 0xFFFF
    packet[0] = 0x80
    packet[1] = port["play_payload_type"] | (0x80 if port["marker_pending"] != 0 else 0)
    port["marker_pending"] = 0
    put16(packet, 2, port["tx_sequence"])
    put32(packet, 4, timestamp)
    put32(packet, 8, port["tx_ssrc"])
    octets = _encode(port, clips, packet)
    transmit(port, packet, 12 + octets, octets)
    return bool(port["play_position"] >= port["play_length"])


@part
def _encode(port: Any, clips: Any, packet: Any) -> int:
    """Encode one packet's samples behind the header, silence where the clip ends; returns the payload's octets."""
    offset, length, position = port["play_offset"], port["play_length"], port["play_position"]
    codec, loop = port["play_codec"], port["play_loop"] != 0
    at = 12
    for _ in range(port["play_samples"]):
        if position >= length and loop:
            position = 0
        sample = clips[offset + position] if position < length else 0
        position += 1
        if codec == PLAY_ALAW:
            packet[at] = ALAW_ENCODE[(sample >> 4) + 2048]
            at += 1
        elif codec == PLAY_ULAW:
            packet[at] = ULAW_ENCODE[(sample >> 2) + 8192]
            at += 1
        else:
            packet[at] = (sample >> 8) & 0xFF
            packet[at + 1] = sample & 0xFF
            at += 2
    port["play_position"] = 0 if loop and position >= length else position
    return at - 12
