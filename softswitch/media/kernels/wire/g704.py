"""Frames of an E1 line in a stream of bits (ITU-T G.704 §2.3, G.706): found, checked, and made.

Timeslot 0 of even frames holds the alignment signal, that of odd ones the remote alarm; bit 1 of both is the CRC-4
multiframe's. The receiver takes the stream at any bit offset; when it loses it, it looks for it anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.octets import copy_octets
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.kernels.wire.slots import hear, say
from softswitch.media.layouts.wire import ALL_ONES, BITS_OCTETS, CRC4_OFF, SLOTS

_FRAME_BITS = 256
_FAS, _FAS_MASK, _NFAS = 0x1B, 0x7F, 0x40
_REMOTE_ALARM, _SPARE_BITS = 0x20, 0x1F
_BAD_IN_ROW, _RAI_IN_ROW = 3, 3
#: Bits 1 of the frames without alignment signal, from frame 1 on; the last two of the eight are E bits.
_MULTIFRAME_WORD = 0b001011
_MULTIFRAME = np.array([0, 0, 1, 0, 1, 1], np.int64)
_SEARCHED, _SEEN, _ALIGNED = 0, 1, 2
#: 400 ms: a far end without multiframes (G.706 annex B).
_GIVE_UP_FRAMES = 3200
_BLOCKS, _BAD_BLOCKS = 1000, 915
#: An alarm indication signal has at most two zeros in two frames (G.775 §5.2).
_AIS_OCTETS, _AIS_ZEROS = 64, 2
_SEARCH_OCTETS = 4 * SLOTS


def _table() -> np.ndarray[Any, np.dtype[np.int64]]:
    """The remainders of all octets by x⁴ + x + 1."""
    remainders = np.zeros(256, np.int64)
    for octet in range(256):
        register = 0
        for i in range(8):
            feedback = ((register >> 3) ^ (octet >> (7 - i))) & 1
            register = ((register << 1) & 0xF) ^ (0b0011 if feedback else 0)
        remainders[octet] = register
    return remainders


_REMAINDERS = _table()


@part
def crc4(register: int, octet: int) -> Any:
    """The CRC-4 register after eight more bits."""
    return _REMAINDERS[((register << 4) ^ octet) & 0xFF]


# -- receiving --------------------------------------------------------------------------------------------------------


@part
def receive_bits(
    span: Any, ports: Any, lines: Any, worker: int, octets: Any, at: int, size: int, substitute: int
) -> None:
    """The next bits of the line, `octets[at:at + size]` (uint8); whole frames go to the timeslots."""
    fill = span["bits_fill"]
    bits = span["bits"]
    if fill + size > BITS_OCTETS:
        fill = 0
    copy_octets(octets, at, bits, fill, size)
    fill += size
    begin = 0
    while True:
        if span["aligned"] == 0:
            if fill - begin < _SEARCH_OCTETS:
                break
            if not _search(span, begin):
                _watch_ones(span, begin)
                begin += SLOTS
            continue
        if 8 * (fill - begin) < span["bits_offset"] + _FRAME_BITS:
            break
        _cut(span, begin)
        begin += SLOTS
        _receive_frame(span, ports, lines, worker, substitute)
    for i in range(fill - begin):
        bits[i] = bits[begin + i]
    span["bits_fill"] = fill - begin


@part
def _octet_at(bits: Any, begin: int, offset: int) -> Any:
    """The eight bits from bit `offset` behind octet `begin`."""
    at = begin + (offset >> 3)
    shift = offset & 7
    if shift == 0:
        return np.int64(bits[at])
    return ((np.int64(bits[at]) << shift) | (np.int64(bits[at + 1]) >> (8 - shift))) & 0xFF


@part
def _search(span: Any, begin: int) -> bool:
    """Look for signal, no signal, signal at one place of three frames (G.706 §4.1.2)."""
    bits = span["bits"]
    for offset in range(_FRAME_BITS):
        if _octet_at(bits, begin, offset) & _FAS_MASK != _FAS:
            continue
        between = _octet_at(bits, begin, offset + _FRAME_BITS)
        if between & _NFAS and _octet_at(bits, begin, offset + 2 * _FRAME_BITS) & _FAS_MASK == _FAS:
            span["bits_offset"] = offset
            span["aligned"] = 1
            span["fas_next"] = 1
            span["fas_bad"] = 0
            span["nfas_bad"] = 0
            span["ais"] = 0
            span["rai"] = 0
            _search_multiframe(span)
            span["multiframe_given_up"] = 0
            return True
    return False


@part
def _watch_ones(span: Any, begin: int) -> None:
    """Is what comes without frames the alarm indication signal?"""
    for i in range(SLOTS):
        octet = np.int64(span["bits"][begin + i])
        for _ in range(8):
            span["ais_zeros"] += 1 - (octet & 1)
            octet >>= 1
    span["ais_octets"] += SLOTS
    if span["ais_octets"] >= _AIS_OCTETS:
        span["ais"] = 1 if span["ais_zeros"] <= _AIS_ZEROS else 0
        span["ais_octets"] = 0
        span["ais_zeros"] = 0


@part
def _cut(span: Any, begin: int) -> None:
    """Copy the next frame out of the stream."""
    for i in range(SLOTS):
        span["frame"][i] = _octet_at(span["bits"], begin, span["bits_offset"] + 8 * i)


@part
def _receive_frame(span: Any, ports: Any, lines: Any, worker: int, substitute: int) -> None:
    frame = span["frame"]
    span["frames_received"] += 1
    for slot in range(1, SLOTS):
        hear(span, ports, lines, worker, slot, frame, slot, SLOTS, 1, substitute)
    first = np.int64(frame[0])
    if span["fas_next"] != 0:
        span["fas_bad"] = 0 if first & _FAS_MASK == _FAS else span["fas_bad"] + 1
        if span["fas_bad"] != 0:
            span["fas_errors"] += 1
    else:
        span["nfas_bad"] = 0 if first & _NFAS else span["nfas_bad"] + 1
        _follow_remote_alarm(span, first)
        span["multiframe_bits"] = ((span["multiframe_bits"] << 1) | (first >> 7)) & 0xFF
    if max(span["fas_bad"], span["nfas_bad"]) >= _BAD_IN_ROW:
        _lose(span)
        return
    _follow_multiframe(span, first)
    span["fas_next"] = 1 - span["fas_next"]


@part
def _lose(span: Any) -> None:
    span["aligned"] = 0
    span["alignments_lost"] += 1
    span["ais_octets"] = 0
    span["ais_zeros"] = 0
    _search_multiframe(span)


@part
def _follow_remote_alarm(span: Any, first: int) -> None:
    if first & _REMOTE_ALARM:
        span["rai_seen"] += 1
        span["rai_unseen"] = 0
        if span["rai_seen"] >= _RAI_IN_ROW:
            span["rai"] = 1
    else:
        span["rai_unseen"] += 1
        span["rai_seen"] = 0
        if span["rai_unseen"] >= _RAI_IN_ROW:
            span["rai"] = 0


@part
def _search_multiframe(span: Any) -> None:
    span["multiframe"] = _SEARCHED
    span["multiframe_search"] = 0
    span["multiframe_bits"] = 0
    span["crc_blocks"] = 0
    span["crc_bad"] = 0


@part
def _follow_multiframe(span: Any, first: int) -> None:
    """A frame's place in the CRC-4 multiframe: searched for, confirmed, then counted (G.706 §4.2, §4.3)."""
    if span["crc4"] == CRC4_OFF:
        return
    word = span["multiframe_bits"] & 0b111111 == _MULTIFRAME_WORD
    if span["multiframe"] != _SEARCHED:
        at = span["multiframe_at"]
        span["multiframe_at"] = (at + 1) & 15
        if span["multiframe"] == _ALIGNED:
            _check_frame(span, at, first)
        elif at == 11:
            span["multiframe"] = _ALIGNED if word else _SEARCHED
            span["crc_register"] = -1
            span["crc_expected"] = -1
        return
    span["multiframe_search"] += 1
    if span["multiframe_search"] >= _GIVE_UP_FRAMES:
        span["multiframe_given_up"] = 1
    if span["fas_next"] == 0 and word:
        span["multiframe"] = _SEEN
        span["multiframe_at"] = 12


