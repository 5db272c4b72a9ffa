"""The memory that the control side and the packet threads share, laid out so that another process can find its way.

One anonymous file (memfd) is mapped shared and cut into the arrays of `layouts/shared.py`, each on a page of its
own; the first page says how many of each there are. Whoever is given the file descriptor maps the same arrays by
`Arena.attach`. Pages cost nothing until they are used.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError
from softswitch.media.layouts.commands import COMMAND
from softswitch.media.layouts.events import EVENT
from softswitch.media.layouts.link import LINK, MAXIMUM_SIDES
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.room import MAXIMUM_ROOMS, ROOM
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.shared import LAYOUT_VERSION
from softswitch.media.layouts.voice import SPARE_VOICES, VOICE, VOICES_PER_PORT
from softswitch.media.layouts.wire import LINE, MAXIMUM_LINES, MAXIMUM_SPANS, SPAN
from softswitch.media.layouts.worker import POSITIONS, WORKER

_PAGE = mmap.PAGESIZE
_MAGIC = 0x736F667473776974
_HEADER = np.dtype(
    [
        ("magic", "i8"),
        ("version", "i8"),
        ("digest", "i8"),
        ("port_octets", "i8"),
        ("ports", "i8"),
        ("workers", "i8"),
        ("commands", "i8"),
        ("events", "i8"),
        ("samples", "i8"),
    ]
)


def layout_digest() -> int:
    """A number that every change of a record's layout changes: memory of another is not read."""
    kinds = (PORT, VOICE, ROOM, LINK, WORKER, COMMAND, EVENT, SCRATCH, LINE, SPAN)
    text = repr(
        (LAYOUT_VERSION, MAXIMUM_ROOMS, SPARE_VOICES, POSITIONS, [(kind.fields, kind.itemsize) for kind in kinds])
    )
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


class Arena:
    """The shared arrays: `ports`, `voices`, `rooms`, `links`, `lines`, `spans`, `workers`, `clips`, and each worker's
    `positions`, `commands`, `events` and `scratch`."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, size, mmap.MAP_SHARED)
        self._octets = np.frombuffer(self._map, np.uint8)
        self._used = 0
        header = self._take(_HEADER, 1)[0]
        self.header = header
        self.ports = self._take(PORT, int(header["ports"]))
        self.voices = self._take(VOICE, _voices(int(header["ports"])))
        self.rooms = self._take(ROOM, MAXIMUM_ROOMS)
        self.links = self._take(LINK, MAXIMUM_SIDES)
        self.lines = self._take(LINE, MAXIMUM_LINES)
        self.spans = self._take(SPAN, MAXIMUM_SPANS)
        self.workers = self._take(WORKER, int(header["workers"]))
        workers = range(int(header["workers"]))
        self.positions: list[NDArray[np.int64]] = [self._take(np.dtype("i8"), POSITIONS) for _ in workers]
        self.commands = [self._take(COMMAND, int(header["commands"])) for _ in workers]
        self.events = [self._take(EVENT, int(header["events"])) for _ in workers]
        self.scratch = [self._take(SCRATCH, 1) for _ in workers]
        self.clips: NDArray[np.int16] = self._take(np.dtype("i2"), int(header["samples"]))

    @classmethod
    def create(cls, *, ports: int, workers: int, commands: int, events: int, samples: int) -> Self:
        """New shared memory for so many ports, packet threads, ring places (each) and clip samples."""
        per_worker = _pages(8 * POSITIONS) + _pages(commands * COMMAND.itemsize) + _pages(events * EVENT.itemsize)
        per_worker += _pages(SCRATCH.itemsize)
        size = _PAGE + _pages(ports * PORT.itemsize) + _pages(workers * WORKER.itemsize) + _pages(2 * samples)
        size += _pages(_voices(ports) * VOICE.itemsize)
        size += _pages(MAXIMUM_ROOMS * ROOM.itemsize) + _pages(MAXIMUM_SIDES * LINK.itemsize) + workers * per_worker
        size += _pages(MAXIMUM_LINES * LINE.itemsize) + _pages(MAXIMUM_SPANS * SPAN.itemsize)
        descriptor = os.memfd_create("softswitch-media")
        os.ftruncate(descriptor, size)
        header = np.array(
            [(_MAGIC, LAYOUT_VERSION, layout_digest(), PORT.itemsize, ports, workers, commands, events, samples)],
            dtype=_HEADER,
        )
        os.pwrite(descriptor, header.tobytes(), 0)
        return cls(descriptor, size)

    @classmethod
    def attach(cls, descriptor: int) -> Self:
        """The same memory seen from elsewhere; raises MediaError when it is not laid out as this release does it."""
        header = np.frombuffer(os.pread(descriptor, _HEADER.itemsize, 0), _HEADER)
        if len(header) != 1 or header[0]["magic"] != _MAGIC:
            raise MediaError("this is no memory of a media engine")
        if (header[0]["version"], header[0]["digest"]) != (LAYOUT_VERSION, layout_digest()):
            raise MediaError(f"media memory of layout {header[0]['version']}, this release has {LAYOUT_VERSION}")
        return cls(os.dup(descriptor), os.fstat(descriptor).st_size)

    def close(self) -> None:
        """Give the file descriptor back; the mapping goes when the last array that looks into it does."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _take(self, kind: np.dtype[Any], count: int) -> NDArray[Any]:
        begin, octets = self._used, count * kind.itemsize
        self._used += _pages(octets)
        return self._octets[begin : begin + octets].view(kind)


def _voices(ports: int) -> int:
    return VOICES_PER_PORT * ports + SPARE_VOICES


def _pages(octets: int) -> int:
    return -(-octets // _PAGE) * _PAGE
