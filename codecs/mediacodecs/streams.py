"""One direction of one stream, for those who code in their own process: `mediacodecs.states` with the codec loaded.

Making one loads (or compiles) the codec.
"""

from __future__ import annotations

import weakref
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mediacodecs import frames, numbering, states
from mediacodecs.codec import CodecUnavailable, Payload, Samples
from mediacodecs.states import Stream, number_of

#: The most samples and octets a frame of any codec has: 120 ms of stereo at 48 kHz.
MOST_SAMPLES = 11520
MOST_OCTETS = 2 * MOST_SAMPLES


def new_decoder(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Stream:
    """`states.new_decoder`, with the codec loaded."""
    _load(encoding)
    return states.new_decoder(encoding, sample_rate, channels, fmtp)


def new_encoder(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Stream:
    """`states.new_encoder`, with the codec loaded."""
    _load(encoding)
    return states.new_encoder(encoding, sample_rate, channels, fmtp)


def _load(encoding: str) -> None:
    try:
        frames.load(number_of(encoding))
    except (ImportError, OSError) as error:
        raise CodecUnavailable(f"{encoding}: {error}") from error


def release(stream: Stream) -> None:
    """Give back what a library holds for a stream that this process has coded with."""
    frames.call(stream.codec, numbering.RELEASE, stream.state.ctypes.data, 0, 0, 0, 0)


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
        octets = _call(self._encoder, numbering.ENCODE, pcm.ctypes.data, len(pcm), payload)
        if octets < 0:
            raise ValueError(f"{len(pcm)} samples make no packet of {self.encoding}")
        return payload[: octets % numbering.LEAD]

    def decode(self, payload: Payload) -> Samples:
        """Decode a packet, uint8[m], into int16[n]; raises ValueError when it is none of this codec."""
        samples = np.empty(MOST_SAMPLES, np.int16)
        octets = np.ascontiguousarray(payload)
        count = _call(self._decoder, numbering.DECODE, octets.ctypes.data, len(octets), samples)
        if count < 0:
            raise ValueError(f"{len(octets)} octets are no packet of {self.encoding}")
        return samples[:count]

    def conceal(self, count: int) -> Samples:
        """int16[count] in place of a lost packet; raises ValueError for a length the codec cannot fill."""
        samples = np.empty(max(count, 1), np.int16)
        if count and _call(self._decoder, numbering.CONCEAL, 0, count, samples) != count:
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
