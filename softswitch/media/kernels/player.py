"""Playing of clips (tones, announcements, recordings) into ports, on a wheel of ten 1 ms slots turned by one timer.

Every port that plays has a slot and is served each 10 ms at that slot's instant; packets longer than 10 ms go out at
every second, third … turn. The instants are counted from the first one and never from "now", so nothing drifts; the
least loaded slot is given to a new player, so that five hundred of them do not all send in the same millisecond.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.frames import encode_frame
from mediacodecs.g711 import ALAW_ENCODE, ULAW_ENCODE
from mediacodecs.numbering import LEAD
from softswitch.media.kernels.clock import SECOND_NS
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import rebase, transmit
from softswitch.media.kernels.keypad import go_on_keying
from softswitch.media.kernels.libc import TFD_TIMER_ABSTIME, timerfd_settime
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.kernels.sound_call import take_turn
from softswitch.media.kernels.tap import tap_sent
from softswitch.media.layouts.events import EVENT_KEYS_SENT, EVENT_PLAYED
from softswitch.media.layouts.shared import KEY_DOWN, NO_KEY, PLAY_ALAW, PLAY_ENCODED, PLAY_ULAW, PLAYER_FEEDER
from softswitch.media.layouts.worker import SLOT_NS, WHEEL_SLOTS

#: Turns that were missed by more than this are left out instead of being sent in one burst.
_CATCH_UP_NS = 200_000_000
_NOBODY = -1
_HEADER_OCTETS = 12
_TICKS_PER_S = 100


@part
def start_playing(ports: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> None:
    """Let a port whose `play_…` fields are set play; its first packet is due in the next few milliseconds."""
    port = ports[slot]
    port["play_position"] = port["play_from"]
    port["play_countdown"] = 1
    port["playing"] = 1
    rebase(port, PLAYER_FEEDER, 0, 0, 0, port["play_clock"], now_ns)
    enter_wheel(ports, slot, worker, scratch, now_ns)


@part
def enter_wheel(ports: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> None:
    """Put a port on the wheel; one that is on it keeps its turn."""
    port = ports[slot]
    if port["on_wheel"] != 0:
        return
    best = least_loaded(worker)
    first = worker["wheel"][best]
    port["wheel_slot"] = best
    port["wheel_next"] = first
    port["wheel_previous"] = _NOBODY
    if first != _NOBODY:
        ports[first]["wheel_previous"] = slot
    worker["wheel"][best] = slot
    worker["wheel_load"][best] += 1
    port["on_wheel"] = 1
    worker["players"] += 1
    start_wheel(worker, now_ns)
    arm_wheel(worker, scratch)


@part
def least_loaded(worker: Any) -> Any:
    """The slot of the wheel with the fewest in it, the first one being far from that of the packet thread before: rooms
    that are linked had better not turn at the same instant."""
    number = worker["number"]
    first = number * WHEEL_SLOTS // 2 + number // 2 * 2  # 0 5 2 7 4 9 6 1 8 3
    best = first % WHEEL_SLOTS
    for i in range(1, WHEEL_SLOTS):
        place = (first + i) % WHEEL_SLOTS
        if worker["wheel_load"][place] < worker["wheel_load"][best]:
            best = place
    return best


@part
def start_wheel(worker: Any, now_ns: int) -> None:
    """Let the wheel's time begin when the first player or room has come."""
    if worker["players"] + worker["rooms"] == 1:
        worker["wheel_ns"] = (now_ns // SLOT_NS + 1) * SLOT_NS


@part
def stop_playing(ports: Any, slot: int, worker: Any) -> None:
    """End what a port plays; whatever else feeds it goes on in the same stream."""
    ports[slot]["playing"] = 0
    leave_wheel(ports, slot, worker)


@part
def stop_everything(ports: Any, slot: int, worker: Any) -> None:
    """End what a port plays, and the keys it presses."""
    ports[slot]["keying"] = NO_KEY
    stop_playing(ports, slot, worker)


@part
def leave_wheel(ports: Any, slot: int, worker: Any) -> None:
    """Take a port off the wheel that neither plays nor presses keys any more."""
    port = ports[slot]
    if port["on_wheel"] == 0 or port["playing"] != 0 or port["keying"] != NO_KEY:
        return
    before, after = port["wheel_previous"], port["wheel_next"]
    if before != _NOBODY:
        ports[before]["wheel_next"] = after
    else:
        worker["wheel"][port["wheel_slot"]] = after
    if after != _NOBODY:
        ports[after]["wheel_previous"] = before
    worker["wheel_load"][port["wheel_slot"]] -= 1
    worker["players"] -= 1
    port["on_wheel"] = 0


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
    worker["wheel_due_ns"] = due
    timerfd_settime(worker["timer_fd"], TFD_TIMER_ABSTIME, timer.ctypes.data, 0)


@part
def turn_wheel(
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
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
                links,
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
            following = ports[slot]["wheel_next"]
            port = ports[slot]
            if port["keying"] != NO_KEY and go_on_keying(port, scratch, now_ns):
                keys_id = port["keys_id"]
                leave_wheel(ports, slot, worker)
                notify(worker, positions, events, EVENT_KEYS_SENT, slot, port, keys_id, now_ns, scratch)
            if port["playing"] != 0 and _plays_out(port, slot, voices, clips, scratch, now_ns):
                play_id = port["play_id"]
                stop_playing(ports, slot, worker)
                notify(worker, positions, events, EVENT_PLAYED, slot, port, play_id, now_ns, scratch)
            slot = following
        worker["wheel_ns"] += SLOT_NS
    arm_wheel(worker, scratch)


@part
def _plays_out(port: Any, slot: int, voices: Any, clips: Any, scratch: Any, now_ns: int) -> bool:
    """A playing port's turn: a packet when one is due; true when that was the clip's last."""
    port["play_countdown"] -= 1
    if port["play_countdown"] != 0:
        return False
    port["play_countdown"] = port["play_ticks"]
    return bool(play_packet(port, slot, voices, clips, scratch, now_ns))


@part
def play_packet(port: Any, slot: int, voices: Any, clips: Any, scratch: Any, now_ns: int) -> Any:
    """Send the next packet of the port's clip (`clips`: int16[n], all clips one after the other); true at its end.

    While it is paused, and while the port may not send or presses a key, the clip waits and only the timestamp goes on.
    """
    timestamp = (port["tx_timestamp"] + port["play_clock"] * port["play_ticks"] // _TICKS_PER_S) & 0xFFFFFFFF
    if port["marker_pending"] != 0 and port["feeder_ssrc"] == 0:
        timestamp = port["timestamp_offset"]  # as `rebase` has found it for this, the first packet
        port["feeder_ssrc"] = 1
    port["tx_timestamp"] = timestamp
    port["tx_clock"] = port["play_clock"]
    port["tx_ns"] = now_ns
    if port["send"] == 0 or port["remote_length"] == 0 or port["play_paused"] != 0 or port["keying"] == KEY_DOWN:
        port["marker_pending"] = 1
        return False
    packet = scratch["output"]
    filled = _fill(port, voices, clips, scratch, packet)
    octets = filled % LEAD if filled > 0 else 0
    if octets == 0:  # nothing need be sent (discontinuous transmission)
        port["marker_pending"] = 1
        return _ended(port)
    port["tx_sequence"] = (port["tx_sequence"] + 1) & 0xFFFF
    packet[0] = 0x80
    packet[1] = port["play_payload_type"] | (0x80 if port["marker_pending"] != 0 else 0)
    port["marker_pending"] = 0
    put16(packet, 2, port["tx_sequence"])
    put32(packet, 4, (timestamp + filled // LEAD) & 0xFFFFFFFF)
    put32(packet, 8, port["tx_ssrc"])
    tap_sent(port, slot, packet, _HEADER_OCTETS + octets, scratch, now_ns)
    transmit(port, packet, _HEADER_OCTETS + octets, octets, scratch)
    return _ended(port)


@part
def _ended(port: Any) -> bool:
    return bool(port["play_position"] >= port["play_length"] and port["play_loop"] == 0)


@part
def _fill(port: Any, voices: Any, clips: Any, scratch: Any, packet: Any) -> Any:
    """Encode one packet's samples behind the header; returns what `encode_frame` does."""
    if port["play_codec"] != PLAY_ENCODED:
        return _encode(port, clips, packet)
    voice = voices[port["play_voice"]]
    samples = scratch["samples"]
    for i in range(port["play_samples"]):
        samples[i] = _next_sample(port, clips)
    return encode_frame(voice["send_codec"], voice["encoder"], samples, port["play_samples"], packet[_HEADER_OCTETS:])


@part
def _next_sample(port: Any, clips: Any) -> Any:
    """The clip's next sample, silence behind its end; a loop begins anew."""
    position = port["play_position"]
    if position >= port["play_length"]:
        if port["play_loop"] == 0:
            return np.int16(0)
        position = 0
    port["play_position"] = position + 1
    return clips[port["play_offset"] + position]


@part
def _encode(port: Any, clips: Any, packet: Any) -> int:
    """Encode one packet's samples into octets that stand each for itself."""
    codec, at = port["play_codec"], _HEADER_OCTETS
    for _ in range(port["play_samples"]):
        sample = _next_sample(port, clips)
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
    return at - _HEADER_OCTETS
