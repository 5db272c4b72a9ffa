"""What packet threads have copied for captures, taken out in bulk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.layouts.capture import (
    CAPTURE_LOST,
    CAPTURE_PLACES,
    CAPTURE_READ,
    CAPTURE_SIZE,
    CAPTURE_WORDS,
    CAPTURE_WRITTEN,
)
from softswitch.media.layouts.shared import ADDRESS_WORDS, MAXIMUM_PACKET
from softswitch.media.memory import Arena
from softswitch.media.positions import observe, publish


@dataclass(frozen=True, slots=True)
class CapturedPackets:
    """Packets of packet thread `worker`, in the order they went through it.

    `heads` int64[n, 4] are as `softswitch.media.layouts.capture` has them, `addresses` uint32[n, 7] those of the far
    ends, `octets` uint8[m] the packets one behind the other. `lost` counts those that found no room since the start.
    """

    heads: NDArray[np.int64]
    addresses: NDArray[np.uint32]
    octets: NDArray[np.uint8]
    worker: int
    lost: int

    def of(self, ssrcs: NDArray[np.int64], column: int) -> CapturedPackets:
        """Those whose number in `column` of the heads is one of `ssrcs`."""
        chosen = np.isin(self.heads[:, column], ssrcs)
        kept = np.repeat(chosen, self.heads[:, CAPTURE_SIZE])
        return replace(self, heads=self.heads[chosen], addresses=self.addresses[chosen], octets=self.octets[kept])


def take_captured(arena: Arena) -> list[CapturedPackets]:
    """Empty the capture rings of all packet threads; those that were empty are left out."""
    found = []
    for worker, scratches in enumerate(arena.scratch):
        scratch: Any = scratches[0]
        positions = scratch["capture_positions"]
        read, written = int(positions[CAPTURE_READ]), observe(positions, CAPTURE_WRITTEN)
        if written > read:
            found.append(_copy(worker, scratch, np.arange(read, written) % CAPTURE_PLACES))
            publish(positions, CAPTURE_READ, written)
    return found


def _copy(worker: int, scratch: Any, places: NDArray[np.int64]) -> CapturedPackets:
    heads = scratch["capture_heads"].reshape(CAPTURE_PLACES, CAPTURE_WORDS)[places]
    octets = scratch["capture_octets"].reshape(CAPTURE_PLACES, MAXIMUM_PACKET)[places]
    filled = np.arange(MAXIMUM_PACKET) < heads[:, CAPTURE_SIZE, np.newaxis]
    addresses = scratch["capture_addresses"].reshape(CAPTURE_PLACES, ADDRESS_WORDS)[places]
    return CapturedPackets(heads, addresses, octets[filled], worker, int(scratch["capture_positions"][CAPTURE_LOST]))
