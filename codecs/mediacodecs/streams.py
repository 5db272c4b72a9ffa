"""One direction of one stream: which codec number it has, and the state its frames are coded with.

A state is an image: the engine copies it into memory of its own, which may be shared between processes, and hands that
to `mediacodecs.frames`. Making one loads (or compiles) the codec.
"""

from __future__ import annotations

import importlib
import re
import weakref
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediacodecs import frames, plc
from mediacodecs.codec import CodecUnavailable, Payload, Samples

_G726 = re.compile(r"(AAL2-)?G726-(16|24|32|40)")
_NUMBERS = {
    "PCMU": frames.PCMU,
    "PCMA": frames.PCMA,
    "L16": frames.L16,
    "G722": frames.G722,
    "OPUS": frames.OPUS,
    "GSM": frames.GSM,
    "AMR": frames.AMR,
    "AMR-WB": frames.AMR_WB,
    "CODEC2": frames.CODEC2,
    "G729": frames.G729,
}
#: Codecs of libraries: their modules make the states.
_LIBRARIES = {
    frames.OPUS: "opus",
    frames.GSM: "gsm",
    frames.AMR: "amr",
    frames.AMR_WB: "amr_wb",
    frames.CODEC2: "codec2",
    frames.G729: "g729",
}
#: The most samples and octets a frame of any codec has: 120 ms of stereo at 48 kHz.
MOST_SAMPLES = 11520
MOST_OCTETS = 2 * MOST_SAMPLES


class Stream(NamedTuple):
    """A codec number and the state, int64[n], of an encoder or a decoder."""

    codec: int
    state: NDArray[np.int64]


def number_of(encoding: str) -> int:
    """The codec number for an SDP encoding name (any case); raises CodecUnavailable for an unknown one."""
    name = encoding.upper()
    if name in _NUMBERS:
        return _NUMBERS[name]
    if _G726.fullmatch(name):
        return frames.G726
    raise CodecUnavailable(f"no codec named {encoding!r}")


