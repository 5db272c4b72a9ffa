"""Codecs that FFmpeg decodes through PyAV and nobody here encodes: what they carry is relayed, and can be recorded.

They are no codecs of the packet threads (see `registry`). PyAV gives the interpreter's lock back while it decodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from mediacodecs.aac import AacDecoder
from mediacodecs.codec import CodecUnavailable, Payload, Samples
from mediacodecs.framing import parameters

#: SDP names, and the rates in Hz at which they are best heard as speech.
RATES = {"MPEG4-GENERIC": 16000, "MP4A-LATM": 16000, "ILBC": 8000, "G723": 8000}
_NAMES = {"ILBC": "ilbc", "G723": "g723_1"}
#: Octets of a frame: of iLBC by its mode in ms (RFC 3952 §5), of G.723.1 by the two lowest bits (RFC 3551 §4.5.3).
_ILBC_OCTETS, _ILBC_USUAL, _ILBC_BITRATES = {"20": 38, "30": 50}, "30", {"20": 15200, "30": 13330}
_G723_OCTETS = (24, 20, 4, 1)
_HZ = 8000


class PayloadDecoder(Protocol):
    """Payloads of one stream, in order, into samples."""

    def decode(self, payload: Payload | bytes) -> Samples:
        """int16[n] of one packet, perhaps none; raises ValueError when it is no packet of the codec."""


class SpeechDecoder:
    """iLBC or G.723.1 at 8 kHz, or brought to another `sample_rate` (Hz)."""

    def __init__(self, encoding: str, fmtp: str, sample_rate: int = _HZ) -> None:
        """Raises CodecUnavailable without PyAV."""
        try:
            import av
        except ImportError as error:
            raise CodecUnavailable(f"{encoding} needs PyAV (pip install av)") from error
        self._av = av
        mode = parameters(fmtp).get("mode", _ILBC_USUAL)
        self._mode = mode if mode in _ILBC_OCTETS else _ILBC_USUAL
        self._ilbc = encoding.upper() == "ILBC"
        make: Any = av.CodecContext.create
        self._decoder = make(_NAMES[encoding.upper()], "r")
        self._decoder.sample_rate, self._decoder.layout = _HZ, "mono"
        if self._ilbc:
            self._decoder.bit_rate = _ILBC_BITRATES[self._mode]
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)

    def decode(self, payload: Payload | bytes) -> Samples:
        """See PayloadDecoder."""
        parts = [np.zeros(0, np.int16)]
        for octets in self._frames(bytes(payload)):
            try:
                frames = self._decoder.decode(self._av.Packet(octets))
            except self._av.error.FFmpegError as error:
                raise ValueError(f"no frame of {self._decoder.name}: {error}") from error
            for frame in frames:
                parts += [piece.to_ndarray()[0] for piece in self._resampler.resample(frame)]
        return np.concatenate(parts)

    def _frames(self, payload: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(payload):
            size = _ILBC_OCTETS[self._mode] if self._ilbc else _G723_OCTETS[payload[at] & 3]
            if at + size > len(payload):
                raise ValueError(f"{len(payload)} octets are no whole frames of {self._decoder.name}")
            yield payload[at : at + size]
            at += size


def new_decoder(encoding: str, fmtp: str, sample_rate: int) -> PayloadDecoder:
    """A decoder for an SDP name of `RATES` (any case), its samples at `sample_rate` (Hz).

    Raises ValueError for a stream that is none of ours, CodecUnavailable without PyAV.
    """
    if encoding.upper() in _NAMES:
        return SpeechDecoder(encoding, fmtp, sample_rate)
    return AacDecoder(encoding, fmtp, sample_rate)
