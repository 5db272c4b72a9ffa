"""Echo that a line's hybrids send back, cancelled by libspeexdsp's adaptive filter (ITU-T G.168 names its measures).

The library keeps a filter in memory of its own, so it is made and used in the packet thread's process. It stays with
its timeslot for the calls to come; one of a process that has died is forgotten with that (`mediacodecs.handles`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from mediacodecs import handles
from mediacodecs.foreign import ForeignFunction
from softswitch.media.echo_library import library
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.layouts.wire import HEARD_OCTETS

_INT, _WORD = types.int32, types.int64
_SAMPLE_OCTETS = 2


_make = ForeignFunction(library, "speex_echo_state_init", _WORD, _INT, _INT)
_reset = ForeignFunction(library, "speex_echo_state_reset", _INT, _WORD)
_cancel = ForeignFunction(library, "speex_echo_cancellation", _INT, _WORD, _WORD, _WORD, _WORD)
_destroy = ForeignFunction(library, "speex_echo_state_destroy", _INT, _WORD)


@part
def begin(span: Any, slot: int) -> None:
    """Let a timeslot's filter know nothing of any line; one is made where there is none of the wanted length."""
    tail = span["echo_tail"]
    if span["echo_state"][slot] != 0 and span["echo_owner"][slot] == handles.identity():
        if span["echo_length"][slot] == tail:
            _reset(span["echo_state"][slot])
            return
        _destroy(span["echo_state"][slot])
        handles.count_closed()
    span["echo_state"][slot] = _make(np.int32(HEARD_OCTETS), np.int32(tail))
    span["echo_owner"][slot] = handles.identity()
    span["echo_length"][slot] = tail
    handles.count_opened()


@part
def cancel(span: Any, slot: int) -> None:
    """Take what is echo of the second block of `samples` out of the first; what is left becomes the third."""
    if span["echo_state"][slot] == 0 or span["echo_owner"][slot] != handles.identity():
        begin(span, slot)
    samples = span["samples"].ctypes.data
    block = HEARD_OCTETS * _SAMPLE_OCTETS
    _cancel(span["echo_state"][slot], samples, samples + block, samples + 2 * block)
