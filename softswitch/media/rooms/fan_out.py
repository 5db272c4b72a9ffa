"""Fan-out: what one member of a room says goes to all others, packet by packet, as for a talkgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import MAXIMUM_FORMATS, StreamFormat
from softswitch.media.layouts.commands import COMMAND_JOIN, COMMAND_TALK
from softswitch.media.layouts.shared import COPY, NO_VOICE, NOBODY, RENDERED, UNMAPPED
from softswitch.media.records import Fields, shows_pictures
from softswitch.media.rooms.renditions import Renditions, rendered_into
from softswitch.media.rooms.rooms import Room
from softswitch.media.routing import PortSettings, carry

if TYPE_CHECKING:
    from softswitch.media.engine_flows import EngineFlows
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread


_Formats = tuple[StreamFormat, ...]
_Table = tuple[Fields, StreamFormat | None]


class _Kind(NamedTuple):
    """What the packets of a format are, whatever their payload type: one number in the room for all members."""

    encoding: str
    clock_rate: int
    channels: int
    fmtp: str


class FanOut(Room):
    """A room in which one port talks and thousands listen; made by `MediaEngine.open_fan_out`.

    The listeners' numbering goes on without a gap when the talker changes. What a listener knows is passed on under
    its payload type; A-law and µ-law are turned into each other, and what it does not know is coded anew into its
    preferred codec, each once for all who need it. Any RTP may be fanned out, sound or picture.
    """

    def __init__(self, engine: EngineFlows, number: int, thread: PacketThread, owner: str) -> None:
        super().__init__(engine, number, thread, owner)
        self.talker: Port | None = None
        self.second: Port | None = None
        self._renditions = Renditions(self)
        self._kinds: dict[_Kind, StreamFormat] = {}  # in the order of their numbers
        #: by what decides them: receivable and sendable formats, and how many kinds of packets there are
        self._tables: dict[tuple[_Formats, _Formats, int], _Table] = {}

    def join(self, port: Port) -> None:
        """Let a port hear the room's talker; ends what it was connected to or which other room it was in.

        Raises NotTranscodable when nothing that anyone in the room may say can be brought to it, nor the other way
        round; PortClosed; MediaError when the room is closed.
        """
        with self.engine.lock:
            self.check_open()
            self.engine.check_open(port)
            self._check_way(port)
            new = self._learn(port.settings)
            self.admit(port)
            self._tell(port)
            if new:
                self._tell_others(port)

    def talk(self, port: Port | None, *, second: Port | None = None) -> None:
        """Let a member talk from its next packet on, in place of whoever talked before; None: nobody.

        Who sends pictures takes over at its next key frame, which it is asked for; until then all see whom they saw
        before. `second` is seen by the talker itself, from its own next key frame on. Raises ValueError when one of
        them is no member.
        """
        with self.engine.lock:
            for member in (port, second):
                if member is not None and member.room is not self:
                    raise ValueError(f"{member} is not in the room of {self.owner}")
            before, self.talker, self.second = self.talker, port, second
            self._renditions.hear(port)
            anybody = port or before
            if anybody is not None:
                fields = {
                    "room": self.number,
                    "peer": NOBODY if port is None else port.slot,
                    "second": NOBODY if second is None else second.slot,
                    "at_key_frame": port is not None and shows_pictures(port.settings),
                }
                self.engine.command(anybody, COMMAND_TALK, fields)

    def seen_by(self, port: Port) -> Port | None:
        """The talker, or for the talker itself who is second."""
        return self.second if self.talker is port else self.talker

    def request_key_frame(self) -> None:
        """Ask the talker for a picture that needs none before it."""
        if self.talker is not None:
            self.talker.request_key_frame()

    def configured(self, port: Port) -> None:
        """A member has new settings: its packets, and those for it, are looked at anew."""
        new = self._learn(port.settings)
        self._tell(port)
        if new:
            self._tell_others(port)
        if self.talker is port:
            self._renditions.hear(port)

    def restore(self) -> None:
        """Tell all members' tables, and who talks, to another packet thread."""
        self._renditions.restore()
        for port in self._members:
            self._tell(port)
        self.talk(self.talker, second=self.second)

    def left(self, port: Port) -> None:
        """A member is out, with what it was saying."""
        if self.talker is port:
            self.talker = None
            self._renditions.hear(None)
        if self.second is port:
            self.second = None
        self._renditions.left(port)

    def _check_way(self, port: Port) -> None:
        theirs = list(self._kinds.values())
        main = [entry for entry in port.settings.receivable if not entry.auxiliary]
        if not self._members or not main or all(entry.auxiliary for entry in theirs):
            return
        heard = any(carry(entry, port.settings.sendable)[0] != UNMAPPED for entry in theirs if not entry.auxiliary)
        hears = any(carry(entry, tuple(theirs))[0] != UNMAPPED for entry in main)
        if not heard and not hears and not any(rendered_into(entry, port.settings) for entry in theirs):
            here, there = (", ".join(entry.encoding for entry in entries) for entries in (main, theirs))
            raise NotTranscodable(f"no way between {here} and the room's {there}")

    def _learn(self, settings: PortSettings) -> bool:
        """Give numbers to what the room has not met yet; true when there was something."""
        before = len(self._kinds)
        for kind, entry in _kinds(settings).items():
            if len(self._kinds) < MAXIMUM_FORMATS:
                self._kinds.setdefault(kind, entry)
        return len(self._kinds) != before

    def _tell(self, port: Port) -> None:
        key = (port.settings.receivable, port.settings.sendable, len(self._kinds))
        if key not in self._tables:
            if len(self._tables) > MAXIMUM_FORMATS:
                self._tables.clear()
            self._tables[key] = self._table(port.settings)
        fields, rendered = self._tables[key]
        self.engine.command(port, COMMAND_JOIN, fields | {"rendition": self._renditions.voice(port, rendered)})

    def _tell_others(self, port: Port) -> None:
        for other in self._members:
            if other is not port:
                self._tell(other)

    def _table(self, settings: PortSettings) -> _Table:
        """What a member with these settings is told, and the format into which others are coded for it."""
        numbers = {kind: i for i, kind in enumerate(self._kinds)}
        route = np.full(MAXIMUM_FORMATS, UNMAPPED, np.uint8)
        payload_types = np.full(MAXIMUM_FORMATS, UNMAPPED, np.uint8)
        conversions = np.full(MAXIMUM_FORMATS, COPY, np.uint8)
        several, rendered = _several(settings), None
        for i, entry in enumerate(settings.receivable):
            route[i] = numbers.get(_kind(entry, several), UNMAPPED)
        for i, entry in enumerate(self._kinds.values()):
            payload_types[i], conversions[i] = carry(entry, settings.sendable)
            into = rendered_into(entry, settings) if payload_types[i] == UNMAPPED else None
            if into is not None:
                payload_types[i], conversions[i], rendered = into.payload_type, RENDERED, into
        fields = {
            "room": self.number,
            "voice": NO_VOICE,
            "route_payload_type": route,
            "deliver_payload_type": payload_types,
            "deliver_convert": conversions,
        }
        return fields, rendered


def _several(settings: PortSettings) -> set[tuple[str, int]]:
    """The encodings a port knows in several profiles, told apart by fmtp (as for H.264)."""
    names = [(entry.encoding.upper(), entry.clock_rate) for entry in settings.receivable]
    return {name for name in names if names.count(name) > 1}


def _kind(entry: StreamFormat, several: set[tuple[str, int]]) -> _Kind:
    name = entry.encoding.upper(), entry.clock_rate
    return _Kind(*name, entry.channels, entry.fmtp if name in several else "")


def _kinds(settings: PortSettings) -> dict[_Kind, StreamFormat]:
    several = _several(settings)
    return {_kind(entry, several): entry for entry in settings.receivable}
