"""What the control side asks for, done by the packet thread between two packets."""

from __future__ import annotations

from typing import Any

from softswitch.media.formats import MAXIMUM_FORMATS, PAYLOAD_TYPES
from softswitch.media.kernels import atomic
from softswitch.media.kernels.asking import want_picture
from softswitch.media.kernels.bundle import enter_bundle
from softswitch.media.kernels.clock import SECOND_NS
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.connected import begin_unconnected, disconnect
from softswitch.media.kernels.handover import drop_sockets, take_sockets
from softswitch.media.kernels.keypad import begin_keying
from softswitch.media.kernels.latch import aim
from softswitch.media.kernels.libc import EPOLL_CTL_ADD, EPOLL_CTL_DEL
from softswitch.media.kernels.listening import listen
from softswitch.media.kernels.membership import (
    apply_to_room,
    join_conference,
    join_fan_out,
    leave_room,
)
from softswitch.media.kernels.octets import copy_address, raise_port
from softswitch.media.kernels.player import enter_wheel, start_playing, stop_everything, stop_playing
from softswitch.media.kernels.punt import send_datagram
from softswitch.media.kernels.reception import lost_in_stream
from softswitch.media.kernels.report import plan_report, send_report
from softswitch.media.kernels.spans import enter_span, leave_span, take_channel
from softswitch.media.kernels.srtp_keys import drop_keys, take_keys
from softswitch.media.kernels.watching import CONTROL, GIVEN, watch
from softswitch.media.layouts.commands import (
    COMMAND_ADJUST,
    COMMAND_AIM,
    COMMAND_BUNDLE,
    COMMAND_CHANNEL,
    COMMAND_CLOSE,
    COMMAND_CONFIGURE,
    COMMAND_DATAGRAM,
    COMMAND_DETACH,
    COMMAND_JOIN,
    COMMAND_LEAVE,
    COMMAND_LISTEN,
    COMMAND_OPEN,
    COMMAND_PLAY,
    COMMAND_PRESS,
    COMMAND_ROOM_PLAY,
    COMMAND_ROUTE,
    COMMAND_STOP,
    COMMAND_STOP_PLAYING,
    COMMAND_TAP,
    COMMAND_WANT_PICTURE,
)
from softswitch.media.layouts.shared import (
    ADDRESS_WORDS,
    FREE,
    LINK_NEAR,
    NO_VOICE,
    OPEN,
    PSEUDOWIRE,
    RTP_PORT,
    TRANSPORT_ICE,
    UNLATCHED,
)
from softswitch.media.layouts.tap import TAP_CAPTURE
from softswitch.media.layouts.worker import COMMANDS_DONE, COMMANDS_WRITTEN

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release

#: How long packets still under way from the address a peer has left are kept from latching again.
_LEAVING_NS = 2 * SECOND_NS


@part
def apply_commands(
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
    spans: Any,
    worker: Any,
    positions: Any,
    commands: Any,
    scratch: Any,
    now_ns: int,
) -> None:
    """Carry out every waiting command in order; each is done, and seen to be done, before the next packet."""
    done = positions[COMMANDS_DONE]
    written = _load_acquire(positions, COMMANDS_WRITTEN)
    while done < written:
        command = commands[done % len(commands)]
        operation, slot = command["operation"], command["port"]
        if operation == COMMAND_STOP:
            worker["running"] = 0
        elif operation >= COMMAND_ROOM_PLAY:
            if rooms[command["room"]]["generation"] == command["generation"]:
                apply_to_room(rooms, voices, links, worker, command, scratch, now_ns)
        elif ports[slot]["generation"] == command["generation"]:
            _apply(ports, rooms, voices, spans, slot, worker, command, scratch, now_ns)
        done += 1
        _store_release(positions, COMMANDS_DONE, done)


