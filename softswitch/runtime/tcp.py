"""SIP over TCP and TLS: accepted and opened stream connections (RFC 3261 §18, RFC 5626 §4.4.1 keep-alive).

A connection frames by Content-Length, answers the CRLF ping, and enforces its limits; the table of connections and
their reuse is `network.SipNetwork`'s.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from softswitch.marking import mark_descriptor
from softswitch.runtime.binding import naming
from softswitch.runtime.udp import Receiver
from softswitch.sip.address import Address
from softswitch.sip.errors import ProtocolError
from softswitch.sip.parser import DEFAULT_LIMITS, Limits
from softswitch.sip.stream import KeepAlive, StreamFramer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds on stream connections; times in seconds. `message` is what one message may measure."""

    connections: int = 20_000
    connections_per_source: int = 256
    idle: float = 3600.0
    partial_message: float = 15.0
    first_message: float = 30.0
    connect: float = 5.0
    write_buffer_octets: int = 1 << 20
    waiting_messages: int = 64
    message: Limits = DEFAULT_LIMITS


class StreamConnection(asyncio.Protocol):
    """One TCP or TLS connection, accepted or opened; `address` is complete once it is made."""

    def __init__(
        self,
        *,
        transport_name: str,
        listener: str,
        number: int,
        accepted: bool,
        receiver: Receiver,
        clock: Callable[[], float],
        limits: StreamLimits,
        dscp: int,
        made: Callable[[StreamConnection], bool],
        lost: Callable[[StreamConnection], None],
        lost_framing: Callable[[Address, ProtocolError], None],
    ) -> None:
        self.address = Address(transport_name, "", 0, listener, number)
        self.local: tuple[str, int] = ("", 0)
        self.number = number
        self.accepted = accepted
        self.opened_at = clock()
        self.last_message_at = self.opened_at
        self._partial_since: float | None = None
        self._had_message = False
        self._receiver = receiver
        self._clock = clock
        self._limits = limits
        self._dscp = dscp
        self._made = made
        self._lost = lost
        self._lost_framing = lost_framing
        self._framer = StreamFramer(limits.message)
        self._transport: asyncio.Transport | None = None
        self._registered = False

    @property
    def is_open(self) -> bool:
        """Whether something may still be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def peer_certificate(self) -> dict[str, Any] | None:
        """The peer's verified certificate as `ssl.SSLSocket.getpeercert` gives it; None without one."""
        if self._transport is None:
            return None
        return cast("dict[str, Any] | None", self._transport.get_extra_info("peercert") or None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        local = transport.get_extra_info("sockname")
        if not peer or not local:
            self._transport.abort()
            return
        self.address = self.address._replace(host=peer[0], port=peer[1])
        self.local = (local[0], local[1])
        mark_descriptor(transport.get_extra_info("socket").fileno(), self._dscp)
        self._registered = self._made(self)
        if not self._registered:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._registered:
            return
        now = self._clock()
        try:
            frames = self._framer.receive_data(data)
        except ProtocolError as problem:
            self._lost_framing(self.address, problem)
            self.close()
            return
        if frames:
            self.last_message_at = now
            self._had_message = True
        if not self._framer.pending:
            self._partial_since = None
        elif frames or self._partial_since is None:
            self._partial_since = now
        for frame in frames:
            if isinstance(frame, bytes):
                self._receiver(frame, self.address)
            elif frame is KeepAlive.PING:
                self.send(b"\r\n")
        if self._framer.error is not None:
            self._lost_framing(self.address, self._framer.error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._registered:
            self._registered = False
            self._lost(self)

    def send(self, data: bytes) -> bool:
        """Queue `data`; False when the connection is gone or its reader so slow that it had to be cut."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > self._limits.write_buffer_octets:
            logger.info("stream to %s cut: the peer does not read", self.address)
            transport.abort()
            return False
        transport.write(data)
        return True

    def overdue(self, now: float) -> str:
        """Why this connection should be closed at `now`; empty when it may stay."""
        limits = self._limits
        if self._partial_since is not None and now - self._partial_since > limits.partial_message:
            return "message not completed"
        if self.accepted and not self._had_message and now - self.opened_at > limits.first_message:
            return "no message"
        if now - self.last_message_at > limits.idle:
            return "idle"
        return ""

    def close(self) -> None:
        """Close after what is buffered has been written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


class StreamListener:
    """A listening TCP or TLS socket."""

    def __init__(self, name: str, transport_name: str, server: asyncio.Server) -> None:
        self.name = name
        self.transport_name = transport_name
        self.local: tuple[str, int] = server.sockets[0].getsockname()[:2]
        self.ipv6 = ":" in self.local[0]
        self._server = server

    async def close(self) -> None:
        """Stop accepting; connections already accepted are the table's to close."""
        self._server.close()
        await self._server.wait_closed()


async def listen_stream(
    name: str, host: str, port: int, make: Callable[[], StreamConnection], context: ssl.SSLContext | None = None
) -> StreamListener:
    """Listen on host:port (port 0: any), with TLS when a context is given. Raises OSError."""
    transport = "tls" if context else "tcp"
    with naming(transport, host, port):
        server = await asyncio.get_running_loop().create_server(
            make,
            host,
            port,
            ssl=context,
            backlog=1024,
            reuse_address=True,
            ssl_handshake_timeout=10.0 if context else None,
        )
    return StreamListener(name, transport, server)
