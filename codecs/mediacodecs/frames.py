"""Any codec by a small number: what compiled code calls for one frame, without the GIL and without allocation.

    samples = decode_frame(codec, state, payload, size, pcm)
    octets = encode_frame(codec, state, pcm, samples, out)

`state` is int64[n] made by `mediacodecs.streams`, its length and content the codec's own business. The codecs' code is
not compiled into the caller: each is a compiled function with a C interface, entered into a table by `load` when the
codec is first wanted and called through it. So a caller compiles in a moment whatever the number of codecs, a codec
nobody uses is never compiled, and a codec whose library is missing has no code that could refer to it.

The table is a symbol of the process (`extern int64_t mediacodecs_functions[]`, so to speak): compiled callers can be
kept on disk and loaded by another process whose table lies elsewhere.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from mediacodecs.compiled import Compiler, Kernel
from mediacodecs.numbering import (
    AMR,
    CONCEAL,
    DECODE,
    ENCODE,
    FOLLOW,
    NOT_LOADED,
    OPERATIONS,
    RECOVER,
    RELEASE,
    RESTS,
)

_MODULES = ("pcm", "pcm", "pcm", "g722", "g726", "opus", "gsm", "amr", "amr_wb", "codec2", "g729")
#: Codecs from here on may keep something in their library's memory.
_FIRST_TO_RELEASE = AMR
_SYMBOL = "mediacodecs_functions"
#: Every operation is int64 f(state, source, count, target, capacity), addresses of int64, uint8 and int16 items.
FRAME_FUNCTION = types.int64(types.int64, types.int64, types.int64, types.int64, types.int64)

compiler = Compiler("mediacodecs", (Path(__file__).parent, Path(__file__).parent / "states"))
part = compiler.part

_table = np.zeros(len(_MODULES) * OPERATIONS, np.int64)
llvmlite.binding.add_symbol(_SYMBOL, _table.ctypes.data)
_kernels: dict[int, Kernel] = {}
_loading = threading.Lock()
_intrinsic: Any = intrinsic


def load(codec: int) -> None:
    """Compile, or load from disk, the functions of a codec; a second call does nothing.

    Raises ImportError or OSError when the codec's library is missing.
    """
    with _loading:
        if _table[codec * OPERATIONS]:
            return
        module = importlib.import_module(f"mediacodecs.{_MODULES[codec]}")
        functions: tuple[Callable[..., int], ...] = module.frame_functions(codec)
        functions += (_nothing_at,) * (OPERATIONS - len(functions))
        kernels = [_compiled(function) for function in functions]
        for operation in reversed(range(OPERATIONS)):  # the entry that is looked at above comes last
            _kernels[codec * OPERATIONS + operation] = kernels[operation]
            _table[codec * OPERATIONS + operation] = _address(kernels[operation])


@functools.cache
def _compiled(function: Callable[..., int]) -> Kernel:
    """Compiled, or loaded from disk, once for all codecs and operations that it serves."""
    return compiler.entry(FRAME_FUNCTION)(function)


def _nothing_at(state: int, source: int, count: int, target: int, capacity: int) -> int:
    """What RELEASE, FOLLOW and RESTS are for most codecs."""
    return 0


def load_all() -> None:
    """Load every codec whose library this machine has: for a process that codes what another one has prepared."""
    for codec in range(len(_MODULES)):
        with contextlib.suppress(ImportError, OSError):
            load(codec)


def _address(kernel: Any) -> int:
    """Where the C interface of a compiled function is; 1, never called, when nothing is compiled."""
    if not hasattr(kernel, "overloads"):
        return 1
    (result,) = kernel.overloads.values()
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))


def function_at(index: int) -> int:
    """The address in the table, 0 for a codec that is not loaded."""
    return int(_table[index])


def call_at(index: int, address: int, state: int, source: int, count: int, target: int, capacity: int) -> int:
    """Call the function at `address`, which is entry `index` of the table."""
    return int(_kernels[index].py_func(state, source, count, target, capacity))


def call(codec: int, operation: int, state: int, source: int, count: int, target: int, capacity: int) -> int:
    """Call an operation of a loaded codec from Python, on addresses, by its compiled code."""
    return int(_kernels[codec * OPERATIONS + operation](state, source, count, target, capacity))


@_intrinsic  # type: ignore[untyped-decorator]
def _read_table(typing_context: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, module = ir.IntType(64), builder.module
        table = module.globals.get(_SYMBOL)
        if table is None:
            table = ir.GlobalVariable(module, ir.ArrayType(word, len(_table)), _SYMBOL)
        return builder.load(builder.gep(table, [ir.IntType(32)(0), arguments[0]]))

    return types.int64(types.int64), generate


@_intrinsic  # type: ignore[untyped-decorator]
def _call(typing_context: Any, address: Any, state: Any, source: Any, count: Any, target: Any, capacity: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        function = builder.inttoptr(arguments[0], ir.FunctionType(word, [word] * 5).as_pointer())
        return builder.call(function, arguments[1:])

    return types.int64(*[types.int64] * 6), generate


@overload(function_at)
def _function_at(index: Any) -> Any:
    def compiled(index: Any) -> Any:
        return _read_table(index)

    return compiled


@overload(call_at)
def _call_at(index: Any, address: Any, state: Any, source: Any, count: Any, target: Any, capacity: Any) -> Any:
    def compiled(index: Any, address: Any, state: Any, source: Any, count: Any, target: Any, capacity: Any) -> Any:
        return _call(address, state, source, count, target, capacity)

    return compiled


@part
def decode_frame(codec: int, state: Any, payload: Any, size: int, pcm: Any) -> int:
    """Decode `payload[:size]` (uint8) into `pcm` (int16); returns the samples, all channels together, or an error.

    Errors are NOT_LOADED, MALFORMED and NO_ROOM; the state is then as before, and `conceal_frame` can stand in.
    """
    index = codec * OPERATIONS + DECODE
    address = function_at(index)
    if address == 0:
        return NOT_LOADED
    return call_at(index, address, state.ctypes.data, payload.ctypes.data, size, pcm.ctypes.data, len(pcm))


@part
def encode_frame(codec: int, state: Any, pcm: Any, samples: int, out: Any) -> int:
    """Encode `pcm[:samples]` (int16, all channels together) into `out` (uint8); returns the octets, or an error.

    0 octets mean that nothing need be sent (discontinuous transmission). When only the beginning of the packet need not
    be, LEAD is added for each tick of the RTP clock that the octets leave out there.
    """
    index = codec * OPERATIONS + ENCODE
    address = function_at(index)
    if address == 0:
        return NOT_LOADED
    return call_at(index, address, state.ctypes.data, pcm.ctypes.data, samples, out.ctypes.data, len(out))


@part
def conceal_frame(codec: int, state: Any, pcm: Any, samples: int) -> int:
    """Fill `pcm[:samples]` (int16) in place of a lost frame, from the decoder's state; returns the samples."""
    index = codec * OPERATIONS + CONCEAL
    address = function_at(index)
    if address == 0:
        return NOT_LOADED
    return call_at(index, address, state.ctypes.data, 0, samples, pcm.ctypes.data, len(pcm))


