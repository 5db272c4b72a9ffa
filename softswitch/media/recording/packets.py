"""Packets as a recorder gets them from the taps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from softswitch.media.layouts.tap import TAP_TIME_NS


class Packets(NamedTuple):
    """Packets of one source, as the tap gave them: int64[n, HEAD_WORDS], and the octets they refer to."""

    heads: NDArray[np.int64]
    octets: NDArray[np.uint8]

    def since(self, time_ns: int) -> Packets:
        """Those that came at that time or later."""
        return Packets(np.ascontiguousarray(self.heads[self.heads[:, TAP_TIME_NS] >= time_ns]), self.octets)

    def without(self, begin_ns: int, end_ns: int) -> Packets:
        """Those that did not come in between."""
        times = self.heads[:, TAP_TIME_NS]
        return Packets(np.ascontiguousarray(self.heads[(times < begin_ns) | (times >= end_ns)]), self.octets)