@part
def _apply(
    ports: Any, rooms: Any, voices: Any, spans: Any, slot: int, worker: Any, command: Any, scratch: Any, now_ns: int
) -> None:
    port = ports[slot]
    operation = command["operation"]
    if operation == COMMAND_OPEN:
        if worker["handover_fd"] >= 0:
            take_sockets(port, slot, worker, scratch)
        _attach(port, spans, slot, worker, scratch)
    elif operation == COMMAND_CONFIGURE:
        _configure(port, worker, command, now_ns)
    elif operation == COMMAND_ROUTE:
        port["peer"] = command["peer"]
        port["route_extensions"] = command["route_extensions"]
        port["picture_shown"], port["picture_from_ns"] = 0, now_ns
        for i in range(MAXIMUM_FORMATS):
            port["route_payload_type"][i] = command["route_payload_type"][i]
            port["route_convert"][i] = command["route_convert"][i]
    elif operation == COMMAND_JOIN:
        if command["voice"] == NO_VOICE:
            join_fan_out(ports, rooms, slot, command, now_ns)
        else:
            join_conference(ports, rooms, voices, slot, worker, command, scratch, now_ns)
    elif operation == COMMAND_ADJUST:
        voice = voices[port["voice"]]
        voice["gain"] = command["gain"]
        voice["muted"] = command["muted"]
        voice["deaf"] = command["deaf"]
        voice["audience"] = command["audience"]
        voice["levelled"] = command["levelled"]
    elif operation == COMMAND_LEAVE:
        leave_room(ports, rooms, voices, slot, worker)
    elif operation == COMMAND_TAP:
        port["tap"] = command["tap"]
        port["captured"] = command["tap"] & TAP_CAPTURE
    elif operation == COMMAND_DATAGRAM:
        send_datagram(port, worker, command)
    elif operation == COMMAND_WANT_PICTURE:
        want_picture(port)
    elif operation == COMMAND_CHANNEL:
        take_channel(ports, spans[port["wire"]], worker, command, scratch)
    elif operation == COMMAND_AIM:
        aim(port, command["signalled"], command["signalled_length"])
    elif operation == COMMAND_BUNDLE:
        enter_bundle(port, command)
    elif operation == COMMAND_PLAY:
        _play(ports, slot, worker, command, scratch, now_ns)
    elif operation == COMMAND_STOP_PLAYING:
        if port["play_id"] == command["play_id"] or command["play_id"] == 0:
            stop_playing(ports, slot, worker)
    elif operation == COMMAND_PRESS:
        begin_keying(port, command)
        enter_wheel(ports, slot, worker, scratch, now_ns)
    elif operation == COMMAND_LISTEN:
        listen(port, voices, command)
    elif operation == COMMAND_DETACH:
        stop_everything(ports, slot, worker)
        _watch(port, slot, worker, EPOLL_CTL_DEL, scratch)
        disconnect(port)
        leave_span(worker, slot)
        worker["ports_open"] -= 1
        if worker["handover_fd"] >= 0:
            drop_sockets(port)
    elif operation == COMMAND_CLOSE:
        stop_everything(ports, slot, worker)
        _close(port, slot, worker, scratch, now_ns)


@part
def _watch(port: Any, slot: int, worker: Any, operation: int, scratch: Any) -> None:
    """Wait for the sockets that the port was given, or no longer."""
    watch(port, slot, port["rtp_fd"], GIVEN, operation, worker, scratch)
    if port["rtcp_fd"] >= 0 and port["kind"] == RTP_PORT:
        watch(port, slot, port["rtcp_fd"], CONTROL, operation, worker, scratch)


@part
def _attach(port: Any, spans: Any, slot: int, worker: Any, scratch: Any) -> None:
    port["state"] = OPEN
    begin_unconnected(port)
    worker["ports_open"] += 1
    worker["ports_used"] = max(worker["ports_used"], slot + 1)
    if port["kind"] == PSEUDOWIRE:
        enter_span(worker, spans[port["wire"]], slot)
    _watch(port, slot, worker, EPOLL_CTL_ADD, scratch)


@part
def _configure(port: Any, worker: Any, command: Any, now_ns: int) -> None:
    _readdress(port, command, now_ns)
    if port["send"] == 0 and command["send"] != 0:
        port["marker_pending"] = 1
    port["send"] = command["send"]
    port["receive"] = command["receive"]
    port["transport"] = command["transport"]
    port["symmetric"] = command["symmetric"]
    port["rtcp_mux"] = command["rtcp_mux"]
    port["timeout_ns"] = command["timeout_ns"]
    port["event_formats"] = command["event_formats"]
    port["noise_formats"] = command["noise_formats"]
    port["feedback"] = command["feedback"]
    port["extended"] = command["extended"]
    port["packet_ms"] = command["packet_ms"]
    port["impairment"] = command["impairment"]
    port["robustness"] = command["robustness"]
    take_keys(port, command)
    for i in range(PAYLOAD_TYPES):
        port["format_of"][i] = command["format_of"][i]
    for i in range(MAXIMUM_FORMATS):
        port["clock"][i] = command["clock"][i]
        port["picture"][i] = command["picture"][i]
    if not port["transport"] & TRANSPORT_ICE:
        port["latched"] = UNLATCHED
    port["timeout_from_ns"] = now_ns
    port["timed_out"] = 0
    if port["next_report_ns"] == 0 and port["kind"] == RTP_PORT:
        plan_report(port, worker, now_ns)


