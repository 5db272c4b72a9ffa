"""Opus through libopus (RFC 6716, RTP payload RFC 7587), called from compiled code on state that we own.

Samples are int16, one or two channels interleaved, at 8, 12, 16, 24 or 48 kHz whatever the sender used: libopus
converts, so that a call between Opus and G.711 needs no resampler. The RTP clock is always 48000.

A state is that of `mediacodecs.states.opus`, and made anew when a frame is coded in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediacodecs import handles
from mediacodecs.foreign import ForeignFunction
from mediacodecs.frames import part
from mediacodecs.memory import words_at
from mediacodecs.numbering import MALFORMED, NO_ROOM
from mediacodecs.states.opus import (
    CHANNELS,
    DTX,
    FIRST_SETTING,
    HEAD_WORDS,
    MOST_OCTETS,
    OWNER,
    RATE,
    SET_BITRATE,
    SET_PACKET_LOSS,
    SETTINGS,
    library,
)
from mediacodecs.streams import StreamCodec

_STATE = 8 * HEAD_WORDS
_OK, _BUFFER_TOO_SMALL = 0, -2
_APPLICATION_VOIP = 2048

_INT, _WORD = types.int32, types.int64
_encode = ForeignFunction(library, "opus_encode", _INT, _WORD, _WORD, _INT, _WORD, _INT)
_decode = ForeignFunction(library, "opus_decode", _INT, _WORD, _WORD, _INT, _WORD, _INT, _INT)
_init_decoder = ForeignFunction(library, "opus_decoder_init", _INT, _WORD, _INT, _INT)
_init_encoder = ForeignFunction(library, "opus_encoder_init", _INT, _WORD, _INT, _INT, _INT)
_set = ForeignFunction(library, "opus_encoder_ctl", _INT, _WORD, _INT, _INT)
_samples_in = ForeignFunction(library, "opus_packet_get_nb_samples", _INT, _WORD, _INT, _INT)


#: What the registry makes a codec of, called with a sample rate in Hz and a number of channels.
codec = partial(StreamCodec, "opus", rtp_clock=48000, frame_ms=5)


def _make_decoder(state: int, head: Any) -> Any:
    """Have libopus make its state in this process; returns 0 or its error."""
    head[OWNER] = handles.identity()
    return np.int64(_init_decoder(state + _STATE, np.int32(head[RATE]), np.int32(head[CHANNELS])))


def _make_encoder(state: int, head: Any) -> Any:
    """Have libopus make its state in this process, with the settings; returns 0 or its error."""
    head[OWNER] = handles.identity()
    rate, channels = np.int32(head[RATE]), np.int32(head[CHANNELS])
    status = np.int64(_init_encoder(state + _STATE, rate, channels, np.int32(_APPLICATION_VOIP)))
    for i in range(head[SETTINGS]):
        at = FIRST_SETTING + 2 * i
        if status == _OK:
            status = np.int64(_set(state + _STATE, np.int32(head[at]), np.int32(head[at + 1])))
    return status


_begin_decoder, _begin_encoder = part(_make_decoder), part(_make_encoder)


def set_bitrate(encoder: NDArray[np.int64], bits_per_s: int) -> None:
    """Change an encoder's bit rate (6000 … 510000); call it where the encoder is used, between two frames."""
    _control(encoder, SET_BITRATE, bits_per_s)


def set_expected_loss(encoder: NDArray[np.int64], percent: int) -> None:
    """Tell an encoder how many packets are lost (0 … 100 %); call it where the encoder is used, between two frames."""
    _control(encoder, SET_PACKET_LOSS, percent)


def _control(state: NDArray[np.int64], request: int, value: int) -> None:
    if state[OWNER] != handles.identity():
        _make_encoder(state.ctypes.data, state)
    status = _set(state.ctypes.data + _STATE, request, value)
    if status != _OK:
        raise ValueError(f"libopus refuses setting {request}: error {status}")


def frame_functions(number: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal and recover, for `frames.load`."""
    return _decode_at, _encode_at, _conceal_at, _recover_at


def _decode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    head = words_at(state, HEAD_WORDS)
    if head[OWNER] != handles.identity():
        _begin_decoder(state, head)
    channels = head[CHANNELS]
    samples = np.int64(_samples_in(source, np.int32(count), np.int32(head[RATE]))) if count > 0 else np.int64(-4)
    if samples <= 0:
        return MALFORMED
    if samples * channels > capacity:
        return NO_ROOM
    samples = np.int64(_decode(state + _STATE, source, np.int32(count), target, np.int32(samples), np.int32(0)))
    return samples * channels if samples > 0 else MALFORMED


def _encode_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    head = words_at(state, HEAD_WORDS)
    if head[OWNER] != handles.identity():
        _begin_encoder(state, head)
    most = min(capacity, head[MOST_OCTETS])
    frame = np.int32(count // head[CHANNELS])
    octets = np.int64(_encode(state + _STATE, source, frame, target, np.int32(most)))
    if octets < 0:
        return NO_ROOM if octets == _BUFFER_TOO_SMALL else MALFORMED
    return 0 if head[DTX] != 0 and octets <= 2 else octets


def _conceal_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count > capacity:
        return NO_ROOM
    head = words_at(state, HEAD_WORDS)
    if head[OWNER] != handles.identity():
        _begin_decoder(state, head)
    channels = head[CHANNELS]
    samples = np.int64(_decode(state + _STATE, 0, np.int32(0), target, np.int32(count // channels), np.int32(0)))
    return samples * channels if samples > 0 else MALFORMED


def _recover_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    head = words_at(state, HEAD_WORDS)
    if head[OWNER] != handles.identity():
        _begin_decoder(state, head)
    channels = head[CHANNELS]
    frame = np.int32(capacity // channels)
    samples = np.int64(_decode(state + _STATE, source, np.int32(count), target, frame, np.int32(1)))
    return samples * channels if samples > 0 else MALFORMED
