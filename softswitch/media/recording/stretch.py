"""Faster or slower at the same pitch: overlapping frames, each taken where it fits best onto the one before (WSOLA)."""

from __future__ import annotations

import numpy as np

from softswitch.media.recording.writers import Block

_FRAME_S, _SEARCH_S = 0.030, 0.008


def stretch(pcm: Block, rate_hz: int, speed: float) -> Block:
    """int16[n] at `speed` times the tempo, some n / speed samples; a frame or less comes back as it is."""
    from softswitch.media.recording import loops

    half = int(_FRAME_S * rate_hz) // 2
    search = int(_SEARCH_S * rate_hz)
    frames = int((len(pcm) - 2 * half - 2 * search) / (half * speed))
    if frames < 2:
        return pcm
    out = np.zeros((frames + 1) * half, np.int16)
    loops.overlap_frames(np.ascontiguousarray(pcm), half, search, speed, out)
    return out
