"""What a port plays: the clip in the store, the format it is sent in, and the change of that format on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softswitch.media.clips import Clip, ClipStore
from softswitch.media.formats import StreamFormat
from softswitch.media.records import Fields, playback_fields
from softswitch.media.resample import resample
from softswitch.media.routing import PortSettings, playable_format


@dataclass(frozen=True, slots=True)
class Playback:
    """One clip being played into one port; `number` is what PlaybackEnded tells."""

    number: int
    pcm: NDArray[np.int16]
    rate_hz: int
    loop: bool
    clip: Clip
    entry: StreamFormat
    codec: int

    @property
    def fields(self) -> Fields:
        """Those of the PLAY command."""
        return playback_fields(self.number, self.clip, self.entry, self.codec, loop=self.loop)


def prepare_playback(
    clips: ClipStore, settings: PortSettings, number: int, pcm: NDArray[np.int16], rate_hz: int, *, loop: bool
) -> Playback:
    """Put int16[n] at `rate_hz` into the store, for the format that `settings` ask for; raises NotTranscodable,
    MediaError (no room), ValueError (no sample)."""
    entry, codec = playable_format(settings)
    clip = clips.hold(resample(pcm, rate_hz, entry.clock_rate))
    return Playback(number, pcm, rate_hz, loop, clip, entry, codec)
