"""Sound files that others have made (MP3, FLAC, AAC, Ogg Vorbis, …), decoded by FFmpeg through PyAV, if it is there.

A passage is decoded when it is wanted, so that an hour of a file costs no more memory than half a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.playing.sounds import SoundError

_NARROW_HZ, _WIDE_HZ = 8000, 16000
#: Decoded before a passage, because what follows depends on it (MP3's bit reservoir, Opus).
_PRE_ROLL_S = 0.25


class ForeignReader:
    """See Reader. All channels are mixed into one, at 8 or 16 kHz."""

    channels = 1

    def __init__(self, path: Path) -> None:
        """Raises SoundError when it cannot be read, or PyAV is missing."""
        try:
            import av
        except ImportError as error:
            raise SoundError(f"{path.name} cannot be read without PyAV (pip install av)") from error
        self._av: Any = av
        self._path = path
        with self._open() as container:
            stream = container.streams.audio[0]
            self.rate_hz = _NARROW_HZ if stream.rate < _WIDE_HZ else _WIDE_HZ
            seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
        self.frames = int(seconds * self.rate_hz)
        if not self.frames:
            raise SoundError(f"{path.name} does not say how long it is")

    def read(self, begin: int, end: int) -> NDArray[np.int16]:
        """See Reader; what is damaged ends the passage."""
        begin, end = max(begin, 0), min(end, self.frames)
        out = np.zeros((max(end - begin, 0), 1), np.int16)
        if end <= begin:
            return out
        with self._open() as container:
            stream = container.streams.audio[0]
            started = float((stream.start_time or 0) * stream.time_base)
            from_s = begin / self.rate_hz - _PRE_ROLL_S
            if from_s > 0:
                container.seek(int((from_s + started) / stream.time_base), stream=stream)
            resampler = self._av.AudioResampler(format="s16", layout="mono", rate=self.rate_hz)
            at: int | None = None
            try:
                for frame in container.decode(stream):
                    if at is None:
                        at = round((frame.time - started) * self.rate_hz) - begin
                    for piece in resampler.resample(frame):
                        at = _lay(out, at, piece.to_ndarray()[0])
                    if at >= len(out):
                        break
            except self._av.error.FFmpegError:
                return out[: max(at or 0, 0)]
        return out

    def _open(self) -> Any:
        try:
            container = self._av.open(str(self._path))
        except self._av.error.FFmpegError as error:
            raise SoundError(f"{self._path.name} is no sound file that can be read") from error
        if not container.streams.audio:
            container.close()
            raise SoundError(f"{self._path.name} has no sound")
        return container


def _lay(out: NDArray[np.int16], at: int, samples: NDArray[np.int16]) -> int:
    """Put samples at a place of which a part may lie outside; returns the place behind them."""
    first, last = max(at, 0), min(at + len(samples), len(out))
    if last > first:
        out[first:last, 0] = samples[first - at : last - at]
    return at + len(samples)
