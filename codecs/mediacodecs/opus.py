"""Opus through libopus (RFC 6716, RTP payload RFC 7587), called from compiled code on state that we own.

Samples are int16, one or two channels interleaved, at 8, 12, 16, 24 or 48 kHz whatever the sender used: libopus
converts, so that a call between Opus and G.711 needs no resampler. The RTP clock is always 48000.

A state is int64[n]: a few words, then libopus's own state, which has no pointers to itself and may be copied. It points
to constants of the library, so it is made anew, from those words, when a frame is coded in another process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediacodecs import handles
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import MALFORMED, NO_ROOM, part
from mediacodecs.library import open_library
from mediacodecs.memory import words_at
from mediacodecs.opus_fmtp import OpusParameters
from mediacodecs.streams import StreamCodec

#: Words before libopus's state: sample rate, channels, the most octets a payload may have, whether silence is not sent,
#: the process whose libopus made it, how many settings an encoder has, and those: requests with their values.
_RATE, _CHANNELS, _MOST_OCTETS, _DTX, _OWNER, _SETTINGS, _FIRST_SETTING = range(7)
_MOST_SETTINGS = 8
_HEAD_WORDS = _FIRST_SETTING + 2 * _MOST_SETTINGS
_STATE = 8 * _HEAD_WORDS

_OK, _BUFFER_TOO_SMALL = 0, -2
_APPLICATION_VOIP = 2048
_SET_BITRATE, _SET_MAX_BANDWIDTH, _SET_VBR, _SET_COMPLEXITY = 4002, 4004, 4006, 4010
_SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_DTX, _SET_FORCE_CHANNELS = 4012, 4014, 4016, 4022
_BANDWIDTHS = {8000: 1101, 12000: 1102, 16000: 1103, 24000: 1104, 48000: 1105}
_LARGEST_PAYLOAD = 1275  # RFC 6716 §3.2.1, one frame
_LOSS_ASSUMED_PERCENT = 10  # libopus adds forward error correction only when it is told of losses
SAMPLE_RATES = tuple(_BANDWIDTHS)
#: Of 10; above it the encoder costs half as much again for a difference that telephone speech does not show.
COMPLEXITY = 5


_library = open_library("libopus.so.0", "libopus0", beside_av="libopus-*.so*")
_INT, _WORD = types.int32, types.int64
_encode = ForeignFunction(_library, "opus_encode", _INT, _WORD, _WORD, _INT, _WORD, _INT)
_decode = ForeignFunction(_library, "opus_decode", _INT, _WORD, _WORD, _INT, _WORD, _INT, _INT)
_init_decoder = ForeignFunction(_library, "opus_decoder_init", _INT, _WORD, _INT, _INT)
_init_encoder = ForeignFunction(_library, "opus_encoder_init", _INT, _WORD, _INT, _INT, _INT)
_set = ForeignFunction(_library, "opus_encoder_ctl", _INT, _WORD, _INT, _INT)
_samples_in = ForeignFunction(_library, "opus_packet_get_nb_samples", _INT, _WORD, _INT, _INT)


#: What the registry makes a codec of, called with a sample rate in Hz and a number of channels.
codec = partial(StreamCodec, "opus", rtp_clock=48000, frame_ms=5)


def library_version() -> str:
    """What libopus calls itself."""
    _library.opus_get_version_string.restype = ctypes.c_char_p
    return str(_library.opus_get_version_string().decode())


def _words_for(octets: int) -> int:
    return _HEAD_WORDS + (octets + 7) // 8


def _checked(status: int, doing: str) -> None:
    if status != _OK:
        raise ValueError(f"libopus refuses {doing}: error {status}")


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder that gives samples at `sample_rate` (Hz); raises ValueError for an impossible rate."""
    state = np.zeros(_words_for(_library.opus_decoder_get_size(channels)), np.int64)
    state[_RATE], state[_CHANNELS] = sample_rate, channels
    _checked(_make_decoder(state.ctypes.data, state), f"{sample_rate} Hz, {channels} channels")
    return state


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder of samples at `sample_rate` (Hz) for a receiver with the wishes of `fmtp`.

    Raises ValueError for an impossible rate.
    """
    wishes = OpusParameters.parse(fmtp)
    state = np.zeros(_words_for(_library.opus_encoder_get_size(channels)), np.int64)
    state[_RATE], state[_CHANNELS], state[_MOST_OCTETS], state[_DTX] = (
        sample_rate,
        channels,
        _LARGEST_PAYLOAD,
        wishes.dtx,
    )
    settings = [
        (_SET_COMPLEXITY, COMPLEXITY),
        (_SET_MAX_BANDWIDTH, _BANDWIDTHS[wishes.max_playback_rate]),
        (_SET_VBR, not wishes.cbr),
        (_SET_DTX, wishes.dtx),
        (_SET_INBAND_FEC, wishes.fec),
        (_SET_PACKET_LOSS, _LOSS_ASSUMED_PERCENT if wishes.fec else 0),
    ]
    if wishes.max_average_bitrate:
        settings.append((_SET_BITRATE, wishes.max_average_bitrate))
    if channels == 2 and not wishes.stereo:
        settings.append((_SET_FORCE_CHANNELS, 1))
    state[_SETTINGS] = len(settings)
    state[_FIRST_SETTING : _FIRST_SETTING + 2 * len(settings)] = np.array(settings, np.int64).reshape(-1)
    _checked(_make_encoder(state.ctypes.data, state), f"{sample_rate} Hz, {channels} channels, {wishes}")
    return state


def _make_decoder(state: int, head: Any) -> Any:
    """Have libopus make its state in this process; returns 0 or its error."""
    head[_OWNER] = handles.identity()
    return np.int64(_init_decoder(state + _STATE, np.int32(head[_RATE]), np.int32(head[_CHANNELS])))


def _make_encoder(state: int, head: Any) -> Any:
    """Have libopus make its state in this process, with the settings; returns 0 or its error."""
    head[_OWNER] = handles.identity()
    rate, channels = np.int32(head[_RATE]), np.int32(head[_CHANNELS])
    status = np.int64(_init_encoder(state + _STATE, rate, channels, np.int32(_APPLICATION_VOIP)))
    for i in range(head[_SETTINGS]):
        at = _FIRST_SETTING + 2 * i
        if status == _OK:
            status = np.int64(_set(state + _STATE, np.int32(head[at]), np.int32(head[at + 1])))
    return status


_begin_decoder, _begin_encoder = part(_make_decoder), part(_make_encoder)


def set_bitrate(encoder: NDArray[np.int64], bits_per_s: int) -> None:
    """Change an encoder's bit rate (6000 … 510000); call it where the encoder is used, between two frames."""
    _control(encoder, _SET_BITRATE, bits_per_s)


