"""RTP ports handed out in turn, and kept out of use for a while after they were closed."""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from typing import NamedTuple

from softswitch.marking import mark
from softswitch.media.errors import MediaError, PortsExhausted

#: No socket is to be had at all; trying the next port number would not help.
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class BoundPair(NamedTuple):
    """A bound RTP socket on an even port and its RTCP socket on the next (RFC 3550 §11), -1 when not wanted."""

    port: int
    rtp_fd: int
    rtcp_fd: int


def close_pair(pair: BoundPair | None) -> None:
    """Close both sockets."""
    for descriptor in pair[1:] if pair is not None else ():
        if descriptor >= 0:
            os.close(descriptor)


class PortAllocator:
    """Hands out even ports of a range, round robin from a random start.

    A closed port comes back `quarantine_s` later at the earliest, so that packets still under way to the old call
    meet nobody. Ports that another program holds are skipped.
    """

    def __init__(self, first: int, last: int, *, quarantine_s: float, start: int = 0) -> None:
        first += first % 2
        ports = list(range(first, last, 2)) if first > 0 and last < 65536 else []
        if not ports:
            raise MediaError(f"no pair of RTP ports lies in {first}–{last}")
        turn = start % len(ports)
        self._free = deque(ports[turn:] + ports[:turn])
        self._closed: deque[tuple[float, int]] = deque()
        self._quarantine_s = quarantine_s
        self.size = len(ports)

    def quarantined(self, now: float) -> int:
        """How many closed ports wait for their time."""
        while self._closed and self._closed[0][0] <= now:
            self._free.append(self._closed.popleft()[1])
        return len(self._closed)

    def bind(self, host: str, now: float, *, rtcp: bool, dscp: int = 0) -> BoundPair:
        """Bind the next free pair at `host`, which marks what it sends `dscp` (`softswitch/marking.py`).

        Raises PortsExhausted, MediaError when `host` is not ours to bind.
        """
        waiting = self.quarantined(now)
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                return self._bind_pair(host, port, rtcp=rtcp, dscp=dscp)
            except OSError as error:
                self._free.append(port)
                if error.errno in _NO_DESCRIPTOR:
                    raise PortsExhausted(f"no socket for RTP: {error.strerror}") from error
                if error.errno != errno.EADDRINUSE:
                    raise MediaError(f"cannot bind {host}:{port} for RTP: {error.strerror}") from error
        raise PortsExhausted(
            f"all {self.size} pairs of RTP ports are taken ({waiting} of them were closed a moment ago)"
        )

    def release(self, port: int, now: float) -> None:
        """Put a closed pair into quarantine."""
        self._closed.append((now + self._quarantine_s, port))

    def _bind_pair(self, host: str, port: int, *, rtcp: bool, dscp: int) -> BoundPair:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as rtp:
            mark(rtp, dscp)
            rtp.bind((host, port))
            if not rtcp:
                return BoundPair(port, rtp.detach(), -1)
            with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as control:
                mark(control, dscp)
                control.bind((host, port + 1))
                return BoundPair(port, rtp.detach(), control.detach())
