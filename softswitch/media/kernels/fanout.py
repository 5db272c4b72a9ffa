"""From one port to many: every member of the room but the talker gets the packet, numbered for it alone.

The payload is converted once for all who need it; what is done for each member is to write twelve octets and to send.
Every member has a socket of its own, which its peer knows it by, so one `sendmmsg` could not serve two of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import convert_payload, number_packet, rebase, transmit, withhold
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.kernels.prefetch import fetch_ahead
from softswitch.media.layouts.port import MEMBER_OCTETS, PORT
from softswitch.media.layouts.shared import COPY, KEY_DOWN, NO_FEEDER, NOBODY, OPEN, UNMAPPED

_PORT_OCTETS = PORT.itemsize


@part
def fan_out(
    ports: Any, slot: int, room: Any, size: int, number: int, stream: Any, renewed: bool, scratch: Any, now_ns: int
) -> None:
    """Send the packet in `scratch`, of `slot`'s format `number`, to all other members of its room."""
    port = ports[slot]
    packet, converted = scratch["packet"], scratch["output"]
    encoding = port["route_payload_type"][number]
    begin, end = payload_bounds(packet, size)
    if begin == 0 or encoding == UNMAPPED:
        port["malformed"] += begin == 0
        port["dropped_payload_type"] += begin != 0
        return
    renewed |= room["talker_new"] != 0
    room["talker_new"] = 0
    clock = np.int64(port["clock"][number])
    second = packet[1]
    conversion = COPY  # the one that `converted` holds; a packet of one encoding has one conversion at most
    listener = room["first"]
    while listener != NOBODY:
        out = ports[listener]
        following = out["member_next"]
        if following != NOBODY:
            fetch_ahead(ports.ctypes.data + following * _PORT_OCTETS, MEMBER_OCTETS)
        if listener != slot and _wants(out, slot, encoding, stream, renewed):
            if out["feeder"] != slot or out["feeder_ssrc"] != stream[0] or renewed:
                rebase(out, slot, stream[0], stream[1], stream[2], clock, now_ns)
            sending = packet
            if out["deliver_convert"][encoding] != COPY:
                sending = converted
                if conversion == COPY:
                    conversion = out["deliver_convert"][encoding]
                    for i in range(size):
                        converted[i] = packet[i]
                    convert_payload(converted, begin, end, conversion)
            sending[1] = second
            number_packet(out, sending, out["deliver_payload_type"][encoding], stream[1], stream[2], clock, now_ns)
            transmit(out, sending, size, end - begin, scratch)
        listener = following


@part
def _wants(out: Any, slot: int, encoding: int, stream: Any, renewed: bool) -> bool:
    """Whether a packet goes to this member; if not, its numbering passes over it."""
    if out["state"] != OPEN or out["playing"] != 0:
        return False
    payload_type = out["deliver_payload_type"][encoding]
    if payload_type != UNMAPPED and out["send"] != 0 and out["remote_length"] != 0 and out["keying"] != KEY_DOWN:
        return True
    if payload_type == UNMAPPED:
        out["dropped_payload_type"] += 1
    else:
        out["dropped_direction"] += 1
    if renewed:
        out["feeder"] = NO_FEEDER  # what comes after is another stream to the listener
    else:
        withhold(out, slot, stream[0], stream[1])
    return False
