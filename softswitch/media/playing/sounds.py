"""Recorded sounds: WAV files as clips, and the announcement that comes with the product.

Read are RIFF/WAVE files of 16-bit samples, A-law or µ-law (Microsoft's "Multimedia Programming Interface", 1991);
several channels are mixed into one.
"""

from __future__ import annotations

import struct
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from mediacodecs.g711 import ALAW_DECODE, ULAW_DECODE
from softswitch.media.playing.resample import resample

_LINEAR, _ALAW, _ULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE


class SoundError(ValueError):
    """A file is no WAV file that can be played; the text says why."""


def read_wav(data: bytes, rate_hz: int = 8000) -> NDArray[np.int16]:
    """The samples of a WAV file's octets, int16[n] at `rate_hz`; raises SoundError."""
    kind, channels, file_rate_hz, bits, payload = _chunks(data)
    if kind == _LINEAR and bits == 16:
        samples = np.frombuffer(payload[: len(payload) // 2 * 2], "<i2").astype(np.int16)
    elif kind in (_ALAW, _ULAW) and bits == 8:
        samples = _decode(kind, payload)
    else:
        raise SoundError(f"WAV encoding {kind} with {bits} bits cannot be read (16-bit linear, A-law and µ-law can)")
    if channels > 1:
        frames = samples[: len(samples) // channels * channels].reshape(-1, channels)
        samples = np.rint(frames.mean(axis=1)).astype(np.int16)
    return resample(samples, file_rate_hz, rate_hz)


@cache
def announcement() -> NDArray[np.int16]:
    """The welcome of service 602, in English and Chinese, int16[n] at 8 kHz."""
    return read_wav((files("softswitch.media") / "sounds" / "welcome.wav").read_bytes())


def _decode(kind: int, payload: bytes) -> NDArray[np.int16]:
    return (ALAW_DECODE if kind == _ALAW else ULAW_DECODE)[np.frombuffer(payload, np.uint8)]


def _chunks(data: bytes) -> tuple[int, int, int, int, bytes]:
    """Format code, channels, rate, bits and samples of a RIFF file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise SoundError("not a WAV file")
    layout: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if kind == _EXTENSIBLE and len(body) >= 26:
                kind = int.from_bytes(body[24:26], "little")
            if channels == 0 or rate_hz == 0:
                raise SoundError("a WAV file without channels or sample rate")
            layout = kind, channels, rate_hz, bits
        elif name == b"data":
            if layout is None:
                raise SoundError("a WAV file whose samples come before their format")
            return *layout, body
        at += 8 + size + size % 2
    raise SoundError("a WAV file without samples")
