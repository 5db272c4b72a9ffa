"""The tone by which the parties of a call hear that it is recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import numpy as np

from softswitch.media import MediaEngine, MediaError
from softswitch.media.layouts.tap import TAP_RECEIVED
from softswitch.media.playing import tones
from softswitch.recordings.scene import CALL, Scene

_BEEP_HZ, _BEEP_DBM0, _BEEP_S, _RATE_HZ = 1400.0, -20.0, 0.2, 8000
_BEEP = np.resize(tones.sine(_BEEP_HZ, _BEEP_DBM0, _RATE_HZ), int(_BEEP_S * _RATE_HZ))


class Beeps:
    """Beeps into calls, at the beginning and as often as is wanted. Times are seconds of the monotonic clock."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine

    def begin(self, scene: Scene, now: float) -> None:
        """A recording begins."""
        scene.beeped_at = now
        for source in scene.sources.values():
            # What is being played to a party must not be cut off by a tone.
            if source.direction == TAP_RECEIVED and source.port.playback is None:
                with contextlib.suppress(MediaError):
                    self._engine.play(source.port, _BEEP)

    def look(self, scenes: Iterable[Scene], now: float, interval_s: float) -> None:
        """Beep where it is time again; a recording that pauses is silent."""
        for scene in scenes:
            running = any(not each.paused_at for each in scene.recordings.values())
            if scene.kind == CALL and running and now - scene.beeped_at >= interval_s:
                self.begin(scene, now)
