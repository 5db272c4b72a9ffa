"""How soon the kernel lets a packet thread run when it wakes (sched(7), sched_setattr(2)).

A packet is forwarded within microseconds, once the thread is let run; on a machine with other work that is what a
packet waits for. A real-time thread comes at once. That takes a right (CAP_SYS_NICE, or a limit RLIMIT_RTPRIO that is
not 0); the kernel keeps a twentieth of every processor for the rest whatever comes in. Without the right a thread can
still ask for short slices: since Linux 6.12 one that wakes comes before one that has asked for longer.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading

#: The lowest real-time priority: ahead of all that has none, behind whatever the machine's owner puts above.
_PRIORITY = 1
_SHORTEST_SLICE_NS = 100_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # the C library has no name for it before glibc 2.41


class _Attributes(ctypes.Structure):
    """struct sched_attr, as every kernel since 3.14 knows it; a policy of 0 is SCHED_OTHER."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def hurry(*, realtime: bool = True) -> bool:
    """Have the calling thread run ahead of other work, `realtime` if it may; whether it is a real-time thread now."""
    if not realtime:
        _shorten_slices()
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
    except OSError:
        _shorten_slices()
        return False
    return True


def _shorten_slices() -> None:
    number = _SCHED_SETATTR.get(platform.machine())
    if number is not None:
        present = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        attributes = _Attributes(size=ctypes.sizeof(_Attributes), nice=present, runtime=_SHORTEST_SLICE_NS)
        ctypes.CDLL(None).syscall(number, 0, ctypes.byref(attributes), 0)  # older kernels refuse or overlook it
