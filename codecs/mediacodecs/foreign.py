"""Functions of a C library for compiled code, by symbols of our own, and for plain Python by the same names.

The address comes from ctypes and is given to LLVM under the name `mediacodecs_…`: so compiled code kept on disk finds
the very library that this process has opened, and another library with the same symbols does no harm.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding
from numba import types
from numba.core.typing.templates import signature
from numba.extending import models, register_model

_signature: Any = signature
_C_TYPES = {types.int32: ctypes.c_int32, types.int64: ctypes.c_int64}


class ForeignFunction(types.ExternalFunction):
    """A C function of int32 and int64 (addresses too) with a compiled and a Python face.

    Without a library (None) it still compiles to the same code, and whoever calls it ends the process: the caller sees
    to it that nobody does.
    """

    def __init__(self, library: ctypes.CDLL | None, name: str, result: Any, *arguments: Any) -> None:
        symbol = f"mediacodecs_{name}"
        super().__init__(symbol, _signature(result, *arguments))
        source = (name, library) if library is not None else ("abort", ctypes.CDLL(None))
        self._python = ctypes.CFUNCTYPE(_C_TYPES[result], *(_C_TYPES[argument] for argument in arguments))(source)
        address = ctypes.cast(self._python, ctypes.c_void_p).value
        llvmlite.binding.add_symbol(symbol, address)

    def __call__(self, *arguments: Any) -> int:  # type: ignore[override]
        return int(self._python(*(int(argument) for argument in arguments)))


register_model(ForeignFunction)(models.OpaqueModel)  # as numba has it for ExternalFunction itself
