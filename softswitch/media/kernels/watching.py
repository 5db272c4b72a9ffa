"""Which sockets a packet thread waits for, and what an event of each says: whose it is, and which of its sockets.

The octets that epoll gives back are a code, the port's slot and the socket's kind, and the port's generation.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import EPOLL_DATA, EPOLLET, EPOLLIN, epoll_ctl
from softswitch.media.layouts.shared import INTERNAL_PORT

#: A port's sockets: the one it was given, that of its RTCP, and the one that is connected to its peer.
GIVEN, CONTROL, CONNECTED = 0, 1, 2
#: A code is this many times the slot, and the kind.
KINDS = 4


@part
def watch(port: Any, slot: int, descriptor: int, kind: int, operation: int, worker: Any, scratch: Any) -> None:
    """Add a socket of the port to the worker's epoll set, or take it out (EPOLL_CTL_ADD, EPOLL_CTL_DEL)."""
    event = scratch["epoll_event"]
    event[0] = EPOLLIN + EPOLLET if port["kind"] >= INTERNAL_PORT else EPOLLIN
    event[EPOLL_DATA] = KINDS * slot + kind
    event[EPOLL_DATA + 1] = port["generation"] & 0x7FFFFFFF
    epoll_ctl(worker["epoll_fd"], operation, descriptor, event.ctypes.data)
