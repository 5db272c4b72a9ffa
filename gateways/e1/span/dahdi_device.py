"""DAHDI's character devices (Linux telephony cards): the requests that a span needs, by the kernel's own names.

Channels are numbered through all spans; `/dev/dahdi/channel` becomes one by DAHDI_SPECIFY. A B channel is read and
written in blocks of A-law octets. A D channel, which /etc/dahdi/system.conf makes `hardhdlc` or `dchan`, is read and
written in frames, with two octets of FCS that the driver checks and makes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import NamedTuple

FOLDER = Path("/dev/dahdi")
#: What a read or write of a channel fails with when an event waits (DAHDI's ELAST), and the events of a D channel.
EVENT_WAITS = 500
EVENT_ABORT, EVENT_OVERRUN, EVENT_BAD_FCS = 6, 7, 8

_CODE, _INT = 0xDA, 4
_WRITE, _READ = 1, 2  # directions of asm-generic/ioctl.h
_IMMEDIATE = 0
_A_LAW = 2
_CLEAR_ALL = 7
#: struct dahdi_spaninfo: span number, two names, alarms, levels, BPV, CRC-4, E bit and FAS counters, five counters of
#: other cards, IRQ misses, source of the clock, channels configured and in all; what follows is not read.
_SPAN_INFO = struct.Struct("=i20s40siii4i5I4i")
_SPAN_INFO_OCTETS = 314


def _request(direction: int, number: int, octets: int = _INT) -> int:
    return direction << 30 | octets << 16 | _CODE << 8 | number


_FLUSH = _request(_WRITE, 3)
_GETEVENT = _request(_READ, 8)
_SPANSTAT = _request(_WRITE | _READ, 10, _SPAN_INFO_OCTETS)
_SET_BUFINFO = _request(_WRITE, 27, 6 * _INT)
_AUDIOMODE = _request(_WRITE, 32)
_ECHOCANCEL = _request(_WRITE, 33)
_SPECIFY = _request(_WRITE, 38)
_SETLAW = _request(_WRITE, 39)


class SpanStatus(NamedTuple):
    """What the driver knows of a span: bits of its alarms, its error counters, how many channels it has."""

    alarms: int
    bpv: int
    crc4: int
    e_bits: int
    fas: int
    channels: int


def unusable(folder: Path = FOLDER) -> str:
    """Why there are no cards here, empty when there are."""
    if (folder / "ctl").exists():
        return ""
    return (
        f"no telephony card: {folder}/ctl does not exist. Load the card's DAHDI driver, describe the span in "
        "/etc/dahdi/system.conf and run dahdi_cfg; or use the driver cesopsn or satop with an E1-over-IP gateway"
    )


def span_status(number: int, folder: Path = FOLDER) -> SpanStatus:
    """The state of span `number`, from 1 on; raises OSError when there is none."""
    descriptor = os.open(folder / "ctl", os.O_RDWR | os.O_CLOEXEC)
    try:
        asked = bytearray(_SPAN_INFO_OCTETS)
        struct.pack_into("=i", asked, 0, number)
        fcntl.ioctl(descriptor, _SPANSTAT, asked)
    finally:
        os.close(descriptor)
    told = _SPAN_INFO.unpack_from(asked)
    return SpanStatus(told[3], told[6], told[7], told[8], told[9], told[-1])


def first_channel(number: int, folder: Path = FOLDER) -> int:
    """The channel that timeslot 1 of a span is; raises OSError when there is no such span."""
    return 1 + sum(span_status(before, folder).channels for before in range(1, number))


def open_channel(channel: int, folder: Path = FOLDER, *, buffers: int, octets: int) -> int:
    """A descriptor of one channel that does not block, with so many buffers of so many octets; raises OSError."""
    descriptor = os.open(folder / "channel", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _set(descriptor, _SPECIFY, channel)
        fcntl.ioctl(descriptor, _SET_BUFINFO, struct.pack("=6i", _IMMEDIATE, _IMMEDIATE, buffers, octets, 0, 0))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def make_audio(descriptor: int, *, echo_samples: int = 0) -> None:
    """Let a channel carry A-law sound; echo up to `echo_samples` long is cancelled by the card's canceller."""
    _set(descriptor, _AUDIOMODE, 1)
    _set(descriptor, _SETLAW, _A_LAW)
    _set(descriptor, _ECHOCANCEL, echo_samples)
    _set(descriptor, _FLUSH, _CLEAR_ALL)


def next_event(descriptor: int) -> int:
    """The event that waits at a channel, 0 for none."""
    told = bytearray(_INT)
    fcntl.ioctl(descriptor, _GETEVENT, told)
    return int.from_bytes(told, "little")


def read(descriptor: int, octets: int) -> bytes | None:
    """What has come on a channel, None when nothing has; raises OSError, with EVENT_WAITS when an event does."""
    try:
        return os.read(descriptor, octets)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return None
        raise


def write(descriptor: int, data: bytes) -> bool:
    """Send on a channel; False when there is no room. Raises OSError, with EVENT_WAITS when an event waits."""
    try:
        return os.write(descriptor, data) == len(data)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        raise


def _set(descriptor: int, request: int, value: int) -> None:
    fcntl.ioctl(descriptor, request, struct.pack("=i", value))
