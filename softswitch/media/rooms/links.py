"""Conferences linked to trees: all their members hear each other, each room its own mix on its own packet thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.media.layouts.commands import COMMAND_ROOM_LINK, COMMAND_ROOM_UNLINK
from softswitch.media.layouts.shared import NOBODY

if TYPE_CHECKING:
    from softswitch.media.rooms.conference import Conference


def link(one: Conference, other: Conference) -> None:
    """`Conference.link`: what is said in either room is heard in the other."""
    if one.rate_hz != other.rate_hz:
        raise ValueError(f"a room of {one.rate_hz} Hz cannot be linked with one of {other.rate_hz} Hz")
    if other in _reached(one):
        raise ValueError("the rooms have a way to each other already")
    one.links[other], other.links[one] = one.engine.rooms.take_sides()
    _tell(one, other)
    _tell(other, one)


def unlink(one: Conference, other: Conference) -> None:
    """`Conference.unlink`."""
    if other not in one.links:
        return
    rooms = one.engine.rooms
    here, there = one.links.pop(other), other.links.pop(one)
    rooms.command(one, COMMAND_ROOM_UNLINK, {"link": here})
    rooms.command(other, COMMAND_ROOM_UNLINK, {"link": there})
    rooms.give_sides_back((one.thread, here), (other.thread, there))


def restore(room: Conference) -> None:
    """Tell a packet thread that knows nothing of the room what it is linked with; the other rooms go on meanwhile."""
    room.engine.arena.rooms[room.number]["links"] = NOBODY
    for other in room.links:
        _tell(room, other)


def _reached(room: Conference) -> list[Conference]:
    """A room and every other that there is a way to."""
    found = [room]
    for each in found:  # which grows meanwhile
        found += [other for other in each.links if other not in found]
    return found


def _tell(room: Conference, other: Conference) -> None:
    room.engine.rooms.command(room, COMMAND_ROOM_LINK, {"link": room.links[other], "peer": other.links[room]})
