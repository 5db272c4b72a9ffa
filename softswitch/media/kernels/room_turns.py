"""Rooms on the wheel: those that are mixed are served every 10 ms while there is anybody to be heard by."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.player import arm_wheel, least_loaded, start_wheel
from softswitch.media.layouts.shared import NOBODY


@part
def start_turns(rooms: Any, number: int, worker: Any, scratch: Any, now_ns: int) -> None:
    """Put a room on the wheel, at the instant of the least loaded slot."""
    best = least_loaded(worker)
    first = worker["room_wheel"][best]
    rooms[number]["wheel_slot"] = best
    rooms[number]["next_room"] = first
    rooms[number]["previous_room"] = NOBODY
    if first != NOBODY:
        rooms[first]["previous_room"] = number
    worker["room_wheel"][best] = number
    worker["wheel_load"][best] += 1
    worker["rooms"] += 1
    start_wheel(worker, now_ns)
    arm_wheel(worker, scratch)


@part
def stop_turns(rooms: Any, number: int, worker: Any) -> None:
    """Take a room off the wheel."""
    room = rooms[number]
    before, after = room["previous_room"], room["next_room"]
    if before != NOBODY:
        rooms[before]["next_room"] = after
    else:
        worker["room_wheel"][room["wheel_slot"]] = after
    if after != NOBODY:
        rooms[after]["previous_room"] = before
    worker["wheel_load"][room["wheel_slot"]] -= 1
    worker["rooms"] -= 1
