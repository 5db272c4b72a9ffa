"""The ways to an AMBE-3000: one packet a UDP datagram, or a serial line."""

from __future__ import annotations

import asyncio
import logging
import os
import termios
from collections.abc import Callable
from typing import Protocol

from mediacodecs.vocoders.dvsi_packets import PacketStream

logger = logging.getLogger(__name__)

_SPEEDS = {115200: termios.B115200, 230400: termios.B230400, 460800: termios.B460800}


class Link(Protocol):
    """Brings packets to a chip; `receiver` gets what comes."""

    def send(self, packet: bytes) -> None:
        """Send one packet; what cannot be sent is as good as lost."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class UdpLink(asyncio.DatagramProtocol):
    """One packet a datagram."""

    def __init__(self, receiver: Callable[[bytes], None]) -> None:
        self._receiver = receiver
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str, port: int, receiver: Callable[[bytes], None]) -> UdpLink:
        """A socket connected to the server; raises OSError."""
        loop = asyncio.get_running_loop()
        transport, link = await loop.create_datagram_endpoint(lambda: cls(receiver), remote_addr=(host, port))
        link._transport = transport
        return link

    def datagram_received(self, data: bytes, addr: object) -> None:
        """A datagram came."""
        self._receiver(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody is there just now: the session notices by itself."""

    def send(self, packet: bytes) -> None:
        """`Link.send`."""
        if self._transport is not None:
            self._transport.sendto(packet)

    def close(self) -> None:
        """`Link.close`."""
        if self._transport is not None:
            self._transport.close()


class SerialLink:
    """A serial line of eight raw bits."""

    def __init__(self, device: str, baud: int, receiver: Callable[[bytes], None]) -> None:
        """Open `device`; raises OSError, ValueError for a speed that there is not."""
        if baud not in _SPEEDS:
            raise ValueError(f"no serial speed {baud} (there are {', '.join(map(str, sorted(_SPEEDS)))})")
        self._descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._stream = PacketStream()
        self._receiver = receiver
        self._make_raw(_SPEEDS[baud])
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._readable)

    def _make_raw(self, speed: int) -> None:
        settings = termios.tcgetattr(self._descriptor)
        settings[0] = settings[1] = settings[3] = 0
        settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        settings[4] = settings[5] = speed
        termios.tcsetattr(self._descriptor, termios.TCSANOW, settings)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # unplugged: the session notices that nothing answers
            self._loop.remove_reader(self._descriptor)
            return
        for packet in self._stream.receive(data):
            self._receiver(packet)

    def send(self, packet: bytes) -> None:
        """`Link.send`."""
        try:
            os.write(self._descriptor, packet)
        except OSError as error:
            logger.debug("serial vocoder: %s", error)

    def close(self) -> None:
        """`Link.close`."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
