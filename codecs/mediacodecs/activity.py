"""Whether somebody speaks: energy above the noise, and zero crossings unlike the noise's, with a hangover.

The noise is learnt: its level falls at once when a quieter frame comes and rises by 3 dB a second otherwise, its zero
crossings are averaged while nobody speaks. A frame 9 dB above the noise is speech; so is one 4 dB above it whose rate
of zero crossings differs by a third, which finds soft fricatives and weak voiced ends. Works at any sample rate, on
frames of 5–60 ms. The state is that of
`mediacodecs.states.detectors`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.frames import part
from mediacodecs.states.detectors import CROSSINGS, FRAMES, HANGOVER, LASTING, LEVEL, MS, NOISE

_QUIETEST = 16 * 60  # below −72 dBov nothing is speech, times 16
_LOUDEST_NOISE = 16 * 1_000_000  # −30 dBov: what is louder for long is rather speech without pause
_HANGOVER_MS, _SHORT_HANGOVER_MS, _BURST_MS = 240, 80, 60
_RISE_MS = 1450  # noise × (1 + t / 1450 ms): 3 dB a second


@part
def is_speech(state: Any, pcm: Any, count: int) -> Any:
    """Whether `pcm[:count]` (int16, one channel) is speech, or follows speech so closely that it belongs to it."""
    energy, crossings, before = np.int64(0), np.int64(0), np.int64(pcm[0])
    for i in range(count):
        sample = np.int64(pcm[i])
        energy += sample * sample
        crossings += 1 if (sample ^ before) < 0 else 0
        before = sample
    energy = 16 * energy // count
    crossings = 16 * 1024 * crossings // count
    state[LEVEL] = energy // 16
    ms = state[MS]
    if state[FRAMES] == 0:
        state[NOISE], state[CROSSINGS] = min(energy, _LOUDEST_NOISE), crossings
    state[FRAMES] += 1
    noise = max(state[NOISE], 16)
    unlike = 3 * abs(crossings - state[CROSSINGS]) > state[CROSSINGS]
    speech = energy > _QUIETEST and (energy > 8 * noise or (2 * energy > 5 * noise and unlike))
    if energy < noise:
        state[NOISE] = max((noise + energy) // 2, 16)
    else:
        state[NOISE] = min(noise + max(noise * count // (_RISE_MS * ms), 1), _LOUDEST_NOISE)
    if speech:
        state[LASTING] += count
        lasting = state[LASTING] >= _BURST_MS * ms
        state[HANGOVER] = max(state[HANGOVER], (_HANGOVER_MS if lasting else _SHORT_HANGOVER_MS) * ms)
        return True
    state[LASTING] = 0
    state[CROSSINGS] += (crossings - state[CROSSINGS]) // 16
    state[HANGOVER] = max(state[HANGOVER] - count, 0)
    return state[HANGOVER] > 0
