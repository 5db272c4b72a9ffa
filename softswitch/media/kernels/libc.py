"""The functions of the C library that compiled code calls, and that plain Python calls by the same names.

Compiled, each is a call of the symbol itself (`numba.types.ExternalFunction`), which, other than a ctypes pointer,
leaves the code fit for the cache on disk. As plain Python (`.py_func`, NUMBA_DISABLE_JIT) it goes through ctypes.
Pointers are plain integers, taken by `array.ctypes.data`.
"""

from __future__ import annotations

import ctypes
import platform
from typing import Any

from numba import types
from numba.core.typing.templates import signature
from numba.extending import models, register_model

_signature: Any = signature
_library = ctypes.CDLL(None, use_errno=True)
_C_TYPES = {types.int32: ctypes.c_int32, types.intp: ctypes.c_ssize_t}


class LibraryFunction(types.ExternalFunction):
    """A C function with a compiled and a Python face."""

    def __init__(self, name: str, result: Any, *arguments: Any) -> None:
        super().__init__(name, _signature(result, *arguments))
        self._python = getattr(_library, name)
        self._python.restype = _C_TYPES[result]
        self._python.argtypes = [_C_TYPES[argument] for argument in arguments]

    def __call__(self, *arguments: Any) -> int:  # type: ignore[override]
        return int(self._python(*(int(argument) for argument in arguments)))


register_model(LibraryFunction)(models.OpaqueModel)  # as numba has it for ExternalFunction itself

_INT, _WORD = types.int32, types.intp

epoll_create1 = LibraryFunction("epoll_create1", _INT, _INT)
epoll_ctl = LibraryFunction("epoll_ctl", _INT, _INT, _INT, _INT, _WORD)
epoll_wait = LibraryFunction("epoll_wait", _INT, _INT, _WORD, _INT, _INT)
recvfrom = LibraryFunction("recvfrom", _WORD, _INT, _WORD, _WORD, _INT, _WORD, _WORD)
sendto = LibraryFunction("sendto", _WORD, _INT, _WORD, _WORD, _INT, _WORD, _INT)
clock_gettime = LibraryFunction("clock_gettime", _INT, _INT, _WORD)
timerfd_create = LibraryFunction("timerfd_create", _INT, _INT, _INT)
timerfd_settime = LibraryFunction("timerfd_settime", _INT, _INT, _INT, _WORD, _WORD)
usleep = LibraryFunction("usleep", _INT, _INT)
prctl = LibraryFunction("prctl", _INT, _INT, _WORD)
write = LibraryFunction("write", _WORD, _INT, _WORD, _WORD)
close = LibraryFunction("close", _INT, _INT)
setsockopt = LibraryFunction("setsockopt", _INT, _INT, _INT, _INT, _WORD, _INT)
socket = LibraryFunction("socket", _INT, _INT, _INT, _INT)
bind = LibraryFunction("bind", _INT, _INT, _WORD, _INT)
connect = LibraryFunction("connect", _INT, _INT, _WORD, _INT)
getsockopt = LibraryFunction("getsockopt", _INT, _INT, _INT, _INT, _WORD, _WORD)
getsockname = LibraryFunction("getsockname", _INT, _INT, _WORD, _WORD)
recvmsg = LibraryFunction("recvmsg", _WORD, _INT, _WORD, _INT)

CLOCK_REALTIME, CLOCK_MONOTONIC = 0, 1
EPOLL_CTL_ADD, EPOLL_CTL_DEL = 1, 2
EPOLL_CLOEXEC = 0x80000
EPOLLIN = 0x001
EPOLLET = -0x80000000  # bit 31 of a 32-bit word
TFD_CLOEXEC_NONBLOCK = 0x80800
TFD_TIMER_ABSTIME = 1
MSG_TRUNC = 0x20
MSG_DONTWAIT_CLOEXEC = 0x40000040
PR_SET_TIMERSLACK = 29
AF_INET, AF_INET6 = 2, 10
DATAGRAMS_NONBLOCK_CLOEXEC = 0x80802
SOL_SOCKET, SO_REUSEADDR = 1, 2
IPPROTO_UDP, UDP_SEGMENT = 17, 103
IPPROTO_IP, IP_TOS = 0, 1
IPPROTO_IPV6, IPV6_TCLASS = 41, 67

# struct epoll_event is packed on x86-64 alone: 12 octets there, 16 elsewhere.
_PACKED = platform.machine() in ("x86_64", "AMD64")
EPOLL_WORDS = 3 if _PACKED else 4
EPOLL_DATA = 1 if _PACKED else 2
