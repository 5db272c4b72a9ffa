"""The push-to-talk server in its house: the socket of floor control, the hooks of SIP, the time."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from gateways.poc.affiliations import Affiliations
from gateways.poc.context import Context
from gateways.poc.floor_desk import FloorDesk
from gateways.poc.leg import Terms
from gateways.poc.server import PocServer
from gateways.poc.settings import PocServerSettings
from softswitch.calls.exchange import Exchange
from softswitch.calls.sip.registration import Registrations
from softswitch.calls.talkgroups.talkgroups import Rights, Talkgroups
from softswitch.directory import Directory
from softswitch.runtime.udp import UdpListener, bind_udp
from softswitch.sip.address import Address

logger = logging.getLogger(__name__)

_HOUSEKEEPING_S = 1.0
_TRIES = 64

#: Runs one change of the calls, at once or after the present one (`SipDriver.post`).
Post = Callable[[Callable[[float], None]], None]


class PocGateway:
    """One server. `open` binds the floor control port, `close` ends it.

    `host` and `port` are where floor control is taken, `advertised` what clients are told instead of `host`; port 0
    takes a free one outside `avoid`, the ports of the media engine.
    """

    def __init__(
        self,
        *,
        exchange: Exchange,
        talkgroups: Talkgroups,
        registrations: Registrations,
        directory: Directory,
        rights: Rights,
        post: Post,
        contact: str,
        domain: str,
        new_id: Callable[[], str],
        host: str,
        advertised: str,
        port: int,
        avoid: range,
        settings: PocServerSettings,
    ) -> None:
        self._exchange = exchange
        self._registrations = registrations
        self._post = post
        self._host = host
        self._advertised = advertised
        self._port = port
        self._avoid = avoid
        self._contact = contact
        self._domain = domain
        self._listener: UdpListener | None = None
        self._talkgroups = talkgroups
        self._directory = directory
        self._rights = rights
        self._new_id = new_id
        self._settings = settings
        self.desk = FloorDesk(talkgroups.wishes.receive_floor)
        self.server: PocServer | None = None

    async def open(self) -> None:
        """Bind the floor control port and take part in SIP from now on. Raises OSError."""
        bound = self._bind()
        listener = UdpListener("poc-floor", bound, self._received)
        try:
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: listener, sock=bound)
        except BaseException:
            bound.close()
            raise
        self._listener = listener
        self.desk.open(lambda data, place: self._send(listener, data, place))
        place = self._advertised or self._host, listener.local[1]
        terms = Terms(self.desk, place, self._domain, self._contact, rights=self._rights)
        context = Context(
            self._exchange,
            self._talkgroups,
            self._directory,
            terms,
            self._settings,
            self._new_id,
            Affiliations(self._domain),
            self._domain,
        )
        self.server = PocServer(context)
        self._exchange.applications.append(self.server)
        self._registrations.accepted.append(self.server.registered)
        self._post(self._housekeeping)
        logger.info("push-to-talk: floor control on %s:%d", *place)

    def _bind(self) -> socket.socket:
        """A socket on the configured port, or on a free one that no media port may ask for."""
        if self._port:
            return bind_udp(self._host, self._port)
        kept: list[socket.socket] = []
        try:
            for _ in range(_TRIES):
                bound = bind_udp(self._host, 0)
                if bound.getsockname()[1] not in self._avoid:
                    return bound
                kept.append(bound)
        finally:
            for each in kept:
                each.close()
        raise OSError("there is no free port for floor control outside the media ports")

    def _received(self, data: bytes, source: Address) -> None:
        self._post(lambda now: self.desk.receive_data(data, (source.host, source.port)))

    @staticmethod
    def _send(listener: UdpListener, data: bytes, place: tuple[str, int]) -> None:
        listener.send(data, Address("udp", place[0], place[1], listener.name))

    def _housekeeping(self, now: float) -> None:
        if self.server is None or self._listener is None:
            return
        self.server.documents.handle_timer(now)
        every = self._settings.keep_alive_s
        if every and int(now / every) != int((now - _HOUSEKEEPING_S) / every):
            self.desk.keep_alive()
        self._exchange.timers.schedule(now + _HOUSEKEEPING_S, self._housekeeping)

    def problems(self) -> list[str]:
        """What is wrong now: a server that has opened has no faults of its own."""
        return []

    async def close(self) -> None:
        """Let go of the port."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()
