"""What a fan-out's talker says in other codecs: each made once in a wing, for all who do not take it as it is.

A voice of the wing's own hears the talker, and one for each such codec codes it; `kernels/sound/rendering.py` does so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.commands import COMMAND_ROOM_HEAR, COMMAND_ROOM_RELEASE
from softswitch.media.layouts.shared import NO_VOICE, NOBODY
from softswitch.media.layouts.voice import RENDITION_HZ
from softswitch.media.routing import PortSettings
from softswitch.media.voices import sample_rate, spoken_format

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.fan_out_wing import FanOutWing


class Heard(NamedTuple):
    """Whose packets are to be decoded: the port at `slot`, whose `formats` are told apart by their numbers."""

    slot: int
    formats: list[tuple[int, StreamFormat]]


@dataclass(slots=True)
class _Rendition:
    """One codec: the voice that codes into it, and for whom."""

    entry: StreamFormat
    voice: int
    members: set[Port] = field(default_factory=set)


class Renditions:
    """Those of one wing of a fan-out; everything is called under the engine's lock."""

    def __init__(self, wing: FanOutWing) -> None:
        self._wing = wing
        self._heard: Heard | None = None
        self._by_format: dict[StreamFormat, _Rendition] = {}
        self._hearer = NO_VOICE
        self._talks = 0

    def voice(self, port: Port, entry: StreamFormat | None) -> int:
        """The voice that codes for a member into `entry` from now on; NO_VOICE when it needs none."""
        wanted = None if entry is None else replace(entry, payload_type=0)
        self._leave(port, wanted)
        if wanted is None:
            return NO_VOICE
        rendition = self._by_format.get(wanted)
        if rendition is None:
            voice = self._wing.room.engine.rooms.take_rendition(wanted)
            rendition = self._by_format[wanted] = _Rendition(wanted, voice)
            if self._hearer == NO_VOICE:
                self.hear(self._heard)
        rendition.members.add(port)
        return rendition.voice

    def hear(self, heard: Heard | None) -> None:
        """Decode somebody else's packets, or nobody's, from the next command on, if anybody needs that."""
        rooms = self._wing.room.engine.rooms
        self._heard = heard
        before, self._hearer = self._hearer, NO_VOICE
        if heard is not None and self._by_format and _can_be_heard(heard):
            self._talks += 1
            self._hearer = rooms.take_hearer(heard.formats, heard.slot, self._talks)
        if self._hearer != before:
            hearer = NOBODY if self._hearer == NO_VOICE else self._hearer
            rooms.command(self._wing, COMMAND_ROOM_HEAR, {"voice": hearer})
        self._release(before)

    def left(self, port: Port) -> None:
        """A member is out."""
        self._leave(port, None)
        if not self._by_format and self._hearer != NO_VOICE:
            self.hear(self._heard)

    def restore(self) -> None:
        """Begin anew on another packet thread, before the members are told to it."""
        engine = self._wing.room.engine
        engine.arena.rooms[self._wing.number]["hearer"] = NOBODY
        for rendition in self._by_format.values():
            engine.rooms.prepare_rendition(rendition.voice, rendition.entry)

    def _leave(self, port: Port, wanted: StreamFormat | None) -> None:
        """Take a member out of the rendition that it has, unless that is the one `wanted`."""
        for entry, rendition in list(self._by_format.items()):
            if port in rendition.members and entry != wanted:
                rendition.members.remove(port)
                if not rendition.members:
                    del self._by_format[entry]
                    self._release(rendition.voice)

    def _release(self, voice: int) -> None:
        if voice != NO_VOICE:
            rooms = self._wing.room.engine.rooms
            rooms.command(self._wing, COMMAND_ROOM_RELEASE, {"voice": voice})
            rooms.give_back(self._wing.thread, voice)


def _can_be_heard(heard: Heard) -> bool:
    """Whether something that a port sends can be decoded here."""
    return any(sample_rate(entry, RENDITION_HZ) for _, entry in heard.formats if not entry.auxiliary)


def rendered_into(entry: StreamFormat, settings: PortSettings) -> StreamFormat | None:
    """The format that `entry` is coded into for a port that does not take it; None when that cannot be."""
    if entry.auxiliary or not sample_rate(entry, RENDITION_HZ):
        return None
    return spoken_format(settings)
