"""The control side's end of what a packet thread sets aside: STUN and DTLS, and the answers to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.addresses import decode_address
from softswitch.media.commands import CommandRing
from softswitch.media.layouts.shared import ADDRESS_WORDS
from softswitch.media.layouts.worker import PUNT_OCTETS, PUNT_PLACES, PUNTS_READ, PUNTS_WRITTEN
from softswitch.media.positions import observe, publish


class Datagrams:
    """Datagrams of one packet thread: its worker's record holds them, `ring` carries the commands to send."""

    def __init__(self, worker: NDArray[Any], ring: CommandRing) -> None:
        self._ring = ring
        self._positions: NDArray[np.int64] = worker["punt_positions"]
        self._ports, self._generations = worker["punt_port"], worker["punt_generation"]
        self._lengths = worker["punt_length"]
        self._sources = worker["punt_source"].reshape(PUNT_PLACES, ADDRESS_WORDS)
        self._octets = worker["punt_octets"].reshape(PUNT_PLACES, PUNT_OCTETS)
        self._outgoing = worker["datagrams"].reshape(PUNT_PLACES, PUNT_OCTETS)
        self._sent = 0
        self._pending: deque[int] = deque()

    def taken(self) -> Iterator[tuple[int, int, tuple[str, int], bytes]]:
        """Take out everything that waits: slot and generation of the port, where it came from, its octets."""
        read = int(self._positions[PUNTS_READ])
        written = observe(self._positions, PUNTS_WRITTEN)
        while read < written:
            place = read % PUNT_PLACES
            data = self._octets[place, : self._lengths[place]].tobytes()
            source = decode_address(self._sources[place])
            slot, generation = int(self._ports[place]), int(self._generations[place])
            read += 1
            publish(self._positions, PUNTS_READ, read)
            yield slot, generation, source, data

    def put(self, data: bytes) -> int:
        """Put octets where the packet thread finds them; returns the place for its command.

        A place is used again when the command that named it is done. Raises MediaError when the thread does nothing,
        ValueError for more than `PUNT_OCTETS`.
        """
        if len(data) > PUNT_OCTETS:
            raise ValueError(f"a datagram of {len(data)} octets, there is room for {PUNT_OCTETS}")
        if len(self._pending) >= PUNT_PLACES:
            self._ring.wait(self._pending.popleft())
        place = self._sent % PUNT_PLACES
        self._sent += 1
        self._outgoing[place, : len(data)] = np.frombuffer(data, np.uint8)
        return place

    def posted(self, position: int) -> None:
        """The command for the place put last is number `position` of the ring."""
        self._pending.append(position)
