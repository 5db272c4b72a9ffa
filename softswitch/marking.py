"""What class of service the network is asked to give to what a socket sends (DiffServ code points, RFC 2474)."""

from __future__ import annotations

import contextlib
import os
import socket

_BESIDE_ECN = 2  # the lower bits of the octet are those of congestion notification (RFC 3168 §5)


def mark(bound: socket.socket, dscp: int) -> None:
    """Have everything that a socket sends carry the code point `dscp`, 0 … 63; 0 leaves it as it is.

    A socket of IPv6 may have peers of IPv4 too, so it is told both. A system that refuses sends unmarked.
    """
    if not dscp:
        return
    octet = dscp << _BESIDE_ECN
    with contextlib.suppress(OSError):
        bound.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, octet)
    if bound.family == socket.AF_INET6:
        with contextlib.suppress(OSError):
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, octet)


def mark_descriptor(descriptor: int, dscp: int) -> None:
    """The same for a socket of which only the descriptor is known; raises OSError when there is none."""
    if dscp:
        with socket.socket(fileno=os.dup(descriptor)) as same:
            mark(same, dscp)
