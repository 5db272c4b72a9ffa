"""The two rings by which an internal port's packets cross: from its gateway into the engine, and back; or from either
end of a link to the other, which another packet thread serves.

A line lies in the shared memory at an offset from the record of its port that is the same in every process. So
whatever sends through a port needs to know no more than the port.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import carray as _carray  # type: ignore[attr-defined]
from numba import from_dtype, types
from numba.extending import intrinsic, overload

from softswitch.media.kernels import atomic
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import write
from softswitch.media.kernels.octets import copy_octets
from softswitch.media.layouts.shared import LINK_FAR
from softswitch.media.layouts.wire import (
    INBOX_READ,
    INBOX_WRITTEN,
    LINE,
    LINE_OCTETS,
    LINE_PLACES,
    OUTBOX_READ,
    OUTBOX_WRITTEN,
)

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release
_intrinsic: Any = intrinsic
_pointer: Any = types.CPointer
_LINE_POINTER = _pointer(from_dtype(LINE))


@_intrinsic  # type: ignore[untyped-decorator]
def _as_pointer(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(_LINE_POINTER))

    return _LINE_POINTER(types.int64), generate


def line_at(address: int) -> Any:
    """The line whose record begins at an address, as an array of one."""
    octets: Any = (ctypes.c_uint8 * LINE.itemsize).from_address(int(address))
    return np.frombuffer(octets, LINE)


@overload(line_at)
def _line_at(address: Any) -> Any:
    def compiled(address: Any) -> Any:
        return _carray(_as_pointer(address), (1,))

    return compiled


@part
def _line_of(port: Any) -> Any:
    return line_at(port["remote"].ctypes.data + port["line_offset"])[0]


@part
def put_in(line: Any, packet: Any, size: int) -> bool:
    """Give a packet, `packet[:size]` (uint8), to the engine; false when there is no room for it."""
    positions, sizes, octets = line["positions"], line["inbox_size"], line["inbox"]
    written = positions[INBOX_WRITTEN]
    if size > LINE_OCTETS or written - _load_acquire(positions, INBOX_READ) >= LINE_PLACES:
        return False
    _copy_in(sizes, octets, written % LINE_PLACES, packet, size)
    _store_release(positions, INBOX_WRITTEN, written + 1)
    return True


@part
def put_out(port: Any, packet: Any, size: int, scratch: Any) -> bool:
    """Give a packet that is sent through a port with a line to who has the other end, and wake that if it wants so."""
    line = _line_of(port)
    if port["kind"] == LINK_FAR:
        if not put_in(line, packet, size):
            return False
    elif not _put_away(line, packet, size):
        return False
    if port["rtcp_fd"] >= 0:
        scratch["word"][0] = 1
        write(port["rtcp_fd"], scratch["word"].ctypes.data, 8)
    return True


@part
def _put_away(line: Any, packet: Any, size: int) -> bool:
    """`put_in` for what goes away from the engine, or from the near end of a link."""
    positions, sizes, octets = line["positions"], line["outbox_size"], line["outbox"]
    written = positions[OUTBOX_WRITTEN]
    if size > LINE_OCTETS or written - _load_acquire(positions, OUTBOX_READ) >= LINE_PLACES:
        return False
    _copy_in(sizes, octets, written % LINE_PLACES, packet, size)
    _store_release(positions, OUTBOX_WRITTEN, written + 1)
    return True


@part
def take_in(port: Any, packet: Any) -> Any:
    """The octets of the next packet that the other end has given, put into `packet`; -1 when there is none."""
    line = _line_of(port)
    positions = line["positions"]
    if port["kind"] == LINK_FAR:
        return _take(positions, OUTBOX_READ, OUTBOX_WRITTEN, line["outbox_size"], line["outbox"], packet)
    return _take(positions, INBOX_READ, INBOX_WRITTEN, line["inbox_size"], line["inbox"], packet)


@part
def _take(positions: Any, taken: int, given: int, sizes: Any, octets: Any, packet: Any) -> Any:
    """The next packet of one ring: `taken` and `given` are where its positions are."""
    read = positions[taken]
    if _load_acquire(positions, given) == read:
        return -1
    place = read % LINE_PLACES
    size = min(sizes[place], LINE_OCTETS)
    copy_octets(octets, place * LINE_OCTETS, packet, 0, size)
    _store_release(positions, taken, read + 1)
    return size


@part
def _copy_in(sizes: Any, octets: Any, place: int, packet: Any, size: int) -> None:
    copy_octets(packet, 0, octets, place * LINE_OCTETS, size)
    sizes[place] = size
