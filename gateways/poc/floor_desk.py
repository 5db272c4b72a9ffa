"""One UDP port for the floor control of all terminals: which datagram belongs to which leg.

A terminal is known by the address its description names. One that sends from elsewhere, because a NAT stands between,
is recognised by the host its signalling came from, if it is the only one there that has not been heard yet; from then
on its messages go to where it sends from. Everything else is counted and dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from softswitch.floor import Member
from softswitch.floor.channel import Peer

Place = tuple[str, int]
Send = Callable[[bytes, Place], None]
#: Larger datagrams are no floor control.
MAX_OCTETS = 2048
_MAX_PLACES = 20_000


class DeskLink:
    """The floor control channel of one leg (`softswitch.calls.talkgroups.floor_link.FloorLink`)."""

    __slots__ = ("_desk", "heard", "hosts", "leg_id", "member", "peer", "place")

    def __init__(
        self, desk: FloorDesk, leg_id: str, peer: Peer, member: Member | None, place: Place, host: str
    ) -> None:
        self._desk = desk
        self.leg_id = leg_id
        self.peer = peer
        self.member = member
        self.place = place
        self.hosts = {host, place[0]}
        self.heard = False

    def send_floor(self, data: bytes) -> None:
        """Send one datagram to the terminal."""
        self._desk.send(data, self.place)


class FloorDesk:
    """All links by place. `received(leg_id, data)` gets what terminals send."""

    def __init__(self, received: Callable[[str, bytes], None]) -> None:
        self._received = received
        self._by_place: dict[Place, DeskLink] = {}
        self._silent: dict[str, dict[str, DeskLink]] = {}  # by host, those that have not been heard
        self._transmit: Send | None = None
        #: received, sent, stray, too_long.
        self.counters: Counter[str] = Counter()

    def open(self, transmit: Send) -> None:
        """The port is bound: `transmit` sends from it."""
        self._transmit = transmit

    def __len__(self) -> int:
        return len(self._by_place)

    def add(self, link: DeskLink) -> bool:
        """Serve one more leg; False when another one has the same place, or there are too many."""
        if link.place in self._by_place or len(self._by_place) >= _MAX_PLACES:
            return False
        self._by_place[link.place] = link
        for host in link.hosts:
            self._silent.setdefault(host, {})[link.leg_id] = link
        return True

    def remove(self, link: DeskLink) -> None:
        """A leg is gone."""
        if self._by_place.get(link.place) is link:
            del self._by_place[link.place]
        self._heard(link)

    def receive_data(self, data: bytes, source: Place) -> None:
        """One datagram from the network; an empty one only keeps a NAT open."""
        link = self._by_place.get(source) or self._latched(source)
        if link is None:
            self.counters["stray"] += 1
            return
        if not link.heard:
            self._heard(link)
        if len(data) > MAX_OCTETS:
            self.counters["too_long"] += 1
        elif data:
            self.counters["received"] += 1
            self._received(link.leg_id, data)

    def send(self, data: bytes, place: Place) -> None:
        """Send one datagram."""
        if self._transmit is not None:
            self.counters["sent"] += 1
            self._transmit(data, place)

    def keep_alive(self) -> None:
        """Send an empty datagram to everyone, so that NATs on the way stay open."""
        for place in self._by_place:
            self.send(b"", place)

    def _latched(self, source: Place) -> DeskLink | None:
        silent = self._silent.get(source[0])
        if silent is None or len(silent) != 1:
            return None
        link = next(iter(silent.values()))
        del self._by_place[link.place]
        link.place = source
        self._by_place[source] = link
        return link

    def _heard(self, link: DeskLink) -> None:
        link.heard = True
        for host in link.hosts:
            silent = self._silent.get(host)
            if silent is not None:
                silent.pop(link.leg_id, None)
                if not silent:
                    del self._silent[host]
