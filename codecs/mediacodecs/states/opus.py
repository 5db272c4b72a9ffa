"""The state of Opus: a few words, then libopus's own state, which has no pointers to itself and may be copied.

It points to constants of the library, so it is made in the process that codes, from those words, at the first frame.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from mediacodecs.library import open_library
from mediacodecs.opus_fmtp import OpusParameters

#: Words before libopus's state: sample rate, channels, the most octets a payload may have, whether silence is not sent,
#: the process whose libopus made it, how many settings an encoder has, and those: requests with their values.
RATE, CHANNELS, MOST_OCTETS, DTX, OWNER, SETTINGS, FIRST_SETTING = range(7)
_MOST_SETTINGS = 8
HEAD_WORDS = FIRST_SETTING + 2 * _MOST_SETTINGS

SET_BITRATE, SET_PACKET_LOSS = 4002, 4014
_SET_MAX_BANDWIDTH, _SET_VBR, _SET_COMPLEXITY = 4004, 4006, 4010
_SET_INBAND_FEC, _SET_DTX, _SET_FORCE_CHANNELS = 4012, 4016, 4022
_BANDWIDTHS = {8000: 1101, 12000: 1102, 16000: 1103, 24000: 1104, 48000: 1105}
_LARGEST_PAYLOAD = 1275  # RFC 6716 §3.2.1, one frame
_LOSS_ASSUMED_PERCENT = 10  # libopus adds forward error correction only when it is told of losses
SAMPLE_RATES = tuple(_BANDWIDTHS)
#: Of 10; above it the encoder costs half as much again for a difference that telephone speech does not show.
COMPLEXITY = 5

library = open_library("libopus.so.0", "libopus0", beside_av="libopus-*.so*")


def library_version() -> str:
    """What libopus calls itself."""
    library.opus_get_version_string.restype = ctypes.c_char_p
    return str(library.opus_get_version_string().decode())


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder that gives samples at `sample_rate` (Hz); raises ValueError for an impossible rate."""
    return _new(library.opus_decoder_get_size(channels), sample_rate, channels)


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder of samples at `sample_rate` (Hz) for a receiver with the wishes of `fmtp`.

    Raises ValueError for an impossible rate.
    """
    wishes = OpusParameters.parse(fmtp)
    state = _new(library.opus_encoder_get_size(channels), sample_rate, channels)
    state[MOST_OCTETS], state[DTX] = _LARGEST_PAYLOAD, wishes.dtx
    settings = [
        (_SET_COMPLEXITY, COMPLEXITY),
        (_SET_MAX_BANDWIDTH, _BANDWIDTHS[wishes.max_playback_rate]),
        (_SET_VBR, not wishes.cbr),
        (_SET_DTX, wishes.dtx),
        (_SET_INBAND_FEC, wishes.fec),
        (SET_PACKET_LOSS, _LOSS_ASSUMED_PERCENT if wishes.fec else 0),
    ]
    if wishes.max_average_bitrate:
        settings.append((SET_BITRATE, wishes.max_average_bitrate))
    if channels == 2 and not wishes.stereo:
        settings.append((_SET_FORCE_CHANNELS, 1))
    state[SETTINGS] = len(settings)
    state[FIRST_SETTING : FIRST_SETTING + 2 * len(settings)] = np.array(settings, np.int64).reshape(-1)
    return state


def _new(octets: int, sample_rate: int, channels: int) -> NDArray[np.int64]:
    if sample_rate not in SAMPLE_RATES or channels not in (1, 2):
        raise ValueError(f"Opus has no {sample_rate} Hz with {channels} channels")
    state = np.zeros(HEAD_WORDS + (octets + 7) // 8, np.int64)
    state[RATE], state[CHANNELS] = sample_rate, channels
    return state
