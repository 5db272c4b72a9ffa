"""Events on their way from a packet thread to the control side: a ring with one writer and one reader.

A full ring loses the newest event and counts it; what it would have said can still be read from the port's record.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels import atomic
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import write
from softswitch.media.kernels.octets import copy_address
from softswitch.media.layouts.worker import EVENTS_READ, EVENTS_WRITTEN

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release


@part
def notify(
    worker: Any, positions: Any, events: Any, kind: int, slot: int, port: Any, value: int, now_ns: int, scratch: Any
) -> None:
    """Tell the control side what happened to a port; its source address goes along."""
    written = positions[EVENTS_WRITTEN]
    if written - _load_acquire(positions, EVENTS_READ) >= len(events):
        worker["events_lost"] += 1
        return
    event = events[written % len(events)]
    event["kind"] = kind
    event["port"] = slot
    event["generation"] = port["generation"]
    event["value"] = value
    event["time_ns"] = now_ns
    copy_address(port["source"], event["address"])
    _store_release(positions, EVENTS_WRITTEN, written + 1)
    scratch["word"][0] = 1
    write(worker["event_fd"], scratch["word"].ctypes.data, 8)


@part
def notify_room(
    worker: Any, positions: Any, events: Any, kind: int, number: int, room: Any, value: int, now_ns: int, scratch: Any
) -> None:
    """Tell the control side what happened in room `number`."""
    written = positions[EVENTS_WRITTEN]
    if written - _load_acquire(positions, EVENTS_READ) >= len(events):
        worker["events_lost"] += 1
        return
    event = events[written % len(events)]
    event["kind"] = kind
    event["port"] = number
    event["generation"] = room["generation"]
    event["value"] = value
    event["time_ns"] = now_ns
    _store_release(positions, EVENTS_WRITTEN, written + 1)
    scratch["word"][0] = 1
    write(worker["event_fd"], scratch["word"].ctypes.data, 8)
