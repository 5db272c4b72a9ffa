"""Whether recordings can be written: they stop before the disk is full, and go on when there is room again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

MEGABYTE = 1 << 20
_LOOK_NS = 1_000_000_000
#: Room is asked for twice before writing begins again, so that it does not stop again at once.
_AGAIN = 2
_LEAST_OCTETS = MEGABYTE // 2


class Disk:
    """Watches the place of the last recording. `minimum_free` octets are to stay free for others.

    `full` says why nothing can be written, and is empty when it can. `filled` is called with the error when that
    begins, and `emptied` with the octets that are free when it is over, each once.
    """

    def __init__(
        self,
        minimum_free: int,
        free_octets: Callable[[Path], int],
        filled: Callable[[OSError], None],
        emptied: Callable[[int], None],
    ) -> None:
        self.minimum_free = minimum_free
        self._free_octets = free_octets
        self._filled = filled
        self._emptied = emptied
        self._place: Path | None = None
        self._next_look_ns = 0
        self.full = ""

    def failed(self, error: OSError) -> None:
        """Something could not be written."""
        if not self.full:
            self.full = os.strerror(error.errno) if error.errno else str(error)
            logger.error("recordings cannot be written: %s", error)
            self._filled(error)

    def look(self, now_ns: int, place: Path | None) -> None:
        """See once a second whether there is room where something is being written, or was when it ran out."""
        self._place = place or (self._place if self.full else None)
        if self._place is None or now_ns < self._next_look_ns:
            return
        self._next_look_ns = now_ns + _LOOK_NS
        free = self._free_octets(self._place)
        if not self.full and free < self.minimum_free:
            wanted, found = self.minimum_free // MEGABYTE, free // MEGABYTE
            self.failed(OSError(f"only {found} MB are free, {wanted} are to stay so"))
        elif self.full and free >= max(_AGAIN * self.minimum_free, _LEAST_OCTETS):
            self.full = ""
            self._emptied(free)


def free_octets(path: Path) -> int:
    """What is free where `path` is, or will be."""
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except OSError:
            continue
        return found.f_bavail * found.f_frsize
    return 0
