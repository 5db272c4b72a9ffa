"""A port's second socket, connected to its peer: what is sent through it has its route already.

That saves up to a sixth of sending, but a connected socket hears its peer alone, and a peer may come from elsewhere at
any time. So a port keeps the socket it was given, which hears everybody. When it has sent for a while it gets another
of the same address beside it, and the kernel gives every datagram to the one that fits it best. As soon as ours are to
go elsewhere the second is closed; a while later there may be a new one.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import (
    AF_INET,
    AF_INET6,
    DATAGRAMS_NONBLOCK_CLOEXEC,
    EPOLL_CTL_ADD,
    IP_TOS,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPV6_TCLASS,
    SO_REUSEADDR,
    SOL_SOCKET,
    bind,
    close,
    connect,
    getsockname,
    getsockopt,
    sendto,
    setsockopt,
    socket,
)
from softswitch.media.kernels.watching import CONNECTED, watch
from softswitch.media.layouts.shared import RTP_PORT, TRANSPORT_ICE

#: It takes as long as sending five packets, so it is done for ports that send.
_WORTH_PACKETS = 25
_NEVER = 1 << 62
_ADDRESS_OCTETS = 28


@part
def begin_unconnected(port: Any) -> None:
    """Say of a port that it has no second socket yet."""
    port["connected_fd"] = -1
    port["connect_at"] = port["packets_sent"] + _WORTH_PACKETS


@part
def disconnect(port: Any) -> None:
    """Close the second socket of a port; to be called when its peer's address changes."""
    if port["connected_fd"] >= 0:
        close(port["connected_fd"])
    begin_unconnected(port)


@part
def worth_connecting(port: Any) -> bool:
    """Whether the port has sent enough to somewhere to get a second socket.

    A peer found by ICE may change its path from one packet to the next, and those of one bundle share an address.
    """
    return bool(
        port["connected_fd"] < 0
        and port["packets_sent"] >= port["connect_at"]
        and port["kind"] == RTP_PORT
        and port["remote_length"] > 0
        and port["bundled"] == 0
        and port["transport"] & TRANSPORT_ICE == 0
    )


@part
def connect_peer(port: Any, slot: int, worker: Any, scratch: Any) -> None:
    """Open a port's second socket; where that is not to be had, it is not tried again."""
    descriptor = _open(port, worker, scratch)
    port["connected_fd"] = descriptor
    if descriptor < 0:
        port["connect_at"] = _NEVER
    else:
        watch(port, slot, descriptor, CONNECTED, EPOLL_CTL_ADD, worker, scratch)


@part
def _open(port: Any, worker: Any, scratch: Any) -> Any:
    """A socket of the port's address that is connected to its peer, -1 for none."""
    descriptor = socket(AF_INET if port["ipv6"] == 0 else AF_INET6, DATAGRAMS_NONBLOCK_CLOEXEC, 0)
    fit = 0 <= descriptor < worker["connect_below"] and _bind_beside(port["rtp_fd"], descriptor, scratch)
    if fit:
        _mark_alike(port["rtp_fd"], descriptor, port["ipv6"], scratch)
    if fit and connect(descriptor, port["remote"].ctypes.data, port["remote_length"]) == 0:
        return descriptor
    if descriptor >= 0:
        close(descriptor)
    return -1


@part
def _bind_beside(given: int, descriptor: int, scratch: Any) -> bool:
    """Bind a socket to the address of another, which nobody else may do before or after."""
    address, length, on = scratch["source"].ctypes.data, scratch["length_word"], scratch["word"]
    length[0] = _ADDRESS_OCTETS
    if getsockname(given, address, length.ctypes.data) < 0:
        return False
    on[0] = 1
    setsockopt(given, SOL_SOCKET, SO_REUSEADDR, on.ctypes.data, 4)
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, on.ctypes.data, 4)
    bound = bind(descriptor, address, length[0])
    on[0] = 0
    setsockopt(given, SOL_SOCKET, SO_REUSEADDR, on.ctypes.data, 4)
    return bool(bound == 0)


@part
def _mark_alike(given: int, descriptor: int, ipv6: Any, scratch: Any) -> None:
    """Have the network treat what a socket sends as what another does (`softswitch/marking.py`)."""
    level, option = IPPROTO_IP, IP_TOS
    if ipv6 != 0:
        level, option = IPPROTO_IPV6, IPV6_TCLASS
    octet, length = scratch["word"], scratch["length_word"]
    octet[0], length[0] = 0, 4
    getsockopt(given, level, option, octet.ctypes.data, length.ctypes.data)
    if octet[0] != 0:
        setsockopt(descriptor, level, option, octet.ctypes.data, 4)


@part
def send_to_peer(port: Any, data: int, size: int) -> Any:
    """Send `size` octets at address `data` to the port's peer; what `sendto` returns.

    A connected socket whose last datagram came back (ICMP) says so in place of sending: then it goes the other way.
    """
    sent: Any = -1
    if port["connected_fd"] >= 0:
        sent = sendto(port["connected_fd"], data, size, 0, 0, 0)
    if sent < 0:
        sent = sendto(port["rtp_fd"], data, size, 0, port["remote"].ctypes.data, port["remote_length"])
    return sent
