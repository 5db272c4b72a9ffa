"""What libraries keep for a stream in memory of their own: made in the process that codes, and given back there.

A state whose library allocates it holds the library's pointer (the handle) and the identity of the process in which
that pointer means something. Compiled code makes it at the first frame, and anew when it meets a handle of another
process: one that ended, whose memory went with it. The counts show that as many are closed as were opened.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

_SYMBOL = "mediacodecs_process"
_IDENTITY, _OPENED, _CLOSED = range(3)
_own = np.zeros(3, np.int64)
llvmlite.binding.add_symbol(_SYMBOL, _own.ctypes.data)
_intrinsic: Any = intrinsic


def _renew() -> None:
    _own[:] = secrets.randbits(62) + 1, 0, 0


_renew()
os.register_at_fork(after_in_child=_renew)


def opened() -> int:
    """How many library states this process has made."""
    return int(_own[_OPENED])


def closed() -> int:
    """How many library states this process has given back."""
    return int(_own[_CLOSED])


def identity() -> int:
    """A number that no other process has (never 0)."""
    return int(_own[_IDENTITY])


def count_opened() -> int:
    """Tell that a library has made a state."""
    _own[_OPENED] += 1
    return 0


def count_closed() -> int:
    """Tell that a library has taken a state back."""
    _own[_CLOSED] += 1
    return 0


def _word(builder: Any, index: int) -> Any:
    module, word = builder.module, ir.IntType(64)
    own = module.globals.get(_SYMBOL) or ir.GlobalVariable(module, ir.ArrayType(word, len(_own)), _SYMBOL)
    return builder.gep(own, [ir.IntType(32)(0), ir.IntType(32)(index)])


def _counter(index: int) -> Any:
    @_intrinsic  # type: ignore[untyped-decorator]
    def count(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.atomic_rmw("add", _word(builder, index), ir.IntType(64)(1), "monotonic")

        return types.int64(), generate

    return count


@_intrinsic  # type: ignore[untyped-decorator]
def _read_identity(typing_context: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_word(builder, _IDENTITY))

    return types.int64(), generate


_one_more_opened, _one_more_closed = _counter(_OPENED), _counter(_CLOSED)


@overload(identity)
def _identity() -> Any:
    return lambda: _read_identity()


@overload(count_opened)
def _count_opened() -> Any:
    return lambda: _one_more_opened()


@overload(count_closed)
def _count_closed() -> Any:
    return lambda: _one_more_closed()
