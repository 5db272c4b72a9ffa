"""Pictures of a conference: everybody sees who speaks loudest, who sees whoever spoke before.

Nothing is decoded: a sender's packets go to the others as they are, from its next key frame on. So all who are seen
send one codec, which the first of them brings; others take part by sound alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.calls.media.side import PICTURE_CODECS
from softswitch.sdp.formats import Codec

if TYPE_CHECKING:
    from softswitch.media import FanOut, Port
    from softswitch.sip.timerwheel import TimerWheel

#: Whoever is seen stays so for a while, however many speak at once.
_AT_LEAST_S = 2.0


class SwitchedPictures:
    """Who sees whom in one conference; `open_room` makes the fan-out when the first picture comes."""

    def __init__(self, open_room: Callable[[], FanOut], timers: TimerWheel, now: Callable[[], float]) -> None:
        self._open_room = open_room
        self._timers = timers
        self._now = now
        self._room: FanOut | None = None
        self._ports: list[Port] = []  # who spoke last comes first
        self._told: tuple[Port | None, Port | None] = (None, None)
        self._until = float("-inf")
        self._waiting: Port | None = None
        #: what a party may send here.
        self.codecs: Sequence[Codec] = PICTURE_CODECS

    def join(self, port: Port) -> None:
        """A party with a picture has come; raises MediaError."""
        if self._room is None:
            self._room = self._open_room()
        self._room.join(port)
        if port not in self._ports:
            self._ports.append(port)
        entry = next(iter(port.settings.formats), None)
        if entry is not None and len(self._ports) == 1:
            self.codecs = (Codec(entry.encoding, entry.clock_rate, 1, entry.fmtp),)
        self._tell()

    def leave(self, port: Port) -> None:
        """It is gone, or shows itself no more."""
        if port not in self._ports:
            return
        self._ports.remove(port)
        if self._room is not None:
            self._room.leave(port)
        if not self._ports:
            self.codecs = PICTURE_CODECS
        self._tell()

    def loudest(self, port: Port | None) -> None:
        """The party of that picture speaks loudest now; None: one without a picture, or nobody."""
        self._waiting = None
        if port not in self._ports or port is self._ports[0]:
            return
        now = self._now()
        if now < self._until:
            self._waiting = port
            self._timers.schedule(self._until, lambda now: self.loudest(self._waiting))
            return
        self._until = now + _AT_LEAST_S
        self._ports.remove(port)
        self._ports.insert(0, port)
        self._tell()

    def close(self) -> None:
        """Everybody is gone."""
        if self._room is not None:
            self._room.close()
        self._ports.clear()

    def _tell(self) -> None:
        present = [port for port in self._ports if not port.closed]
        pair = (present[0] if present else None, present[1] if len(present) > 1 else None)
        if self._room is not None and pair != self._told:
            self._told = pair
            self._room.talk(pair[0], second=pair[1])


__all__ = ["SwitchedPictures"]
