"""What a voice says in the next 10 ms: taken out of its jitter buffer in order, decoded, made up where it is missing.

Nothing waits in vain. A packet that is missing while later ones are there is lost and concealed. When none is there at
all the sender may only be late: what is made up then lengthens the delay, and as much is left out again when it turns
out to have been loss, or when for some seconds more was in hand than needed. So the depth of the buffer follows the
jitter, and the two ends' clocks may differ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from softswitch.media.kernels.sound.coding import decode
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layout import MAXIMUM_PACKET
from softswitch.media.voice_layout import (
    DEPTH_NS,
    FLOWING,
    GATHERING,
    HEARD_SAMPLES,
    IDLE,
    JITTER_PLACES,
    PAST_SAMPLES,
)

#: So long something is made up for packets that do not come; then it is silent until they do.
_LONGEST_CONCEALED_MS = 100
_TURNS_WATCHED = 300
_TURN_MS = 10
#: Concealment repeats the last period of the voice, of 2.5 to 15 ms (70 to 400 Hz), fading.
_SHORTEST_PITCH, _LONGEST_PITCH = 400, 66  # fractions of a second
_COMPARED = 100  # fraction of a second that is compared to find it
_FADING_S = 0.04
_BLEND = 250  # fraction of a second in which what has come takes over from what was made up
#: A decoded packet is no longer than 120 ms.
_LONGEST_FRAME = 5760


@part
def pull(voice: Any, rate_hz: int, now_ns: int) -> bool:
    """Have the next 10 ms in `heard[heard_begin:]`; false when the voice is silent."""
    wanted = rate_hz // 100
    if voice["state"] == GATHERING and now_ns - voice["first_arrival_ns"] >= DEPTH_NS:
        voice["state"] = FLOWING
        voice["least_spare"] = HEARD_SAMPLES
        voice["spare_turns"] = 0
        voice["concealed_in_row"] = 0
    while voice["heard_end"] - voice["heard_begin"] < wanted:
        if voice["state"] != FLOWING or not _go_on(voice, rate_hz):
            return bool(_rest(voice, wanted))
    if voice["state"] == FLOWING:
        _watch_depth(voice, wanted)
    return True


@part
def _rest(voice: Any, wanted: int) -> bool:
    """Fill what is left of the last samples up with silence; false when nothing is left."""
    end: Any = voice["heard_end"]
    if end == voice["heard_begin"]:
        return False
    _make_room(voice, wanted)
    end = voice["heard_end"]
    while end - voice["heard_begin"] < wanted:
        voice["heard"][end] = 0
        end += 1
    voice["heard_end"] = end
    return True


@part
def _go_on(voice: Any, rate_hz: int) -> bool:
    """Take the next packet, or make up for it; false when the voice falls silent."""
    sequence = voice["next_sequence"]
    place = sequence & (JITTER_PLACES - 1)
    if voice["sequence"][place] == sequence:
        voice["sequence"][place] = -1
        voice["next_sequence"] = (sequence + 1) & 0xFFFF
        if voice["length"][place] > 0:
            _hear(voice, place, rate_hz)
        return True
    if ((voice["highest_sequence"] - sequence) & 0xFFFF) < JITTER_PLACES:
        voice["next_sequence"] = (sequence + 1) & 0xFFFF
        if voice["stretched"] > 0:  # something was made up for it already
            voice["stretched"] -= 1
            return True
    elif voice["concealed_in_row"] * 1000 >= _LONGEST_CONCEALED_MS * rate_hz:
        voice["state"] = IDLE
        voice["stretched"] = 0
        return False
    else:
        voice["stretched"] += 1
    voice["concealed"] += 1
    _conceal(voice, rate_hz)
    return True


@part
def _make_room(voice: Any, count: int) -> None:
    """See that `count` samples fit behind the last, keeping some of the past for concealment."""
    heard = voice["heard"]
    if voice["heard_end"] + count <= HEARD_SAMPLES:
        return
    begin = max(voice["heard_begin"] - PAST_SAMPLES, 0)
    for i in range(begin, voice["heard_end"]):
        heard[i - begin] = heard[i]
    voice["heard_begin"] -= begin
    voice["heard_end"] -= begin


@part
def _hear(voice: Any, place: int, rate_hz: int) -> None:
    """Decode the packet at a place of the buffer to the end of `heard`."""
    _make_room(voice, _LONGEST_FRAME)
    end = voice["heard_end"]
    if end + _LONGEST_FRAME > HEARD_SAMPLES:  # more than can be heard in time
        return
    heard = voice["heard"]
    codec = np.int64(voice["codec_of"][voice["format"][place]])
    length = min(np.int64(voice["length"][place]), _LONGEST_FRAME)
    count = decode(codec, voice["payload"], place * MAXIMUM_PACKET, length, heard, end)
    if voice["concealed_in_row"] > 0:
        pitch = voice["pitch"]
        blend = min(rate_hz // _BLEND, count)
        for i in range(blend):
            made_up = np.int64(heard[end + i - pitch]) * (blend - i) if i < pitch else 0
            heard[end + i] = (np.int64(heard[end + i]) * i + made_up) // blend
    voice["concealed_in_row"] = 0
    voice["frame_samples"] = count
    voice["heard_end"] = end + count


@part
def _conceal(voice: Any, rate_hz: int) -> None:
    """Put one packet's length of what the voice said last, fading, to the end of `heard`."""
    count = max(voice["frame_samples"], rate_hz // 100)
    _make_room(voice, count)
    end = voice["heard_end"]
    if end + count > HEARD_SAMPLES:
        return
    heard = voice["heard"]
    if voice["concealed_in_row"] == 0:
        voice["pitch"] = _find_pitch(heard, end, rate_hz)
    pitch = voice["pitch"]
    fade = math.exp(-pitch / (_FADING_S * rate_hz))
    made = voice["concealed_in_row"]
    for i in range(count):
        if pitch == 0:
            heard[end + i] = 0
        elif made + i < pitch:
            heard[end + i] = heard[end + i - pitch]
        else:
            heard[end + i] = np.int64(float(heard[end + i - pitch]) * fade)
    voice["concealed_in_row"] = made + count
    voice["heard_end"] = end + count


@part
def _find_pitch(heard: Any, end: int, rate_hz: int) -> int:
    """The period in samples at which the last 10 ms before `end` are most like what was before them; 0 for silence."""
    stride = max(rate_hz // 8000, 1)
    compared = rate_hz // _COMPARED
    shortest, longest = rate_hz // _SHORTEST_PITCH, rate_hz // _LONGEST_PITCH
    if end < compared + longest:
        return 0
    best, best_likeness = 0, 0.0
    for lag in range(shortest, longest, stride):
        product, energy = 0.0, 1.0
        for i in range(end - compared, end, stride):
            before = float(heard[i - lag])
            product += before * float(heard[i])
            energy += before * before
        if product > 0.0 and product * product / energy > best_likeness:
            best, best_likeness = lag, product * product / energy
    if best == 0 and best_likeness == 0.0:
        return 0
    return best


@part
def _watch_depth(voice: Any, wanted: int) -> None:
    """Leave 10 ms out when for three seconds a packet and more than a turn were always in hand."""
    frame = voice["frame_samples"]
    ahead = (voice["highest_sequence"] - voice["next_sequence"] + 1) & 0xFFFF
    waiting = ahead if ahead <= JITTER_PLACES else 0
    spare = voice["heard_end"] - voice["heard_begin"] - wanted + waiting * frame
    voice["least_spare"] = min(voice["least_spare"], spare)
    voice["spare_turns"] += 1
    if voice["spare_turns"] < _TURNS_WATCHED:
        return
    if voice["least_spare"] > frame + wanted and voice["heard_end"] - voice["heard_begin"] >= 2 * wanted:
        _shorten(voice, wanted)
    elif voice["least_spare"] > frame + wanted:
        return  # at the next turn there is enough to blend
    voice["least_spare"] = HEARD_SAMPLES
    voice["spare_turns"] = 0


@part
def _shorten(voice: Any, count: int) -> None:
    """Leave `count` samples out, going over smoothly from those before to those after."""
    heard, begin = voice["heard"], voice["heard_begin"]
    for i in range(count):
        before, after = np.int64(heard[begin + i]), np.int64(heard[begin + count + i])
        heard[begin + count + i] = (before * (count - i) + after * i) // count
    voice["heard_begin"] = begin + count
    voice["shortened"] += 1
