"""A descriptor that becomes readable at regular times, for who waits for other descriptors too (timerfd_create(2))."""

from __future__ import annotations

import contextlib
import os

import numpy as np

from softswitch.media.errors import MediaError


class Metronome:
    """`fd` becomes readable every `period_s`, and is silent again after `take`."""

    def __init__(self, period_s: float) -> None:
        from softswitch.media.kernels import libc

        self.fd = int(libc.timerfd_create(libc.CLOCK_MONOTONIC, libc.TFD_CLOEXEC_NONBLOCK))
        if self.fd < 0:
            raise MediaError("no descriptor left for a timer")
        nanoseconds = round(period_s * 1e9)
        times = np.array([*divmod(nanoseconds, 10**9)] * 2, np.int64)  # struct itimerspec: period, first time
        libc.timerfd_settime(self.fd, 0, times.ctypes.data, 0)

    def take(self) -> None:
        """Whoever was woken has looked."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 8)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)
