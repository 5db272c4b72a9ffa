"""Which rooms a room is linked with: a list that runs through its sides of the links."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels import atomic
from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.link import LATE_TURNS
from softswitch.media.layouts.shared import NOBODY

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release


@part
def link_room(room: Any, links: Any, number: int, peer: int) -> None:
    """Let a room hear another, and say to it: side `number` is its own, `peer` the other room's."""
    link = links[number]
    link["peer"] = peer
    link["next_link"] = room["links"]
    link["absent"], link["crowded"] = LATE_TURNS + 1, 0
    there = links[peer]
    _store_release(there["taken"], 0, _load_acquire(there["written"], 0))
    room["links"] = number


@part
def unlink_room(room: Any, links: Any, number: int) -> None:
    """Undo `link_room`."""
    if room["links"] == number:
        room["links"] = links[number]["next_link"]
        return
    before = room["links"]
    while before != NOBODY:
        if links[before]["next_link"] == number:
            links[before]["next_link"] = links[number]["next_link"]
            return
        before = links[before]["next_link"]
