"""Conferences linked to trees: all their members hear each other, each room its own mix on its own packet thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.media.layouts.commands import COMMAND_ROOM_LINK, COMMAND_ROOM_UNLINK
from softswitch.media.layouts.link import LINKS_ROOMS
from softswitch.media.layouts.shared import NOBODY

if TYPE_CHECKING:
    from softswitch.media.rooms.conference import Conference
    from softswitch.media.rooms.wings import Wing


def link(one: Conference, other: Conference) -> None:
    """`Conference.link`: what is said in either room is heard in the other."""
    if one.rate_hz != other.rate_hz:
        raise ValueError(f"a room of {one.rate_hz} Hz cannot be linked with one of {other.rate_hz} Hz")
    if other in _reached(one):
        raise ValueError("the rooms have a way to each other already")
    one.links[other], other.links[one] = one.engine.rooms.take_sides()
    restore(one, other)
    restore(other, one)


def unlink(one: Conference, other: Conference) -> None:
    """`Conference.unlink`."""
    if other in one.links:
        cut((one.home, one.links.pop(other)), (other.home, other.links.pop(one)))


def restore(room: Conference, other: Conference) -> None:
    """Tell the packet thread of a room's home about a link."""
    tell(room.home, room.links[other], other.links[room], LINKS_ROOMS)


def tell(wing: Wing, side: int, peer: int, role: int) -> None:
    """Link a wing with another, whose side of the link is `peer`."""
    wing.room.engine.rooms.command(wing, COMMAND_ROOM_LINK, {"link": side, "peer": peer, "role": role})


def cut(one: tuple[Wing, int], other: tuple[Wing, int]) -> None:
    """End a link: two wings, and their sides of it."""
    rooms = one[0].room.engine.rooms
    for wing, side in (one, other):
        rooms.command(wing, COMMAND_ROOM_UNLINK, {"link": side})
    rooms.give_sides_back((one[0].thread, one[1]), (other[0].thread, other[1]))


def forget(wing: Wing) -> None:
    """A wing's packet thread has ended: whoever serves it next is told its links anew, the other sides go on."""
    record = wing.room.engine.arena.rooms[wing.number]
    record["links"], record["held"] = NOBODY, 0


def _reached(room: Conference) -> list[Conference]:
    """A room and every other that there is a way to."""
    found = [room]
    for each in found:  # which grows meanwhile
        found += [other for other in each.links if other not in found]
    return found
