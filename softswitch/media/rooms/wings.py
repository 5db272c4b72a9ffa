"""Wings: the parts of a room, each served by one packet thread. A small room has one, a large one may have several."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.rooms import Room
    from softswitch.media.workers.packet_thread import PacketThread


class Wing:
    """A room as one packet thread knows it: record `number` of the shared memory, and those members it serves.

    The first wing of a room is its `home`. How wings hear each other is the matter of the room's kind.
    """

    def __init__(self, room: Room, number: int, thread: PacketThread) -> None:
        self.room = room
        self.number = number
        self.thread = thread
        self.members: dict[Port, None] = {}  # in the order they came

    def restore(self) -> None:
        """Tell everything anew to a packet thread that knows nothing of the wing yet."""
        self.room.restore(self)
