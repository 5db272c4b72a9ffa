"""Captures in the classic pcap format, of datagrams that we put into IP and UDP headers of our own making.

What went over TCP, TLS or a WebSocket is shown as UDP too: a message is a datagram then, whatever carried it.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from typing import NamedTuple

#: Frames begin with the IP header (LINKTYPE_RAW).
_LINK_RAW = 101
_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINK_RAW)
_UDP, _HOPS = 17, 64
_LONGEST = 65_000


class Datagram(NamedTuple):
    """One datagram: UTC seconds, literal (host, port) of both ends."""

    time: float
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


def write_pcap(datagrams: Iterable[Datagram]) -> bytes:
    """A capture file; what is too long for a datagram is cut, an address that is no literal shown as unspecified."""
    parts = [_HEADER]
    for datagram in datagrams:
        frame = _frame(datagram)
        microseconds = round(datagram.time * 1_000_000)
        parts.append(struct.pack("<IIII", *divmod(microseconds, 1_000_000), len(frame), len(frame)))
        parts.append(frame)
    return b"".join(parts)


def _frame(datagram: Datagram) -> bytes:
    source, destination = _address(datagram.source[0]), _address(datagram.destination[0])
    payload = datagram.payload[:_LONGEST]
    length = 8 + len(payload)
    if source.version == destination.version == 4:
        head = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, _HOPS, _UDP, 0, source.packed, destination.packed
        )
        head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
        pseudo = struct.pack("!4s4sBBH", source.packed, destination.packed, 0, _UDP, length)
    else:
        ends = _v6(source), _v6(destination)
        head = struct.pack("!IHBB16s16s", 6 << 28, length, _UDP, _HOPS, *ends)
        pseudo = struct.pack("!16s16sIxxxB", *ends, length, _UDP)
    udp = struct.pack("!HHHH", datagram.source[1], datagram.destination[1], length, 0)
    check = _checksum(pseudo + udp + payload) or 0xFFFF
    return head + udp[:6] + struct.pack("!H", check) + payload


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ipaddress.IPv4Address(0)


def _v6(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
