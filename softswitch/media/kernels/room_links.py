"""Which rooms a room is linked with: a list that runs through its sides of the links."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels import atomic
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.room_turns import start_turns, stop_turns
from softswitch.media.layouts.link import LATE_TURNS, LINKS_HOME
from softswitch.media.layouts.shared import NOBODY

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release


@part
def link_room(rooms: Any, links: Any, worker: Any, command: Any, scratch: Any, now_ns: int) -> None:
    """Let a room hear another, and say to it: side `link` of the command is its own, `peer` the other room's."""
    room, number = rooms[command["room"]], command["link"]
    link, there = links[number], links[command["peer"]]
    link["peer"], link["role"] = command["peer"], command["role"]
    link["loudest"], link["level"], link["present_level"] = NOBODY, 0.0, 0.0
    link["absent"], link["crowded"] = LATE_TURNS + 1, 0
    _store_release(there["taken"], 0, _load_acquire(there["written"], 0))
    link["next_link"] = room["links"]
    room["links"] = number
    if link["role"] == LINKS_HOME:
        room["held"] += 1
        if room["members"] + room["held"] == 1:
            start_turns(rooms, command["room"], worker, scratch, now_ns)


@part
def unlink_room(rooms: Any, links: Any, worker: Any, command: Any) -> None:
    """Undo `link_room`; a side that is not linked is passed over."""
    room, number = rooms[command["room"]], command["link"]
    if _take_out(room, links, number) and links[number]["role"] == LINKS_HOME:
        room["held"] -= 1
        if room["members"] + room["held"] == 0:
            stop_turns(rooms, command["room"], worker)


@part
def _take_out(room: Any, links: Any, number: int) -> bool:
    if room["links"] == number:
        room["links"] = links[number]["next_link"]
        return True
    before = room["links"]
    while before != NOBODY:
        if links[before]["next_link"] == number:
            links[before]["next_link"] = links[number]["next_link"]
            return True
        before = links[before]["next_link"]
    return False
