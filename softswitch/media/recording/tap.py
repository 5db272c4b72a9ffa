"""Emptying the taps: what the packet threads have copied, sorted by source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from softswitch.media.layouts.tap import (
    TAP_DIRECTION_SHIFT,
    TAP_GENERATION,
    TAP_KIND,
    TAP_LOST,
    TAP_OCTETS,
    TAP_PLACES,
    TAP_PORT,
    TAP_READ,
    TAP_SIZE,
    TAP_TIME_NS,
    TAP_WORDS,
    TAP_WRITTEN,
)
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.plan import SourceKey

if TYPE_CHECKING:
    from softswitch.media.memory import Arena


class Taps:
    """The reading end of the taps of `workers` (numbers of packet threads) of an arena."""

    def __init__(self, arena: Arena, workers: range) -> None:
        from softswitch.media.recording import loops

        self._loops = loops
        self._scratches = [arena.scratch[number][0] for number in workers]
        self._heads = np.empty((TAP_PLACES, loops.HEAD_WORDS), np.int64)
        self._octets = np.empty(TAP_PLACES * TAP_OCTETS, np.uint8)

    @property
    def lost(self) -> int:
        """Packets that found no room in a tap."""
        return sum(int(scratch["tap_positions"][TAP_LOST]) for scratch in self._scratches)

    def oldest_ns(self) -> int | None:
        """When the first of those came that wait; None when none does."""
        times = [
            int(scratch["tap_heads"][int(positions[TAP_READ]) % TAP_PLACES * TAP_WORDS + TAP_TIME_NS])
            for scratch in self._scratches
            if (positions := scratch["tap_positions"])[TAP_READ] < positions[TAP_WRITTEN]
        ]
        return min(times, default=None)

    def empty(self) -> Iterator[tuple[SourceKey, Packets]]:
        """Everything that waits, source by source, each in the order of arrival."""
        for scratch in self._scratches:
            while True:
                count = self._loops.collect(
                    scratch["tap_positions"], scratch["tap_heads"], scratch["tap_payload"], self._heads, self._octets
                )
                if not count:
                    break
                yield from self._sorted(count)

    def _sorted(self, count: int) -> Iterator[tuple[SourceKey, Packets]]:
        heads = self._heads[:count]
        direction = heads[:, TAP_KIND] >> TAP_DIRECTION_SHIFT
        keys = (heads[:, TAP_GENERATION] << 34) | (heads[:, TAP_PORT] << 2) | direction
        order = np.argsort(keys, kind="stable")
        kept = heads[order]
        end = int(heads[-1, self._loops.AT] + heads[-1, TAP_SIZE])
        octets = self._octets[:end].copy()
        bounds = np.flatnonzero(np.diff(keys[order])) + 1
        for part in np.split(kept, bounds):
            head = part[0]
            key = SourceKey(int(head[TAP_PORT]), int(head[TAP_GENERATION]), int(head[TAP_KIND]) >> TAP_DIRECTION_SHIFT)
            yield key, Packets(part, octets)
