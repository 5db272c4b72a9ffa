"""Prebuilt audio of simulated talkers: each says a tone of its own, whose every packet has the same payload.

A tone of a multiple of 50 Hz fits 20 ms at 8 kHz exactly, so a listener knows the talker by comparing octets.
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np

from mediacodecs.g711 import ALAW_ENCODE

_RTP = struct.Struct("!BBHII")
_SAMPLES = 160
_PCMA = 8
_AMPLITUDE = 8000.0
FIRST_HZ, STEP_HZ, TONES = 400, 50, 60


def hz_of(index: int) -> int:
    """The frequency of the talker with this index; sixty of them are distinct."""
    return FIRST_HZ + STEP_HZ * (index % TONES)


@cache
def payload_of(index: int) -> bytes:
    """20 ms of the tone in A-law (ITU-T G.711)."""
    hz = hz_of(index)
    samples = np.round(_AMPLITUDE * np.sin(2 * np.pi * hz * np.arange(_SAMPLES) / 8000)).astype(np.int16)
    return bytes(ALAW_ENCODE[(samples >> 4) + 2048])


def packet(index: int, ssrc: int, number: int) -> bytes:
    """The RTP packet `number` of a talker; the first of a burst has the marker."""
    marker = 0x80 if number == 0 else 0
    head = _RTP.pack(0x80, _PCMA | marker, number & 0xFFFF, number * _SAMPLES & 0xFFFFFFFF, ssrc)
    return head + payload_of(index)


@cache
def talkers_by_payload() -> dict[bytes, int]:
    """Which talker says what."""
    return {payload_of(index): index for index in range(TONES)}
