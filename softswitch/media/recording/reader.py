"""Reading what was recorded, or any sound file, a passage at a time: an hour is not decoded for a minute of it."""

from __future__ import annotations

import struct
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from softswitch.media.playing.resample import resample
from softswitch.media.playing.sounds import SoundError, read_wav
from softswitch.media.recording.foreign import ForeignReader
from softswitch.media.recording.opus import CLOCK_HZ, PACKET, packet_samples

Samples = NDArray[np.int16]
_PRE_ROLL = 4  # packets decoded before a passage, 80 ms (RFC 7845 §4.6)
_LARGEST_WHOLE = 256 << 20
_LONGEST_S = 1800


class Reader(Protocol):
    """An open file: `frames` samples of each of `channels` at `rate_hz`."""

    rate_hz: int
    channels: int
    frames: int

    def read(self, begin: int, end: int) -> Samples:
        """int16[n, channels] of a passage, as far as the file goes."""


class PcmReader:
    """Samples of 16 bits in memory, or mapped from a WAV file."""

    def __init__(self, samples: Samples, rate_hz: int) -> None:
        self._samples = samples
        self.rate_hz = rate_hz
        self.frames, self.channels = samples.shape

    def read(self, begin: int, end: int) -> Samples:
        """See Reader."""
        return np.array(self._samples[max(begin, 0) : max(end, 0)], np.int16)


class OpusReader:
    """Packets of 20 ms of one or more tracks; several tracks are channels side by side. `pre_skip` samples at 48 kHz
    at the beginning are not meant to be heard."""

    def __init__(self, tracks: list[list[bytes]], channels: int, rate_hz: int, frames: int, pre_skip: int) -> None:
        self._tracks = tracks
        self._channels = channels
        self.rate_hz = rate_hz
        self.channels = channels * len(tracks)
        self.frames = frames
        self._packet = rate_hz * PACKET // CLOCK_HZ
        self._skip = rate_hz * pre_skip // CLOCK_HZ

    def read(self, begin: int, end: int) -> Samples:
        """See Reader."""
        begin, end = max(begin, 0), min(max(end, 0), self.frames)
        if end <= begin:
            return np.zeros((0, self.channels), np.int16)
        return np.concatenate([self._decode(packets, begin, end) for packets in self._tracks], axis=1)

    def _decode(self, packets: list[bytes], begin: int, end: int) -> Samples:
        from mediacodecs import streams
        from softswitch.media.recording import loops

        first = max((begin + self._skip) // self._packet - _PRE_ROLL, 0)
        last = -(-(end + self._skip) // self._packet)
        wanted = packets[first:last]
        codec, state = streams.new_decoder("opus", self.rate_hz, self._channels)
        octets = np.frombuffer(bytearray(b"".join(wanted) + bytes(1)), np.uint8)
        sizes = np.array([len(packet) for packet in wanted], np.int64)
        pcm = np.zeros((len(wanted) * self._packet + CLOCK_HZ) * self._channels, np.int16)
        count = loops.decode_frames(codec, state, octets, sizes, pcm)
        samples = pcm[:count].reshape(-1, self._channels)
        at = begin + self._skip - first * self._packet
        return samples[at : at + end - begin]


def open_file(path: Path) -> Reader:
    """Open a sound file: WAV, and such Ogg and Matroska as is made here; any other with PyAV. SoundError, OSError."""
    try:
        return _open_own(path)
    except SoundError:
        return ForeignReader(path)


def load_decoders() -> None:
    """Load the compiled code behind files that are not PCM, and behind other speeds; without, the first use does."""
    for name in ("mediacodecs.streams", "softswitch.media.recording.loops"):
        import_module(name)


def load_sound(path: Path, rate_hz: int) -> NDArray[np.int16]:
    """A whole sound file, int16[n] at `rate_hz` with all channels in one. Raises SoundError, OSError."""
    reader = open_file(path)
    if reader.frames > _LONGEST_S * reader.rate_hz:
        raise SoundError(f"{path.name} is longer than {_LONGEST_S // 60} minutes")
    samples = reader.read(0, reader.frames)
    return resample(np.rint(samples.mean(axis=1)).astype(np.int16), reader.rate_hz, rate_hz)


def _open_own(path: Path) -> Reader:
    with path.open("rb") as file:
        begin = file.read(12)
    if begin[:4] in (b"RIFF", b"RF64") and begin[8:12] == b"WAVE":
        return _open_wav(path)
    if path.stat().st_size > _LARGEST_WHOLE:
        raise SoundError(f"{path.name} is too large to be read")
    if begin[:4] == b"OggS":
        return _open_ogg(path.read_bytes())
    if begin[:4] == b"\x1a\x45\xdf\xa3":
        from softswitch.media.recording.matroska_reader import read_matroska

        return read_matroska(path.read_bytes())
    raise SoundError(f"{path.name} is no WAV, Ogg-Opus or Matroska file")


def _open_wav(path: Path) -> Reader:
    """Our own layout is mapped, whatever its sizes say (it may still be growing); others are read whole."""
    with path.open("rb") as file:
        head = file.read(80)
    if len(head) == 80 and head[12:16] in (b"JUNK", b"ds64") and head[48:52] == b"fmt " and head[72:76] == b"data":
        kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", head, 56)
        frames = (path.stat().st_size - 80) // max(2 * channels, 1)
        if kind == 1 and bits == 16 and channels and rate_hz:
            samples = np.memmap(path, "<i2", "r", 80, (frames, channels)) if frames else np.zeros((0, channels), "<i2")
            return PcmReader(samples, rate_hz)
    if path.stat().st_size > _LARGEST_WHOLE:
        raise SoundError(f"{path.name} is too large to be read")
    return PcmReader(read_wav(path.read_bytes(), 8000).reshape(-1, 1), 8000)


def _open_ogg(data: bytes) -> Reader:
    packets: list[bytes] = []
    granule, at, rest = 0, 0, b""
    while at + 27 <= len(data) and data[at : at + 4] == b"OggS":
        page_granule, count = struct.unpack_from("<q", data, at + 6)[0], data[at + 26]
        segments = data[at + 27 : at + 27 + count]
        begin = at + 27 + count
        at = begin + sum(segments)
        if len(segments) < count or at > len(data):
            break  # cut off
        for size in segments:
            rest += data[begin : begin + size]
            begin += size
            if size < 255:
                packets.append(rest)
                rest = b""
        granule = max(granule, page_granule)
    if len(packets) < 2 or packets[0][:8] != b"OpusHead" or len(packets[0]) < 19:
        raise SoundError("an Ogg file without Opus")
    return opus_reader([packets[2:]], packets[0], granule)


def opus_reader(tracks: list[list[bytes]], head: bytes, samples_48k: int) -> OpusReader:
    """A reader of tracks that share an identification header; raises SoundError. `samples_48k` counts those that are
    skipped."""
    channels, (pre_skip, rate_hz) = head[9], struct.unpack_from("<HI", head, 10)
    if channels not in (1, 2):
        raise SoundError(f"an Opus track of {channels} channels")
    if any(packet_samples(packet) != PACKET for packets in tracks for packet in packets):
        raise SoundError("Opus packets of another length than 20 ms")
    rate_hz = rate_hz if rate_hz in (8000, 12000, 16000, 24000, 48000) else CLOCK_HZ
    return OpusReader(tracks, channels, rate_hz, max(samples_48k - pre_skip, 0) * rate_hz // CLOCK_HZ, pre_skip)
