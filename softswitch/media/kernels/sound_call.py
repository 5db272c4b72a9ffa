"""From the packet loop into the mixer, the ears and the renditions, which are compiled apart from it: by an address,
once for each room's turn, each packet listened to, and each codec that a talker's packet is brought into.

So a switch that only relays neither compiles nor loads the mixer and the codecs; and no Python runs in between.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from softswitch.media.layouts.shared import offset_of
from softswitch.media.layouts.worker import WORKER

_intrinsic: Any = intrinsic
_WORKER_WHEEL_AT = offset_of(WORKER, "wheel")


@_intrinsic  # type: ignore[untyped-decorator]
def call_address(typing_context: Any, address: Any, words: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [word] * words.count)
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(function, [builder.extract_value(arguments[1], i) for i in range(words.count)])
        return context.get_dummy_value()

    return types.void(types.int64, words), generate


def take_turn(
    address: int,
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
    workers: Any,
    number: int,
    positions: Any,
    events: Any,
    clips: Any,
    scratches: Any,
    first: int,
    now_ns: int,
) -> None:
    """Let the mixer at `address` serve the rooms of one slot of the wheel, from room `first` on."""
    from softswitch.media.kernels.sound import mixer

    mixer.turn_rooms(
        ports, rooms, voices, links, workers[number], positions, events, clips, scratches[0], first, now_ns
    )


@overload(take_turn)
def _take_turn(
    address: Any,
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
    workers: Any,
    number: Any,
    positions: Any,
    events: Any,
    clips: Any,
    scratches: Any,
    first: Any,
    now_ns: Any,
) -> Any:
    def compiled(
        address: Any,
        ports: Any,
        rooms: Any,
        voices: Any,
        links: Any,
        workers: Any,
        number: Any,
        positions: Any,
        events: Any,
        clips: Any,
        scratches: Any,
        first: Any,
        now_ns: Any,
    ) -> Any:
        call_address(
            address,
            (
                ports.ctypes.data,
                len(ports),
                rooms.ctypes.data,
                voices.ctypes.data,
                links.ctypes.data,
                workers.ctypes.data,
                number,
                positions.ctypes.data,
                events.ctypes.data,
                len(events),
                clips.ctypes.data,
                scratches.ctypes.data,
                first,
                now_ns,
            ),
        )

    return compiled


def attend_far(
    address: int, ports: Any, voices: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any,
    begin: int, end: int, number: int, now_ns: int,
) -> None:  # fmt: skip
    """Let the ear at `address` listen to the packet in `scratch`."""
    from softswitch.media.kernels.sound import ear

    ear.attend(ports, voices, slot, worker, positions, events, scratch, begin, end, number, now_ns)


@overload(attend_far)
def _attend_far(
    address: Any, ports: Any, voices: Any, slot: Any, worker: Any, positions: Any, events: Any, scratch: Any,
    begin: Any, end: Any, number: Any, now_ns: Any,
) -> Any:  # fmt: skip
    def compiled(
        address: Any, ports: Any, voices: Any, slot: Any, worker: Any, positions: Any, events: Any, scratch: Any,
        begin: Any, end: Any, number: Any, now_ns: Any,
    ) -> Any:  # fmt: skip
        call_address(
            address,
            (
                ports.ctypes.data,
                len(ports),
                voices.ctypes.data,
                len(voices),
                slot,
                worker["wheel"].ctypes.data - _WORKER_WHEEL_AT,  # a record has no address but that of its arrays
                positions.ctypes.data,
                events.ctypes.data,
                len(events),
                scratch["packet"].ctypes.data,  # the first field
                begin,
                end,
                number,
                now_ns,
            ),
        )

    return compiled


def render_far(
    address: int, voices: Any, hearer: int, rendition: int, serial: int, scratch: Any, begin: int, end: int,
    number: int, sequence: int, timestamp: int, clock: int,
) -> None:  # fmt: skip
    """Let the code at `address` make a rendition of the packet in `scratch`."""
    from softswitch.media.kernels.sound import rendering

    rendering.render(voices, hearer, rendition, serial, scratch, begin, end, number, sequence, timestamp, clock)


@overload(render_far)
def _render_far(
    address: Any, voices: Any, hearer: Any, rendition: Any, serial: Any, scratch: Any, begin: Any, end: Any,
    number: Any, sequence: Any, timestamp: Any, clock: Any,
) -> Any:  # fmt: skip
    def compiled(
        address: Any, voices: Any, hearer: Any, rendition: Any, serial: Any, scratch: Any, begin: Any, end: Any,
        number: Any, sequence: Any, timestamp: Any, clock: Any,
    ) -> Any:  # fmt: skip
        call_address(
            address,
            (
                voices.ctypes.data,
                len(voices),
                hearer,
                rendition,
                serial,
                scratch["packet"].ctypes.data,  # the first field
                begin,
                end,
                number,
                sequence,
                timestamp,
                clock,
            ),
        )

    return compiled
