"""Who is in which room: a list that runs through the records of the members' ports."""

from __future__ import annotations

from typing import Any

from softswitch.media.formats import MAXIMUM_FORMATS
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.giving_back import release_voice
from softswitch.media.kernels.room_links import link_room, unlink_room
from softswitch.media.kernels.room_turns import start_turns, stop_turns
from softswitch.media.layouts.commands import (
    COMMAND_ROOM_HEAR,
    COMMAND_ROOM_LINK,
    COMMAND_ROOM_RELEASE,
    COMMAND_ROOM_STOP,
    COMMAND_ROOM_TALK,
    COMMAND_ROOM_UNLINK,
)
from softswitch.media.layouts.shared import CONFERENCE_PEER, FAN_OUT_PEER, LINK_NEAR, NO_FEEDER, NO_PEER, NOBODY


@part
def join_fan_out(ports: Any, rooms: Any, slot: int, command: Any, now_ns: int) -> None:
    """Make a port a member of the command's room, or, when it is one already, give it new tables."""
    port = ports[slot]
    for i in range(MAXIMUM_FORMATS):
        port["route_payload_type"][i] = command["route_payload_type"][i]
        port["deliver_payload_type"][i] = command["deliver_payload_type"][i]
        port["deliver_convert"][i] = command["deliver_convert"][i]
    port["voice"] = command["rendition"]
    if port["peer"] != FAN_OUT_PEER or port["room"] != command["room"]:
        port["peer"] = FAN_OUT_PEER
        port["feeder"] = NO_FEEDER
        port["picture_shown"], port["picture_from_ns"] = 0, now_ns
        _enter(ports, rooms, slot, command["room"])


@part
def join_conference(
    ports: Any, rooms: Any, voices: Any, slot: int, worker: Any, command: Any, scratch: Any, now_ns: int
) -> None:
    """Make a port a member of the command's room with a voice, or, when it is one already, give it another voice."""
    port = ports[slot]
    number = command["room"]
    if port["peer"] == CONFERENCE_PEER and port["voice"] != command["voice"]:
        release_voice(voices[port["voice"]])
    port["voice"] = command["voice"]
    for i in range(MAXIMUM_FORMATS):
        port["route_payload_type"][i] = command["route_payload_type"][i]
    if port["peer"] == CONFERENCE_PEER and port["room"] == number:
        return
    port["peer"] = CONFERENCE_PEER
    port["feeder"] = NO_FEEDER
    _enter(ports, rooms, slot, number)
    if rooms[number]["members"] + rooms[number]["held"] == 1:
        start_turns(rooms, number, worker, scratch, now_ns)


@part
def _enter(ports: Any, rooms: Any, slot: int, number: int) -> None:
    """Put a port into the list of members: behind links, so that other wings are served while this one is."""
    room = rooms[number]
    before, after = NOBODY, room["first"]
    while after != NOBODY and ports[after]["kind"] >= LINK_NEAR:
        before, after = after, ports[after]["member_next"]
    ports[slot]["room"] = number
    ports[slot]["member_next"] = after
    ports[slot]["member_previous"] = before
    if after != NOBODY:
        ports[after]["member_previous"] = slot
    if before != NOBODY:
        ports[before]["member_next"] = slot
    else:
        room["first"] = slot
    room["members"] += 1


@part
def leave_room(ports: Any, rooms: Any, voices: Any, slot: int, worker: Any) -> None:
    """Take a port out of its room; from then on it hears nobody and nobody hears it."""
    port = ports[slot]
    if port["peer"] == CONFERENCE_PEER:
        release_voice(voices[port["voice"]])
    room = rooms[port["room"]]
    before, after = port["member_previous"], port["member_next"]
    if before != NOBODY:
        ports[before]["member_next"] = after
    else:
        room["first"] = after
    if after != NOBODY:
        ports[after]["member_previous"] = before
    room["members"] -= 1
    if room["talker"] == slot:
        room["talker"] = NOBODY
    if room["second"] == slot:
        room["second"] = NOBODY
    if room["next_talker"] == slot:
        room["next_talker"] = NOBODY
    if room["next_second"] == slot:
        room["next_second"] = NOBODY
    if port["peer"] == CONFERENCE_PEER and room["members"] + room["held"] == 0:
        stop_turns(rooms, port["room"], worker)
    port["peer"] = NO_PEER
    port["feeder"] = NO_FEEDER


@part
def give_floor(room: Any, command: Any) -> None:
    """Let the next packet that is fanned out be one of the command's `peer`, or none (NOBODY); with `at_key_frame`
    only when its next key frame begins."""
    if command["at_key_frame"] != 0 and room["talker"] not in (NOBODY, command["peer"]):
        room["next_talker"] = command["peer"]
        room["next_second"] = command["second"]
        return
    room["talker_new"] = 1 if room["talker"] != command["peer"] or command["at_key_frame"] == 0 else 0
    room["talker"] = command["peer"]
    room["second"] = command["second"]
    room["next_talker"] = NOBODY


@part
def apply_to_room(rooms: Any, voices: Any, links: Any, worker: Any, command: Any, scratch: Any, now_ns: int) -> None:
    """Begin or end what is played into a room, what it has to do with another, who talks, or what hears the talker."""
    room = rooms[command["room"]]
    if command["operation"] == COMMAND_ROOM_LINK:
        link_room(rooms, links, worker, command, scratch, now_ns)
        return
    if command["operation"] == COMMAND_ROOM_UNLINK:
        unlink_room(rooms, links, worker, command)
        return
    if command["operation"] == COMMAND_ROOM_HEAR:
        room["hearer"] = command["voice"]
        return
    if command["operation"] == COMMAND_ROOM_TALK:
        give_floor(room, command)
        return
    if command["operation"] == COMMAND_ROOM_RELEASE:
        release_voice(voices[command["voice"]])
        return
    if command["operation"] == COMMAND_ROOM_STOP:
        if room["play_id"] == command["play_id"]:
            room["playing"] = 0
        return
    room["play_id"] = command["play_id"]
    room["play_offset"] = command["play_offset"]
    room["play_length"] = command["play_length"]
    room["play_loop"] = command["play_loop"]
    room["play_position"] = 0
    room["playing"] = 1
