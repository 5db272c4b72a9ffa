"""What a voice says in the next 10 ms: taken out of its jitter buffer in order, decoded, made up where it is missing.

Nothing waits in vain. A packet that is missing while later ones are there is lost and concealed. When none is there at
all the sender may only be late: what is made up then lengthens the delay, and as much is left out again when it turns
out to have been loss. How deep the buffer is from then on is the matter of `depth`.
"""

from __future__ import annotations

from typing import Any

from mediacodecs.comfort_noise import generate, update
from softswitch.media.kernels.sound.coding import conceal, decode, falls_silent
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.kernels.sound.depth import keep_depth, watch_anew
from softswitch.media.layouts.room import MAXIMUM_TURN
from softswitch.media.layouts.shared import MAXIMUM_PACKET
from softswitch.media.layouts.voice import (
    CODED_NOISE,
    DEPTH_NS,
    DESCRIBED_NOISE,
    FLOWING,
    GATHERING,
    HEARD_SAMPLES,
    IDLE,
    JITTER_PLACES,
    LONGEST_FRAME,
    NOISE_DECODER,
    SILENT,
)

#: So long something is made up for packets that do not come; then it is silent until they do.
_LONGEST_CONCEALED_MS = 100


@part
def pull(voice: Any, rate_hz: int, scratch: Any, now_ns: int) -> bool:
    """Have the next 10 ms in `heard[heard_begin:]`; false when the voice is silent."""
    wanted = rate_hz // 100
    if voice["state"] == GATHERING and now_ns - voice["first_arrival_ns"] >= DEPTH_NS:
        voice["state"] = FLOWING
        watch_anew(voice)
        voice["concealed_in_row"] = 0
    while voice["heard_end"] - voice["heard_begin"] < wanted:
        if voice["state"] != FLOWING or not _go_on(voice, rate_hz, scratch):
            voice["turn_ns"] = now_ns
            return bool(_rest(voice, wanted) if voice["noisy"] == SILENT else _rustle(voice, wanted, scratch))
    if voice["state"] == FLOWING and keep_depth(voice, wanted):
        _be_ahead(voice, scratch)
    voice["turn_ns"] = now_ns
    return True


@part
def _be_ahead(voice: Any, scratch: Any) -> None:
    """Take a packet before its turn, if it is there."""
    sequence = voice["next_sequence"]
    place = sequence & (JITTER_PLACES - 1)
    if voice["sequence"][place] == sequence:
        _take_out(voice, place, scratch)


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
def _rustle(voice: Any, wanted: int, scratch: Any) -> bool:
    """Fill what is left of the last samples up with the noise that the peer has described."""
    _make_room(voice, LONGEST_FRAME)
    end = voice["heard_end"]
    missing = wanted - (end - voice["heard_begin"])
    if voice["noisy"] == CODED_NOISE:
        missing = conceal(voice, -1, voice["heard"][end : end + LONGEST_FRAME], scratch)
    else:
        generate(voice["noise"], voice["heard"][end : end + missing], missing)
    voice["heard_end"] = end + missing
    return bool(_rest(voice, wanted))


@part
def _take_out(voice: Any, place: int, scratch: Any) -> None:
    """Take the next packet, which is at a place of the buffer, and hear it."""
    voice["next_sequence"] = (voice["sequence"][place] + 1) & 0xFFFF
    voice["sequence"][place] = -1
    voice["spare"][voice["spares"]] = voice["part"][place]
    voice["spares"] += 1
    if voice["length"][place] > 0:
        _hear(voice, place, scratch)


@part
def _go_on(voice: Any, rate_hz: int, scratch: Any) -> bool:
    """Take the next packet, or make up for it; false when the voice falls silent."""
    sequence = voice["next_sequence"]
    place = sequence & (JITTER_PLACES - 1)
    if voice["sequence"][place] == sequence:
        _take_out(voice, place, scratch)
        if voice["noisy"] != SILENT and voice["highest_sequence"] == sequence:  # nothing more need come (RFC 3389 §5)
            voice["state"] = IDLE
            voice["stretched"] = 0
        return True
    if ((voice["highest_sequence"] - sequence) & 0xFFFF) < JITTER_PLACES:
        voice["next_sequence"] = (sequence + 1) & 0xFFFF
        if voice["stretched"] > 0:  # something was made up for it already
            voice["stretched"] -= 1
            return True
        place = (sequence + 1) & (JITTER_PLACES - 1)
        following = place if voice["sequence"][place] == (sequence + 1) & 0xFFFF else -1
    elif voice["concealed_in_row"] * 1000 >= _LONGEST_CONCEALED_MS * rate_hz or voice["frame_samples"] == 0:
        voice["state"] = IDLE
        voice["stretched"] = 0
        return False
    else:
        voice["stretched"] += 1
        following = -1
    if voice["frame_samples"] > 0:
        _make_up(voice, following, scratch)
    return True


@part
def _make_room(voice: Any, count: int) -> None:
    """See that `count` samples fit behind the last.

    When none are left it begins anew where it began before: that memory is near. There is place for a turn before it,
    which may be said twice.
    """
    heard, begin = voice["heard"], voice["heard_begin"]
    if begin == voice["heard_end"]:
        voice["heard_begin"], voice["heard_end"] = MAXIMUM_TURN, MAXIMUM_TURN
        return
    if voice["heard_end"] + count <= HEARD_SAMPLES:
        return
    for i in range(begin, voice["heard_end"]):
        heard[i - begin] = heard[i]
    voice["heard_begin"] -= begin
    voice["heard_end"] -= begin


@part
def _hear(voice: Any, place: int, scratch: Any) -> None:
    """Decode the packet at a place of the buffer to the end of `heard`, or learn from it what silence sounds like."""
    if voice["decoder_of"][voice["format"][place]] == NOISE_DECODER:
        at = voice["part"][place] * MAXIMUM_PACKET
        update(voice["noise"], voice["payload"][at : at + voice["length"][place]], voice["length"][place])
        voice["noisy"] = DESCRIBED_NOISE
        return
    _make_room(voice, LONGEST_FRAME)
    end = voice["heard_end"]
    if end + LONGEST_FRAME > HEARD_SAMPLES:  # more than can be heard in time
        return
    count = decode(voice, place, voice["heard"][end : end + LONGEST_FRAME], scratch)
    if count > 0:
        voice["frame_samples"] = count
        voice["concealed_in_row"] = 0
        voice["noisy"] = CODED_NOISE if falls_silent(voice) else SILENT
        voice["heard_end"] = end + count


@part
def _make_up(voice: Any, following: int, scratch: Any) -> None:
    """Put a packet's length that stands for a lost one to the end of `heard`."""
    _make_room(voice, LONGEST_FRAME)
    end = voice["heard_end"]
    if end + LONGEST_FRAME > HEARD_SAMPLES:
        return
    count = conceal(voice, following, voice["heard"][end : end + LONGEST_FRAME], scratch)
    voice["concealed"] += 1
    voice["concealed_in_row"] += count
    voice["heard_end"] = end + count
