"""Whether a descriptor has something to say."""

from __future__ import annotations

import select


def readable(descriptor: int, patience_s: float = 0.0) -> bool:
    """Whether there is something to read, or a process has ended (pidfd), within so many seconds."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(patience_s * 1000))