def set_expected_loss(encoder: NDArray[np.int64], percent: int) -> None:
    """Tell an encoder how many packets are lost (0 … 100 %); call it where the encoder is used, between two frames."""
    _control(encoder, _SET_PACKET_LOSS, percent)


def _control(state: NDArray[np.int64], request: int, value: int) -> None:
    _checked(_set(state.ctypes.data + _STATE, request, value), f"setting {request}")


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal and recover, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    head = words_at(state, _HEAD_WORDS)
    if head[_OWNER] != handles.identity():
        _begin_decoder(state, head)
    channels = head[_CHANNELS]
    samples = np.int64(_samples_in(source, np.int32(count), np.int32(head[_RATE]))) if count > 0 else np.int64(-4)
    if samples <= 0:
        return MALFORMED
    if samples * channels > capacity:
        return NO_ROOM
    samples = np.int64(_decode(state + _STATE, source, np.int32(count), target, np.int32(samples), np.int32(0)))
    return samples * channels if samples > 0 else MALFORMED


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    head = words_at(state, _HEAD_WORDS)
    if head[_OWNER] != handles.identity():
        _begin_encoder(state, head)
    most = min(capacity, head[_MOST_OCTETS])
    frame = np.int32(count // head[_CHANNELS])
    octets = np.int64(_encode(state + _STATE, source, frame, target, np.int32(most)))
    if octets < 0:
        return NO_ROOM if octets == _BUFFER_TOO_SMALL else MALFORMED
    return 0 if head[_DTX] != 0 and octets <= 2 else octets


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count > capacity:
        return NO_ROOM
    head = words_at(state, _HEAD_WORDS)
    if head[_OWNER] != handles.identity():
        _begin_decoder(state, head)
    channels = head[_CHANNELS]
    samples = np.int64(_decode(state + _STATE, 0, np.int32(0), target, np.int32(count // channels), np.int32(0)))
    return samples * channels if samples > 0 else MALFORMED


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    head = words_at(state, _HEAD_WORDS)
    if head[_OWNER] != handles.identity():
        _begin_decoder(state, head)
    channels = head[_CHANNELS]
    frame = np.int32(capacity // channels)
    samples = np.int64(_decode(state + _STATE, source, np.int32(count), target, frame, np.int32(1)))
    return samples * channels if samples > 0 else MALFORMED
