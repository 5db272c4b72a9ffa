"""Which packet thread serves a member of a room: a small room is on one, the members of a large one are spread."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.rooms import Room
    from softswitch.media.workers.packet_thread import PacketThread

#: A conference of fewer members is on one thread: its turn takes about a millisecond. A fan-out may have more of them
#: (`Room.lightness`): a thousand are sent to in 5 ms, and a second thread would only take another core from the calls.
FEW = 200
#: By so many members threads may differ before one is moved, which takes longer than to serve it where it is.
_SLACK = 2 * FEW
#: What is taken for a room that is not open yet.
_LIGHTNESS = 5
_NONE: Counter[int] = Counter()


class Spreading:
    """Counts the open ports that were opened near each room, so that most are from the start where they will be."""

    def __init__(self) -> None:
        self._opened: dict[str, Counter[int]] = {}  # by the owner of the room, and by thread
        self._rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()  # by owner

    def room_opened(self, room: Room) -> None:
        """Ports may be opened near a room from now on; of several rooms of one owner the one with fewest members on a
        thread decides."""
        known = self._rooms.get(room.owner)
        if known is None or known.closed or room.lightness <= known.lightness:
            self._rooms[room.owner] = room

    def nearest(self, near: str, alive: Sequence[PacketThread]) -> PacketThread:
        """Where to open a port that is about to enter the room of `near`; `alive` are the packet threads that run."""
        opened, room = self._opened.get(near, _NONE), self._rooms.get(near)
        if opened.total() < FEW * (_LIGHTNESS if room is None else room.lightness):
            return hashed(near, alive)
        return min(alive, key=lambda thread: opened[thread.number])

    def opened(self, port: Port, near: str) -> None:
        """A port was opened near a room."""
        port.near = near, port.thread.number
        self._opened.setdefault(near, Counter())[port.thread.number] += 1

    def closed(self, port: Port) -> None:
        """A port is closed."""
        if port.near is not None:
            near, number = port.near
            self._opened[near][number] -= 1
            if not self._opened[near].total():
                del self._opened[near]

    def place(self, room: Room, port: Port, find_alive: Callable[[], Sequence[PacketThread]]) -> PacketThread:
        """Where a port is to be served that enters a room."""
        few, members = FEW * room.lightness, Counter[int]()
        for wing in room.wings:
            members[wing.thread.number] += len(wing.members)
        if max(members.total(), self._opened.get(room.owner, _NONE).total()) < few:
            return room.thread
        alive = find_alive()
        if len(alive) < 2:
            return room.thread
        least = min(alive, key=lambda thread: members[thread.number])
        if port.thread in alive and members[port.thread.number] < members[least.number] + _SLACK * room.lightness:
            return port.thread
        return least


def hashed(owner: str, alive: Sequence[PacketThread]) -> PacketThread:
    """The packet thread of an owner's ports and rooms: always the same while the same threads run."""
    return alive[zlib.crc32(owner.encode()) % len(alive)]
