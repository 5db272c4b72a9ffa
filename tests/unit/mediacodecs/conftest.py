"""Codecs compiled and as plain Python, and the independent implementations they are compared with."""

from __future__ import annotations

import ctypes
import importlib
import io
import pkgutil
import subprocess
from collections.abc import Callable

import av
import numpy as np
import pytest

import mediacodecs
from mediacodecs import frames, numbering


def make_plain(monkeypatch):
    """Let every compiled function be the Python function it was compiled from."""
    for info in pkgutil.iter_modules(mediacodecs.__path__):
        try:
            module = importlib.import_module(f"mediacodecs.{info.name}")
        except OSError:  # its library is missing, or not allowed
            continue
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setattr(frames, "call", _call_plain)


def _call_plain(codec, operation, *arguments):
    index = codec * numbering.OPERATIONS + operation
    return int(frames.call_at(index, frames.function_at(index), *arguments))


@pytest.fixture(params=["compiled", "plain"])
def mode(request, monkeypatch):
    """The test runs twice: with compiled functions and with plain Python ones."""
    if request.param == "plain":
        make_plain(monkeypatch)
    return request.param


@pytest.fixture
def plain(monkeypatch):
    """Everything is plain Python in this test."""
    make_plain(monkeypatch)


class Spandsp:
    """G.722 and G.726 by libspandsp."""

    def __init__(self, library):
        self._library = library
        for name in ("g722_encode_init", "g722_decode_init", "g726_init"):
            getattr(library, name).restype = ctypes.c_void_p

    def _run(self, function, state, source, result):
        count = function(
            ctypes.c_void_p(state),
            ctypes.c_void_p(result.ctypes.data),
            ctypes.c_void_p(source.ctypes.data),
            len(source),
        )
        return result[:count]

    def g722_encode(self, pcm, narrow=False):
        """uint8[n / 2] of int16[n], uint8[n] when `narrow`, at 8 kHz."""
        state = self._library.g722_encode_init(None, 64000, 1 if narrow else 0)
        return self._run(self._library.g722_encode, state, pcm, np.zeros(len(pcm), np.uint8))

    def g722_decode(self, payload, narrow=False):
        """int16[2 n] of uint8[n], int16[n] when `narrow`, at 8 kHz."""
        state = self._library.g722_decode_init(None, 64000, 1 if narrow else 0)
        return self._run(self._library.g722_decode, state, payload, np.zeros(4 * len(payload), np.int16))

    def g726_encode(self, pcm, bits, high_first):
        """uint8[n bits / 8] of int16[n]."""
        state = self._library.g726_init(None, 8000 * bits, 0, 1 if high_first else 2)
        return self._run(self._library.g726_encode, state, pcm, np.zeros(len(pcm) + 8, np.uint8))

    def g726_decode(self, payload, bits, high_first):
        """int16[8 n / bits] of uint8[n]."""
        state = self._library.g726_init(None, 8000 * bits, 0, 1 if high_first else 2)
        return self._run(self._library.g726_decode, state, payload, np.zeros(4 * len(payload) + 8, np.int16))


@pytest.fixture(scope="session")
def spandsp():
    """libspandsp, or the test is skipped."""
    try:
        return Spandsp(ctypes.CDLL("libspandsp.so.2"))
    except OSError:
        pytest.skip("libspandsp is not installed (apt-get install libspandsp2)")


class Ffmpeg:
    """Codecs by the FFmpeg that PyAV brings along."""

    def encode(self, name, pcm, rate, bit_rate=None, **options):
        """The octets of mono int16[n], all packets together."""
        return b"".join(self.packets(name, pcm, rate, bit_rate, **options))

    def packets(self, name, pcm, rate, bit_rate=None, **options):
        """The octets of mono int16[n], packet by packet."""
        encoder = av.CodecContext.create(name, "w")
        encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "s16"
        encoder.options = options
        if bit_rate:
            encoder.bit_rate = bit_rate
        encoder.open()
        size = encoder.frame_size or 320
        packets = []
        for begin in range(0, len(pcm), size):
            frame = av.AudioFrame.from_ndarray(pcm[None, begin : begin + size], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, begin
            packets += encoder.encode(frame)
        return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]

    def decode(self, name, payload, rate):
        """Mono int16[n] of octets."""
        decoder = av.CodecContext.create(name, "r")
        decoder.sample_rate, decoder.layout = rate, "mono"
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in decoder.decode(av.Packet(payload))])

    def decode_frames(self, name, packets, rate):
        """Mono int16[n] of the octets of each packet."""
        decoder = av.CodecContext.create(name, "r")
        decoder.sample_rate, decoder.layout = rate, "mono"
        return [
            frame.to_ndarray().reshape(-1) for packet in packets for frame in decoder.decode(av.Packet(bytes(packet)))
        ]

    def decode_raw(self, container, payload, **options):
        """Mono int16[n] of the octets of a raw file."""
        with av.open(io.BytesIO(payload), format=container, options=options) as opened:
            return np.concatenate([frame.to_ndarray().reshape(-1) for frame in opened.decode(audio=0)])


@pytest.fixture(scope="session")
def ffmpeg():
    """FFmpeg through PyAV."""
    return Ffmpeg()


def make_difficult_audio(count, seed=1):
    """int16[count] that reaches every corner: levels of all sizes, silence, full scale, square waves."""
    rng = np.random.default_rng(seed)
    level = np.repeat(10 ** rng.uniform(-3, 0.3, count // 200 + 1), 200)[:count]
    audio = level * (8000 * np.sin(np.arange(count) * 0.1) + rng.normal(0, 3000, count))
    audio = np.clip(audio, -32768, 32767).astype(np.int16)
    part = count // 16
    audio[5 * part : 6 * part] = 0
    audio[6 * part : 7 * part] = 32767
    audio[7 * part : 8 * part] = np.where(np.arange(part) // 7 % 2, 32767, -32768)
    return audio


@pytest.fixture(scope="session")
def difficult_audio() -> Callable[[int], np.ndarray]:
    """`make_difficult_audio`."""
    return make_difficult_audio


@pytest.fixture(scope="session")
def speech():
    """int16[n] at 8 kHz, some ten seconds of speech in several voices, or the test is skipped."""
    sentence = "Please hold the line, all our operators are busy. We were away a year ago; eenie, meenie, miney, moe."
    spoken = []
    for voice in ("en", "en-us+f3", "de", "fr"):
        try:
            command = ["espeak-ng", "-v", voice, "-s", "170", "--stdout", sentence]
            wav = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("espeak-ng is not installed")
        with av.open(io.BytesIO(wav)) as opened:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
            spoken += [part.to_ndarray()[0] for frame in opened.decode(audio=0) for part in resampler.resample(frame)]
    return np.ascontiguousarray(np.concatenate(spoken))
