"""A room: ports that hear each other, as the control side holds it; what they hear is the kinds' matter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND_LEAVE

if TYPE_CHECKING:
    from softswitch.media.engine_flows import EngineFlows
    from softswitch.media.port import Port
    from softswitch.media.voices import VoiceCounters
    from softswitch.media.workers.packet_thread import PacketThread


class Room(ABC):
    """What fan-outs and conferences have in common: members, and the packet thread that serves them all."""

    #: Whether more is done to the sound than to pass it on.
    tampers = False

    def __init__(self, engine: EngineFlows, number: int, thread: PacketThread, owner: str) -> None:
        self.engine = engine
        self.number = number
        self.thread = thread
        self.owner = owner
        self.closed = False
        self._members: dict[Port, None] = {}
        engine.rooms.open_rooms[number] = self

    @property
    def members(self) -> tuple[Port, ...]:
        """The ports in the room, in the order they came."""
        return tuple(self._members)

    def leave(self, port: Port) -> None:
        """Take a port out, which then hears nobody; one that is not in the room is passed over."""
        with self.engine.lock:
            if port.room is self:
                del self._members[port]
                port.room = None
                self.engine.command(port, COMMAND_LEAVE)
                self.left(port)

    def close(self) -> None:
        """Take everyone out and give the room up. A second call does nothing."""
        with self.engine.lock:
            if not self.closed:
                self.closed = True
                for port in self.members:
                    self.leave(port)
                if self.engine.event_fd >= 0:  # else the engine is closed, and its rooms with it
                    self.engine.rooms.closed(self)

    def admit(self, port: Port) -> None:
        """Let a port in that was connected or in another room until now: it gets under this room's thread."""
        if port.room is not self:
            self.engine.release_port(port, self.thread)
            port.room = self
            self._members[port] = None

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
    def restore(self) -> None:
        """Tell everything anew to a packet thread that knows nothing of the room yet."""

    @abstractmethod
    def left(self, port: Port) -> None:
        """A member is out."""

    def hearing(self, port: Port) -> VoiceCounters | None:
        """The jitter buffer of a member; None where sound is only passed on."""
        return None
