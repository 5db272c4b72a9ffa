"""Where a message came from or goes to: the only thing a protocol core knows of a network."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """One end of a flow (RFC 5626 §3): transport, remote host and port, and what we meet it through.

    `host` is a literal IPv4 or IPv6 address without brackets. `listener` names the local listener that received
    the message or shall send it ("" = any of that transport). `connection` numbers one stream connection
    (0 = reuse an open one to host:port, else open one); a datagram transport leaves it 0.
    """

    transport: str
    host: str
    port: int
    listener: str = ""
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits by itself, so that timers A, E and G stay off (RFC 3261 §17)."""
        return self.transport != "udp"

    @property
    def secure(self) -> bool:
        """Whether the transport is encrypted, so that SIPS may use it."""
        return self.transport in ("tls", "wss")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"
