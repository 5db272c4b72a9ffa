"""The headers of a pseudowire packet: control word (RFC 4553 §4.3, RFC 5086 §4.3) and RTP where that is used.

Over UDP the RTP header comes before the control word (RFC 4553 §4.1); gear that has taken over the order of MPLS puts
it behind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.octets import get16, put16, put32
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.layouts.wire import (
    CESOPSN,
    CONTROL_OCTETS,
    FLAG_L,
    FLAG_NO_PAYLOAD,
    FLAG_R,
    FLAG_RDI,
    RTP_AFTER,
    RTP_BEFORE,
    RTP_NONE,
    RTP_OCTETS,
)

_L, _R, _M = 0x08, 0x04, 0x03
_M_RDI = 0x02
_LENGTH = 0x3F
_LONGEST_COUNTED = 64
_RTP_VERSION = 0x80


@part
def header_octets(span: Any) -> Any:
    """The octets before the payload."""
    return CONTROL_OCTETS + (RTP_OCTETS if span["rtp"] != RTP_NONE else 0)


@part
def read_headers(span: Any, packet: Any, size: Any) -> Any:
    """(sequence, flags, begin) of a packet; the sequence is -1 when it is none of this span's.

    A packet is right when it brings a whole payload, or says by L that it brings nothing; the length that a short
    packet's control word tells (RFC 4553 §4.3) cuts off padding.
    """
    begin = header_octets(span)
    if size < begin:
        return -1, 0, 0
    at = RTP_OCTETS if span["rtp"] == RTP_BEFORE else 0
    rtp_at = CONTROL_OCTETS if span["rtp"] == RTP_AFTER else 0
    if packet[at] & 0xF0 != 0:
        return -1, 0, 0
    if span["rtp"] != RTP_NONE and (packet[rtp_at] & 0xFF) != _RTP_VERSION:
        return -1, 0, 0
    told = np.int64(packet[at + 1]) & _LENGTH
    if told != 0 and told <= size:
        size = told
    flags = 0
    if packet[at] & _L:
        flags |= FLAG_L
    if packet[at] & _R:
        flags |= FLAG_R
    modifier = packet[at] & _M
    if span["mode"] == CESOPSN:
        if modifier != 0 and (modifier != _M_RDI or flags & FLAG_L):
            return -1, 0, 0  # signalling packets (11), reserved values
        if modifier == _M_RDI:
            flags |= FLAG_RDI
    if size - begin != span["payload"]:
        if not flags & FLAG_L:
            return -1, 0, 0
        flags |= FLAG_NO_PAYLOAD
    return get16(packet, at + 2), flags, begin


@part
def write_headers(span: Any, packet: Any, flags: int) -> Any:
    """Write the headers of the next packet; returns where its payload begins."""
    begin = header_octets(span)
    at = RTP_OCTETS if span["rtp"] == RTP_BEFORE else 0
    sequence = span["tx_sequence"]
    span["tx_sequence"] = (sequence + 1) & 0xFFFF
    word = 0
    if flags & FLAG_L:
        word |= _L
    if flags & FLAG_R:
        word |= _R
    if flags & FLAG_RDI and span["mode"] == CESOPSN:
        word |= _M_RDI
    packet[at] = word
    total = begin + span["payload"]
    packet[at + 1] = total if total < _LONGEST_COUNTED else 0
    put16(packet, at + 2, sequence)
    if span["rtp"] != RTP_NONE:
        at = CONTROL_OCTETS if span["rtp"] == RTP_AFTER else 0
        packet[at] = _RTP_VERSION
        packet[at + 1] = span["rtp_payload_type"]
        put16(packet, at + 2, sequence)
        put32(packet, at + 4, span["tx_frames"] & 0xFFFFFFFF)
        put32(packet, at + 8, span["rtp_ssrc"])
    return begin
