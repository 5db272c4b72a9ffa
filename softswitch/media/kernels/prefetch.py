"""Asking for memory ahead of its use: what a thousand ports keep is more than the fastest caches hold."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from softswitch.media.layouts.shared import CACHE_LINE_OCTETS

_intrinsic: Any = intrinsic


@_intrinsic  # type: ignore[untyped-decorator]
def _prefetch(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, octet = ir.IntType(32), ir.IntType(8).as_pointer()
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", (octet,), ir.FunctionType(ir.VoidType(), [octet, word, word, word])
        )
        pointer = builder.inttoptr(arguments[0], octet)
        builder.call(function, [pointer, word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


def fetch_ahead(address: int, octets: int) -> None:
    """Have `octets` from a memory address brought near, for writing; as plain Python it does nothing."""


@overload(fetch_ahead)
def _fetch_ahead(address: Any, octets: Any) -> Any:
    def compiled(address: Any, octets: Any) -> Any:
        for place in range(0, octets, CACHE_LINE_OCTETS):
            _prefetch(address + place)

    return compiled
