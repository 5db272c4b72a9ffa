"""What a room may do besides adding up: automatic gain, whispers, comfort noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layouts.shared import NOBODY

#: `contributes` of a voice that one member alone hears.
WHISPERS = 2

#: Automatic gain: speech is brought to −22 dB of full scale, by 12 dB at most either way; what is below −50 dB is no
#: speech and changes nothing. It becomes softer by 8 dB a second, louder by 3.
_TARGET, _LEAST = 32768 * 10 ** (-22 / 20), 32768 * 10 ** (-50 / 20)
_LOUDEST, _SOFTEST = 10 ** (12 / 20), 10 ** (-12 / 20)
_SOFTER, _LOUDER = 10 ** (-8 / 20 / 100), 10 ** (3 / 20 / 100)
_FALLING = 0.97


@part
def level_out(voice: Any, power: float, samples: int) -> Any:
    """The gain of a voice at the first of its next samples, whose mean square is `power`; by how much it changes with
    each."""
    gain = voice["gain"]
    if voice["levelled"] == 0 or voice["frozen"] != 0:
        return np.float32(gain), np.float32(0)
    before = voice["levelling"]
    after: Any = before
    voice["loudness"] = max(math.sqrt(power), voice["loudness"] * _FALLING)
    if voice["loudness"] >= _LEAST:
        wanted = min(max(_TARGET / voice["loudness"], _SOFTEST), _LOUDEST)
        after = max(before * _SOFTER, wanted) if wanted < before else min(before * _LOUDER, wanted)
        voice["levelling"] = after
    return np.float32(gain * before), np.float32(gain * (after - before) / samples)


@part
def add_noise(room: Any) -> None:
    """Let a room in which nobody speaks not be dead."""
    total, seed = room["total"], room["seed"]
    scale = np.float32(room["comfort"] / 32768.0)
    for i in range(room["samples"]):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        total[i] += np.float32((seed >> 15) - 32768) * scale
    room["seed"] = seed


@part
def compose_personally(ports: Any, room: Any, voices: Any, slot: int) -> None:
    """Put the sum and whatever is whispered to the member `slot` into `personal`."""
    total, personal, samples = room["total"], room["personal"], room["samples"]
    for i in range(samples):
        personal[i] = total[i]
    other = room["first"]
    while other != NOBODY:
        voice = voices[ports[other]["voice"]]
        if voice["contributes"] == WHISPERS and voice["audience"] == slot and other != slot:
            own = voice["own"]
            for i in range(samples):
                personal[i] += own[i]
        other = ports[other]["member_next"]
