"""HDLC on the octets of a timeslot (ISO/IEC 13239, ITU-T Q.921 §2): flags, zero insertion, abort, FCS.

Octets of a frame go least significant bit first; the first bit is the most significant of the timeslot's octet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels import atomic
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.layouts.wire import (
    FRAME_OCTETS,
    FRAME_PLACES,
    FRAMES_IN_READ,
    FRAMES_IN_WRITTEN,
    FRAMES_OUT_READ,
    FRAMES_OUT_WRITTEN,
)

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release

_POLYNOMIAL, _PRESET, _FCS_OCTETS = 0x8408, 0xFFFF, 2
_SHORTEST = 3
#: Of a closing flag's eight bits the first six, 0 and five ones, look like a frame's until the sixth one comes.
_FLAG_BITS_SEEN = 6
_STUFFED, _FLAG, _ABORT = 5, 6, 7


@part
def frame_check(octets: Any, size: int) -> Any:
    """The frame check sequence of `octets[:size]` (uint8): sent complemented, low octet first."""
    register: Any = _PRESET
    for i in range(size):
        register ^= np.int64(octets[i])
        for _ in range(8):
            register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
    return register ^ 0xFFFF


@part
def receive_octet(span: Any, octet: int) -> None:
    """Eight bits from the D channel; frames that are right go into the ring `frames_in`."""
    for i in range(8):
        if (octet >> (7 - i)) & 1:
            span["rx_ones"] += 1
            if span["rx_ones"] <= _STUFFED:
                _receive_bit(span, 0x80)
            elif span["rx_ones"] == _ABORT:
                if span["rx_length"] > 0:
                    span["d_aborts"] += 1
                span["rx_length"] = -1
        else:
            if span["rx_ones"] == _FLAG:
                _end_frame(span)
                span["rx_length"] = 0
                span["rx_bits"] = 0
            elif span["rx_ones"] < _STUFFED:
                _receive_bit(span, 0)
            span["rx_ones"] = 0


@part
def _receive_bit(span: Any, bit: int) -> None:
    """One bit of a frame, as bit 8 of the octet that is shifted down."""
    if span["rx_length"] < 0:
        return
    span["rx_octet"] = (span["rx_octet"] >> 1) | bit
    span["rx_bits"] += 1
    if span["rx_bits"] == 8:
        span["rx_bits"] = 0
        if span["rx_length"] == FRAME_OCTETS + _FCS_OCTETS:
            span["d_malformed"] += 1
            span["rx_length"] = -1
            return
        span["rx_frame"][span["rx_length"]] = span["rx_octet"]
        span["rx_length"] += 1


@part
def _end_frame(span: Any) -> None:
    length = span["rx_length"]
    if length <= 0:
        return
    if span["rx_bits"] != _FLAG_BITS_SEEN or length < _SHORTEST + _FCS_OCTETS:
        span["d_malformed"] += 1
        return
    length -= _FCS_OCTETS
    frame = span["rx_frame"]
    check = frame_check(frame, length)
    if frame[length] != check & 0xFF or frame[length + 1] != check >> 8:
        span["d_fcs_errors"] += 1
        return
    positions = span["frame_positions"]
    written = positions[FRAMES_IN_WRITTEN]
    if written - _load_acquire(positions, FRAMES_IN_READ) >= FRAME_PLACES:
        span["d_lost"] += 1
        return
    place = written % FRAME_PLACES
    for i in range(length):
        span["frames_in"][place * FRAME_OCTETS + i] = frame[i]
    span["frames_in_size"][place] = length
    span["d_received"] += 1
    _store_release(positions, FRAMES_IN_WRITTEN, written + 1)


@part
def send_octet(span: Any) -> Any:
    """The next eight bits for the D channel."""
    octet = 0
    for _ in range(8):
        octet = (octet << 1) | _next_bit(span)
    return octet


@part
def _next_bit(span: Any) -> Any:
    if span["tx_flag"] == 0:
        if span["tx_ones"] == _STUFFED:
            span["tx_ones"] = 0
            return 0
        if span["tx_at"] < 8 * span["tx_length"]:
            bit = (np.int64(span["tx_frame"][span["tx_at"] >> 3]) >> (span["tx_at"] & 7)) & 1
            span["tx_at"] += 1
            span["tx_ones"] = span["tx_ones"] + 1 if bit else 0
            return bit
        span["tx_flag"] = 8
    bit = 0 if span["tx_flag"] == 8 or span["tx_flag"] == 1 else 1
    span["tx_flag"] -= 1
    if span["tx_flag"] == 0:
        _load_frame(span)
    return bit


@part
def _load_frame(span: Any) -> None:
    """The frame that waits longest is to be sent next; without one, another flag."""
    span["tx_at"] = 0
    span["tx_length"] = 0
    span["tx_ones"] = 0
    positions = span["frame_positions"]
    read = positions[FRAMES_OUT_READ]
    if _load_acquire(positions, FRAMES_OUT_WRITTEN) == read:
        return
    place = read % FRAME_PLACES
    length = min(max(span["frames_out_size"][place], 0), FRAME_OCTETS)
    frame = span["tx_frame"]
    for i in range(length):
        frame[i] = span["frames_out"][place * FRAME_OCTETS + i]
    _store_release(positions, FRAMES_OUT_READ, read + 1)
    check = frame_check(frame, length)
    frame[length] = check & 0xFF
    frame[length + 1] = check >> 8
    span["tx_length"] = length + _FCS_OCTETS
    span["d_sent"] += 1
