"""WAV files of 16-bit samples whose header is true after every write, and RF64 once they are longer than 4 GB.

Microsoft's "Multimedia Programming Interface" (1991), EBU Tech 3306 for RF64.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from softswitch.media.recording.writers import Block, File

_HEADER_OCTETS = 80
_LARGEST = 0xFFFFFFFF


class WavWriter:
    """One WAV file."""

    def __init__(self, path: Path, rate_hz: int, channels: int) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._file = File(path)
        try:
            self._file.append(self._header(0))
        except OSError:
            self._file.close()
            raise

    def write(self, blocks: Sequence[Block]) -> None:
        """See Writer."""
        (block,) = blocks
        self._file.append(np.ascontiguousarray(block, "<i2").tobytes())
        self._file.change(0, self._header(self._file.size - _HEADER_OCTETS))

    def close(self) -> None:
        """See Writer."""
        self._file.close()

    def _header(self, data_octets: int) -> bytes:
        """RIFF or RF64; a chunk that means nothing keeps the place of the sizes in 64 bits."""
        riff_octets = _HEADER_OCTETS - 8 + data_octets
        frame = 2 * self._channels
        layout = struct.pack("<HHIIHH", 1, self._channels, self._rate_hz, self._rate_hz * frame, frame, 16)
        if riff_octets <= _LARGEST:
            begin = b"RIFF" + struct.pack("<I", riff_octets) + b"WAVEJUNK" + struct.pack("<I28x", 28)
        else:
            begin = b"RF64" + struct.pack("<I", _LARGEST) + b"WAVEds64"
            begin += struct.pack("<IQQQI", 28, riff_octets, data_octets, data_octets // frame, 0)
        return (
            begin + b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", min(data_octets, _LARGEST))
        )