@part
def _check_frame(span: Any, at: int, first: int) -> None:
    """Follow the check of submultiframes: what is computed of one is told in the next (G.704 §2.3.3)."""
    if at & 7 == 0:
        span["crc_received"] = 0
        if span["crc_register"] == -1:
            span["crc_register"] = 0
    if at & 1 == 0:
        span["crc_received"] = (span["crc_received"] << 1) | (first >> 7)
        first &= _FAS_MASK
    elif at >= 13 and first >> 7 == 0:
        span["e_bits"] += 1
    if span["crc_register"] == -1:
        return  # until the first whole submultiframe
    register = crc4(span["crc_register"], first)
    for slot in range(1, SLOTS):
        register = crc4(register, np.int64(span["frame"][slot]))
    span["crc_register"] = register
    if at & 7 == 7:
        if span["crc_expected"] >= 0:
            _count_block(span, span["crc_expected"] == span["crc_received"], 1 if at == 7 else 0)
        span["crc_expected"] = register
        span["crc_register"] = 0


@part
def _count_block(span: Any, right: bool, submultiframe: int) -> None:
    span["e_next"][submultiframe] = 1 if right else 0
    span["crc_blocks"] += 1
    if not right:
        span["crc_bad"] += 1
        span["crc4_errors"] += 1
    if span["crc_bad"] >= _BAD_BLOCKS:
        _lose(span)  # what was found was no alignment signal (G.706 §4.3.2)
    elif span["crc_blocks"] >= _BLOCKS:
        span["crc_blocks"] = 0
        span["crc_bad"] = 0