@part
def recover_frame(codec: int, state: Any, following: Any, size: int, pcm: Any) -> int:
    """Fill the whole of `pcm` (int16) in place of the frame lost just before payload `following[:size]` (uint8).

    Opus finds it there when the sender has put it in (RFC 6716 §2.1.7); other codecs conceal. Decode `following` next.
    """
    index = codec * OPERATIONS + RECOVER
    address = function_at(index)
    if address == 0:
        return NOT_LOADED
    return call_at(index, address, state.ctypes.data, following.ctypes.data, size, pcm.ctypes.data, len(pcm))


@part
def release_stream(codec: int, state: Any) -> int:
    """Give back what a library has allocated for an encoder or decoder that is used no more; 0 words are left alone.

    Call it in the process that has coded with it; a state of another one is only forgotten.
    """
    if codec < _FIRST_TO_RELEASE:
        return 0
    index = codec * OPERATIONS + RELEASE
    address = function_at(index)
    if address == 0:
        return NOT_LOADED
    return call_at(index, address, state.ctypes.data, 0, 0, 0, 0)


@part
def follow_peer(codec: int, encoder: Any, decoder: Any) -> int:
    """Let an encoder do what the packets that the decoder of the same codec has seen ask for (AMR's mode request)."""
    if codec < _FIRST_TO_RELEASE:
        return 0
    index = codec * OPERATIONS + FOLLOW
    address = function_at(index)
    if address == 0:
        return NOT_LOADED
    return call_at(index, address, encoder.ctypes.data, decoder.ctypes.data, 0, 0, 0)


@part
def rests(codec: int, decoder: Any) -> bool:
    """Whether the packet decoded last was the last before a silence, so that nothing more need come.

    `conceal_frame` then makes the noise that it has described, for as long as wanted.
    """
    if codec < _FIRST_TO_RELEASE:
        return False
    index = codec * OPERATIONS + RESTS
    address = function_at(index)
    return address != 0 and call_at(index, address, decoder.ctypes.data, 0, 0, 0, 0) != 0
