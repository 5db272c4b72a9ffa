"""One datagram from a port's socket: told apart, checked, counted, and passed on."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.bundle import copy_report
from softswitch.media.kernels.capture import capture
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.fanout import fan_out
from softswitch.media.kernels.feedback import is_rtcp, read_compound, valid_compound
from softswitch.media.kernels.forward import forward
from softswitch.media.kernels.intake import pass_event
from softswitch.media.kernels.intake import take_in as buffer_packet
from softswitch.media.kernels.latch import NEWLY_LATCHED, REFUSED, accept_rtcp_source, accept_source
from softswitch.media.kernels.libc import MSG_TRUNC, recvfrom
from softswitch.media.kernels.line import take_in
from softswitch.media.kernels.listening import tell_key
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import copy_address, get16, get32
from softswitch.media.kernels.payload import EXTENSION, payload_bounds, strip_extension
from softswitch.media.kernels.prefetch import fetch_ahead
from softswitch.media.kernels.punt import punt
from softswitch.media.kernels.reception import DUPLICATE, NEW_STREAM, track
from softswitch.media.kernels.sound_call import attend_far
from softswitch.media.kernels.srtcp import unprotect_rtcp
from softswitch.media.kernels.srtp import REFUSED as REFUSED_PACKET
from softswitch.media.kernels.srtp import unprotect
from softswitch.media.kernels.tap import tap_received
from softswitch.media.kernels.viewing import look_at_picture, pass_picture
from softswitch.media.layouts.capture import RTCP_RECEIVED, RTP_RECEIVED
from softswitch.media.layouts.events import EVENT_BYE, EVENT_LATCHED, EVENT_RESUMED, EVENT_SOURCE
from softswitch.media.layouts.port import PORT, RECEIVING_AT, RECEIVING_OCTETS, SENDING_OCTETS
from softswitch.media.layouts.shared import (
    CACHE_LINE_OCTETS,
    CONFERENCE_PEER,
    FAN_OUT_PEER,
    MAXIMUM_PACKET,
    NO_PICTURE,
    NO_VOICE,
    NOBODY,
)
from softswitch.media.layouts.srtp import PLAIN
from softswitch.media.layouts.tap import TAP_RECEIVED

_HEADER_OCTETS, _VERSION = 12, 2
_PORT_OCTETS = PORT.itemsize
#: A peer that changes its source with every packet is not to fill the ring of events.
_SOURCES_TOLD = 64


@part
def expect(ports: Any, slot: int) -> None:
    """Have the first that is looked at of a port near when its turn comes."""
    port = ports.ctypes.data + np.int64(slot) * _PORT_OCTETS
    fetch_ahead(port, CACHE_LINE_OCTETS)
    fetch_ahead(port + RECEIVING_AT, CACHE_LINE_OCTETS)


@part
def _expect_packet(ports: Any, slot: int) -> None:
    """Have what a packet of this port touches near when the system has handed it over."""
    fetch_ahead(ports.ctypes.data + np.int64(slot) * _PORT_OCTETS + RECEIVING_AT, RECEIVING_OCTETS)
    peer = ports[slot]["peer"]
    if peer >= 0:
        fetch_ahead(ports.ctypes.data + peer * _PORT_OCTETS, SENDING_OCTETS)


@part
def take_datagram(fd: int, scratch: Any) -> Any:
    """Receive one datagram into the scratch packet; its true size (also when cut), or -1 for none."""
    source, packet = scratch["source"], scratch["packet"]
    scratch["source_length"] = 28
    length = scratch["length_word"]
    length[0] = 28
    size = recvfrom(fd, packet.ctypes.data, MAXIMUM_PACKET + 1, MSG_TRUNC, source.ctypes.data, length.ctypes.data)
    scratch["source_length"] = length[0]
    return size


@part
def _report_received(
    ports: Any, rooms: Any, slot: int, size: int, muxed: bool, told: Any, scratch: Any, now_ns: int
) -> None:
    port = ports[slot]
    packet = scratch["packet"]
    if port["copies"] > 0 and size <= MAXIMUM_PACKET:
        copy_report(port, packet, size, scratch)
    if size <= MAXIMUM_PACKET and port["srtp_profile"] != PLAIN:
        size = unprotect_rtcp(port, packet, size, scratch)
        if size == REFUSED_PACKET:
            return
    if size > MAXIMUM_PACKET or not valid_compound(packet, size):
        port["malformed"] += 1
    elif port["bundled"] == 0 and not accept_rtcp_source(port, scratch["source"], scratch["source_length"], muxed):
        port["dropped_source"] += 1
    else:
        copied = port["bundled"] != 0 and port["copies"] == 0  # by the carrier, who has captured it
        if port["captured"] != 0 and not copied:
            capture(port, RTCP_RECEIVED, scratch["source"], packet, size, scratch)
        if read_compound(ports, rooms, slot, packet, size, told, scratch, now_ns):
            worker, positions, events = told
            notify(worker, positions, events, EVENT_BYE, slot, port, 0, now_ns, scratch)


@part
def _set_aside(ports: Any, rooms: Any, slot: int, packet: Any, size: int, told: Any, scratch: Any, now_ns: int) -> None:
    """What is no RTP packet: RTCP too short for RTP, STUN, DTLS and TURN (RFC 7983 §7), or garbage."""
    port = ports[slot]
    if is_rtcp(packet, size) and size <= MAXIMUM_PACKET:
        _report_received(ports, rooms, slot, size, True, told, scratch, now_ns)
    elif size > 0 and (packet[0] <= 3 or 16 <= packet[0] <= 79):
        if not punt(port, slot, packet, size, told[0], scratch, now_ns):
            port["ignored"] += 1
    else:
        port["malformed"] += 1


@part
def _is_rtp(packet: Any, size: int) -> bool:
    """Whether `packet[:size]` (uint8) begins with a whole header of RTP, or of RTCP, which looks alike."""
    return size >= _HEADER_OCTETS and packet[0] >> 6 == _VERSION and size >= _HEADER_OCTETS + 4 * (packet[0] & 0x0F)


@part
def receive(
    ports: Any,
    rooms: Any,
    voices: Any,
    slot: int,
    descriptor: int,
    worker: Any,
    positions: Any,
    events: Any,
    scratch: Any,
    now_ns: int,
) -> None:
    """Take one datagram from an RTP socket of a port and pass it on (level-triggered epoll comes back for more)."""
    port = ports[slot]
    packet = scratch["packet"]
    told = (worker, positions, events)
    _expect_packet(ports, slot)
    size = take_datagram(descriptor, scratch)
    if size < 0:
        return
    if size > MAXIMUM_PACKET or not _is_rtp(packet, size):
        _set_aside(ports, rooms, slot, packet, size, told, scratch, now_ns)
        return
    if is_rtcp(packet, size):
        _report_received(ports, rooms, slot, size, True, told, scratch, now_ns)
        return
    octets = size
    if port["srtp_profile"] != PLAIN:
        size = unprotect(port, packet, size, scratch)
        if size == REFUSED_PACKET:
            return
    number = port["format_of"][packet[1] & 0x7F]
    if number == 0:
        port["dropped_payload_type"] += 1
        return
    accepted = accept_source(port, scratch["source"], scratch["source_length"], now_ns)
    if accepted == REFUSED:
        port["dropped_source"] += 1
        copy_address(scratch["source"], port["stranger"])
        return
    if accepted == NEWLY_LATCHED:
        notify(worker, positions, events, EVENT_LATCHED, slot, port, 0, now_ns, scratch)
    if port["captured"] != 0:
        capture(port, RTP_RECEIVED, scratch["source"], packet, size, scratch)
    _hear(ports, rooms, voices, slot, worker, positions, events, scratch, octets, size, number - 1, now_ns)


@part
def receive_internal(
    ports: Any, rooms: Any, voices: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int
) -> None:
    """Take every packet that who has the other end has given to a port with a line, and pass it on."""
    port = ports[slot]
    packet = scratch["packet"]
    size = take_in(port, packet)
    while size >= 0:
        number = port["format_of"][packet[1] & 0x7F]
        if size > MAXIMUM_PACKET or not _is_rtp(packet, size):
            port["malformed"] += 1
        elif number == 0:
            port["dropped_payload_type"] += 1
        else:
            _hear(ports, rooms, voices, slot, worker, positions, events, scratch, size, size, number - 1, now_ns)
        size = take_in(port, packet)


@part
def _hear(
    ports: Any,
    rooms: Any,
    voices: Any,
    slot: int,
    worker: Any,
    positions: Any,
    events: Any,
    scratch: Any,
    octets: int,
    size: int,
    number: int,
    now_ns: int,
) -> None:
    """The RTP packet in `scratch`, of the port's format `number` and right: count it and pass it on."""
    port = ports[slot]
    packet = scratch["packet"]
    told = (worker, positions, events)
    if port["timed_out"] != 0:
        port["timed_out"] = 0
        notify(worker, positions, events, EVENT_RESUMED, slot, port, 0, now_ns, scratch)
    port["last_received_ns"] = now_ns
    port["packets_received"] += 1
    port["octets_received"] += octets
    if packet[0] & EXTENSION != 0 and port["route_extensions"] == 0:
        size = strip_extension(packet, size)
    sequence, timestamp, ssrc = get16(packet, 2), get32(packet, 4), get32(packet, 8)
    known = ssrc == port["rx_ssrc"]
    kind = track(port, ssrc, sequence, timestamp, np.int64(port["clock"][number]), now_ns)
    if not known and port["bundled"] != 0 and port["ssrc_changes"] < _SOURCES_TOLD:
        notify(worker, positions, events, EVENT_SOURCE, slot, port, ssrc, now_ns, scratch)
    if port["event_formats"] >> number & 1 != 0:
        tell_key(port, packet, size, timestamp, worker, positions, events, slot, scratch, now_ns)
    port["last_format"] = number
    if port["ear"] != NO_VOICE and kind != DUPLICATE:
        begin, end = payload_bounds(packet, size)
        address = worker["listener"]
        attend_far(address, ports, voices, slot, worker, positions, events, scratch, begin, end, number, now_ns)
    if port["tap"] & TAP_RECEIVED != 0 and kind != DUPLICATE:
        tap_received(port, slot, rooms, voices, packet, size, scratch, now_ns)
    stream = (ssrc, sequence, timestamp)
    picture = port["picture"][number] != NO_PICTURE
    if picture:
        if kind == DUPLICATE:  # what was repeated for others
            return
        look_at_picture(port, slot, packet, size, number, stream, scratch)
    if port["receive"] == 0:
        port["dropped_direction"] += 1
    elif picture and port["peer"] != CONFERENCE_PEER:
        renewed = kind == NEW_STREAM
        pass_picture(ports, rooms, slot, size, number, stream, renewed, told, scratch, now_ns)
    elif port["peer"] >= 0:
        forward(port, slot, ports[port["peer"]], size, number, stream, kind == NEW_STREAM, scratch, now_ns)
    elif port["peer"] == CONFERENCE_PEER:
        voice = voices[port["voice"]]
        worker["gather_voices"] += 1
        buffer_packet(port, voice, packet, size, number, sequence, kind == NEW_STREAM, now_ns)
        if voice["partner"] != NOBODY and voice["decoder_of"][number] == 0:
            out = ports[voice["partner"]]
            pass_event(port, out, voices[out["voice"]], size, number, stream, scratch, now_ns)
    elif port["peer"] == FAN_OUT_PEER and rooms[port["room"]]["talker"] == slot:
        room, renewed = rooms[port["room"]], kind == NEW_STREAM
        fan_out(ports, voices, slot, room, size, number, stream, renewed, worker["renderer"], scratch, now_ns)
    else:
        port["dropped_unrouted"] += 1


@part
def receive_rtcp(
    ports: Any, rooms: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int
) -> None:
    """Take one datagram from a port's RTCP socket."""
    size = take_datagram(ports[slot]["rtcp_fd"], scratch)
    if size >= 0:
        _report_received(ports, rooms, slot, size, False, (worker, positions, events), scratch, now_ns)
