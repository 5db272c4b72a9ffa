"""Arrays without an owner: whoever is given one counts no references to it.

Numba counts a reference to every array that goes from function to function, by an instruction that locks the bus: two
dozen of them for a relayed packet, a tenth of a microsecond. The packet thread's arrays outlive it, so none is needed.
"""

from __future__ import annotations

from typing import Any

from numba.extending import intrinsic, overload

_intrinsic: Any = intrinsic


@_intrinsic  # type: ignore[untyped-decorator]
def _without_owner(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        struct = context.make_array(array)(context, builder, arguments[0])
        struct.meminfo = struct.meminfo.type(None)
        struct.parent = struct.parent.type(None)
        return struct._getvalue()

    return array(array), generate


def unowned(array: Any) -> Any:
    """The same array; the caller sees to it that it lasts."""
    return array


@overload(unowned)
def _unowned(array: Any) -> Any:
    def compiled(array: Any) -> Any:
        return _without_owner(array)

    return compiled
