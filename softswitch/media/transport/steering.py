"""Streams that come to one address, told apart by the kernel (socket(7), SO_ATTACH_REUSEPORT_CBPF).

Sockets bound to one address are a group, numbered in the order they were bound. A program of the classic BPF machine,
which the group is given, reads each datagram and says the number of the socket that is to have it. Ours knows streams
by the MID that a packet has (`named_streams.py`), else by its SSRC where that was signalled (RFC 5576) or learnt, else
by its payload type (RFC 9143 §9.2). Whatever is no RTP, RTCP included (RFC 5761 §4), goes to socket 0, and so does what
is too short to be read.
"""

from __future__ import annotations

import ctypes
import functools
import os
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from softswitch.media.transport.named_streams import (
    AND,
    AT_LEAST,
    EQUAL,
    LOAD_OCTET,
    LOAD_WORD,
    RETURN,
    Instruction,
    Name,
    choose_by_name,
)

_ATTACH_PROGRAM = 51  # <asm-generic/socket.h>
_INSTRUCTION = struct.Struct("=HBBI")
_RTP_FIRST, _RTP_LAST = 0x80, 0xBF  # RFC 7983 §7
_RTCP_FIRST, _RTCP_LAST = 192, 223
_SSRC_AT, _KIND_AT = 8, 1


class Stream(NamedTuple):
    """What the packets of one socket are known by."""

    sources: Sequence[int]
    payload_types: Sequence[int]
    name: Name | None = None


def program(streams: Sequence[Stream]) -> bytes:
    """The instructions that choose among the sockets of `streams`, in the group's order."""
    code: list[Instruction] = [
        (LOAD_OCTET, 0, 0, 0),
        *_return_unless(_RTP_FIRST, _RTP_LAST),
        (LOAD_OCTET, 0, 0, _KIND_AT),
        (AT_LEAST, 0, 2, _RTCP_FIRST),
        (AT_LEAST, 1, 0, _RTCP_LAST + 1),
        (RETURN, 0, 0, 0),
        *choose_by_name([stream.name for stream in streams]),
        (LOAD_WORD, 0, 0, _SSRC_AT),
    ]
    for number, stream in enumerate(streams):
        for source in stream.sources:
            code += [(EQUAL, 0, 1, source), (RETURN, 0, 0, number)]
    code += [(LOAD_OCTET, 0, 0, _KIND_AT), (AND, 0, 0, 0x7F)]
    for number, stream in enumerate(streams):
        for payload_type in stream.payload_types:
            code += [(EQUAL, 0, 1, payload_type), (RETURN, 0, 0, number)]
    code.append((RETURN, 0, 0, 0))
    return b"".join(_INSTRUCTION.pack(*each) for each in code)


def _return_unless(first: int, last: int) -> list[Instruction]:
    """Choose socket 0 unless what was loaded is one of `first` … `last`."""
    return [(AT_LEAST, 0, 1, first), (AT_LEAST, 0, 1, last + 1), (RETURN, 0, 0, 0)]


def steer(descriptor: int, streams: Sequence[Stream]) -> None:
    """Give the group of a socket the program for `streams`; raises OSError."""
    octets = program(streams)
    held = ctypes.create_string_buffer(octets, len(octets))
    filter_ = struct.pack("@HP", len(octets) // _INSTRUCTION.size, ctypes.addressof(held))
    with socket.socket(fileno=os.dup(descriptor)) as member:
        member.setsockopt(socket.SOL_SOCKET, _ATTACH_PROGRAM, filter_)


def join(descriptor: int) -> socket.socket:
    """Another socket bound to the address of a bound one, in a group with it; raises OSError."""
    with socket.socket(fileno=os.dup(descriptor)) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other = socket.socket(bound.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connected one may be there (`connected.py`)
            other.bind(bound.getsockname())
        except OSError:
            other.close()
            raise
        return other


@functools.cache
def can_bundle() -> bool:
    """Whether ports may share an address: Linux has it since 4.5, sandboxes that stand in for it may not."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", 0))
            with join(first.fileno()):
                steer(first.fileno(), [Stream((), ()), Stream((), ())])
    except OSError:
        return False
    return True
