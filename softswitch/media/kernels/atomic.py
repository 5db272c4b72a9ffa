"""Ring positions written and read in order: what makes the two rings safe without a lock.

`store_release` lets nothing that was written before it be seen after it; `load_acquire` lets nothing that is read
after it be read before it. On x86-64 both are plain moves that the compiler may not reorder; on ARM they are stlr and
ldar. Python's own store would have neither promise, so the control side goes through `publish` and `observe`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from softswitch.media.kernels.compiler import entry

_WORD_OCTETS = 8
_intrinsic: Any = intrinsic
_item_pointer: Any = cgutils.get_item_pointer


@_intrinsic  # type: ignore[untyped-decorator]
def _load(typing_context: Any, positions: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "acquire", _WORD_OCTETS, typ=ir.IntType(64))

    return types.int64(positions, index), generate


@_intrinsic  # type: ignore[untyped-decorator]
def _store(typing_context: Any, positions: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", _WORD_OCTETS)
        return context.get_dummy_value()

    return types.void(positions, index, types.int64), generate


def _element(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return _item_pointer(context, builder, signature.args[0], array, [arguments[1]])


def load_acquire(positions: NDArray[np.int64], index: int) -> int:
    """The value of `positions[index]` (int64[n]), before anything read later."""
    return int(positions[index])


def store_release(positions: NDArray[np.int64], index: int, value: int) -> None:
    """Set `positions[index]` (int64[n]), after everything written before."""
    positions[index] = value


@overload(load_acquire)
def _load_acquire(positions: Any, index: Any) -> Any:
    def compiled(positions: Any, index: Any) -> Any:
        return _load(positions, index)

    return compiled


@overload(store_release)
def _store_release(positions: Any, index: Any, value: Any) -> Any:
    def compiled(positions: Any, index: Any, value: Any) -> Any:
        _store(positions, index, value)

    return compiled


@entry(types.void(types.int64[::1], types.int64, types.int64))
def publish(positions: NDArray[np.int64], index: int, value: int) -> None:
    """`store_release` for the control side."""
    store_release(positions, index, value)


@entry(types.int64(types.int64[::1], types.int64))
def observe(positions: NDArray[np.int64], index: int) -> int:
    """`load_acquire` for the control side."""
    return load_acquire(positions, index)
