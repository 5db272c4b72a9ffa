"""A port whose gateway brings the sound itself: packets are handed in and taken out, without a socket in between."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.layouts.wire import (
    INBOX_READ,
    INBOX_WRITTEN,
    LINE_OCTETS,
    LINE_PLACES,
    OUTBOX_READ,
    OUTBOX_WRITTEN,
)
from softswitch.media.port import Port
from softswitch.media.positions import observe, publish


class InternalPort:
    """`port` is connected, played into, joined to rooms and recorded like any; its formats are set by `configure`.

    `put` hands in what the port is to have heard, `packets` takes out what it has been sent. `fd` becomes readable
    when there is something to take out.
    """

    def __init__(self, port: Port, line: NDArray[Any], wake: int, fd: int) -> None:
        """`line` is the port's record, `wake` the eventfd that wakes its packet thread, `fd` the one that wakes us."""
        self.port = port
        self._line = line
        self._wake = wake
        self.fd = fd

    def put(self, packet: bytes) -> bool:
        """Hand in an RTP packet (header of 12 octets, no padding, no extension); false when 32 wait already.

        Raises ValueError for more than 2048 octets.
        """
        if len(packet) > LINE_OCTETS:
            raise ValueError(f"a packet of {len(packet)} octets, there is room for {LINE_OCTETS}")
        positions = self._line["positions"]
        written = int(positions[INBOX_WRITTEN])
        if written - observe(positions, INBOX_READ) >= LINE_PLACES:
            return False
        place = written % LINE_PLACES
        self._line["inbox"][place * LINE_OCTETS :][: len(packet)] = np.frombuffer(packet, np.uint8)
        self._line["inbox_size"][place] = len(packet)
        publish(positions, INBOX_WRITTEN, written + 1)
        os.eventfd_write(self._wake, 1)
        return True

    def packets(self) -> Iterator[bytes]:
        """Take out every RTP packet that waits."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)
        positions = self._line["positions"]
        read = int(positions[OUTBOX_READ])
        while read < observe(positions, OUTBOX_WRITTEN):
            place = read % LINE_PLACES
            size = int(self._line["outbox_size"][place])
            packet = self._line["outbox"][place * LINE_OCTETS :][:size].tobytes()
            read += 1
            publish(positions, OUTBOX_READ, read)
            yield packet

    def close(self) -> None:
        """Close the port. A second call does nothing."""
        if self.fd >= 0:
            self.port.close()
            os.close(self._wake)
            os.close(self.fd)
            self.fd = self._wake = -1
