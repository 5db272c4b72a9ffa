"""A wing of a fan-out: who talks there, what is coded anew there, and its link to the home."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from softswitch.media.layouts.commands import COMMAND_CONFIGURE, COMMAND_JOIN, COMMAND_LEAVE
from softswitch.media.layouts.shared import NO_VOICE
from softswitch.media.rooms.renditions import Renditions
from softswitch.media.rooms.wings import Wing

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.fan_out import FanOut
    from softswitch.media.rooms.kinds import Kinds
    from softswitch.media.workers.packet_thread import PacketThread


class Link(NamedTuple):
    """Two ports that hear what is sent through the other: `near` is in the home, `far` in another wing."""

    near: Port
    far: Port


class FanOutWing(Wing):
    """What members of other wings say comes from the end of a link here, which is the talker then.

    Wings are joined in a star: each has one link, to the home, which has none of its own.
    """

    room: FanOut

    def __init__(self, room: FanOut, number: int, thread: PacketThread, link: Link | None = None) -> None:
        super().__init__(room, number, thread)
        self.link = link
        self.renditions = Renditions(self)

    def source(self, talker: Port | None) -> Port | None:
        """From which port of this wing the talker of the room is heard: itself, or the end of a link."""
        if talker is None or talker.wing is self:
            return talker
        if self.link is not None:
            return self.link.far
        assert isinstance(talker.wing, FanOutWing) and talker.wing.link is not None
        return talker.wing.link.near

    def enter(self, end: Port, kinds: Kinds) -> None:
        """Make an end of a link a member of this wing, or tell it which kinds of packets there are now."""
        end.wing = self
        settings, fields = kinds.of_link()
        end.settings = settings
        self.room.engine.command(end, COMMAND_CONFIGURE, end.fields(settings))
        self.room.engine.command(end, COMMAND_JOIN, fields | {"room": self.number, "rendition": NO_VOICE})

    def give_up(self) -> None:
        """Nobody is in here any more."""
        engine = self.room.engine
        assert self.link is not None
        for end in self.link:
            end.wing = None
            engine.command(end, COMMAND_LEAVE)
        engine.wires.lines.close_link(self.link)
        engine.rooms.vacated(self)