# -- sending ----------------------------------------------------------------------------------------------------------


@part
def send_frame(span: Any, octets: Any, at: int, number: int, alarm: bool) -> None:
    """Write frame `number` of the packet being made into `octets[at:at + 32]` (uint8)."""
    place = span["tx_frame_at"]
    span["tx_frame_at"] = (place + 1) & 15
    first = _first_octet(span, place, alarm)
    octets[at] = first
    register = crc4(span["tx_crc_register"], first & _FAS_MASK if place & 1 == 0 else first)
    for slot in range(1, SLOTS):
        say(span, slot, octets, at + slot, SLOTS, number, 1)
        register = crc4(register, np.int64(octets[at + slot]))
    span["tx_crc_register"] = register
    if place & 7 == 7:
        span["tx_crc"] = register
        span["tx_crc_register"] = 0


@part
def _first_octet(span: Any, place: int, alarm: bool) -> Any:
    """Timeslot 0 of the frame at a place in the multiframe."""
    with_crc = span["crc4"] != CRC4_OFF
    if place & 1 == 0:
        bit = (span["tx_crc"] >> (3 - ((place & 7) >> 1))) & 1 if with_crc else 1
        return _FAS | bit << 7
    bit = 1
    if with_crc and place >= 13:
        bit = span["e_next"][(place - 13) >> 1] if span["multiframe"] == _ALIGNED else 0
    elif with_crc:
        bit = _MULTIFRAME[place >> 1]
    return _NFAS | _SPARE_BITS | bit << 7 | (_REMOTE_ALARM if alarm else 0)


@part
def fill_with_ones(octets: Any, size: int) -> None:
    """The alarm indication signal."""
    for i in range(size):
        octets[i] = ALL_ONES