def new_decoder(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Stream:
    """A decoder, giving samples at `sample_rate` (Hz), of what a sender sends whom we have told `fmtp`.

    Raises CodecUnavailable, which says why.
    """
    codec = _ready(encoding)
    if codec in _LIBRARIES:
        return Stream(codec, _module(codec).new_decoder(encoding, sample_rate, channels, fmtp))
    state = np.zeros(_words(codec), np.int64)
    _reset(codec, encoding, sample_rate, state)
    return Stream(codec, plc.behind(state, sample_rate, channels))


def new_encoder(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Stream:
    """An encoder of samples at `sample_rate` (Hz) for a receiver whose `a=fmtp` says `fmtp`.

    Raises CodecUnavailable, which says why.
    """
    codec = _ready(encoding)
    if codec in _LIBRARIES:
        return Stream(codec, _module(codec).new_encoder(encoding, sample_rate, channels, fmtp))
    state = np.zeros(_words(codec), np.int64)
    _reset(codec, encoding, sample_rate, state)
    return Stream(codec, state)


def release(stream: Stream) -> None:
    """Give back what a library holds for a stream that this process has coded with."""
    frames.call(stream.codec, frames.RELEASE, stream.state.ctypes.data, 0, 0, 0, 0)


def _module(codec: int) -> Any:
    return importlib.import_module(f"mediacodecs.{_LIBRARIES[codec]}")


def _ready(encoding: str) -> int:
    codec = number_of(encoding)
    try:
        frames.load(codec)
    except (ImportError, OSError) as error:
        raise CodecUnavailable(f"{encoding}: {error}") from error
    return codec


def _words(codec: int) -> int:
    """Words of an encoder, and of a decoder before its concealment."""
    if codec == frames.G722:
        from mediacodecs import g722

        return g722.ENCODER_WORDS
    if codec == frames.G726:
        from mediacodecs import g726

        return g726.ENCODER_WORDS
    return 1


def _reset(codec: int, encoding: str, sample_rate: int, state: NDArray[np.int64]) -> None:
    if codec == frames.G722:
        from mediacodecs import g722

        g722.reset(state, sample_rate)
    if codec == frames.G726:
        from mediacodecs import g726

        g726.reset(state, int(encoding[-2:]) // 8, encoding.upper().startswith("AAL2-"))


class StreamCodec:
    """An encoder and a decoder behind the interface every codec has (`mediacodecs.codec.Codec`)."""

    def __init__(
        self, encoding: str, sample_rate: int, channels: int = 1, *, rtp_clock: int, frame_ms: int = 1, fmtp: str = ""
    ) -> None:
        self.encoding = encoding
        self.sample_rate = sample_rate
        self.rtp_clock = rtp_clock
        self.channels = channels
        self.frame_ms = frame_ms
        self._encoder = new_encoder(encoding, sample_rate, channels, fmtp)
        self._decoder = new_decoder(encoding, sample_rate, channels, fmtp)
        for stream in (self._encoder, self._decoder):
            weakref.finalize(self, release, stream)

    def encode(self, samples: Samples) -> Payload:
        """Encode int16[n], one packet, into uint8[m]; nothing when nothing need be sent.

        Raises ValueError when `samples` make no packet of this codec.
        """
        payload = np.empty(MOST_OCTETS, np.uint8)
        pcm = np.ascontiguousarray(samples)
        octets = _call(self._encoder, frames.ENCODE, pcm.ctypes.data, len(pcm), payload)
        if octets < 0:
            raise ValueError(f"{len(pcm)} samples make no packet of {self.encoding}")
        return payload[: octets % frames.LEAD]

    def decode(self, payload: Payload) -> Samples:
        """Decode a packet, uint8[m], into int16[n]; raises ValueError when it is none of this codec."""
        samples = np.empty(MOST_SAMPLES, np.int16)
        octets = np.ascontiguousarray(payload)
        count = _call(self._decoder, frames.DECODE, octets.ctypes.data, len(octets), samples)
        if count < 0:
            raise ValueError(f"{len(octets)} octets are no packet of {self.encoding}")
        return samples[:count]

    def conceal(self, count: int) -> Samples:
        """int16[count] in place of a lost packet; raises ValueError for a length the codec cannot fill."""
        samples = np.empty(max(count, 1), np.int16)
        if count and _call(self._decoder, frames.CONCEAL, 0, count, samples) != count:
            raise ValueError(f"{self.encoding} cannot conceal {count} samples")
        return samples[:count]


def _call(stream: Stream, operation: int, source: int, count: int, target: NDArray[np.uint8] | Samples) -> int:
    state = stream.state.ctypes.data
    return frames.call(stream.codec, operation, state, source, count, target.ctypes.data, len(target))


#: What the registry makes codecs of, called with a sample rate in Hz and a number of channels. G.722 has an RTP clock
#: of 8000 whatever its samples' rate (RFC 3551 §4.5.2): 16 kHz, or 8 kHz for its lower band alone.
g722 = partial(StreamCodec, "G722", rtp_clock=8000)
g726_16 = partial(StreamCodec, "G726-16", rtp_clock=8000)
g726_24 = partial(StreamCodec, "G726-24", rtp_clock=8000)
g726_32 = partial(StreamCodec, "G726-32", rtp_clock=8000)
g726_40 = partial(StreamCodec, "G726-40", rtp_clock=8000)
aal2_g726_16 = partial(StreamCodec, "AAL2-G726-16", rtp_clock=8000)
aal2_g726_24 = partial(StreamCodec, "AAL2-G726-24", rtp_clock=8000)
aal2_g726_32 = partial(StreamCodec, "AAL2-G726-32", rtp_clock=8000)
aal2_g726_40 = partial(StreamCodec, "AAL2-G726-40", rtp_clock=8000)
