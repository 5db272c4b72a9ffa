"""What a fan-out's talker says, coded anew for those who do not take its packets as they are: once for each codec.

A packet is decoded as it comes, without a jitter buffer, since listeners have their own; what was lost before it is
made up for. The voice that hears the talker and each one that codes do so when the first listener needs it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray as _carray  # type: ignore[attr-defined]
from numba import from_dtype, types

from mediacodecs.numbering import LEAD
from softswitch.media.kernels.octets import copy_octets
from softswitch.media.kernels.sound.coding import conceal, decode, encode, gathered
from softswitch.media.kernels.sound.compiler import callback, part
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.shared import MAXIMUM_PACKET
from softswitch.media.layouts.voice import JITTER_PLACES, LONGEST_FRAME, NOISE_DECODER, RENDITION_HZ, VOICE

_pointer: Any = types.CPointer
_HEADER_OCTETS = 12
#: So many lost packets are made up for; after more of them, as after a silence, the time goes on by what has passed.
_MOST_CONCEALED = 3


@part
def render(
    voices: Any, hearer: int, rendition: int, serial: int, scratch: Any, begin: int, end: int, number: int,
    sequence: int, timestamp: int, clock: int,
) -> None:  # fmt: skip
    """Code the talker's packet `serial` for a rendition: what becomes of it lies in the rendition's `payload` then.

    The packet is `scratch["packet"][begin:end]`, of the talker's format `number`, with its RTP clock in Hz.
    """
    heard, voice = voices[hearer], voices[rendition]
    if heard["rendered"] != serial:
        heard["rendered"] = serial
        _hear(heard, scratch, begin, end, number, sequence, timestamp, clock)
    voice["rendered"] = serial
    voice["rendition_packets"] = 0
    if voice["rendition_stream"] != heard["rendition_stream"]:
        voice["rendition_stream"] = heard["rendition_stream"]
        voice["spoken_count"] = 0
    _code(voice, heard["heard"], heard["heard_end"], scratch)


@part
def _hear(
    heard: Any, scratch: Any, begin: int, end: int, number: int, sequence: int, timestamp: int, clock: int
) -> None:
    """Have the samples of a packet, and what is made up for those lost before it, in `heard[:heard_end]`."""
    heard["heard_end"] = 0
    ahead = (sequence - heard["next_sequence"]) & 0xFFFF
    if heard["decoder_of"][number] in (0, NOISE_DECODER) or end <= begin:
        return
    if ahead >= 0x8000 and heard["frame_samples"] > 0:  # it was made up for, when it was late
        heard["late"] += 1
        return
    copy_octets(scratch["packet"], begin, heard["payload"], 0, end - begin)
    heard["format"][0] = number
    heard["length"][0] = end - begin
    expected = heard["expected_timestamp"] + ahead * _ticks(heard, clock)
    if heard["frame_samples"] == 0 or ahead > _MOST_CONCEALED or ((timestamp - expected) & 0xFFFFFFFF) != 0:
        heard["rendition_stream"] -= 1
    else:
        _make_up(heard, ahead, scratch)
    at = heard["heard_end"]
    count = decode(heard, 0, heard["heard"][at : at + LONGEST_FRAME], scratch)
    heard["frame_samples"] = count
    heard["heard_end"] = at + count
    heard["next_sequence"] = (sequence + 1) & 0xFFFF
    heard["expected_timestamp"] = (timestamp + _ticks(heard, clock)) & 0xFFFFFFFF


@part
def _ticks(heard: Any, clock: int) -> Any:
    """The time of the last packet, by the talker's RTP clock."""
    return heard["frame_samples"] * clock // RENDITION_HZ


@part
def _make_up(heard: Any, lost: int, scratch: Any) -> None:
    """Put what stands for lost packets to the end of `heard`; the packet after them, at hand, helps with the last."""
    for k in range(lost):
        at = heard["heard_end"]
        if at + 2 * LONGEST_FRAME > len(heard["heard"]):
            return
        following = 0 if k == lost - 1 else -1
        heard["heard_end"] = at + conceal(heard, following, heard["heard"][at : at + LONGEST_FRAME], scratch)
        heard["concealed"] += 1


@part
def _code(voice: Any, pcm: Any, count: int, scratch: Any) -> None:
    """Gather `pcm[:count]` to packets of the rendition's own length, and code those that are complete."""
    voice["rendition_from"] = voice["rendition_timestamp"]
    spoken, at = voice["spoken"], 0
    while at < count and voice["rendition_packets"] < JITTER_PLACES:
        held = voice["spoken_count"]
        taken = min(count - at, voice["send_samples"] - held)
        for i in range(taken):
            spoken[held + i] = pcm[at + i]
        at += taken
        voice["spoken_count"] = held + taken
        if voice["spoken_count"] == voice["send_samples"]:
            voice["spoken_count"] = 0
            _finish(voice, scratch)


@part
def _finish(voice: Any, scratch: Any) -> None:
    """Code one packet: room for its header and its payload in the next place, its number and time beside it."""
    place = voice["rendition_packets"]
    packet = voice["payload"][place * MAXIMUM_PACKET : (place + 1) * MAXIMUM_PACKET]
    pcm, count = gathered(voice, scratch)
    encoded = encode(voice, pcm, count, packet[_HEADER_OCTETS:])
    octets = encoded % LEAD if encoded > 0 else 0
    passed = (voice["rendition_timestamp"] - voice["rendition_from"]) & 0xFFFFFFFF
    voice["rendition_timestamp"] = (voice["rendition_timestamp"] + voice["send_ticks"]) & 0xFFFFFFFF
    if octets == 0:  # nothing need be sent (discontinuous transmission)
        return
    voice["next_sequence"] = (voice["next_sequence"] + 1) & 0xFFFF
    voice["sequence"][place] = voice["next_sequence"]
    voice["length"][place] = octets
    voice["format"][place] = np.int64(passed) + encoded // LEAD
    voice["rendition_packets"] = place + 1


@callback(
    types.void(
        _pointer(from_dtype(VOICE)),
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        _pointer(from_dtype(SCRATCH)),
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
    )
)
def render_packet(
    voices: Any,
    voice_count: int,
    hearer: int,
    rendition: int,
    serial: int,
    scratch: Any,
    begin: int,
    end: int,
    number: int,
    sequence: int,
    timestamp: int,
    clock: int,
) -> None:
    """`render` for the packet loop, which calls it by address: the shared arrays as pointers."""
    render(
        _carray(voices, (voice_count,)),
        hearer,
        rendition,
        serial,
        _carray(scratch, (1,))[0],
        begin,
        end,
        number,
        sequence,
        timestamp,
        clock,
    )
