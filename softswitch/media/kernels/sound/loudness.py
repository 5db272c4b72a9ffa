"""Who speaks loudest in a room, all its wings taken together."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layouts.link import LINKS_HOME, LINKS_WING
from softswitch.media.layouts.shared import NOBODY

#: To be the loudest one must be 3 dB above the present one for three looks, and above −45 dB of full scale.
_LOUDER = 2.0
_LOOKS = 3
_AUDIBLE = (32768 * 10 ** (-45 / 20)) ** 2
#: Nobody is the loudest only after a second, so that a pause between words is not told.
_LOOKS_OF_SILENCE = 10


@part
def another_is_loudest(ports: Any, room: Any, voices: Any, links: Any) -> bool:
    """Look who is loudest; true when the room has to tell that another is, or nobody. A wing tells its home only."""
    if room["tells_loudest"] == 0:
        _tell_home(ports, room, voices, links)
        return False
    best, best_level, present_level = _loudest_here(ports, room, voices, room["loudest"])
    number = room["links"]
    while number != NOBODY:
        link = links[number]
        if link["role"] == LINKS_HOME:
            there = links[link["peer"]]
            link["loudest"] = room["loudest"]
            present_level = max(present_level, there["present_level"])
            if there["level"] > best_level:
                best, best_level = there["loudest"], there["level"]
        number = link["next_link"]
    return bool(_follow(room, best, best != NOBODY and best_level >= present_level * _LOUDER))


@part
def _tell_home(ports: Any, room: Any, voices: Any, links: Any) -> None:
    number = room["links"]
    while number != NOBODY:
        link = links[number]
        if link["role"] == LINKS_WING:
            best, level, present_level = _loudest_here(ports, room, voices, links[link["peer"]]["loudest"])
            link["loudest"], link["level"], link["present_level"] = best, level, present_level
        number = link["next_link"]


@part
def _loudest_here(ports: Any, room: Any, voices: Any, present: int) -> Any:
    """The loudest of the members that is audible, how loud that is, and how loud member `present` is: 0 when it is
    somewhere else."""
    best, best_level, present_level = NOBODY, _AUDIBLE, 0.0
    slot = room["first"]
    while slot != NOBODY:
        level = voices[ports[slot]["voice"]]["level"]
        if slot == present:
            present_level = level
        if level > best_level:
            best, best_level = slot, level
        slot = ports[slot]["member_next"]
    return best, best_level, present_level


@part
def _follow(room: Any, best: int, clearly: bool) -> bool:
    """Take `best` for the loudest when it has been so for long enough; true when that is told now."""
    if best == room["loudest"] or (best != NOBODY and not clearly):
        room["candidate"] = room["loudest"]
        room["candidate_looks"] = 0
        return False
    if best != room["candidate"]:
        room["candidate"] = best
        room["candidate_looks"] = 0
    room["candidate_looks"] += 1
    if room["candidate_looks"] < (_LOOKS if best != NOBODY else _LOOKS_OF_SILENCE):
        return False
    room["loudest"] = best
    return True
