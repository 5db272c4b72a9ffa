"""Rooms that are linked: each turn, a room hears what its neighbours have said and says to each all the rest.

Neighbours may be on other packet threads. All of them turn every 10 ms by the same clock, so what one says in a turn is
heard in the next turn of the other, 10 ms later at most. A turn that comes late leaves one frame out, and from then on
one waits; when for some time there was always one waiting, a silent one is passed over, and the way is short again.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels import atomic
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layouts.link import LATE_TURNS, LINK_PLACES
from softswitch.media.layouts.room import MAXIMUM_TURN
from softswitch.media.layouts.shared import NOBODY

_load_acquire = atomic.load_acquire
_store_release = atomic.store_release

#: A frame this old was said to a room that had no turns then.
_STALE_NS = 50_000_000
#: More frames than this do not wait.
_MOST_WAITING = 2
#: For so many turns in a row a frame must have been waiting, to be one too many.
_CROWDED_TURNS = 256


@part
def exchange(room: Any, links: Any, worker: Any, silent: bool, now_ns: int) -> bool:
    """Add what linked rooms say to the sum, and tell each of them all the rest; whether there is silence in all.

    `silent` is whether there was until now. A room whose turn does not come, because it is empty, says nothing.
    """
    total, samples = room["total"], room["samples"]
    sources = 0 if silent else 1
    number = room["links"]
    while number != NOBODY:
        link = links[number]
        link["heard"] = 0
        if _next_frame(link, links[link["peer"]], worker, now_ns):
            link["heard"] = 1
            sources += 1
            said, begin = _frame(links[link["peer"]])
            for i in range(samples):
                total[i] += said[begin + i]
        number = link["next_link"]
    number = room["links"]
    while number != NOBODY:
        link = links[number]
        _say(link, links[link["peer"]], total, samples, sources - link["heard"] > 0, now_ns)
        number = link["next_link"]
    return bool(sources == 0)


@part
def _frame(there: Any) -> Any:
    """The ring of the other side, and where the frame that is taken next begins in it."""
    return there["samples"], there["taken"][0] % LINK_PLACES * MAXIMUM_TURN


@part
def _next_frame(link: Any, there: Any, worker: Any, now_ns: int) -> bool:
    """Let `taken` of the other side be the frame that is to be heard now; false when there is no sound in it, which is
    then done with already, or none has come."""
    taken: Any = there["taken"][0]
    waiting: Any = _load_acquire(there["written"], 0) - taken
    begin = taken
    while waiting > 0 and now_ns - there["said_ns"][taken % LINK_PLACES] > _STALE_NS:
        taken += 1
        waiting -= 1
    if waiting > _MOST_WAITING:
        taken += waiting - _MOST_WAITING
        waiting = _MOST_WAITING
    worker["link_frames_skipped"] += taken - begin
    if waiting == 0:
        link["absent"] += 1
        link["crowded"] = 0
        _store_release(there["taken"], 0, taken)
        return False
    if link["absent"] <= LATE_TURNS:
        worker["link_frames_missing"] += link["absent"]
    link["absent"] = 0
    link["crowded"] = link["crowded"] + 1 if waiting > 1 else 0
    if link["crowded"] >= _CROWDED_TURNS and there["sounds"][taken % LINK_PLACES] == 0:
        taken += 1
        link["crowded"] = 0
    sounds = there["sounds"][taken % LINK_PLACES] != 0
    _store_release(there["taken"], 0, taken if sounds else taken + 1)
    return bool(sounds)


@part
def _say(link: Any, there: Any, total: Any, samples: int, sounds: bool, now_ns: int) -> None:
    """Write the sum without what was heard of the other side, which is done with then. When the ring is full, because
    the other room has no turns, it is not said at all."""
    heard, begin = _frame(there)
    written: Any = link["written"][0]
    if written - _load_acquire(link["taken"], 0) < LINK_PLACES:
        place = written % LINK_PLACES
        link["said_ns"][place] = now_ns
        link["sounds"][place] = 1 if sounds else 0
        if sounds:
            _write(link["samples"], place * MAXIMUM_TURN, total, samples, heard, begin, link["heard"])
        _store_release(link["written"], 0, written + 1)
    if link["heard"] != 0:
        _store_release(there["taken"], 0, there["taken"][0] + 1)


@part
def _write(own: Any, at: int, total: Any, samples: int, heard: Any, begin: int, subtract: int) -> None:
    if subtract != 0:
        for i in range(samples):
            own[at + i] = total[i] - heard[begin + i]
    else:
        for i in range(samples):
            own[at + i] = total[i]
