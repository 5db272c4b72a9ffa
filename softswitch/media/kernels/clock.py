"""The two clocks, in nanoseconds, and a small random generator."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime

SECOND_NS = 1_000_000_000
_NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970


@part
def monotonic_ns(scratch: Any) -> Any:
    """CLOCK_MONOTONIC in nanoseconds, or what the scratch has in its place."""
    if scratch["clock_ns"] != 0:
        return scratch["clock_ns"]
    clock_gettime(CLOCK_MONOTONIC, scratch["time"].ctypes.data)
    return scratch["time"][0] * SECOND_NS + scratch["time"][1]


@part
def ntp_time(scratch: Any) -> Any:
    """The wall clock as NTP seconds and fraction, both of 32 bits (RFC 3550 §4)."""
    clock_gettime(CLOCK_REALTIME, scratch["time"].ctypes.data)
    seconds = (scratch["time"][0] + _NTP_EPOCH_S) & 0xFFFFFFFF
    return seconds, (scratch["time"][1] << 32) // SECOND_NS


@part
def middle32(seconds: int, fraction: int) -> Any:
    """The middle 32 bits of an NTP time, as LSR and DLSR count (RFC 3550 §6.4.1)."""
    return ((seconds & 0xFFFF) << 16) | (fraction >> 16)


@part
def ticks(duration_ns: int, clock: int) -> Any:
    """`duration_ns` (not negative) in ticks of an RTP clock of `clock` Hz, without overflow for any duration."""
    return (duration_ns // SECOND_NS) * clock + (duration_ns % SECOND_NS) * clock // SECOND_NS


@part
def random31(worker: Any) -> Any:
    """A random number of 31 bits from the worker's linear congruential generator (spreads reports, guards nothing)."""
    worker["random"] = (worker["random"] * 1103515245 + 12345) & 0x7FFFFFFF
    return worker["random"]
