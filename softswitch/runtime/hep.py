"""Export of SIP messages and of reports on calls to a capture server: HEP version 3 over UDP, secrets taken out first.

A datagram is `HEP3`, a total length, and chunks of (vendor, type, length, data), big endian. Left out: compressed
payloads and authentication by anything but the plain key chunk.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
from dataclasses import dataclass, replace

from softswitch.runtime.redact import redact_message
from softswitch.runtime.trace import TracedMessage

logger = logging.getLogger(__name__)

#: Kinds of payload (chunk 11): SIP, RTCP as JSON, and text of any kind about a call.
KIND_SIP, KIND_RTCP, KIND_LOG = 1, 5, 100
_PROTOCOL_UDP, _PROTOCOL_TCP = 17, 6
_FAMILY_IPV4, _FAMILY_IPV6 = 2, 10
_LARGEST = 65_507


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured message: `time` in UTC seconds, literal (host, port) of both ends, `protocol` the IP number."""

    time: float
    protocol: int
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes
    agent: int = 0
    correlation: str = ""
    key: str = ""
    kind: int = KIND_SIP


def encode_hep3(capture: Capture) -> bytes:
    """The HEP3 datagram of a capture. Raises ValueError when an address is no literal or it is too long."""
    source = ipaddress.ip_address(capture.source[0].partition("%")[0])
    destination = ipaddress.ip_address(capture.destination[0].partition("%")[0])
    ipv6 = 6 in (source.version, destination.version)
    microseconds = round(capture.time * 1_000_000)
    chunks = [
        _chunk(1, bytes((_FAMILY_IPV6 if ipv6 else _FAMILY_IPV4,))),
        _chunk(2, bytes((capture.protocol,))),
        _chunk(5 if ipv6 else 3, _packed(source, ipv6)),
        _chunk(6 if ipv6 else 4, _packed(destination, ipv6)),
        _chunk(7, struct.pack("!H", capture.source[1])),
        _chunk(8, struct.pack("!H", capture.destination[1])),
        _chunk(9, struct.pack("!I", microseconds // 1_000_000)),
        _chunk(10, struct.pack("!I", microseconds % 1_000_000)),
        _chunk(11, bytes((capture.kind,))),
        _chunk(12, struct.pack("!I", capture.agent)),
    ]
    if capture.key:
        chunks.append(_chunk(14, capture.key.encode()))
    if capture.correlation:
        chunks.append(_chunk(17, capture.correlation.encode("utf-8", "surrogateescape")))
    chunks.append(_chunk(15, capture.payload))
    body = b"".join(chunks)
    if len(body) + 6 > _LARGEST:
        raise ValueError("too long for one datagram")
    return b"HEP3" + struct.pack("!H", len(body) + 6) + body


class HepExporter:
    """A trace subscriber that sends every message to a capture server; never waits, drops and counts instead."""

    def __init__(self, host: str, port: int = 9060, *, agent: int = 0, key: str = "") -> None:
        self.sent = 0
        self.dropped = 0
        self._agent = agent
        self._key = key
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect((host, port))
        except OSError:
            self._socket.close()
            raise

    def __call__(self, message: TracedMessage) -> None:
        """Export one traced message."""
        remote = (message.remote.host, message.remote.port)
        unspecified = "::" if ":" in remote[0] else "0.0.0.0"
        local = (message.local[0] or unspecified, message.local[1])
        source, destination = (remote, local) if message.direction == "in" else (local, remote)
        self.export(
            Capture(
                time=message.time,
                protocol=_PROTOCOL_TCP if message.remote.reliable else _PROTOCOL_UDP,
                source=source,
                destination=destination,
                payload=redact_message(message.data),
                correlation=call_id_of(message.data),
            )
        )

    def export(self, capture: Capture) -> None:
        """Send one capture as this exporter's agent."""
        try:
            self._socket.send(encode_hep3(replace(capture, agent=self._agent, key=self._key)))
            self.sent += 1
        except (OSError, ValueError) as problem:
            self.dropped += 1
            logger.debug("not exported: %s", problem)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def call_id_of(data: bytes) -> str:
    """The Call-ID of a raw message without parsing it; empty when there is none."""
    end = data.find(b"\r\n\r\n")
    head = data if end < 0 else data[: end + 2]
    lowered = head.lower()
    for name in (b"\ncall-id", b"\ni"):
        start = 0
        while (start := lowered.find(name, start)) >= 0:
            start += len(name)
            line_end = head.find(b"\n", start)
            name_rest, colon, value = head[start : line_end if line_end >= 0 else len(head)].partition(b":")
            if colon and not name_rest.strip():
                return value.strip().decode("utf-8", "surrogateescape")
    return ""


def _chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, len(data) + 6) + data


def _packed(address: ipaddress.IPv4Address | ipaddress.IPv6Address, ipv6: bool) -> bytes:
    if ipv6 and isinstance(address, ipaddress.IPv4Address):
        return b"\x00" * 10 + b"\xff\xff" + address.packed
    return address.packed
