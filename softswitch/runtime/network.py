"""The switch's SIP sockets as one thing: listeners by name, connections by number and by peer, one `send`.

Connections are reused both ways (RFC 5923 in spirit): an answer goes back over the connection of its request, a new
request to a peer over any open connection to it, and a new connection is opened only when there is none. Messages
wait, bounded, while it opens; when it fails, each waiting address is reported through `on_failure`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Protocol

from softswitch.runtime.logs import FloodLog
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.tcp import StreamConnection, StreamLimits, StreamListener, listen_stream
from softswitch.runtime.tls import TlsContexts, TlsSettings
from softswitch.runtime.udp import Receiver, UdpListener, listen_udp
from softswitch.sip.address import Address
from softswitch.sip.errors import ProtocolError

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
_Peer = tuple[str, str, int]


class Connection(Protocol):
    """What the table needs of a connection, whatever carries it."""

    number: int
    address: Address
    local: tuple[str, int]

    @property
    def is_open(self) -> bool:
        """Whether something may still be written."""

    def send(self, data: bytes) -> bool:
        """Queue one message; False when the connection cannot take it."""

    def overdue(self, now: float) -> str:
        """Why it should be closed at `now`; empty when it may stay."""

    def close(self) -> None:
        """Close it."""


class SipNetwork:
    """Every SIP listener and connection of the switch.

    `receiver` takes each whole message with its source, `on_failure` each address that could not be reached, and
    `on_closed` the address of each connection that ended; `SipDriver` sets the first two. `server_name` tells the
    domain a TLS peer was resolved from. What is sent is marked `dscp` (RFC 2474; 0: not).
    """

    def __init__(
        self,
        tasks: TaskOwner,
        *,
        limits: StreamLimits | None = None,
        dscp: int = 0,
        server_name: Callable[[Address], str | None] = lambda _address: None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.receiver: Receiver = _discard
        self.on_failure: Callable[[Address], None] = _ignore
        self.on_closed: Callable[[Address], None] = _ignore
        self.limits = limits or StreamLimits()
        self.refused_connections = 0
        self.overdue_connections = 0
        self.unsendable = 0
        self.unframeable = 0
        self._tasks = tasks
        self._dscp = dscp
        self._server_name = server_name
        self._clock = clock or asyncio.get_running_loop().time
        self._udp: dict[str, UdpListener] = {}
        self._default_udp: dict[bool, UdpListener] = {}
        self._streams: dict[str, StreamListener] = {}
        self._contexts: dict[str, TlsContexts] = {}
        self._connections: dict[int, Connection] = {}
        self._by_peer: dict[_Peer, int] = {}
        self._per_source: dict[str, int] = {}
        self._opening: dict[_Peer, list[tuple[bytes, Address]]] = {}
        self._last_number = 0
        self._flood = FloodLog(logger, self._clock)
        self._sweep: asyncio.TimerHandle | None = None
        self._closing = False

    @property
    def keepalives(self) -> int:
        """Datagrams that were not SIP but kept a phone's NAT open."""
        return sum(listener.keepalives for listener in self._udp.values())

    # --- listeners -------------------------------------------------------------------------------------------------

    async def listen_udp(self, name: str, host: str, port: int, receiver: Receiver | None = None) -> tuple[str, int]:
        """Open a UDP listener and answer its bound address. Raises OSError."""
        listener = await listen_udp(name, host, port, receiver or self._receive, self._dscp)
        self._udp[name] = listener
        self._default_udp.setdefault(listener.ipv6, listener)
        return listener.local

    async def listen_tcp(self, name: str, host: str, port: int, receiver: Receiver | None = None) -> tuple[str, int]:
        """Open a TCP listener and answer its bound address. Raises OSError."""
        return await self._listen_stream(name, host, port, None, receiver)

    async def listen_tls(
        self, name: str, host: str, port: int, contexts: TlsContexts, receiver: Receiver | None = None
    ) -> tuple[str, int]:
        """Open a TLS listener and answer its bound address. Raises OSError, ValueError without a certificate."""
        if contexts.server is None:
            raise ValueError(f"listener {name}: TLS needs a certificate")
        self._contexts[name] = contexts
        return await self._listen_stream(name, host, port, contexts, receiver)

    def use_client_tls(self, contexts: TlsContexts) -> None:
        """Open all TLS connections with these contexts; by default those of the listener, or the system's, are used."""
        self._contexts = {"": contexts, **{name: each for name, each in self._contexts.items() if name}}

    def reload_certificates(self) -> None:
        """Read every listener's certificate again. Raises OSError, ssl.SSLError; the old ones then stay."""
        for contexts in self._contexts.values():
            contexts.reload()

    def local_address(self, transport: str, listener: str = "", ipv6: bool = False) -> tuple[str, int] | None:
        """The bound (host, port) a message of `transport` leaves from, as far as it is known beforehand."""
        named = self._udp.get(listener) or self._streams.get(listener)
        if named is not None:
            return named.local
        every: Iterable[UdpListener | StreamListener] = chain(self._udp.values(), self._streams.values())
        for each in every:
            if each.transport_name == transport and each.ipv6 == ipv6:
                return each.local
        return None

    # --- sending ---------------------------------------------------------------------------------------------------

    def send(self, data: bytes, address: Address) -> None:
        """Send one message, opening a connection when that is needed; failures come through `on_failure`."""
        if address.transport == "udp":
            listener = self._udp.get(address.listener)
            if listener is None or listener.ipv6 != (":" in address.host):
                listener = self._default_udp.get(":" in address.host)
            if listener is None or not listener.send(data, address):
                self._unsendable(address)
            return
        self._send_stream(data, address)

    def _send_stream(self, data: bytes, address: Address) -> None:
        connection = self._connections.get(address.connection)
        peer = (address.transport, address.host, address.port)
        if connection is None or not connection.is_open:
            connection = self._connections.get(self._by_peer.get(peer, 0))
        if connection is not None and connection.is_open:
            if not connection.send(data):
                self._unsendable(address)
            return
        if address.transport not in ("tcp", "tls") or self._closing:
            self._unsendable(address)
            return
        waiting = self._opening.get(peer)
        if waiting is None:
            self._opening[peer] = [(data, address)]
            if not self._tasks.start(self._open(peer, address), f"connect {address}"):
                del self._opening[peer]
                self._unsendable(address)
        elif len(waiting) < self.limits.waiting_messages:
            waiting.append((data, address))
        else:
            self._unsendable(address)

    async def _open(self, peer: _Peer, address: Address) -> None:
        connection: StreamConnection | None = None
        try:
            context, server_name = self._client_context(address)
            async with asyncio.timeout(self.limits.connect):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: self._make(address.transport, address.listener, accepted=False, receiver=None),
                    address.host,
                    address.port,
                    ssl=context,
                    server_hostname=server_name,
                )
        except (OSError, TimeoutError, ssl.SSLError, ValueError) as problem:
            logger.info("cannot connect to %s: %s", address, problem or type(problem).__name__)
        finally:
            for data, wanted in self._opening.pop(peer, ()):
                if connection is None or not connection.send(data):
                    self._unsendable(wanted)

    def _client_context(self, address: Address) -> tuple[ssl.SSLContext | None, str | None]:
        if address.transport != "tls":
            return None, None
        if not self._contexts:
            self._contexts[""] = TlsContexts(TlsSettings())
        contexts = self._contexts.get("") or self._contexts.get(address.listener) or next(iter(self._contexts.values()))
        return contexts.client, self._server_name(address) or address.host

    def _unsendable(self, address: Address) -> None:
        self.unsendable += 1
        self.on_failure(address)

    # --- the table of connections ----------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def connection(self, number: int) -> Connection | None:
        """The open connection of that number."""
        return self._connections.get(number)

    def next_number(self) -> int:
        """A number never used before, for a connection made elsewhere (a WebSocket)."""
        self._last_number += 1
        return self._last_number

    def add(self, connection: Connection) -> bool:
        """Enter a connection; False when the total or its source has reached the limit."""
        host = connection.address.host
        of_source = self._per_source.get(host, 0)
        if (
            self._closing
            or len(self._connections) >= self.limits.connections
            or of_source >= self.limits.connections_per_source
        ):
            self.refused_connections += 1
            return False
        self._per_source[host] = of_source + 1
        self._connections[connection.number] = connection
        self._by_peer[connection.address[:3]] = connection.number
        if self._sweep is None:
            self._schedule_sweep()
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection and tell `on_closed`."""
        if self._connections.pop(connection.number, None) is None:
            return
        address = connection.address
        left = self._per_source.get(address.host, 1) - 1
        if left > 0:
            self._per_source[address.host] = left
        else:
            self._per_source.pop(address.host, None)
        if self._by_peer.get(address[:3]) == connection.number:
            del self._by_peer[address[:3]]
        if not self._closing:
            self.on_closed(address)

    async def close(self) -> None:
        """Close every listener and connection."""
        self._closing = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in tuple(self._connections.values()):
            connection.close()
        for listener in self._udp.values():
            await listener.close()
        for stream in self._streams.values():
            await stream.close()
        self._udp.clear()
        self._default_udp.clear()
        self._streams.clear()

    def deliver(self, data: bytes, source: Address) -> None:
        """Hand a message that arrived by a connection made elsewhere to the receiver."""
        self.receiver(data, source)

    def _receive(self, data: bytes, source: Address) -> None:
        self.receiver(data, source)

    async def _listen_stream(
        self, name: str, host: str, port: int, contexts: TlsContexts | None, receiver: Receiver | None
    ) -> tuple[str, int]:
        kind = "tls" if contexts else "tcp"
        listener = await listen_stream(
            name,
            host,
            port,
            lambda: self._make(kind, name, accepted=True, receiver=receiver),
            contexts.server if contexts else None,
        )
        self._streams[name] = listener
        return listener.local

    def _make(self, transport: str, listener: str, *, accepted: bool, receiver: Receiver | None) -> StreamConnection:
        return StreamConnection(
            transport_name=transport,
            listener=listener,
            number=self.next_number(),
            accepted=accepted,
            receiver=receiver or self._receive,
            clock=self._clock,
            limits=self.limits,
            dscp=self._dscp,
            made=self.add,
            lost=self.remove,
            lost_framing=self._lost_framing,
        )

    def _lost_framing(self, source: Address, problem: ProtocolError) -> None:
        self.unframeable += 1
        self._flood.warn(source.host, f"{source.transport} stream closed: {problem}")

    def _schedule_sweep(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._close_overdue)

    def _close_overdue(self) -> None:
        now = self._clock()
        for connection in tuple(self._connections.values()):
            reason = connection.overdue(now)
            if reason:
                self.overdue_connections += 1
                logger.info("closing %s: %s", connection.address, reason)
                connection.close()
        if self._connections and not self._closing:
            self._schedule_sweep()
        else:
            self._sweep = None


def _discard(data: bytes, source: Address) -> None:
    logger.warning("a message from %s came before the switch was ready", source)


def _ignore(address: Address) -> None:
    """Nobody asked to be told."""
