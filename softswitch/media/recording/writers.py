"""The files of recordings: what a writer can do, and which one makes which kind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.int16]

MKA, MKV = "mka", "mkv"
#: File name extensions by format.
EXTENSIONS = {"wav": "wav", "ogg": "ogg", MKA: "mka", MKV: "mkv"}


class Writer(Protocol):
    """One file being written. After each `write` it can be played as far as it goes, whatever happens then."""

    def write(self, blocks: Sequence[Block]) -> None:
        """Append one int16[n, channels] for each track, n being the same for all. Raises OSError (disk full)."""

    def close(self) -> None:
        """Complete the file. Raises OSError, and has given the descriptor back all the same."""


class File:
    """A new file of mode 0600 that is appended to, and whose beginning may be changed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end, or nothing. Raises OSError."""
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self.size + written)
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += written

    def change(self, at: int, data: bytes) -> None:
        """Overwrite octets that are there already. Raises OSError."""
        os.pwrite(self._descriptor, data, at)

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def create(kind: str, path: Path, rate_hz: int, tracks: Sequence[tuple[str, int]]) -> Writer:
    """Begin a file of `kind` (wav, ogg, mka, mkv) with tracks of (name, channels); only the last two have several.

    Raises OSError, CodecUnavailable when Opus is wanted and libopus missing.
    """
    from softswitch.media.recording.matroska import MatroskaWriter
    from softswitch.media.recording.ogg import OggWriter
    from softswitch.media.recording.wav import WavWriter

    if kind in (MKA, MKV):
        return MatroskaWriter(path, rate_hz, tracks, pictures=kind == MKV)
    ((_, channels),) = tracks
    return WavWriter(path, rate_hz, channels) if kind == "wav" else OggWriter(path, rate_hz, channels)
