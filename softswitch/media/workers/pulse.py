"""Whether a packet thread in another process still goes on: it counts its turns in the shared memory.

A thread whose count stands still is not always hung: on a machine that has too much to do it waits for a processor, and
would be the worse for being replaced. The kernel tells the two apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

#: It is looked at so often; a thread with ports to serve turns twenty times a second, an idle one five times. Looks
#: that come sooner, because there was something else to do, do not count.
LOOK_S, _SOONEST_S = 0.2, 0.15
#: So many looks without a turn make it suspect: looks, and not seconds, since we may have been delayed ourselves.
_SILENT_LOOKS = 3
#: One that waits for a processor, or for a disk, is given so long.
_PATIENCE_S = 10.0
_WAITING = frozenset("RD")


class Pulse:
    """The turns of the packet thread whose record is `worker` (of `WORKER`), in process `pid`."""

    def __init__(self, worker: NDArray[Any], pid: int) -> None:
        self._worker = worker
        self._pid = pid
        self._turns = -1
        self._silent_looks = 0
        self._looked = self._turned = 0.0
        self._ran_s = 0.0

    def hung(self, now: float) -> bool:
        """Whether it has come to a stop; `now` in seconds of the monotonic clock. Never waits."""
        if now - self._looked < _SOONEST_S:
            return False
        self._looked = now
        turns = int(self._worker["turns"])
        if turns != self._turns:
            self._turns, self._turned, self._silent_looks = turns, now, 0
            self._ran_s = self._run_time_s()
            return False
        self._silent_looks += 1
        if self._silent_looks < _SILENT_LOOKS:
            return False
        silent_s = now - self._turned
        return silent_s > _PATIENCE_S or not self._kept_waiting(silent_s)

    def _kept_waiting(self, silent_s: float) -> bool:
        """Whether it would go on, if it were let: runnable without having run, or waiting for a disk."""
        state = self._state()
        return state in _WAITING and self._run_time_s() - self._ran_s < silent_s / 2

    @property
    def _task(self) -> Path:
        return Path(f"/proc/{self._pid}/task/{int(self._worker['thread_id'])}")

    def _state(self) -> str:
        """The letter that proc(5) has for what it does, empty when there is no such thread."""
        try:
            return (self._task / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return ""

    def _run_time_s(self) -> float:
        """Processor time the thread has used (proc(5), schedstat), in seconds; 0 where the kernel does not tell."""
        try:
            return int((self._task / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0
