"""Radios of USRP nodes in their house: one socket for each, and who talks in the talkgroups that they are in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from gateways.usrp.settings import RadioSettings
from gateways.usrp.station import Post, Station
from softswitch.calls.exchange import Exchange
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.ported_leg import PortedLeg
from softswitch.events import Event, FloorGranted, FloorIdle, FloorRevoked, GroupJoined, GroupLeft
from softswitch.media import MediaEngine
from softswitch.runtime.udp import UdpListener, listen_udp
from softswitch.sip.address import Address

logger = logging.getLogger(__name__)

NAME = "usrp"
UNKNOWN = Cause(404, 1, "there is no such radio")
BUSY = Cause(486, 17, "the radio is in its talkgroup, or in another call")
NO_PORT = Cause(503, 34, "the media engine has no port left")


class UsrpGateway:
    """All radios of this node; routes name it as `gateway:usrp` and a radio by its number."""

    def __init__(self, radios: Iterable[RadioSettings], exchange: Exchange, engine: MediaEngine, post: Post) -> None:
        self.stations = [
            Station(radio, exchange, engine, post, partial(self._send, radio), self._watch) for radio in radios
        ]
        self._exchange = exchange
        self._post = post
        self._listeners: dict[str, UdpListener] = {}
        self._failed: dict[str, str] = {}

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Bind every radio's socket and let the radios enter their talkgroups; one that cannot is left out."""
        self.listen()
        for station in self.stations:
            radio = station.settings
            try:
                receiver = partial(self.received, station)
                self._listeners[radio.name] = await listen_udp(f"usrp {radio.name}", *radio.local, receiver)
            except OSError as error:
                self._failed[radio.name] = f"{radio.local[0]}:{radio.local[1]}: {error.strerror}"
                logger.error("radio %s does not start: %s", radio.name, self._failed[radio.name])
            else:
                self._post(station.open)

    def listen(self) -> None:
        """Let routes lead here, and hear of what happens in talkgroups."""
        self._exchange.add_gateway(NAME, self)
        kinds = (GroupJoined, GroupLeft, FloorGranted, FloorIdle, FloorRevoked)
        self._exchange.bus.subscribe(self._on_event, *(kind.type for kind in kinds))

    async def close(self) -> None:
        """Give the sockets back."""
        for station in self.stations:
            station.close()
        for listener in self._listeners.values():
            await listener.close()

    # -- Gateway ----------------------------------------------------------------------------------------------------

    def dial(self, target: Target, caller: Leg, leg_id: str) -> PortedLeg | Cause:
        """See Gateway."""
        station = next((each for each in self.stations if each.settings.number == target.number), None)
        if station is None or station.settings.name in self._failed:
            return UNKNOWN
        if station.leg is not None:
            return BUSY
        return station.new_leg("out", leg_id) or NO_PORT

    def invite(self, leg: PortedLeg, target: Target, caller: Leg) -> None:
        """See Gateway: a radio takes every call at once, and transmits it."""
        station = next(each for each in self.stations if each.leg is leg)
        self._exchange.soon(lambda: self._take(station, leg, caller.party))

    @staticmethod
    def _take(station: Station, leg: PortedLeg, caller: Party) -> None:
        if station.leg is leg:
            leg.taken()
            station.transmit(caller)

    # -- talkgroups -------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        """Somebody came, went, talks or has ended: radios in that group hear whoever talks now."""
        group = str(getattr(event, "group", ""))
        if isinstance(event, GroupJoined):  # it has its seat when the present turn is over
            self._exchange.soon(lambda: self._follow(group))
        else:
            self._follow(group)

    def _follow(self, group: str) -> None:
        talkgroups = self._exchange.talkgroups
        for station in self.stations:
            leg = station.leg
            seat = talkgroups.seat_of(leg.id) if talkgroups is not None and leg is not None else None
            if seat is not None and seat.group.number == group:
                talkers = [each.participant for each in seat.group.arbiter.talkers]
                other = next((each for each in talkers if each != seat.leg.id and each in seat.group.seats), None)
                station.transmit(seat.group.seats[other].leg.party if other is not None else None)

    # -- sockets ----------------------------------------------------------------------------------------------------

    def received(self, station: Station, data: bytes, source: Address) -> None:
        """A datagram came to a radio's socket."""
        radio = station.settings
        if source.host != radio.remote[0]:
            if not station.link.counters["strange"]:
                logger.warning("radio %s: %s is not its node; its packets are dropped", radio.name, source.host)
            station.link.counters["strange"] += 1
            return
        station.receive_data(data, self._exchange.now())

    def _send(self, radio: RadioSettings, data: bytes) -> None:
        listener = self._listeners.get(radio.name)
        if listener is not None:
            listener.send(data, Address("udp", *radio.remote, listener.name))

    @staticmethod
    def _watch(fd: int, ready: Callable[[], None] | None) -> None:
        loop = asyncio.get_running_loop()
        if ready is not None:
            loop.add_reader(fd, ready)
        else:
            loop.remove_reader(fd)

    # -- operators --------------------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What is wrong now, one sentence each."""
        found = [f"radio {name} has no socket: {reason}" for name, reason in self._failed.items()]
        waiting = (each.settings for each in self.stations if each.leg is None and each.settings.talkgroup)
        found += [f"radio {r.name} is not in talkgroup {r.talkgroup}" for r in waiting if r.name not in self._failed]
        return found


__all__ = ["NAME", "UsrpGateway"]
