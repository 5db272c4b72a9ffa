"""Pictures on their way to a viewer: nothing is shown that cannot be decoded.

A viewer joins a stream (when it comes, when the source changes, after it was on hold) at the beginning of a key frame;
until then its packets are left out and the source is asked for one. A source that never sends any, however often it is
asked, refreshes its picture in another way and is shown as it comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.asking import ask_picture, want_picture
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import number_packet, rebase, transmit
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.kernels.picture_cache import keep
from softswitch.media.kernels.pictures import begins_key_frame
from softswitch.media.layouts.events import EVENT_PICTURE_SHOWN
from softswitch.media.layouts.shared import FAN_OUT_PEER, NO_FEEDER, NO_PEER, NOBODY, OPEN, UNMAPPED
from softswitch.media.layouts.srtp import AWAITED

#: Requests for a key frame without any effect: some fifteen seconds.
_PATIENCE = 50
#: A packet so far behind the latest may have been kept already: repeating another under its number is not safe.
_BEHIND = 32
#: How far back the numbers of a stream are known.
_MEMORY = 0x2000


@part
def look_at_picture(port: Any, slot: int, packet: Any, size: int, number: int, stream: Any, scratch: Any) -> None:
    """See what the packet `packet[:size]` (uint8) of a port's peer holds, and keep it for who may lose it."""
    begin, end = payload_bounds(packet, size)
    begins = begin != 0 and begins_key_frame(port["picture"][number], packet, begin, end)
    scratch["picture_begins"] = begins
    if begins:
        port["picture_wanted"] = 0
        port["picture_tries"] = 0
    if begin != 0 and port["peer"] != NO_PEER and (port["highest_sequence"] - stream[1]) & 0xFFFF < _BEHIND:
        keep(port, slot, packet, size, number, stream, scratch)


@part
def pass_picture(
    ports: Any,
    rooms: Any,
    slot: int,
    size: int,
    number: int,
    stream: Any,
    renewed: bool,
    told: Any,
    scratch: Any,
    now_ns: int,
) -> None:
    """Send the packet in `scratch`, of `slot` and its format `number`, to whoever sees the port's peer.

    That is the port it is connected to, all members of its room when it is the talker, or the talker alone.
    `stream` is (ssrc, sequence, timestamp), `told` (worker, positions, events).
    """
    port = ports[slot]
    encoding = port["route_payload_type"][number]
    target, alone = port["peer"], True
    if target == FAN_OUT_PEER:
        room = rooms[port["room"]]
        _change_talker(room, port, slot, scratch)
        target = NOBODY
        if room["talker"] == slot:
            renewed |= room["talker_new"] != 0
            room["talker_new"] = 0
            target, alone = room["first"], False
        elif room["second"] == slot:
            target = room["talker"]
    if target < 0:
        port["dropped_unrouted"] += alone
    while target >= 0:
        out = ports[target]
        following = NOBODY if alone else out["member_next"]
        payload_type = encoding
        if port["peer"] == FAN_OUT_PEER and encoding != UNMAPPED:
            payload_type = out["deliver_payload_type"][encoding]
        if target != slot or port["peer"] == slot:
            _show(port, slot, out, target, payload_type, size, number, stream, renewed, told, scratch, now_ns)
        target = following
    if port["picture_wanted"] != 0:
        worker, positions, events = told
        ask_picture(port, slot, worker, positions, events, scratch, now_ns)


@part
def _show(
    port: Any,
    slot: int,
    out: Any,
    target: int,
    payload_type: int,
    size: int,
    number: int,
    stream: Any,
    renewed: bool,
    told: Any,
    scratch: Any,
    now_ns: int,
) -> None:
    packet = scratch["packet"]
    fresh = out["feeder"] != slot or out["feeder_ssrc"] != stream[0] or renewed
    begin, end = payload_bounds(packet, size)
    if begin == 0 or not _may_show(port, out, payload_type, fresh, scratch):
        port["malformed"] += begin == 0
        return
    clock = np.int64(port["clock"][number])
    if fresh:
        rebase(out, slot, stream[0], stream[1], stream[2], clock, now_ns)
        _begin(out, target, told, scratch, now_ns)
    if _belongs(out, stream[1]):
        second = packet[1]
        number_packet(out, packet, payload_type, stream[1], stream[2], clock, now_ns)
        transmit(out, packet, size, end - begin, scratch)
        packet[1] = second


@part
def _may_show(port: Any, out: Any, payload_type: int, fresh: bool, scratch: Any) -> bool:
    """Whether the packet may go to the viewer behind `out`, for whom the stream is `fresh`; if not, it joins anew."""
    if payload_type == UNMAPPED:
        port["dropped_payload_type"] += 1
    elif out["state"] != OPEN or out["send"] == 0 or out["remote_length"] == 0 or out["srtp_profile"] == AWAITED:
        out["dropped_direction"] += 1
    elif not fresh or scratch["picture_begins"] != 0 or port["picture_tries"] > _PATIENCE:
        return True
    else:
        out["dropped_waiting"] += 1
        want_picture(port)
    out["feeder"] = NO_FEEDER
    return False


@part
def _begin(out: Any, slot: int, told: Any, scratch: Any, now_ns: int) -> None:
    """The viewer has just joined the stream."""
    out["stream_first"] = (out["tx_sequence"] + 1) & 0xFFFF
    if out["picture_shown"] == 0:
        out["picture_shown"] = 1
        worker, positions, events = told
        waited_ns = now_ns - out["picture_from_ns"]
        notify(worker, positions, events, EVENT_PICTURE_SHOWN, slot, out, waited_ns, now_ns, scratch)


@part
def _belongs(out: Any, sequence: int) -> bool:
    """Whether a packet of the source's number `sequence` comes after the point where the viewer has joined."""
    out["marker_pending"] = 0  # the marker ends a picture, and is the source's own
    first = out["stream_first"]
    sent = (out["tx_sequence"] - first) & 0xFFFF
    if _MEMORY < sent < 0x8000:
        first = out["stream_first"] = (out["tx_sequence"] - _MEMORY) & 0xFFFF
    return bool(((sequence + out["sequence_offset"] - first) & 0xFFFF) < 0x8000)


@part
def _change_talker(room: Any, port: Any, slot: int, scratch: Any) -> None:
    """Let who is to be seen next be seen from the beginning of its key frame on, without a gap for anybody."""
    if room["next_talker"] != slot:
        return
    if scratch["picture_begins"] == 0 and port["picture_tries"] <= _PATIENCE:
        want_picture(port)
        return
    room["talker"], room["talker_new"] = slot, 1
    room["second"] = room["next_second"]
    room["next_talker"] = room["next_second"] = NOBODY
