"""How deep a jitter buffer is: kept to what the jitter needs, and steady while the two ends' clocks differ.

Every packet tells how long before its turn it came. When for three seconds all have come earlier than is needed the
delay is shortened, when one has nearly been late it is lengthened before that one is missed. Either is done by one
period of the sound, found by correlation, which is left out or said twice with a blend over its seam: clocks that are
200 millionths apart need one such period in half a minute, which nobody hears. After a burst of packets that have been
held up one period is left out every 100 ms, until the delay is right again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layouts.worker import TICK_NS

_TURNS_WATCHED = 300
#: Turns between two periods that are left out.
_BETWEEN = 10
_LONG_NS = 1 << 60
#: A packet should come so long before its turn, not more (of the least in three seconds) and not less.
_MOST_SLACK_NS, _LEAST_SLACK_NS = 35_000_000, 4_000_000
#: Periods left out or said twice, and the blend, in parts of a turn of 10 ms.
_SHORTEST, _BLEND = 4, 4


@part
def watch_anew(voice: Any) -> None:
    """Begin three seconds of watching."""
    voice["least_slack_ns"] = _LONG_NS
    voice["turns_watched"] = 0


@part
def keep_depth(voice: Any, wanted: int) -> bool:
    """Look after the depth once a turn, while `wanted` samples or more are in hand; true when twice as many should be
    at the next turn."""
    voice["turns_watched"] += 1
    if voice["turns_watched"] < _TURNS_WATCHED or voice["frozen"] != 0:
        return False
    slack, shortest, blend = voice["least_slack_ns"], wanted // _SHORTEST, wanted // _BLEND
    in_hand = voice["heard_end"] - voice["heard_begin"]
    if _MOST_SLACK_NS < slack < _LONG_NS:
        longest = min(wanted, in_hand - wanted)
        if longest < shortest:
            return True
        period = _period(voice, shortest, longest, blend)
        _shorten(voice, period, blend)
        voice["least_slack_ns"] -= period * TICK_NS // wanted
        voice["turns_watched"] -= _BETWEEN
        return False
    elif 0 <= slack < _LEAST_SLACK_NS:
        longest = min(wanted, in_hand - blend)
        if voice["heard_begin"] < longest:  # there is no place before the first sample until some have been taken
            return False
        _lengthen(voice, _period(voice, shortest, longest, blend), blend)
    watch_anew(voice)
    return False


@part
def _period(voice: Any, shortest: int, longest: int, blend: int) -> Any:
    """After how many samples the sound is most like what it is now."""
    heard, begin = voice["heard"], voice["heard_begin"]
    best, least = longest, np.int64(1 << 60)
    for lag in range(shortest, longest + 1):
        difference = np.int64(0)
        for i in range(blend):
            away = np.int64(heard[begin + i]) - np.int64(heard[begin + lag + i])
            difference += away * away
        if difference < least:
            best, least = lag, difference
    return best


@part
def _shorten(voice: Any, count: int, blend: int) -> None:
    """Leave `count` samples out, going over smoothly from those before to those after."""
    heard, begin = voice["heard"], voice["heard_begin"]
    for i in range(blend):
        before, after = np.int64(heard[begin + i]), np.int64(heard[begin + count + i])
        heard[begin + count + i] = (before * (blend - i) + after * i) // blend
    voice["heard_begin"] = begin + count
    voice["shortened"] += 1


@part
def _lengthen(voice: Any, count: int, blend: int) -> None:
    """Say `count` samples twice, going over smoothly from the end of the first time to the second."""
    heard, begin = voice["heard"], voice["heard_begin"]
    for i in range(count):
        heard[begin - count + i] = heard[begin + i]
    for i in range(blend):
        before, after = np.int64(heard[begin + count + i]), np.int64(heard[begin + i])
        heard[begin + i] = (before * (blend - i) + after * i) // blend
    voice["heard_begin"] = begin - count
    voice["lengthened"] += 1
