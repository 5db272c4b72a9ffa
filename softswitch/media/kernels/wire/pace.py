"""The clock of a span: a tick for each packet period, at which one packet is taken and one is sent.

A master's ticks are those of the monotonic clock. A slave's follow the far end: by how long before their turn its
packets come the period is made longer or shorter, by a controller with proportional and integral part that settles in
some ten seconds (adaptive clock recovery, RFC 4553 §7.3, RFC 5086 §7.2). Both ends then send and play at one rate, and
nothing slips. When the clocks of both run by themselves, the buffer runs full or empty, and a packet is left out or
said twice before it does: a controlled slip, which is counted.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.wire.buffer import empty
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.layouts.wire import WIRE_FLOWING, WIRE_PLACES

_WINDOW_NS = 250_000_000
#: Of the controller, in parts per 10⁹ for a microsecond of deviation: at once, and added in each window.
_PROPORTIONAL_PPB, _INTEGRAL_PPB = 100, 1
_MOST_PPB = 500_000
_BILLION = 1_000_000_000
#: A tick that is missed by more is left out: the thread was stopped.
_CATCH_UP_NS = 100_000_000


@part
def next_tick(span: Any, now_ns: int) -> None:
    """Set the instant of the next tick; counted from the last, never from now."""
    period = span["period_ns"]
    correction = 0 if span["master"] != 0 else span["correction_ppb"]
    span["next_tick_ns"] += period - period * correction // _BILLION
    if span["next_tick_ns"] + _CATCH_UP_NS < now_ns:
        missed = (now_ns - span["next_tick_ns"]) // period
        span["next_tick_ns"] += missed * period
        span["ticks_missed"] += missed
        empty(span)  # what waits is of long ago
    span["window_ticks"] += 1
    if span["window_ticks"] * period >= _WINDOW_NS:
        _look(span)
        open_window(span)


@part
def open_window(span: Any) -> None:
    """Begin to watch when packets come anew."""
    span["window_ticks"] = 0
    span["slack_sum_ns"] = 0
    span["slack_count"] = 0


@part
def _look(span: Any) -> None:
    """The end of a window: correct the clock, and slip when it does not help."""
    if span["state"] != WIRE_FLOWING or span["slack_count"] == 0:
        return
    mean_ns = span["slack_sum_ns"] // span["slack_count"]
    if span["master"] == 0:
        early_us = (mean_ns - span["depth_ns"] // 2) // 1000
        span["integral_ppb"] = _bounded(span["integral_ppb"] + _INTEGRAL_PPB * early_us)
        span["correction_ppb"] = _bounded(span["integral_ppb"] + _PROPORTIONAL_PPB * early_us)
    period = span["period_ns"]
    margin_ns = min(period, span["depth_ns"] // 4)
    if mean_ns > span["depth_ns"] + margin_ns:
        empty(span)  # a jump, not a drift
    elif mean_ns > span["depth_ns"] - margin_ns:
        place = span["next_sequence"] & (WIRE_PLACES - 1)
        span["place_sequence"][place] = -1
        span["next_sequence"] = (span["next_sequence"] + 1) & 0xFFFF
        span["slips"] += 1
    elif mean_ns < margin_ns:
        span["next_sequence"] = (span["next_sequence"] - 1) & 0xFFFF
        span["slips"] += 1


@part
def _bounded(ppb: int) -> Any:
    return min(max(ppb, -_MOST_PPB), _MOST_PPB)
