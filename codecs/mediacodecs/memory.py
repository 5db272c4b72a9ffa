"""Memory that is known by its address alone, seen as arrays: what compiled functions with a C interface work on.

Compiled, a view costs nothing and owns nothing. As plain Python the same views are made by ctypes.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import types as _types
from numba.extending import intrinsic, overload
from numba.np.numpy_support import carray
from numpy.typing import NDArray

_intrinsic: Any = intrinsic
_carray: Any = carray
types: Any = _types


def _view(address: int, count: int, c_type: Any) -> Any:
    return np.ctypeslib.as_array((c_type * count).from_address(int(address)))


def octets_at(address: int, count: int) -> NDArray[np.uint8]:
    """uint8[count] at `address`."""
    return _view(address, count, ctypes.c_uint8)  # type: ignore[no-any-return]


def samples_at(address: int, count: int) -> NDArray[np.int16]:
    """int16[count] at `address`."""
    return _view(address, count, ctypes.c_int16)  # type: ignore[no-any-return]


def words_at(address: int, count: int) -> NDArray[np.int64]:
    """int64[count] at `address`."""
    return _view(address, count, ctypes.c_int64)  # type: ignore[no-any-return]


def _pointer_to(item: Any) -> Any:
    @_intrinsic  # type: ignore[untyped-decorator]
    def pointer(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(item)(types.int64), generate

    return pointer


_octet_pointer = _pointer_to(types.uint8)
_sample_pointer = _pointer_to(types.int16)
_word_pointer = _pointer_to(types.int64)


@overload(octets_at, inline="always")
def _octets_at(address: Any, count: Any) -> Any:
    def compiled(address: Any, count: Any) -> Any:
        return _carray(_octet_pointer(address), (count,))

    return compiled


@overload(samples_at, inline="always")
def _samples_at(address: Any, count: Any) -> Any:
    def compiled(address: Any, count: Any) -> Any:
        return _carray(_sample_pointer(address), (count,))

    return compiled


@overload(words_at, inline="always")
def _words_at(address: Any, count: Any) -> Any:
    def compiled(address: Any, count: Any) -> Any:
        return _carray(_word_pointer(address), (count,))

    return compiled
