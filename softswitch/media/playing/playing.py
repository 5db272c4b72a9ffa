"""What the ports of an engine are playing, into the format that their peers take now."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import NotTranscodable
from softswitch.media.layouts.commands import COMMAND_PLAY, COMMAND_STOP_PLAYING
from softswitch.media.layouts.shared import NO_VOICE, PLAY_ENCODED, PLAY_ULAW
from softswitch.media.playing import tones
from softswitch.media.playing.clips import ClipStore
from softswitch.media.playing.playback import Playback, clip_rate, playable_format, prepare_playback

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port


class Playing:
    """Starts, changes and ends what is played into ports; everything is called under the engine's lock."""

    def __init__(self, engine: MediaEngine, clips: ClipStore) -> None:
        self._engine = engine
        self._clips = clips
        self._last = 0

    def next_number(self) -> int:
        """A number for what is played next."""
        self._last += 1
        return self._last

    def start(
        self, port: Port, number: int, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int, position: int = 0
    ) -> int:
        """`MediaEngine.start_playback`."""
        playback = self._prepare(port, number, pcm, rate_hz, loop, position)
        self._last = max(self._last, number)
        self.end(port)
        port.playback = playback
        self._engine.command(port, COMMAND_PLAY, playback.fields)
        return number

    def tone(self, port: Port, hz: float, level_dbm0: float) -> int:
        """`MediaEngine.tone`."""
        entry, codec = playable_format(port.settings)
        scale = tones.ULAW_FULL_SCALE_DBM0 if codec == PLAY_ULAW else tones.FULL_SCALE_DBM0
        rate_hz = clip_rate(entry, codec, 0)
        samples = tones.sine(hz, level_dbm0, rate_hz, full_scale_dbm0=scale)
        return self.start(port, self._last + 1, samples, True, rate_hz=rate_hz)

    def stop(self, port: Port, number: int | None) -> None:
        """`MediaEngine.stop`."""
        if port.playback is None or number not in (None, port.playback.number):
            return
        number = port.playback.number
        self.end(port)
        self._engine.command(port, COMMAND_STOP_PLAYING, {"play_id": number})

    def end(self, port: Port) -> None:
        """Give the port's clip back, once the packet thread has done the command that comes next."""
        playback, port.playback = port.playback, None
        if playback is not None:
            clip, thread = playback.clip, port.thread
            self._engine.afterwards.add(thread, thread.ring.written + 1, lambda: self._clips.release(clip))
            if playback.voice != NO_VOICE:
                self._engine.rooms.give_voice_back(port, playback.voice, commands_ahead=1)

    def over(self, port: Port, number: int) -> None:
        """The packet thread has let go of a clip by itself."""
        playback = port.playback
        if playback is None or playback.number != number:
            return
        port.playback = None
        self._clips.release(playback.clip)
        if playback.voice != NO_VOICE:
            self._engine.rooms.give_voice_back(port, playback.voice)

    def configured(self, port: Port) -> None:
        """After new settings: go on playing in the format that is agreed now, or end when there is none."""
        playback = port.playback
        if playback is None:
            return
        try:
            entry, _ = playable_format(port.settings)
            if entry == playback.entry:
                return
            changed = self._prepare(port, playback.number, playback.pcm, playback.rate_hz, playback.loop)
        except NotTranscodable:
            self._engine.stop(port)
            self._engine.tell(self._engine.signals.played(port, playback.number, time.monotonic()))
            return
        if clip_rate(changed.entry, changed.codec, changed.rate_hz) != clip_rate(
            playback.entry, playback.codec, playback.rate_hz
        ):  # positions mean nothing in the other clip
            self._engine.stop(port)
        self.end(port)
        port.playback = changed
        self._engine.command(port, COMMAND_PLAY, changed.fields)

    def _prepare(
        self, port: Port, number: int, pcm: NDArray[np.int16], rate_hz: int, loop: bool, position: int = 0
    ) -> Playback:
        """A playback of the port's format, with the encoder it needs."""
        playback = prepare_playback(self._clips, port.settings, number, pcm, rate_hz, loop=loop)
        voice = NO_VOICE
        if playback.codec == PLAY_ENCODED:
            voice = self._engine.rooms.take_speaker(playback.entry, clip_rate(playback.entry, playback.codec, rate_hz))
        return replace(playback, voice=voice, position=position)
