"""Two ports connected whose formats differ: each is decoded and encoded anew for the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import MAXIMUM_FORMATS, StreamFormat
from softswitch.media.layouts.shared import UNMAPPED
from softswitch.media.records import Fields
from softswitch.media.rooms.conference import Conference
from softswitch.media.rooms.wings import Wing
from softswitch.media.routing import PortSettings, find_route
from softswitch.media.signals import event_format
from softswitch.media.voices import sample_rate, spoken_format

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread

#: The engine transcodes at the rate of the better of the two codecs, so that nothing is lost that both have.
_DEFAULT_RATE = 8000


class Bridge(Conference):
    """A room of two, made by `MediaEngine.connect`: the sum of all others is the other.

    Telephone-events are passed on between the packets of sound. When one leaves, both are out.
    """

    tampers = True

    def __init__(
        self, engine: MediaEngine, number: int, thread: PacketThread, ports: tuple[Port, Port], rate_hz: int
    ) -> None:
        super().__init__(engine, number, thread, ports[0].owner, rate_hz=rate_hz, signals=False)
        self._ends = ports
        for port in ports:
            self.join(port)

    def wing_for(self, port: Port) -> Wing:
        """Both ends are on one packet thread."""
        return self.home

    def other(self, port: Port) -> Port:
        """The other end."""
        return self._ends[1] if port is self._ends[0] else self._ends[0]

    def partner(self, port: Port) -> Port:
        """Who gets the telephone-events of a member."""
        return self.other(port)

    def configured(self, port: Port) -> None:
        """One end has new settings: connected anew when that changes the kind of connection, else one new voice."""
        one, other = self._ends
        try:
            rate_hz = transcoding_rate(one.settings, other.settings)
        except NotTranscodable:
            self.close()
            raise
        if rate_hz != self.rate_hz:
            self.engine.connect(one, other)
            return
        super().configured(port)
        self.tell_table(self.other(port))

    def left(self, port: Port, wing: Wing) -> None:
        """One end is out, and so is the other."""
        super().left(port, wing)
        self.close()

    def table(self, port: Port) -> Fields:
        """Which payload type the telephone-events of a member have for the other."""
        payload_types = np.full(MAXIMUM_FORMATS, UNMAPPED, np.uint8)
        sendable = self.other(port).settings.sendable
        for i, entry in enumerate(port.settings.receivable):
            if entry.encoding.upper() == "TELEPHONE-EVENT":
                event = event_format(sendable)
                payload_types[i] = UNMAPPED if event is None else event.payload_type
        return {"route_payload_type": payload_types}


def transcoding_rate(one: PortSettings, other: PortSettings) -> int:
    """0 when two ports are relayed to each other, else the rate at which they are transcoded, in Hz.

    Relayed are those whose preferred formats have a way each. Raises NotTranscodable when there is no way at all.
    """
    there, back = _preferred(one, other), _preferred(other, one)
    if there is None and back is None:
        return 0
    rates = [_way_rate(one, other), _way_rate(other, one)]
    if all(rates):
        return max(rates)
    find_route(one, other)
    find_route(other, one)
    return 0


def _preferred(source: PortSettings, target: PortSettings) -> StreamFormat | None:
    """The first format of `source`, when it has no way to `target` by relaying or change of octets."""
    first = next((entry for entry in source.receivable if not entry.auxiliary), None)
    if first is None or not target.sendable:
        return None
    try:
        route = find_route(source, target)
    except NotTranscodable:
        return first
    return first if route.payload_types[source.receivable.index(first)] == UNMAPPED else None


def _way_rate(source: PortSettings, target: PortSettings) -> int:
    """The rate this way needs, 0 when it cannot be transcoded."""
    heard = next((entry for entry in source.receivable if not entry.auxiliary), None)
    said = spoken_format(target)
    if heard is None or not target.sendable:
        return _DEFAULT_RATE
    if said is None or not sample_rate(heard):
        return 0
    return max(_least_rate(heard), _least_rate(said), min(sample_rate(heard), sample_rate(said)))


def _least_rate(entry: StreamFormat) -> int:
    """The rate a format needs of the room where no more is to be had of the other side."""
    return sample_rate(entry, _DEFAULT_RATE)
