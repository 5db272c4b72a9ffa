"""Conferences linked to trees, on one packet thread: all their members hear each other, each room its own mix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.media.layouts.commands import COMMAND_LEAVE, COMMAND_ROOM_LINK, COMMAND_ROOM_UNLINK
from softswitch.media.layouts.shared import NOBODY

if TYPE_CHECKING:
    from softswitch.media.rooms.conference import Conference
    from softswitch.media.workers.packet_thread import PacketThread


def link(one: Conference, other: Conference) -> None:
    """`Conference.link`: a voice in either room stands for the other."""
    if one.rate_hz != other.rate_hz:
        raise ValueError(f"a room of {one.rate_hz} Hz cannot be linked with one of {other.rate_hz} Hz")
    if other in reached(one):
        raise ValueError("the rooms have a way to each other already")
    if one.thread is not other.thread:
        _move(reached(other), one.thread)
    one.links[other], other.links[one] = (one.engine.rooms.take_voice() for _ in range(2))
    _tell(one, other)
    _tell(other, one)


def unlink(one: Conference, other: Conference) -> None:
    """`Conference.unlink`."""
    if other not in one.links:
        return
    voices = (one, one.links.pop(other)), (other, other.links.pop(one))
    for room, voice in voices:
        room.engine.rooms.command(room, COMMAND_ROOM_UNLINK, {"voice": voice})
    for _, voice in voices:
        one.engine.rooms.give_back(one.thread, voice)


def reached(room: Conference) -> list[Conference]:
    """A room and every other that there is a way to."""
    found = [room]
    for each in found:  # which grows meanwhile
        found += [other for other in each.links if other not in found]
    return found


def restore(room: Conference) -> None:
    """Tell a packet thread that knows nothing of the room what it is linked with; the other rooms tell their side."""
    room.engine.arena.rooms[room.number]["links"] = NOBODY
    for other in room.links:
        _tell(room, other)


def _tell(room: Conference, other: Conference) -> None:
    room.engine.rooms.command(room, COMMAND_ROOM_LINK, {"voice": room.links[other], "peer": other.links[room]})


def _move(rooms: list[Conference], thread: PacketThread) -> None:
    """Let another packet thread serve rooms that are linked, with all their members; what they play goes on there."""
    engine = rooms[0].engine
    for room in rooms:
        for voice in room.links.values():
            engine.rooms.command(room, COMMAND_ROOM_UNLINK, {"voice": voice})
        for port in room.members:
            engine.command(port, COMMAND_LEAVE)
    for room in rooms:
        room.thread.ring.wait(room.thread.ring.written)
        room.thread = thread
        for port in room.members:
            engine.serve_by(port, thread)
        room.restore()
