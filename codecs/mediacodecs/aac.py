"""AAC-LC of cameras, decoded by FFmpeg through PyAV: for recordings and gateways, on a worker thread.

It is no codec of the packet threads: frames of 1024 samples at any rate fit no turn of 10 ms, and no phone is sent AAC.
PyAV gives the interpreter's lock back while it decodes.
"""

from __future__ import annotations

import numpy as np

from mediacodecs.aac_payload import access_units, read_format
from mediacodecs.codec import CodecUnavailable, Payload, Samples


class AacDecoder:
    """Payloads of one stream into mono samples at `sample_rate` (Hz), which may be another than the stream's own."""

    def __init__(self, encoding: str, fmtp: str, sample_rate: int = 8000) -> None:
        """Raises ValueError for a stream that is none of ours, CodecUnavailable without PyAV."""
        self.form = read_format(encoding, fmtp)
        self.sample_rate = sample_rate
        try:
            import av
        except ImportError as error:
            raise CodecUnavailable("AAC needs PyAV (pip install av)") from error
        self._av = av
        self._decoder = av.CodecContext.create("aac", "r")
        self._decoder.extradata = self.form.config
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)

    def decode(self, payload: Payload | bytes) -> Samples:
        """int16[n] of one packet, perhaps none at the beginning; raises ValueError when it is no packet of AAC."""
        parts = [np.zeros(0, np.int16)]
        for unit in access_units(self.form, bytes(payload)):
            try:
                frames = self._decoder.decode(self._av.Packet(unit))
            except self._av.error.FFmpegError as error:
                raise ValueError(f"no AAC: {error}") from error
            for frame in frames:
                parts += [piece.to_ndarray()[0] for piece in self._resampler.resample(frame)]
        return np.concatenate(parts)
