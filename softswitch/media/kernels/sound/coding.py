"""Between payload octets and int16 samples at a room's rate: the codecs by their numbers, and the change of rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.frames import conceal_frame, decode_frame, encode_frame, follow_peer, recover_frame, rests
from mediacodecs.resample import resample
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layouts.shared import MAXIMUM_PACKET
from softswitch.media.layouts.voice import DECODER_WORDS, RESAMPLER_WORDS


@part
def _decoder(voice: Any, slot: int) -> Any:
    return voice["decoders"][slot * DECODER_WORDS : (slot + 1) * DECODER_WORDS]


@part
def _bring(voice: Any, slot: int, scratch: Any, count: int, samples: Any) -> Any:
    """Bring `scratch["samples"][:count]` of decoder `slot` to the room's rate, into `samples`; none for an error."""
    if count <= 0:
        return 0
    state = voice["heard_rates"][slot * RESAMPLER_WORDS : (slot + 1) * RESAMPLER_WORDS]
    return max(resample(state, scratch["samples"], count, samples), 0)


@part
def decode(voice: Any, place: int, samples: Any, scratch: Any) -> Any:
    """Decode the packet at a place of the jitter buffer into `samples`; returns how many, 0 when it cannot be."""
    slot = np.int64(voice["decoder_of"][voice["format"][place]]) - 1
    codec, length = voice["decoder_codec"][slot], voice["length"][place]
    at = voice["part"][place] * MAXIMUM_PACKET
    payload = voice["payload"][at : at + length]
    voice["decoding"] = slot
    resampled = voice["decoder_resampled"][slot] != 0
    pcm = scratch["samples"][:] if resampled else samples
    count = decode_frame(codec, _decoder(voice, slot), payload, length, pcm)
    voice["frame_decoded"] = count if count > 0 else voice["frame_decoded"]
    if codec == voice["send_codec"]:
        follow_peer(codec, voice["encoder"], _decoder(voice, slot))
    return _bring(voice, slot, scratch, count, samples) if resampled else max(count, 0)


@part
def falls_silent(voice: Any) -> bool:
    """Whether the packet decoded last has described a silence for which nothing more need come."""
    slot = voice["decoding"]
    return bool(rests(voice["decoder_codec"][slot], _decoder(voice, slot)))


@part
def conceal(voice: Any, following: int, samples: Any, scratch: Any) -> Any:
    """Fill `samples` with one packet's length in place of a lost one; returns how many that is.

    `following` is the place of the packet after it, which may help, or -1.
    """
    slot, count = voice["decoding"], voice["frame_decoded"]
    codec, resampled = voice["decoder_codec"][slot], voice["decoder_resampled"][slot] != 0
    made = scratch["samples"][:count] if resampled else samples[:count]
    if (
        following >= 0
        and voice["length"][following] > 0
        and voice["decoder_of"][voice["format"][following]] == slot + 1
    ):
        length = voice["length"][following]
        at = voice["part"][following] * MAXIMUM_PACKET
        payload = voice["payload"][at : at + length]
        done = recover_frame(codec, _decoder(voice, slot), payload, length, made)
    else:
        done = conceal_frame(codec, _decoder(voice, slot), made, count)
    if done != count:
        for i in range(count):
            made[i] = 0
    return _bring(voice, slot, scratch, count, samples) if resampled else count


@part
def gathered(voice: Any, scratch: Any) -> Any:
    """The samples of a packet that are gathered in `spoken`, at the codec's rate, and how many they are."""
    count = voice["send_samples"]
    if voice["send_resampled"] == 0:
        return voice["spoken"][:], count
    return scratch["samples"][:], resample(voice["spoken_rate"], voice["spoken"], count, scratch["samples"])


@part
def encode(voice: Any, pcm: Any, count: int, payload: Any) -> Any:
    """Encode `pcm[:count]` for the member into `payload`; returns what `encode_frame` does."""
    return encode_frame(voice["send_codec"], voice["encoder"], pcm, count, payload)
