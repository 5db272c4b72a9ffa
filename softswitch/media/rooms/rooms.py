"""A room: ports that hear each other, as the control side holds it; what they hear is the kinds' matter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_LEAVE
from softswitch.media.rooms.wings import Wing

if TYPE_CHECKING:
    from softswitch.media.engine_flows import EngineFlows
    from softswitch.media.port import Port
    from softswitch.media.voices import VoiceCounters
    from softswitch.media.workers.packet_thread import PacketThread


class Room(ABC):
    """What fan-outs and conferences have in common: members, and the wings in which packet threads serve them.

    `number` and `thread` are those of the first wing, `home`, which is there as long as the room is.
    """

    #: Whether more is done to the sound than to pass it on.
    tampers = False
    #: How many members cost a packet thread as much as one of a conference.
    lightness = 1

    def __init__(self, engine: EngineFlows, number: int, thread: PacketThread, owner: str) -> None:
        self.engine = engine
        self.owner = owner
        self.closed = False
        self.home = self.build_home(number, thread)
        self._members: dict[Port, None] = {}
        engine.rooms.open_rooms[number] = self

    def build_home(self, number: int, thread: PacketThread) -> Wing:
        """The first wing of a new room."""
        return Wing(self, number, thread)

    @property
    def number(self) -> int:
        """Which record of the shared memory is the home's."""
        return self.home.number

    @property
    def thread(self) -> PacketThread:
        """Who serves the home."""
        return self.home.thread

    @property
    def wings(self) -> Sequence[Wing]:
        """All parts of the room, the home first."""
        return (self.home,)

    @property
    def members(self) -> tuple[Port, ...]:
        """The ports in the room, in the order they came."""
        return tuple(self._members)

    def leave(self, port: Port) -> None:
        """Take a port out, which then hears nobody; one that is not in the room is passed over."""
        with self.engine.lock:
            wing = port.wing
            if wing is not None and wing.room is self:
                del self._members[port], wing.members[port]
                port.wing = None
                self.engine.command(port, COMMAND_LEAVE)
                self.left(port, wing)

    def close(self) -> None:
        """Take everyone out and give the room up. A second call does nothing."""
        with self.engine.lock:
            if not self.closed:
                self.closed = True
                for port in self.members:
                    self.leave(port)
                if self.engine.event_fd >= 0:  # else the engine is closed, and its rooms with it
                    self.engine.rooms.closed(self)

    def admit(self, port: Port, wing: Wing | None = None) -> None:
        """Let a port in that was connected or in another room until now: it gets under the thread of the wing (`None`:
        the home)."""
        if port.room is not self:
            wing = wing or self.home
            self.engine.release_port(port, wing.thread)
            port.wing = wing
            self._members[port] = wing.members[port] = None

    def check_open(self) -> None:
        """Raises MediaError when the room is closed."""
        if self.closed:
            raise MediaError(f"the room of {self.owner} is closed")

    def seen_by(self, port: Port) -> Port | None:
        """The member whose pictures another is shown."""
        return None

    @abstractmethod
    def configured(self, port: Port) -> None:
        """A member has new settings."""

    @abstractmethod
    def restore(self, wing: Wing) -> None:
        """Tell everything anew to a packet thread that knows nothing of a wing yet."""

    @abstractmethod
    def left(self, port: Port, wing: Wing) -> None:
        """A member is out, which was in that wing."""

    def hearing(self, port: Port) -> VoiceCounters | None:
        """The jitter buffer of a member; None where sound is only passed on."""
        return None
