"""Socket addresses as the kernel keeps them, in the 32-bit words of the shared records, and as people write them."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.layouts.shared import ADDRESS_WORDS

_OCTETS = 4 * ADDRESS_WORDS
NOWHERE = np.zeros(ADDRESS_WORDS, np.uint32)


def encode_address(address: tuple[str, int] | None, family: int) -> tuple[NDArray[np.uint32], int]:
    """The sockaddr of (host, port) as uint32[7] and its length in octets; length 0 for None, port 0 or an
    unspecified host (0.0.0.0, "on hold" of old).

    Raises ValueError when the host is no literal address, or none of the socket's `family`.
    """
    if address is None or address[1] == 0:
        return NOWHERE, 0
    host, port = address
    try:
        packed = socket.inet_pton(family, host.partition("%")[0])
    except OSError:
        kind = "IPv6" if family == socket.AF_INET6 else "IPv4"
        raise ValueError(f"{host!r} is no {kind} address, which is what the port has") from None
    if not any(packed):
        return NOWHERE, 0
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no UDP port")
    octets = family.to_bytes(2, "little") + port.to_bytes(2, "big")
    if family == socket.AF_INET:
        octets += packed + bytes(8)
    else:
        octets += bytes(4) + packed + _scope(host).to_bytes(4, "little")
    return np.frombuffer(octets.ljust(_OCTETS, b"\0"), np.uint32), len(octets)


def _scope(host: str) -> int:
    name = host.partition("%")[2]
    if not name:
        return 0
    return int(name) if name.isdigit() else socket.if_nametoindex(name)


def decode_address(words: NDArray[Any]) -> tuple[str, int]:
    """(host, port) of a sockaddr in uint32[7]; ("", 0) when there is none."""
    octets = words.tobytes()
    family = int.from_bytes(octets[:2], "little")
    port = int.from_bytes(octets[2:4], "big")
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, octets[4:8]), port
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, octets[8:24]), port
    return "", 0