@part
def _readdress(port: Any, command: Any, now_ns: int) -> None:
    """Follow a change of the signalled addresses; what was learnt from packets stays when they are the old ones."""
    moved = port["signalled_length"] != command["signalled_length"]
    rtcp_moved = port["signalled_rtcp_length"] != command["signalled_rtcp_length"]
    for i in range(ADDRESS_WORDS):
        moved |= port["signalled"][i] != command["signalled"][i]
        rtcp_moved |= port["signalled_rtcp"][i] != command["signalled_rtcp"][i]
    if not moved and not rtcp_moved:
        return
    port["latch_version"] += 1
    if moved:
        disconnect(port)
        if port["latched"] != UNLATCHED:
            copy_address(port["source"], port["refused"])
            port["refused_until_ns"] = now_ns + _LEAVING_NS
        copy_address(command["signalled"], port["signalled"])
        copy_address(command["signalled"], port["remote"])
        port["signalled_length"] = command["signalled_length"]
        port["remote_length"] = command["signalled_length"]
    copy_address(command["signalled_rtcp"], port["signalled_rtcp"])
    port["signalled_rtcp_length"] = command["signalled_rtcp_length"]
    if command["signalled_rtcp_length"] > 0:
        copy_address(command["signalled_rtcp"], port["rtcp"])
        port["rtcp_length"] = command["signalled_rtcp_length"]
    else:
        copy_address(port["remote"], port["rtcp"])
        port["rtcp_length"] = port["remote_length"]
        raise_port(port["rtcp"])
    port["latch_version"] += 1


@part
def _play(ports: Any, slot: int, worker: Any, command: Any, scratch: Any, now_ns: int) -> None:
    port = ports[slot]
    going_on = port["playing"] != 0 and port["play_id"] == command["play_id"]  # in another format, from where it is
    port["play_id"] = command["play_id"]
    port["play_offset"] = command["play_offset"]
    port["play_length"] = command["play_length"]
    port["play_loop"] = command["play_loop"]
    port["play_codec"] = command["play_codec"]
    port["play_payload_type"] = command["play_payload_type"]
    port["play_clock"] = command["play_clock"]
    port["play_samples"] = command["play_samples"]
    port["play_ticks"] = command["play_ticks"]
    port["play_voice"] = command["play_voice"]
    port["play_paused"] = command["play_paused"]
    port["play_from"] = command["play_from"]
    if going_on:
        port["play_countdown"] = min(port["play_countdown"], port["play_ticks"])
        port["marker_pending"] = 1
    else:
        start_playing(ports, slot, worker, scratch, now_ns)


@part
def _close(port: Any, slot: int, worker: Any, scratch: Any, now_ns: int) -> None:
    if port["kind"] == RTP_PORT:
        send_report(port, scratch, True, now_ns)
    _watch(port, slot, worker, EPOLL_CTL_DEL, scratch)
    disconnect(port)
    leave_span(worker, slot)
    drop_sockets(port)
    drop_keys(port)
    port["state"] = FREE
    worker["ports_open"] -= 1
    if port["kind"] < LINK_NEAR:
        _count(port, worker)
    else:
        worker["send_errors"] += port["send_errors"]


@part
def _count(port: Any, worker: Any) -> None:
    """Add what a closed port has counted to what all before it have; a link's has been counted where it came in."""
    worker["packets_received"] += port["packets_received"]
    worker["octets_received"] += port["octets_received"]
    worker["packets_sent"] += port["packets_sent"]
    worker["octets_sent"] += port["octets_sent"]
    worker["dropped_source"] += port["dropped_source"]
    worker["dropped_payload_type"] += port["dropped_payload_type"]
    worker["dropped_direction"] += port["dropped_direction"]
    worker["dropped_unrouted"] += port["dropped_unrouted"]
    worker["malformed"] += port["malformed"]
    worker["ignored"] += port["ignored"]
    worker["send_errors"] += port["send_errors"]
    worker["rtcp_sent"] += port["rtcp_sent"]
    worker["rtcp_received"] += port["rtcp_received"]
    worker["srtp_auth_failures"] += port["srtp_auth_failures"]
    worker["srtp_replayed"] += port["srtp_replayed"]
    if port["rx_ssrc"] >= 0:
        port["lost_before"] += max(lost_in_stream(port), 0)
        port["rx_ssrc"] = -1
    worker["lost_before"] += port["lost_before"]
