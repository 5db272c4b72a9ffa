"""A descriptor that becomes readable at regular times, for who waits for other descriptors too (timerfd_create(2))."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time

import numpy as np

from softswitch.media.errors import MediaError

_libc = ctypes.CDLL(None)


class Metronome:
    """`fd` becomes readable every `period_s`, and is silent again after `take`."""

    def __init__(self, period_s: float) -> None:
        self.fd = int(_libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC | os.O_NONBLOCK))
        if self.fd < 0:
            raise MediaError("no descriptor left for a timer")
        nanoseconds = round(period_s * 1e9)
        times = np.array([*divmod(nanoseconds, 10**9)] * 2, np.int64)  # struct itimerspec: period, first time
        _libc.timerfd_settime(self.fd, 0, ctypes.c_void_p(times.ctypes.data), None)

    def take(self) -> None:
        """Whoever was woken has looked."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 8)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)
