"""The wings of a conference: hidden rooms on other packet threads, each linked with the home, so that all hear all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.media.errors import MediaError
from softswitch.media.layouts.link import LINKS_HOME, LINKS_WING
from softswitch.media.rooms import links
from softswitch.media.rooms.wings import Wing

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.conference import Conference
    from softswitch.media.workers.packet_thread import PacketThread


class MixedWings:
    """Opened and closed as the members of one conference come and go. What is played, the links with other conferences
    and who is loudest are the home's matter, which takes its turns as long as there is a wing."""

    def __init__(self, room: Conference) -> None:
        self._room = room
        self._sides: dict[Wing, tuple[int, int]] = {}  # of each link: the home's, and the wing's

    @property
    def all(self) -> tuple[Wing, ...]:
        """The home first."""
        return (self._room.home, *self._sides)

    def for_member(self, port: Port) -> Wing:
        """Where a new member is to be: in the home when there is no more to be had for another wing."""
        thread = self._room.engine.place(self._room, port)
        found = next((wing for wing in self.all if wing.thread is thread), None)
        try:
            return found or self._open(thread)
        except MediaError:
            return self._room.home

    def _open(self, thread: PacketThread) -> Wing:
        room, rooms = self._room, self._room.engine.rooms
        comfort = float(room.engine.arena.rooms[room.number]["comfort"])
        wing = Wing(room, rooms.open_mixed(room.rate_hz, tells_loudest=False, comfort=comfort), thread)
        self._sides[wing] = rooms.take_sides()
        self._tell_home(wing)
        self._tell(wing)
        return wing

    def give_up(self, wing: Wing) -> None:
        """Nobody is in there any more, unless it is the home, which stays."""
        if wing in self._sides and not wing.members:
            here, there = self._sides.pop(wing)
            links.cut((self._room.home, here), (wing, there))
            self._room.engine.rooms.vacated(wing)

    def restore(self, wing: Wing) -> None:
        """Tell a packet thread that knows nothing of a wing what that is linked with."""
        if wing in self._sides:
            self._tell(wing)
        else:
            for other in self._sides:
                self._tell_home(other)

    def _tell_home(self, wing: Wing) -> None:
        here, there = self._sides[wing]
        links.tell(self._room.home, here, there, LINKS_HOME)

    def _tell(self, wing: Wing) -> None:
        here, there = self._sides[wing]
        links.tell(wing, there, here, LINKS_WING)
