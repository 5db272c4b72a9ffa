"""Where the media of a talkgroup meets: a fan-out for one talker, a mixer where two may talk at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from softswitch.media import MediaEngine, Port

if TYPE_CHECKING:
    from softswitch.media import Conference, FanOut

_RATE_HZ = 8000


class TalkRoom(Protocol):
    """Ports that hear whoever may talk."""

    @property
    def members(self) -> tuple[Port, ...]:
        """The ports inside."""

    def join(self, port: Port) -> None:
        """Let a port listen; raises MediaError, NotTranscodable."""

    def leave(self, port: Port) -> None:
        """Take a port out."""

    def let_talk(self, port: Port) -> None:
        """Pass on what a member says."""

    def silence(self, port: Port) -> None:
        """Do not pass it on any more."""

    def close(self) -> None:
        """Give the room up."""


class OneTalker:
    """A fan-out: packets of one talker go to all others as they are."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self.join, self.leave, self.close = fan_out.join, fan_out.leave, fan_out.close

    @property
    def members(self) -> tuple[Port, ...]:
        """See TalkRoom."""
        return self._fan_out.members

    def let_talk(self, port: Port) -> None:
        """See TalkRoom."""
        self._fan_out.talk(port)

    def silence(self, port: Port) -> None:
        """See TalkRoom."""
        if self._fan_out.talker is port:
            self._fan_out.talk(None)


class SeveralTalkers:
    """A conference in which everybody is muted but those who have a floor."""

    def __init__(self, conference: Conference) -> None:
        self._conference = conference
        self.leave, self.close = conference.leave, conference.close

    @property
    def members(self) -> tuple[Port, ...]:
        """See TalkRoom."""
        return self._conference.members

    def join(self, port: Port) -> None:
        """See TalkRoom."""
        self._conference.join(port, muted=True)

    def let_talk(self, port: Port) -> None:
        """See TalkRoom."""
        self._conference.adjust(port, muted=False)

    def silence(self, port: Port) -> None:
        """See TalkRoom."""
        if port in self._conference.members:
            self._conference.adjust(port, muted=True)


def open_room(engine: MediaEngine, owner: str, *, both_heard: bool) -> TalkRoom:
    """A room for one group; raises MediaError when the engine has none left."""
    if both_heard:
        return SeveralTalkers(engine.open_conference(owner, _RATE_HZ))
    return OneTalker(engine.open_fan_out(owner))


__all__ = ["OneTalker", "SeveralTalkers", "TalkRoom", "open_room"]
