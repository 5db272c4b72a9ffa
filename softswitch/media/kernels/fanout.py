"""From one port to many: every member of the room but the talker gets the packet, numbered for it alone.

The payload is converted, or coded anew, once for all who need it; what is done for each member is to write twelve
octets and to send.
Every member has a socket of its own, which its peer knows it by, so one `sendmmsg` could not serve two of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import convert_payload, number_packet, rebase, transmit, withhold
from softswitch.media.kernels.payload import payload_bounds
from softswitch.media.kernels.prefetch import fetch_ahead
from softswitch.media.kernels.sound_call import render_far
from softswitch.media.layouts.port import MEMBER_OCTETS, PORT
from softswitch.media.layouts.shared import (
    COPY,
    KEY_DOWN,
    MAXIMUM_PACKET,
    NO_FEEDER,
    NOBODY,
    OPEN,
    RENDERED,
    UNMAPPED,
)

_PORT_OCTETS = PORT.itemsize
_HEADER_OCTETS = 12


@part
def fan_out(
    ports: Any, voices: Any, slot: int, room: Any, size: int, number: int, stream: Any, renewed: bool, renderer: int,
    scratch: Any, now_ns: int,
) -> None:  # fmt: skip
    """Send the packet in `scratch`, of `slot`'s format `number`, to all other members of its room.

    `renderer` is the address of what codes it anew for those who do not take it as it is.
    """
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
    hearer = _hearer(voices, room, slot, renewed)
    clock: Any = np.int64(port["clock"][number])
    second = packet[1]
    conversion = COPY  # the one that `converted` holds; a packet of one encoding has one conversion at most
    listener = room["first"]
    while listener != NOBODY:
        out = ports[listener]
        following = out["member_next"]
        if following != NOBODY:
            fetch_ahead(ports.ctypes.data + following * _PORT_OCTETS, MEMBER_OCTETS)
        if listener != slot and out["deliver_convert"][encoding] == RENDERED:
            if hearer != NOBODY:
                source = (begin, end, number, stream[1], stream[2], clock)
                _deliver_rendition(
                    out, slot, voices, hearer, room["rendered"], encoding, source, renderer, scratch, now_ns
                )
        elif listener != slot and _wants(out, slot, encoding, stream, renewed):
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
def _hearer(voices: Any, room: Any, slot: int, renewed: bool) -> Any:
    """The voice that decodes this talker, NOBODY when none does; the packet gets a number for those who code it."""
    number = room["hearer"]
    if number == NOBODY or voices[number]["partner"] != slot:
        return NOBODY
    room["rendered"] += 1
    if renewed:
        voices[number]["frame_samples"] = 0  # nothing is known of the stream
    return number


@part
def _deliver_rendition(
    out: Any, slot: int, voices: Any, hearer: int, serial: int, encoding: int, source: Any, renderer: int,
    scratch: Any, now_ns: int,
) -> None:  # fmt: skip
    """Send a member the packet `serial` in its own codec, into which the first of those who need it has it coded."""
    number = out["voice"]
    if voices[number]["rendered"] != serial:
        begin, end, format_number, sequence, timestamp, clock = source
        render_far(
            renderer, voices, hearer, number, serial, scratch, begin, end, format_number, sequence, timestamp, clock
        )
    if out["state"] == OPEN and out["playing"] == 0:
        _send_rendition(out, slot, voices[number], out["deliver_payload_type"][encoding], scratch, now_ns)


@part
def _send_rendition(out: Any, slot: int, voice: Any, payload_type: int, scratch: Any, now_ns: int) -> None:
    """Send a member the packets that have been made of the talker's."""
    stream = voice["rendition_stream"]
    for place in range(voice["rendition_packets"]):
        sequence, octets = np.int64(voice["sequence"][place]), np.int64(voice["length"][place])
        timestamp = (voice["rendition_from"] + voice["format"][place]) & 0xFFFFFFFF
        if out["send"] == 0 or out["remote_length"] == 0 or out["keying"] == KEY_DOWN:
            out["dropped_direction"] += 1
            withhold(out, slot, stream, sequence)
            continue
        if out["feeder"] != slot or out["feeder_ssrc"] != stream:
            rebase(out, slot, stream, sequence, timestamp, voice["send_clock"], now_ns)
        packet = voice["payload"][place * MAXIMUM_PACKET : (place + 1) * MAXIMUM_PACKET]
        packet[0] = 0x80
        packet[1] = 0
        number_packet(out, packet, payload_type, sequence, timestamp, voice["send_clock"], now_ns)
        transmit(out, packet, _HEADER_OCTETS + octets, octets, scratch)


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
