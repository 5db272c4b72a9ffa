"""Fan-out: what one member of a room says goes to all others, packet by packet, as for a talkgroup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_JOIN, COMMAND_ROOM_TALK
from softswitch.media.layouts.shared import NOBODY
from softswitch.media.records import shows_pictures
from softswitch.media.rooms.fan_out_wing import FanOutWing, Link
from softswitch.media.rooms.kinds import Kinds
from softswitch.media.rooms.renditions import Heard
from softswitch.media.rooms.rooms import Room
from softswitch.media.rooms.wings import Wing

if TYPE_CHECKING:
    from softswitch.media.engine_flows import EngineFlows
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread


class FanOut(Room):
    """A room in which one port talks and thousands listen; made by `MediaEngine.open_fan_out`.

    The listeners' numbering goes on without a gap when the talker changes. What a listener knows is passed on under
    its payload type; A-law and µ-law are turned into each other, and what it does not know is coded anew into its
    preferred codec, each once for all who need it (in each wing). Any RTP may be fanned out, sound or picture.
    Who has to do with pictures is always in the home: a key frame is asked for of the talker's own port.
    """

    lightness = 5
    home: FanOutWing

    def __init__(self, engine: EngineFlows, number: int, thread: PacketThread, owner: str) -> None:
        super().__init__(engine, number, thread, owner)
        self.talker: Port | None = None
        self.second: Port | None = None
        self._kinds = Kinds()
        self._wings = [self.home]

    def build_home(self, number: int, thread: PacketThread) -> FanOutWing:
        """See Room."""
        return FanOutWing(self, number, thread)

    @property
    def wings(self) -> Sequence[FanOutWing]:
        """See Room."""
        return self._wings

    def join(self, port: Port) -> None:
        """Let a port hear the room's talker; ends what it was connected to or which other room it was in.

        Raises NotTranscodable when nothing that anyone in the room may say can be brought to it, nor the other way
        round; PortClosed; MediaError when the room is closed.
        """
        with self.engine.lock:
            self.check_open()
            self.engine.check_open(port)
            if self._members:
                self._kinds.check_way(port.settings)
            new = self._kinds.learn(port.settings)
            if port.room is not self:
                self.admit(port, self._wing_for(port))
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
            if port is not None or before is not None:
                self._give_floor()

    def seen_by(self, port: Port) -> Port | None:
        """The talker, or for the talker itself who is second."""
        return self.second if self.talker is port else self.talker

    def request_key_frame(self) -> None:
        """Ask the talker for a picture that needs none before it."""
        if self.talker is not None:
            self.talker.request_key_frame()

    def configured(self, port: Port) -> None:
        """A member has new settings: its packets, and those for it, are looked at anew."""
        new = self._kinds.learn(port.settings)
        self._tell(port)
        if new:
            self._tell_others(port)
        if self.talker is port:
            for wing in self._wings:
                wing.renditions.hear(self._heard(wing))

    def restore(self, wing: Wing) -> None:
        """Tell the tables of all in a wing, and who talks, to another packet thread."""
        assert isinstance(wing, FanOutWing)
        wing.renditions.restore()
        for port in wing.members:
            self._tell(port)
        for each in self._wings:
            for end in each.link or ():
                if end.wing is wing:
                    wing.enter(end, self._kinds)
        if self.talker is not None:
            self._tell_talker(wing)

    def left(self, port: Port, wing: Wing) -> None:
        """A member is out, with what it was saying."""
        assert isinstance(wing, FanOutWing)
        if self.second is port:
            self.second = None
        if self.talker is port:
            self.talker = None
            self._give_floor()
        wing.renditions.left(port)
        if wing is not self.home and not wing.members:
            self._wings.remove(wing)
            wing.give_up()

    # -- who is where -----------------------------------------------------------------------------------------------

    def _wing_for(self, port: Port) -> FanOutWing:
        """Where a new member is to be: in the home when there is no more to be had for another wing."""
        if shows_pictures(port.settings):
            return self.home
        thread = self.engine.place(self, port)
        found = next((wing for wing in self._wings if wing.thread is thread), None)
        if found is not None:
            return found
        try:
            return self._open_wing(thread)
        except MediaError:
            return self.home

    def _open_wing(self, thread: PacketThread) -> FanOutWing:
        link = Link(*self.engine.wires.lines.open_link(self.owner, self.thread, thread))
        try:
            number = self.engine.rooms.open()
        except MediaError:
            self.engine.wires.lines.close_link(link)
            raise
        wing = FanOutWing(self, number, thread, link)
        self._wings.append(wing)
        wing.enter(link.far, self._kinds)
        if self.talker is not None:
            self._tell_talker(wing)
        self.home.enter(link.near, self._kinds)
        return wing

    # -- what they are told -----------------------------------------------------------------------------------------

    def _tell(self, port: Port) -> None:
        wing = port.wing
        assert isinstance(wing, FanOutWing)
        fields, rendered = self._kinds.table(port.settings)
        told = {"room": wing.number, "rendition": wing.renditions.voice(port, rendered)}
        self.engine.command(port, COMMAND_JOIN, fields | told)

    def _tell_others(self, port: Port) -> None:
        """There are kinds of packets that have not been met before this port brought them."""
        for wing in self._wings[1:]:
            assert wing.link is not None
            wing.enter(wing.link.far, self._kinds)
            self.home.enter(wing.link.near, self._kinds)
        for other in self._members:
            if other is not port:
                self._tell(other)

    def _give_floor(self) -> None:
        """Tell every wing who talks: who is to hear it first, so that none of its packets comes to closed doors."""
        talkers = None if self.talker is None else self.talker.wing
        for wing in sorted(self._wings, key=lambda wing: (wing is talkers, wing is self.home)):
            self._tell_talker(wing)

    def _tell_talker(self, wing: FanOutWing) -> None:
        wing.renditions.hear(self._heard(wing))
        source, second = wing.source(self.talker), self.second
        fields = {
            "peer": NOBODY if source is None else source.slot,
            "second": NOBODY if second is None or second.wing is not wing else second.slot,
            "at_key_frame": source is not None and source is self.talker and shows_pictures(source.settings),
        }
        self.engine.rooms.command(wing, COMMAND_ROOM_TALK, fields)

    def _heard(self, wing: FanOutWing) -> Heard | None:
        """What the packets of the talker are when they come to a wing."""
        source = wing.source(self.talker)
        if source is None or self.talker is None:
            return None
        if source is self.talker:
            return Heard(source.slot, list(enumerate(source.settings.receivable)))
        return Heard(source.slot, self._kinds.numbered(self.talker.settings))
