"""What a port plays: the clip in the store, the format it is sent in, and the change of that format on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.shared import NO_VOICE, PLAY_ALAW, PLAY_ENCODED, PLAY_L16, PLAY_ULAW
from softswitch.media.playing.clips import Clip, ClipStore
from softswitch.media.playing.resample import resample
from softswitch.media.records import Fields, playback_fields
from softswitch.media.routing import PortSettings
from softswitch.media.voices import ROOM_RATES, sample_rate

#: Coded octet by octet; every other codec needs an encoder, and so a voice.
_OCTET_CODECS = {"PCMA": PLAY_ALAW, "PCMU": PLAY_ULAW, "L16": PLAY_L16}
_USUAL_RATE = 16000


@dataclass(frozen=True, slots=True)
class Playback:
    """One clip being played into one port; `number` is what PlaybackEnded tells.

    `voice` is that of the encoder, NO_VOICE where none is needed; `position` is where in the clip it begins, in samples
    of the clip.
    """

    number: int
    pcm: NDArray[np.int16]
    rate_hz: int
    loop: bool
    clip: Clip
    entry: StreamFormat
    codec: int
    voice: int = NO_VOICE
    position: int = 0
    paused: bool = False

    @property
    def fields(self) -> Fields:
        """Those of the PLAY command."""
        fields = playback_fields(self.number, self.clip, self.entry, self.codec, loop=self.loop)
        fields |= {"play_from": self.position, "play_paused": self.paused}
        if self.codec == PLAY_ENCODED:
            samples = fields["play_ticks"] * clip_rate(self.entry, self.codec, self.rate_hz) // 100
            fields |= {"play_voice": self.voice, "play_samples": samples}
        return fields


def playable_format(settings: PortSettings) -> tuple[StreamFormat, int]:
    """The format clips are played into, the preferred one of those that can be, and its number in the layout
    (PLAY_ENCODED: through an encoder); raises NotTranscodable."""
    for entry in settings.sendable:
        codec = _OCTET_CODECS.get(entry.encoding.upper())
        if codec is not None and entry.channels == 1:
            return entry, codec
        if sample_rate(entry):
            return entry, PLAY_ENCODED
    names = ", ".join(entry.encoding for entry in settings.sendable) or "no format"
    raise NotTranscodable(f"cannot play into {names}")


def clip_rate(entry: StreamFormat, codec: int, rate_hz: int) -> int:
    """The rate at which a clip of `rate_hz` lies in the store: the codec's own, which for Opus is any of a room's."""
    if codec != PLAY_ENCODED:
        return entry.clock_rate
    return sample_rate(entry, rate_hz if rate_hz in ROOM_RATES else _USUAL_RATE)


def prepare_playback(
    clips: ClipStore, settings: PortSettings, number: int, pcm: NDArray[np.int16], rate_hz: int, *, loop: bool
) -> Playback:
    """Put int16[n] at `rate_hz` into the store, for the format that `settings` ask for; raises NotTranscodable,
    MediaError (no room), ValueError (no sample)."""
    entry, codec = playable_format(settings)
    clip = clips.hold(resample(pcm, rate_hz, clip_rate(entry, codec, rate_hz)))
    return Playback(number, pcm, rate_hz, loop, clip, entry, codec)
