"""Playing of files into calls: from any position, at any speed, paused and resumed.

A file is played a passage at a time through the engine's player, so that an hour of it takes no more memory than a
minute, and a change of speed (which keeps the pitch) takes effect at once. While one passage is heard the next is made
ready on a thread, for to decode half a minute of Opus takes longer than the loop should wait; only the first one, which
is short, is made at once.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from softswitch.media import MediaEngine, MediaError, MediaEvent, PlaybackEnded, Port
from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.reader import Reader, Samples
from softswitch.media.recording.stretch import stretch

logger = logging.getLogger(__name__)

_FIRST_S, _PASSAGE_S = 8.0, 30.0
_END_S = 0.001
SLOWEST, FASTEST = 0.5, 3.0


class _Passage(NamedTuple):
    """Samples to be played, and how much of the file they are."""

    samples: Samples
    seconds: float


class _Ahead(NamedTuple):
    """What is being made ready: from where in the file, for which speed."""

    position_s: float
    speed: float
    passage: Future[_Passage]


@dataclass(slots=True)
class _Playing:
    reader: Reader
    ports: tuple[Port, ...]
    loop: bool
    speed: float
    position_s: float  # where the passage being played begins
    began_at: float = 0.0
    passage_s: float = 0.0
    paused: bool = False
    number: int = 0
    numbers: dict[Port, int] = field(default_factory=dict)
    ahead: _Ahead | None = None

    @property
    def length_s(self) -> float:
        return self.reader.frames / self.reader.rate_hz


class Playbacks:
    """What is being played into calls, one file a call. Times are seconds of the monotonic clock."""

    def __init__(self, engine: MediaEngine, now: Callable[[], float]) -> None:
        self._engine = engine
        self._now = now
        self._reading = ThreadPoolExecutor(1, "playback")
        self._playing: dict[str, _Playing] = {}

    def start(
        self, call_id: str, ports: Iterable[Port], reader: Reader, *, position_s: float, speed: float, loop: bool
    ) -> None:
        """Play a file into ports, in place of what is played into the call now.

        Raises MediaError, SoundError, OSError.
        """
        self.stop(call_id)
        playing = _Playing(reader, tuple(ports), loop, _speed(speed), _place(position_s, reader))
        self._go_on(playing)
        self._playing[call_id] = playing

    def pause(self, call_id: str) -> None:
        """Be silent until `resume`; raises LookupError."""
        playing = self._of(call_id)
        if not playing.paused:
            playing.position_s = self._position(playing)
            playing.paused = True
            self._silence(playing)

    def resume(self, call_id: str, *, speed: float | None = None) -> None:
        """Go on, perhaps at another speed; raises LookupError."""
        playing = self._of(call_id)
        if not playing.paused:
            playing.position_s = self._position(playing)
        playing.speed = playing.speed if speed is None else _speed(speed)
        playing.paused = False
        self._go_on(playing)

    def seek(self, call_id: str, position_s: float) -> None:
        """Go on from another place, or be there when it goes on; raises LookupError."""
        playing = self._of(call_id)
        playing.position_s = _place(position_s, playing.reader)
        if not playing.paused:
            self._go_on(playing)

    def stop(self, call_id: str) -> bool:
        """Stop what is played into a call; False when nothing is."""
        playing = self._playing.pop(call_id, None)
        if playing is not None:
            self._silence(playing)
        return playing is not None

    def state(self, call_id: str) -> dict[str, float | bool] | None:
        """Where a playback is, JSON-ready; None when nothing is played."""
        playing = self._playing.get(call_id)
        if playing is None:
            return None
        position = playing.position_s if playing.paused else self._position(playing)
        return {
            "position_s": round(position, 2),
            "length_s": round(playing.length_s, 2),
            "speed": playing.speed,
            "paused": playing.paused,
        }

    def media_event(self, event: MediaEvent) -> bool:
        """Play the next passage when one has ended; True when the event was ours."""
        if not isinstance(event, PlaybackEnded):
            return False
        for call_id, playing in self._playing.items():
            if playing.numbers.get(event.port) == event.playback:
                if event.port is playing.ports[0]:
                    self._passage_ended(call_id, playing)
                return True
        return False

    # -- inside -------------------------------------------------------------------------------------------------------

    def _passage_ended(self, call_id: str, playing: _Playing) -> None:
        playing.position_s += playing.passage_s
        if playing.position_s >= playing.length_s - _END_S:
            if not playing.loop:
                del self._playing[call_id]
                return
            playing.position_s = 0.0
        ahead = playing.ahead
        try:
            fits = ahead is not None and (ahead.position_s, ahead.speed) == (playing.position_s, playing.speed)
            self._go_on(playing, ahead.passage.result() if ahead is not None and fits else None)
        except (MediaError, SoundError, OSError) as error:
            logger.warning("what is played into call %s ends: %s", call_id, error)
            del self._playing[call_id]

    def _go_on(self, playing: _Playing, passage: _Passage | None = None) -> None:
        """Play what comes next, and have made ready what comes then."""
        passage = passage or _read(playing.reader, playing.position_s, _FIRST_S, playing.speed)
        playing.passage_s, playing.began_at = passage.seconds, self._now()
        for port in playing.ports:
            playing.numbers[port] = self._engine.play(port, passage.samples, rate_hz=playing.reader.rate_hz)
        position_s = playing.position_s + passage.seconds
        if position_s >= playing.length_s - _END_S:
            position_s = 0.0 if playing.loop else playing.length_s
        playing.ahead = None
        if position_s < playing.length_s:
            made = self._reading.submit(_read, playing.reader, position_s, _PASSAGE_S, playing.speed)
            playing.ahead = _Ahead(position_s, playing.speed, made)

    def _position(self, playing: _Playing) -> float:
        passed = (self._now() - playing.began_at) * playing.speed
        return min(playing.position_s + min(passed, playing.passage_s), playing.length_s)

    def _silence(self, playing: _Playing) -> None:
        for port, number in playing.numbers.items():
            with contextlib.suppress(MediaError):
                self._engine.stop(port, number)

    def _of(self, call_id: str) -> _Playing:
        playing = self._playing.get(call_id)
        if playing is None:
            raise LookupError(f"nothing is played into call {call_id}")
        return playing


def _read(reader: Reader, position_s: float, length_s: float, speed: float) -> _Passage:
    """A passage of a file in one channel, at a tempo."""
    begin = int(position_s * reader.rate_hz)
    found = reader.read(begin, begin + int(length_s * reader.rate_hz))
    mono = np.clip(found.astype(np.int32).sum(axis=1), -32767, 32767).astype(np.int16)
    if not len(mono):
        mono = np.zeros(reader.rate_hz // 50, np.int16)
    samples = mono if speed == 1.0 else stretch(mono, reader.rate_hz, speed)
    return _Passage(samples, len(found) / reader.rate_hz)


def _speed(speed: float) -> float:
    return min(max(speed, SLOWEST), FASTEST)


def _place(position_s: float, reader: Reader) -> float:
    return min(max(position_s, 0.0), reader.frames / reader.rate_hz)
